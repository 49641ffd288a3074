"""A run from its case to its record: stopped, resumed, repeated, refused."""

import filecmp
import json
from pathlib import Path

import numpy as np
import pytest
from cases import small_case, write_case

from oxablate.protocol.record import open_record
from oxablate.protocol.run import Asked, event_times, run
from oxablate.protocol.setting import prepare
from oxablate.quantities.refusal import BadInput, RunFailed

ARMS = [
    {"agent": "inert_tracer", "concentration": "1 g/L"},
    {"agent": "vehicle"},
    {"agent": "chlorine_dioxide", "concentration": "3 g/L"},
]


def files_of(folder: Path) -> list[Path]:
    """Files of a record that must not depend on the day, the host, or on how often it was stopped."""
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.name != "provenance.json")


def assert_same_bytes(a: Path, b: Path) -> None:
    assert files_of(a) == files_of(b)
    different = [name for name in files_of(a) if not filecmp.cmp(a / name, b / name, shallow=False)]
    assert not different


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    case = write_case(folder / "case.yaml", arms=ARMS)
    run(case, folder / "out")
    return case, folder / "out"


def test_record_opens_with_plain_xarray(finished):
    import xarray

    data = xarray.open_zarr(finished[1] / "arms" / "chlorine_dioxide" / "fields.zarr", consolidated=False)
    assert data.time.values == pytest.approx([0.0, 60.0, 120.0, 180.0])
    assert data.pressure.attrs["units"] == "Pa" and data.time.attrs["units"] == "s"
    assert data.fluid_fraction.dims == ("time", "pot", "x", "y", "z") and data.sizes["pot"] == 1
    for name, field in data.data_vars.items():
        assert "units" in field.attrs and "long_name" in field.attrs, name
        assert np.all(np.isfinite(field.values)), name
    assert "no advice" in data.attrs["research_only"] or "is advice" in data.attrs["research_only"]


def test_ledgers_close_in_every_arm(finished):
    record = open_record(finished[1])
    assert record.arms == ("inert_tracer", "vehicle", "chlorine_dioxide")
    for arm in record.arms:
        ledger = record.summary(arm)["ledger"]
        assert "fluid" in ledger
        for account in ledger.values():
            # recomputed here from the entries, not taken from the program's own verdict
            gap = account["held"] - account["initial"] - sum(account["gained"].values()) + sum(account["lost"].values())
            scale = account["initial"] + sum(account["gained"].values())
            assert abs(gap) <= 1e-9 * scale
    assert np.all(record.series("chlorine_dioxide")["flow_mismatch"] <= 1e-6)


def test_given_amounts_are_those_of_the_pump(finished):
    record = open_record(finished[1])
    fluid = record.summary("vehicle")["ledger"]["fluid"]["gained"]["needle"]
    assert fluid == pytest.approx(20e-9, rel=1e-12)
    given = record.summary("chlorine_dioxide")["outcomes"]["agent_given_mol"]
    assert given == pytest.approx(20e-9 * 3.0 / 0.06745, rel=1e-3)


def test_shares_of_the_fluid_add_up(finished):
    record = open_record(finished[1])
    for arm in record.arms:
        assert sum(record.summary(arm)["fluid_shares"].values()) == pytest.approx(20e-9, rel=1e-6)


def test_fluid_is_the_same_for_every_arm(finished):
    record = open_record(finished[1])
    a, b = (record.fields(arm).pressure.values for arm in ("inert_tracer", "chlorine_dioxide"))
    assert np.array_equal(a, b)


def test_same_case_twice_same_bytes(finished, tmp_path):
    run(finished[0], tmp_path / "again")
    assert_same_bytes(finished[1], tmp_path / "again")


@pytest.mark.parametrize("after", [1, 7, 15])
def test_cut_and_resumed_gives_the_same_bytes(finished, tmp_path, after):
    """Stop after some steps, at whatever step that is, then go on; twice in one run."""
    for _ in range(2):
        steps = iter(range(after))
        record = run(
            finished[0], tmp_path / "cut", resume=(tmp_path / "cut").exists(),
            asked=Asked(stop=lambda steps=steps: next(steps, None) is None),
        )  # fmt: skip
        assert record.about["status"] == "stopped"
    record = run(finished[0], tmp_path / "cut", resume=True)
    assert record.about["status"] == "complete"
    assert_same_bytes(finished[1], tmp_path / "cut")


def test_nothing_is_overwritten(finished):
    with pytest.raises(BadInput, match="not empty"):
        run(finished[0], finished[1])


def test_resume_refuses_another_case(finished, tmp_path):
    other = write_case(tmp_path / "other.yaml", arms=ARMS, follow="4 min")
    with pytest.raises(BadInput, match="another case"):
        run(other, finished[1], resume=True)


def test_a_failed_run_says_so_and_keeps_what_it_has(tmp_path, monkeypatch):
    from oxablate.protocol.coupling import ArmRun

    real, calls = ArmRun.step, []

    def failing(self, until):
        calls.append(until)
        if self.state.clock.time >= 60.0:
            raise RunFailed("the flow found no step: made for this test")
        return real(self, until)

    monkeypatch.setattr(ArmRun, "step", failing)
    with pytest.raises(RunFailed, match="found no step"):
        run(write_case(tmp_path / "case.yaml"), tmp_path / "out")
    about = json.loads((tmp_path / "out" / "record.json").read_text())
    assert about["status"] == "failed" and "found no step" in about["failure"]
    kept = open_record(tmp_path / "out").fields("chlorine_dioxide")
    assert list(kept.time.values) == [0.0, 60.0]


def test_a_broken_ledger_stops_the_run(tmp_path, monkeypatch):
    from oxablate.protocol.carriage import Carriage

    real = Carriage.agent_held
    monkeypatch.setattr(Carriage, "agent_held", lambda self, state: real(self, state) * (1 + 2e-9))
    with pytest.raises(RunFailed, match="ledger of inert_tracer does not close"):
        run(write_case(tmp_path / "case.yaml", arms=ARMS[:1]), tmp_path / "out")


def test_steps_land_on_the_events():
    case = small_case(injection__start="10 s", output__every="45 s")
    setting = prepare(case, Path())
    assert event_times(setting) == pytest.approx([10.0, 45.0, 90.0, 130.0, 135.0, 180.0])


def test_no_identifier_of_a_person_is_needed_or_kept(finished):
    text = (finished[1] / "record.json").read_text()
    assert "synthetic" in text and str(Path.home()) not in text
