"""What is read from a record is what was committed, byte for byte, or it is refused."""

import json
import shutil

import numpy as np
import pytest
from cases import write_case
from faults import files_of
from shell import assert_refused, oxablate

from oxablate.protocol.check import check, problems
from oxablate.protocol.record import open_record
from oxablate.protocol.run import Asked, run
from oxablate.quantities.refusal import BadInput
from oxablate.storage.commits import CommitLog
from oxablate.storage.json_file import read_sealed, write_sealed

ARM = "chlorine_dioxide"
ARMS = [{"agent": "vehicle"}, {"agent": ARM, "concentration": "3 g/L"}]
SHORT = dict(follow="3 s", output__every="1 s", injection__volume="0.5 uL")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    case = write_case(folder / "case.yaml", arms=ARMS, **SHORT)
    run(case, folder / "out")
    return case, folder / "out"


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished[1], tmp_path / "copy")


def read_everything(folder, name: str = "") -> None:
    """All that a record shows; of one arm where a name lies in that."""
    record = open_record(folder)
    for arm in record.arms:
        if name.startswith(f"arms/{arm}/") or not name.startswith("arms/"):
            record.summary(arm), record.series(arm), record.fields(arm).load()
    read_sealed(folder / "provenance.json")


def test_a_sound_record_is_read_and_checked(finished):
    read_everything(finished[1])
    said = oxablate("check", finished[1])
    assert said.status == 0 and "vehicle 4, chlorine_dioxide 4" in said.out and "every ledger closes" in said.out


