"""DIR/outcomes.csv: the summaries of the arms as one table."""

import csv
import json

import pytest
from cases import write_case
from shell import assert_refused, oxablate

from oxablate.report import export
from oxablate.storage.json_file import write_sealed

SHORT = dict(follow="4 s", output__every="2 s", injection__volume="0.5 uL")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A short run with two arms, one of them without an agent."""
    from oxablate.protocol.run import run

    home = tmp_path_factory.mktemp("table")
    arms = [{"agent": "chlorine_dioxide", "concentration": "3 g/L"}, {"agent": "vehicle"}]
    run(write_case(home / "case.yaml", arms=arms, **SHORT), home / "out")
    return home / "out"


def rows(path) -> dict[str, dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return {row["arm"]: row for row in csv.DictReader(file)}


def test_the_table_holds_what_the_summaries_hold(folder):
    assert export(folder, forms=("csv",)) == [folder / "outcomes.csv"]
    found = rows(folder / "outcomes.csv")
    assert list(found) == ["chlorine_dioxide", "vehicle"]
    for arm, row in found.items():
        summary = json.loads((folder / "arms" / arm / "summary.json").read_text())
        assert row["status"] == summary["status"] and float(row["time_s"]) == pytest.approx(summary["time_s"])
        flat = {name: value for name, value in summary["outcomes"].items() if not isinstance(value, dict)}
        for name, value in flat.items():
            assert float(row[name]) == pytest.approx(value, rel=1e-9), name
        shares = sum(float(value) for name, value in row.items() if name.startswith("fluid_"))
        assert shares == pytest.approx(summary["outcomes"]["injected_m3"], rel=1e-6)  # they add up to what was given
        assert set(row["flags"].split("; ")) == {flag["quantity"] for flag in summary["flags"]}
    lost = json.loads((folder / "arms" / "chlorine_dioxide" / "summary.json").read_text())["outcomes"]["agent_lost_mol"]
    columns = [float(v) for name, v in found["chlorine_dioxide"].items() if name.startswith("agent_lost_")]
    assert sorted(columns) == pytest.approx(sorted(lost.values()), rel=1e-9) and any(columns)
    assert found["vehicle"]["agent_given_mol"] == "" and float(found["vehicle"]["concentration_mol_m3"]) == 0


def test_columns_are_names_with_units_that_statistics_programs_take(folder):
    export(folder, forms=("csv",))
    pure = {"arm", "status", "flags", "killed_share_of_tumour", "consumed_fraction", "ledger_error"}
    for name in rows(folder / "outcomes.csv")["vehicle"]:
        assert name.isidentifier(), name
        assert name in pure or name.endswith(("_m3", "_mol", "_s")), name


def test_the_same_record_gives_the_same_table(folder):
    first = export(folder, forms=("csv",))[0].read_bytes()
    assert export(folder)[0].read_bytes() == first


def test_a_run_without_outcomes_has_no_table(folder, tmp_path):
    """As a run that is killed before an arm ends leaves it."""
    import shutil

    from oxablate.storage.json_file import SEAL, read_sealed, write_sealed

    shutil.copytree(folder, tmp_path / "out")
    about = read_sealed(tmp_path / "out" / "record.json")
    about.pop(SEAL)
    about["files"] = {name: sum_ for name, sum_ in about["files"].items() if not name.endswith("summary.json")}
    write_sealed(tmp_path / "out" / "record.json", about | {"status": "running"})
    for path in (tmp_path / "out" / "arms").glob("*/summary.json"):
        path.unlink()
    (tmp_path / "out" / "outcomes.csv").unlink(missing_ok=True)
    assert_refused(oxablate("export", tmp_path / "out", "--form", "csv"), "no arm of this run has an outcome yet")
    assert not (tmp_path / "out" / "outcomes.csv").exists()
    said = oxablate("export", tmp_path / "out")  # the usual forms: what there is
    assert said.status == 0 and "outcomes.csv" not in said.out and "pressure.nii.gz" in said.out


def test_no_cell_is_taken_for_a_formula(folder, tmp_path):
    import shutil

    shutil.copytree(folder, tmp_path / "out")
    path = tmp_path / "out" / "arms" / "vehicle" / "summary.json"
    summary = json.loads(path.read_text())
    summary["status"], summary["flags"] = "=1+1", [{"quantity": "@SUM(A1)"}]
    write_sealed(path, summary)
    about = json.loads((tmp_path / "out" / "record.json").read_text())
    about["files"]["arms/vehicle/summary.json"] = json.loads(path.read_text())["checksum"]
    write_sealed(tmp_path / "out" / "record.json", about)
    row = rows(export(tmp_path / "out", forms=("csv",))[0])["vehicle"]
    assert (row["status"], row["flags"]) == ("1+1", "SUM(A1)")
