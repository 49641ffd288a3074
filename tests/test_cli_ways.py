"""The ways in that work: help, version, the whole chain from a case to its references, Ctrl-C and --resume."""

import filecmp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cases import write_case
from shell import assert_refused, files_under, oxablate

import oxablate as package
from oxablate.cli.main import app

#: Every command there is, as it is typed.
COMMANDS = tuple(command.name or command.callback.__name__ for command in app.registered_commands)
SHORT = dict(follow="4 s", output__every="2 s", injection__volume="0.5 uL")
PROGRAM = [sys.executable, "-c", "from oxablate.cli.main import main; main()"]


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_every_command_has_help(command):
    said = oxablate(*command, "--help")
    assert said.status == 0 and not said.err and said.out.startswith("Usage: oxablate")
    if not command:
        assert all(name in said.out for name in COMMANDS)
        assert "Research only: no advice on treating a person" in " ".join(said.out.split())
        assert oxablate() == said


def test_every_stage_has_a_command():
    stages = {
        "new",
        "schema",
        "fetch-anatomy",
        "phantom",
        "labels",
        "inspect",
        "run",
        "sweep",
        "report",
        "export",
        "cite",
    }
    assert stages <= set(COMMANDS)


def test_version_says_what_this_is_for():
    said = oxablate("--version")
    assert said.status == 0 and package.__version__ in said.out.splitlines()[0]
    assert "Research only." in said.out and "not an approved treatment" in said.out and "INTENDED_USE.md" in said.out


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["rnu"], "'run'"),
        (["run", "--otu", "x"], "--out"),
        (["run", "case.yaml"], "--out"),
        (["report"], "folder"),
        (["inspect", "a\0b"], "null"),
        (["--nope"], "--nope"),
    ],
)
def test_a_misspelt_command_or_option_is_one_sentence(arguments, fragment):
    assert_refused(oxablate(*arguments), fragment, "oxablate --help")


def test_unexpected_errors_are_one_sentence_too(tmp_path, monkeypatch):
    from oxablate.protocol import stages

    for error, words in [
        (OSError(28, "No space left on device", "fields.zarr"), "fields.zarr: No space left on device"),
        (MemoryError(), "larger spacing"),
        (KeyError("no such thing"), "please report it"),
    ]:

        def broken(case, error=error):
            raise error

        monkeypatch.setattr(stages, "inspect", broken)
        said = oxablate("inspect", tmp_path / "case.yaml")
        assert said.status == 3 and said.err.count("\n") == 1 and words in said.err and not said.out


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """What each command of the chain said, on a short case, and where it wrote."""
    folder = tmp_path_factory.mktemp("chain")
    case = write_case(folder / "case.yaml", **SHORT)
    said = {"inspect": oxablate("inspect", case)}
    said["nothing written"] = sorted(p.name for p in folder.iterdir()) == ["case.yaml"]
    said["run"] = oxablate("run", case, "--out", folder / "out")
    for command in ("report", "export", "cite"):
        said[command] = oxablate(command, folder / "out")
    said["bibtex"] = oxablate("cite", folder / "out", "--bibtex")
    return case, folder / "out", said


def test_inspect_shows_the_case_and_writes_nothing(chain):
    said = chain[2]["inspect"]
    assert said.status == 0 and not said.err and chain[2]["nothing written"]
    for words in (
        "Small phantom",
        "16 x 16 x 15 voxels",
        "0.5 uL at",
        "generic-tumour",
        "set by the user",
        "GB needed",
    ):
        assert words in said.out


def test_run_report_export_cite(chain):
    _, out, said = chain
    for command in ("run", "report", "export", "cite", "bibtex"):
        assert said[command].status == 0 and not said[command].err, said[command]
    assert json.loads((out / "record.json").read_text())["status"] == "complete"
    assert "Research only." in said["run"].out and f"oxablate report {out}" in said["run"].out
    page = Path(said["report"].out.strip())
    assert page == out / "report.html" and "Small phantom" in page.read_text()
    written = [Path(line) for line in said["export"].out.splitlines()]
    assert all(path.is_file() for path in written) and {".gz", ".vti", ".json"} <= {path.suffix for path in written}
    assert re.search(r"doi", said["cite"].out, re.I) and "@" in said["bibtex"].out


def test_export_of_all_times(chain):
    said = oxablate("export", chain[1], "--times", "all")
    numbers = {match[1] for match in re.finditer(r"concentration_(\d+)\.nii\.gz", said.out)}
    assert said.status == 0 and len(numbers) == len(package.open_record(chain[1]).fields("chlorine_dioxide").time)


