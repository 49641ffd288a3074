"""Folders and records under attack: nothing is overwritten, nothing damaged is traced."""

import json
import shutil

import pytest
from cases import write_case
from shell import assert_refused, files_under, oxablate

ARM = "chlorine_dioxide"
SIDES = ("vessel", "lymph")
SHORT = dict(follow="4 s", output__every="2 s", injection__volume="0.5 uL")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A short case and the folder of its run."""
    folder = tmp_path_factory.mktemp("records")
    case = write_case(folder / "case.yaml", **SHORT)
    said = oxablate("run", case, "--out", folder / "out")
    assert said.status == 0 and not said.err, said
    return case, folder / "out"


def test_a_folder_that_holds_something_is_left_alone(finished, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for folder in (finished[1], tmp_path / "full"):
        before = files_under(folder)
        assert_refused(oxablate("run", finished[0], "--out", folder), "--out", "not empty", "--resume")
        assert files_under(folder) == before


def test_a_file_in_the_way_is_refused(finished, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_refused(oxablate("run", finished[0], "--out", tmp_path / "file"), "--out", "is a file")
    assert_refused(oxablate("run", finished[0], "--out", tmp_path / "file" / "out"), "--out", "cannot be written")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["absent", "empty", "without record"])
def test_resume_needs_a_run(finished, tmp_path, name):
    if name != "absent":
        (tmp_path / name).mkdir()
    if name == "without record":
        (tmp_path / name / "mine.txt").write_text("mine")
    before = files_under(tmp_path)
    assert_refused(oxablate("run", finished[0], "--out", tmp_path / name, "--resume"), "--resume", "holds no run")
    assert files_under(tmp_path) == before


def test_resume_needs_the_same_case(finished, tmp_path):
    other = write_case(tmp_path / "other.yaml", **SHORT | dict(follow="6 s"))
    before = files_under(finished[1])
    assert_refused(oxablate("run", other, "--out", finished[1], "--resume"), "--resume", "another case", "new folder")
    assert files_under(finished[1]) == before


def test_resume_of_a_finished_run_changes_nothing(finished, tmp_path):
    shutil.copytree(finished[1], tmp_path / "copy")
    (tmp_path / "copy" / "provenance.json").unlink()
    before = files_under(tmp_path / "copy")
    assert oxablate("run", finished[0], "--out", tmp_path / "copy", "--resume").status == 0
    (tmp_path / "copy" / "provenance.json").unlink()
    assert files_under(tmp_path / "copy") == before


@pytest.mark.parametrize("command", ["report", "export", "cite"])
@pytest.mark.parametrize("name", ["absent", "empty", "a file"])
def test_what_holds_no_record_is_refused(tmp_path, command, name):
    if name == "empty":
        (tmp_path / name).mkdir()
    elif name == "a file":
        (tmp_path / name).write_text("mine")
    before = files_under(tmp_path)
    assert_refused(oxablate(command, tmp_path / name), "record.json", "no such file", "oxablate run --out")
    assert files_under(tmp_path) == before


def changed(**changes):
    """Damage: record.json with other entries (None: without the entry)."""

    def damage(folder):
        path = folder / "record.json"
        about = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: value for key, value in about.items() if value is not None}))

    return damage


def written(text: str, name: str = "record.json"):
    """Damage: a file with other content."""
    return lambda folder: (folder / name).write_text(text)


RECORDS = {
    "cut short": (written('{"arms": ['), "record.json", "damaged", "new folder"),
    "a list": (written("[]"), "record.json", "damaged", "list"),
    "nothing": (written("null"), "record.json", "damaged"),
    "deep": (written("[" * 100_000), "record.json", "damaged"),
    "binary": (lambda folder: (folder / "record.json").write_bytes(bytes(range(256))), "record.json", "damaged"),
    "schema of tomorrow": (changed(schema=99), "schema 99", "this version reads 2"),
    "without schema": (changed(schema=None), "schema None"),
    "without arms": (changed(arms=None), "record.json", "'arms' is missing"),
    "without numbers": (changed(parameters=None), "record.json", "'parameters' is missing"),
    "without subject": (changed(subject=None), "record.json", "'subject' is missing"),
    "arms a number": (changed(arms=5), "'arms' is no list of names"),
    "an arm elsewhere": (changed(arms=[f"../../out/arms/{ARM}"]), "'arms' is no list of names"),
}


@pytest.mark.parametrize("command", ["report", "export", "cite"])
@pytest.mark.parametrize("name", RECORDS)
def test_a_damaged_record_is_refused(finished, tmp_path, command, name):
    damage, *fragments = RECORDS[name]
    shutil.copytree(finished[1], tmp_path / "out")
    damage(tmp_path / "out")
    before = files_under(tmp_path)
    assert_refused(oxablate(command, tmp_path / "out"), *fragments)
    assert files_under(tmp_path) == before


def removed(name: str):
    """Damage: a file or folder of the arm that is gone."""

    def damage(folder):
        path = folder / "arms" / ARM / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


ARMS = {
    "arm gone": (removed("."), ("report", "no arm", "--resume"), ("export", "no arm", "--resume")),
    "summary cut short": (written("{", f"arms/{ARM}/summary.json"), ("report", "summary.json", "damaged")),
    "summary empty": (written("{}", f"arms/{ARM}/summary.json"), ("report", "summary.json", "is missing")),
    "series gone": (removed("series.csv"), ("report", "series.csv", "damaged")),
    "series of words": (written("time_s\nsoon\n", f"arms/{ARM}/series.csv"), ("report", "series.csv", "damaged")),
    "fields gone": (removed("fields.zarr"), ("report", "fields.zarr", "damaged"), ("export", "no arm")),
    "fields without head": (
        removed("fields.zarr/zarr.json"),
        *(("report", "fields.zarr", "damaged"), ("export", "fields.zarr", "damaged")),
    ),
}


@pytest.mark.parametrize("name", ARMS)
def test_a_damaged_arm_is_refused(finished, tmp_path, name):
    damage, *expected = ARMS[name]
    shutil.copytree(finished[1], tmp_path / "out")
    damage(tmp_path / "out")
    before = files_under(tmp_path)
    for command, *fragments in expected:
        assert_refused(oxablate(command, tmp_path / "out"), *fragments)
        assert files_under(tmp_path) == before
    assert oxablate("cite", tmp_path / "out").status == 0  # needs no fields


def test_an_unknown_choice_of_times_is_refused(finished):
    before = files_under(finished[1])
    assert_refused(oxablate("export", finished[1], "--times", "al"), "--times", "did you mean 'all'")
    assert files_under(finished[1]) == before


def test_a_run_that_cannot_go_on_keeps_what_it_has_and_says_why(tmp_path):
    """Sealed, rigid tissue without exchange has no place for what is injected."""
    tight = {f"{tissue}.{side}_filtration": "0 1/(Pa s)" for tissue in ("host", "tumour_viable") for side in SIDES}
    model = dict(model__beyond="sealed", model__pores="rigid", parameters__override=tight)
    case = write_case(tmp_path / "case.yaml", **SHORT | model)
    said = oxablate("run", case, "--out", tmp_path / "out")
    assert_refused(said, "found no step at 0 s", "Remedy", "open a boundary", status=3)
    about = json.loads((tmp_path / "out" / "record.json").read_text())
    assert about["status"] == "failed" and "Remedy" in about["failure"]
    assert (tmp_path / "out" / "arms" / ARM / "fields.zarr").is_dir()
    assert_refused(oxablate("run", case, "--out", tmp_path / "out", "--resume"), "Remedy", status=3)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"PK" + bytes(100)])
def test_a_damaged_checkpoint_is_refused_and_left(tmp_path, damage):
    from oxablate.protocol.run import Asked, run

    case = write_case(tmp_path / "case.yaml", **SHORT)
    steps = iter(range(1))
    run(case, tmp_path / "out", asked=Asked(stop=lambda: next(steps, None) is None))
    (path,) = (tmp_path / "out" / "arms" / ARM).glob("checkpoint-*.npz")
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    said = oxablate("run", case, "--out", tmp_path / "out", "--resume")
    assert_refused(said, path.name, "cannot be read", "new folder", status=3)
    assert path.read_bytes() == before