def test_a_changed_byte_in_any_file_is_refused_when_it_is_read(copy):
    """A byte of every file, and a cut; of one arm, since the other has the same files."""
    chosen = np.random.default_rng(11)
    for name in [*files_of(copy), "provenance.json"]:
        path, content = copy / name, (copy / name).read_bytes()
        at, other = int(chosen.integers(0, len(content))), int(chosen.integers(1, 256))
        for changed in (bytes([*content[:at], content[at] ^ other, *content[at + 1 :]]), content[: len(content) // 2]):
            path.write_bytes(changed)
            if f"arms/{ARM}" in name or (name.endswith(".json") and same_data(content, changed)):
                continue
            with pytest.raises(BadInput, match=r"damaged|schema"):
                read_everything(copy, name)
            assert problems(copy), name
        path.write_bytes(content)
    read_everything(copy)


def same_data(content: bytes, changed: bytes) -> bool:
    """Whether only the blanks of a JSON file were changed."""
    try:
        return json.loads(content) == json.loads(changed)
    except ValueError:
        return False


def test_a_missing_file_is_refused(copy):
    for name in files_of(copy):
        path, content = copy / name, (copy / name).read_bytes()
        path.unlink()
        with pytest.raises(BadInput):
            read_everything(copy, name)
        assert problems(copy), name
        path.write_bytes(content)
    assert problems(copy) == []


def test_files_of_two_runs_are_not_mixed(finished, copy, tmp_path):
    """Each file is sound by itself; together they are no run."""
    other = write_case(tmp_path / "other.yaml", arms=ARMS, **SHORT | dict(injection__volume="0.4 uL"))
    run(other, tmp_path / "other")
    for name in files_of(copy):
        theirs = (tmp_path / "other" / name).read_bytes()
        content = (copy / name).read_bytes()
        if theirs == content:
            continue
        (copy / name).write_bytes(theirs)
        assert problems(copy), name
        (copy / name).write_bytes(content)


def test_what_was_not_committed_is_not_shown(finished, tmp_path):
    """Files of a third time lie there whole, and their marker does not: two times and NaN are what anybody sees."""
    import xarray

    copy = shutil.copytree(finished[1], tmp_path / "copy")
    arm = copy / "arms" / ARM
    for number in (2, 3):
        (arm / "commits" / f"{number:04d}.json").unlink()
    (arm / "summary.json").unlink()
    about = json.loads((copy / "record.json").read_text())
    write_sealed(
        copy / "record.json", about | {"status": "running", "files": {"case.yaml": about["files"]["case.yaml"]}}
    )
    (arm / "fields.zarr" / "pressure" / "c.3.0.0.0").unlink()
    shown = open_record(copy).fields(ARM)
    assert list(shown.time.values) == [0.0, 1.0]
    assert shown.identical(open_record(finished[1]).fields(ARM).isel(time=slice(0, 2)))
    assert list(open_record(copy).series(ARM)["time_s"])[-1] == pytest.approx(1.0)
    plain = xarray.open_zarr(arm / "fields.zarr", consolidated=False)
    assert np.all(np.isnan(plain.pressure.values[3])) and np.all(np.isfinite(plain.pressure.values[:3]))


def test_a_plain_reader_stumbles_over_a_damaged_chunk(copy):
    """The chunks carry a checksum of their own, for those who read `fields.zarr` without this package."""
    import xarray

    path = copy / "arms" / ARM / "fields.zarr" / "pressure" / "c.2.0.0.0"
    content = path.read_bytes()
    noticed = 0
    for at in np.linspace(20, len(content) - 1, 40).astype(int):
        path.write_bytes(bytes([*content[:at], content[at] ^ 4, *content[at + 1 :]]))
        try:
            xarray.open_zarr(copy / "arms" / ARM / "fields.zarr", consolidated=False).pressure[2].load()
        except Exception:
            noticed += 1
    assert noticed == 40


@pytest.mark.parametrize("name", ["0000.json", "0001.json", "0002.json"])
def test_a_damaged_marker_stops_a_resumed_run_and_stays(finished, tmp_path, name):
    steps = iter(range(5))
    run(finished[0], tmp_path / "out", asked=Asked(stop=lambda: next(steps, None) is None))
    marker = tmp_path / "out" / "arms" / ARM / "commits" / name
    marker.write_text(marker.read_text().replace('"bytes": 1', '"bytes": 2', 1))
    before = marker.read_bytes()
    said = oxablate("run", finished[0], "--out", tmp_path / "out", "--resume")
    assert_refused(said, marker.name, "damaged", "new folder")
    assert marker.read_bytes() == before


def test_resume_verifies_what_it_goes_on_from(finished, tmp_path):
    steps = iter(range(5))
    run(finished[0], tmp_path / "out", asked=Asked(stop=lambda: next(steps, None) is None))
    arm = tmp_path / "out" / "arms" / ARM
    chunk = arm / "fields.zarr" / "pressure" / "c.1.0.0.0"
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"\0")
    assert_refused(oxablate("run", finished[0], "--out", tmp_path / "out", "--resume"), chunk.name, "damaged")


def test_check_names_every_problem(copy):
    for name in ("pressure/c.1.0.0.0", "killed/c.2.0.0.0"):
        path = copy / "arms" / ARM / "fields.zarr" / name
        path.write_bytes(path.read_bytes() + b"\0")
    (copy / "arms" / "vehicle" / "fields.zarr" / "pressure" / "c.9.0.0.0").write_bytes(b"stray")
    said = oxablate("check", copy)
    assert_refused(said, "(and 2 more)")
    assert len(said.out.splitlines()) == 3 and "belongs to no commit" in said.out


def test_check_adds_up_the_ledger_itself(copy):
    """Sealed and tied to its record, but the fluid does not add up."""
    path = copy / "arms" / "vehicle" / "summary.json"
    summary = read_sealed(path)
    summary["ledger"]["fluid"]["held"] *= 1 + 1e-7
    write_sealed(path, summary)
    about = read_sealed(copy / "record.json")
    about["files"]["arms/vehicle/summary.json"] = read_sealed(path)["checksum"]
    write_sealed(copy / "record.json", about)
    with pytest.raises(BadInput, match="the ledger of fluid does not close"):
        check(copy)


def test_markers_tell_names_shapes_chunks_and_checksums(finished):
    marker = CommitLog(finished[1] / "arms" / ARM / "commits").read()[2]
    fields = open_record(finished[1]).fields(ARM)
    over_time = {name for name in fields.data_vars if "time" in fields[name].dims}
    assert set(marker["arrays"]) == over_time and marker["time_s"] == 2.0
    for name, what in marker["arrays"].items():
        assert what == {"shape": [3, *fields[name].shape[1:]], "chunks": 3}
    assert len(marker["files"]) == len(over_time)
    assert all(len(stamp["sha256"]) == 64 and stamp["bytes"] > 0 for stamp in marker["files"].values())
    assert marker["checkpoint"]["name"].startswith("checkpoint-") and len(marker["series"]["sha256"]) == 64