def test_python_does_what_the_shell_does(chain, tmp_path):
    case, out, said = chain
    looked = str(package.inspect(case))
    assert looked.rsplit("Memory", 1)[0] == said["inspect"].out.rsplit("Memory", 1)[0]
    package.run(case, tmp_path / "out")
    shutil.copy(out / "provenance.json", tmp_path / "out")  # the date stands on the page
    page = (out / "report.html").read_bytes()
    assert package.report(tmp_path / "out").read_bytes() == page
    names = [str(path.relative_to(tmp_path / "out")) for path in package.export(tmp_path / "out")]
    assert names == [str(Path(line).relative_to(out)) for line in said["export"].out.splitlines()]
    assert filecmp.cmp(out / "record.json", tmp_path / "out" / "record.json", shallow=False)
    from oxablate.quantities.cite import plain

    assert plain(package.cite(tmp_path / "out")).strip() == said["cite"].out.strip()
    drawn = package.phantom(case, tmp_path / "python")
    assert oxablate("phantom", case, "--out", tmp_path / "shell").status == 0
    assert files_under(tmp_path / "python") == files_under(tmp_path / "shell") and len(drawn) == 2
    with pytest.raises(ValueError, match="not empty"):
        package.run(case, tmp_path / "out")


def started(case, out, *more):
    return subprocess.Popen(
        [*PROGRAM, "run", str(case), "--out", str(out), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip


def stopped_after_a_checkpoint(case, out) -> tuple[int, str]:
    """Start a run in its own process, press Ctrl-C once something is kept; exit status and standard error."""
    process = started(case, out)
    try:
        waited = time.monotonic() + 120
        while not list((out / "arms" / "inert_tracer").glob("checkpoint-*.npz")):
            assert process.poll() is None and time.monotonic() < waited, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        return process.wait(60), process.communicate()[1]
    finally:
        process.kill()


def test_ctrl_c_keeps_what_there_is_and_resume_goes_on(tmp_path):
    arms = [{"agent": "inert_tracer", "concentration": "1 g/L"}]
    case = write_case(tmp_path / "case.yaml", arms=arms, follow="60 min", output__every="30 s")
    status, told = stopped_after_a_checkpoint(case, tmp_path / "out")
    assert status == 130 and "Traceback" not in told
    assert f"oxablate run {case} --out {tmp_path / 'out'} --resume" in told.splitlines()[-1]
    record = package.open_record(tmp_path / "out")
    assert record.about["status"] == "stopped" and 0 < record.summary("inert_tracer")["time_s"] < 3600
    assert oxablate("report", tmp_path / "out").status == 0
    (tmp_path / "out" / "report.html").unlink()
    resumed = oxablate("run", case, "--out", tmp_path / "out", "--resume")
    assert resumed.status == 0 and not resumed.err
    assert package.open_record(tmp_path / "out").about["status"] == "complete"
    package.run(case, tmp_path / "whole")
    parts, whole = (files_under(tmp_path / name) for name in ("out", "whole"))
    for found in (parts, whole):
        found.pop("provenance.json")
    assert parts == whole


@pytest.mark.parametrize("command", ["run", "sweep"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_second_ctrl_c_is_told_and_says_how_to_go_on(tmp_path, monkeypatch, command, begun):
    from oxablate.cli import running, sweeping

    out = tmp_path / "out"

    def pressed(*_, **__):
        if begun:
            out.mkdir()
            (out / ("record.json" if command == "run" else sweeping.DESIGN)).write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(running if command == "run" else sweeping, command, pressed)
    members = ["-n", "2"] if command == "sweep" else []
    said = oxablate(command, write_case(tmp_path / "case.yaml"), "--out", out, *members)
    last = said.err.splitlines()[-1]
    assert said.status == 130 and "Traceback" not in said.err
    assert (last.startswith("stopped; ") and f"--out {out} --resume" in last) if begun else "Ctrl-C" in last


def test_ctrl_c_before_anything_is_told(tmp_path, monkeypatch):
    def pressed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("oxablate.protocol.stages.inspect", pressed)
    assert_refused(oxablate("inspect", write_case(tmp_path / "case.yaml")), "stopped by Ctrl-C", status=130)


def test_output_that_nobody_reads_is_no_error(tmp_path):
    case = write_case(tmp_path / "case.yaml", **SHORT)
    command = " ".join(f"'{word}'" for word in [*PROGRAM, "inspect", str(case)])
    done = subprocess.run(["bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True)
    assert done.returncode in (0, 1) and not done.stderr


def test_a_title_the_terminal_cannot_show_is_no_error(tmp_path):
    case = write_case(tmp_path / "case.yaml", title="Gro\u00dfe \u4e2d\u6587 tumour")
    environment = os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run([*PROGRAM, "inspect", str(case)], capture_output=True, env=environment)
    assert done.returncode == 0 and not done.stderr and b"Gro\xdfe \\u4e2d\\u6587" in done.stdout
