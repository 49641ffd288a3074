"""A sweep: the same bytes whoever computes it, no member lost or repeated, refusals in one sentence."""

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import small_case, write_case
from shell import assert_refused, files_under, oxablate

from oxablate.experiments.design import Design
from oxablate.experiments.executor import LocalProcesses, Serial
from oxablate.experiments.folder import opened
from oxablate.experiments.member import MemberTask, arm_row
from oxablate.experiments.percentiles import sentence, summarised, table
from oxablate.experiments.sweep import open_sweep, plan_sweep, sweep
from oxablate.experiments.uncertain import with_numbers
from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.run import Asked, run
from oxablate.protocol.setting import prepare
from oxablate.quantities.refusal import BadInput, RunFailed

N = 5
CHANGES = dict(
    follow="4 s",
    output__every="2 s",
    injection__volume="0.5 uL",
    arms=[{"agent": "chlorine_dioxide", "concentration": "3 g/L"}, {"agent": "vehicle"}],
)


@pytest.fixture(scope="module")
def plan():
    return plan_sweep(small_case(**CHANGES), N)


@pytest.fixture(scope="module")
def whole(plan, tmp_path_factory):
    """An uninterrupted sweep, member after member in this process."""
    return sweep(plan, None, tmp_path_factory.mktemp("sweep") / "out", executor=Serial())


def content(folder: Path) -> dict:
    return {name: data for name, data in files_under(folder).items() if name != "provenance.json"}


class Recording:
    """An executor that notes the members it is asked for, and takes them from the last to the first."""

    def __init__(self):
        self.members = []

    def map(self, task, items, stop):
        self.members += [item.number for item in items]
        return Serial().map(task, items[::-1], stop)


def test_a_row_for_each_member_and_arm(whole):
    rows = whole.results()
    found = [(row["member"], row["arm"]) for row in rows]
    assert found == [(str(m), arm) for m in range(1, N + 1) for arm in ("chlorine_dioxide", "vehicle")]
    assert all(row["status"] == "complete" and row["reason"] == "" for row in rows)
    assert all(float(row["time_s"]) == 4.0 and float(row["ledger_error"]) < 1e-9 for row in rows)
    assert len({row["needle_pressure_max_Pa"] for row in rows[::2]}) == N
    assert sorted(p.name for p in (whole.folder / "members").iterdir()) == [f"{m:04d}.json" for m in range(1, N + 1)]
    assert len(whole.design()) == N and open_sweep(whole.folder) == whole


def test_the_same_bytes_in_any_order_by_any_number_of_workers(plan, whole, tmp_path):
    sweep(plan, None, tmp_path / "backwards", executor=Recording())
    assert content(tmp_path / "backwards") == content(whole.folder)
    sweep(plan, None, tmp_path / "two", executor=LocalProcesses(2))
    assert content(tmp_path / "two") == content(whole.folder)


def test_a_member_at_the_values_of_the_tables_is_the_run(tmp_path):
    case = small_case(**CHANGES)
    record = run(case, tmp_path / "run")
    setting = prepare(case, Path.cwd())
    for arm in setting.arms:
        row, found = arm_row(setting, arm), record.summary(arm.name)
        for name, value in found["outcomes"].items():
            parts = {f"{name} {part}": v for part, v in value.items()} if isinstance(value, dict) else {name: value}
            assert {key: row[key] for key in parts} == parts
        assert (row["flow_steps"], row["time_s"]) == (found["flow_steps"], found["time_s"])
        assert row["refused_steps"] == found["refused_steps"] == 0
        assert [flag.partition(": ")[2] for flag in row["flags"].split("; ")] == [f["quantity"] for f in found["flags"]]
        assert row["needle_pressure_max_Pa"] == pytest.approx(
            record.series(arm.name)["needle_pressure_Pa"].max(), rel=1e-9
        )


def stopping_after(count: int) -> Asked:
    done = []
    return Asked(lambda what, now, total: done.append(now), lambda: len(done) > count)


def test_a_stopped_sweep_goes_on_with_what_is_missing(plan, whole, tmp_path):
    out = tmp_path / "out"
    stopped = sweep(plan, None, out, executor=Serial(), asked=stopping_after(2))
    assert stopped.about["status"] == "stopped" and not (out / "results.csv").exists() and not stopped.results()
    kept = {p.name: p.stat().st_mtime_ns for p in (out / "members").iterdir()}
    assert sorted(kept) == ["0001.json", "0002.json"]
    recording = Recording()
    assert sweep(plan, None, out, resume=True, executor=recording).about["status"] == "complete"
    assert recording.members == [3, 4, 5]
    assert {name: (out / "members" / name).stat().st_mtime_ns for name in kept} == kept
    assert content(out) == content(whole.folder)
    again = Recording()
    sweep(plan, None, out, resume=True, executor=again)
    assert again.members == [] and content(out) == content(whole.folder)
    assert [s["members"] for s in json.loads((out / "provenance.json").read_text())["sessions"]] == [2, 3, 0]


def test_member_files_that_are_not_whole_and_own_are_computed_again(plan, whole, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole.folder, out)
    members = out / "members"
    (members / "0001.json").write_bytes((members / "0001.json").read_bytes()[:-40])
    text = (members / "0002.json").read_text()
    (members / "0002.json").write_text(text.replace('"complete"', '"failed"', 1))
    shutil.copy(members / "0003.json", members / "0004.json")
    (members / "0005.json").write_text("[" * 100_000)
    (members / "0003.json.partial").write_text("half")
    recording = Recording()
    sweep(plan, None, out, resume=True, executor=recording)
    assert recording.members == [1, 2, 4, 5] and content(out) == content(whole.folder)


@pytest.mark.parametrize("second", [False, True])
def test_a_sweep_that_was_killed_before_its_first_or_second_file_can_be_begun_again(plan, whole, tmp_path, second):
    out = tmp_path / "out"
    out.mkdir()
    (out / "design.csv.partial").write_text("member,ti")
    if second:
        shutil.copy(whole.folder / "design.csv", out)
        with pytest.raises(BadInput, match="not empty"):
            sweep(plan, None, out, executor=Serial())
    sweep(plan, None, out, resume=second, executor=Serial())
    assert content(out) == content(whole.folder)


def test_every_write_may_fail_and_resuming_ends_with_the_same_bytes(monkeypatch, tmp_path):
    """A full disk at the k-th file, for every k: what is there is whole, and the sweep goes on from it."""
    short = plan_sweep(small_case(**(CHANGES | {"arms": [{"agent": "vehicle"}], "follow": "2 s"})), 2)
    whole = content(sweep(short, None, tmp_path / "whole", executor=Serial()).folder)
    move, moved = os.replace, []

    def failing(source, target, **places):
        moved.append(target)
        if len(moved) == at:
            raise OSError(28, "No space left on device", str(target))
        return move(source, target, **places)

    monkeypatch.setattr(os, "replace", failing)
    failures = 0
    for at in range(1, 20):
        out = tmp_path / str(at)
        moved.clear()
        try:
            sweep(short, None, out, executor=Serial())
        except RunFailed as failed:
            assert "No space left on device" in str(failed)
            failures += 1
            assert not list(out.rglob("*.partial"))
        moved.extend([None] * at)  # no more failures
        sweep(short, None, out, resume=True, executor=Serial())
        assert content(out) == whole
        if at > failures + 1:
            break
    assert failures >= 6 and at < 19


def test_two_sweeps_do_not_share_a_folder(plan, whole, tmp_path):
    out = tmp_path / "out"

    class Meddling:
        def map(self, task, items, stop):
            with pytest.raises(BadInput, match="not empty"):
                sweep(plan, None, out, executor=Serial())
            with pytest.raises(BadInput, match="being written by another"):
                sweep(plan, None, out, resume=True, executor=Serial())
            return Serial().map(task, items, stop)

    sweep(plan, None, out, executor=Meddling())
    assert content(out) == content(whole.folder)


def test_a_member_that_cannot_be_computed_is_a_row_with_its_reason(plan, monkeypatch, tmp_path):
    values = plan.design.values.copy()
    column = [one.row for one in plan.design.numbers].index("tissue/porosity.generic_tumour")
    values[1, column] = 1.5
    odd = replace(plan, design=Design(plan.design.numbers, values))
    before, calls = ArmRun.step, []

    def step(self, until):
        share = self.setting.parameters["tumour_viable"]["porosity"].si
        if share in (values[2, column], values[3, column]) and self.chemistry is not None:
            calls.append(share)
            raise RunFailed("=the flow found\nno step") if share == values[2, column] else ZeroDivisionError("odd")
        return before(self, until)

    monkeypatch.setattr(ArmRun, "step", step)
    found = sweep(odd, None, tmp_path / "out", executor=Serial())
    rows = found.results()
    how = {(int(row["member"]), row["arm"]): (row["status"], row["reason"]) for row in rows}
    assert how[2, "vehicle"][0] == how[2, "chlorine_dioxide"][0] == "impossible"
    assert "porosity" in how[2, "vehicle"][1]
    assert how[3, "chlorine_dioxide"] == ("failed", "the flow found no step") and how[3, "vehicle"] == ("complete", "")
    assert how[4, "chlorine_dioxide"] == ("failed", "ZeroDivisionError: odd")
    assert len(calls) == 2 and rows[2]["killed_tumour_m3"] == ""
    counts = {arm: one["members"] for arm, one in found.about["arms"].items()}
    assert counts["chlorine_dioxide"] == {"complete": 2, "failed": 2, "impossible": 1}
    assert counts["vehicle"] == {"complete": 4, "failed": 0, "impossible": 1}
    assert "2 complete, 2 failed, 1 impossible" in str(found)


def test_what_is_wrong_with_the_machine_stops_the_sweep_and_keeps_the_members(plan, whole, monkeypatch, tmp_path):
    before, seen = MemberTask.__call__, []

    def call(self, member):
        seen.append(member.number)
        if len(seen) == 3:
            raise OSError(28, "No space left on device")
        return before(self, member)

    monkeypatch.setattr(MemberTask, "__call__", call)
    with pytest.raises(RunFailed, match=r"No space.*--resume"):
        sweep(plan, None, tmp_path / "out", executor=Serial())
    assert open_sweep(tmp_path / "out").about["status"] == "failed" and not (tmp_path / "out" / "results.csv").exists()
    sweep(plan, None, tmp_path / "out", resume=True, executor=Serial())
    assert seen == [1, 2, 3, 3, 4, 5] and content(tmp_path / "out") == content(whole.folder)


def test_a_sweep_in_which_nothing_ran_fails_and_keeps_its_rows(plan, monkeypatch, tmp_path):
    def step(self, until):
        raise RunFailed("no step at all")

    monkeypatch.setattr(ArmRun, "step", step)
    with pytest.raises(RunFailed, match="none of the 5 members ran to the end, the first because: no step at all"):
        sweep(plan, None, tmp_path / "out", executor=Serial())
    with open(tmp_path / "out" / "results.csv", newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["failed"] * 2 * N


def test_percentiles_are_those_of_the_rows(whole):
    rows = whole.results()
    killed = [float(row["killed_tumour_m3"]) for row in rows if row["arm"] == "chlorine_dioxide"]
    found = whole.about["arms"]["chlorine_dioxide"]["percentiles"]["killed_tumour_m3"]
    assert found == {"members": N} | {f"p{p}": float(np.percentile(killed, p)) for p in (5, 50, 95)}
    assert "consumed_fraction" not in whole.about["arms"]["vehicle"]["percentiles"]
    said = str(whole)
    assert "5 members; a sweep over the spreads in the tables, not a prediction for any person" in said
    assert "fewer than 20 members say little of 5 and 95 %" in said and "fewer" not in sentence(20)


def test_percentiles_of_known_rows():
    rows = [
        {
            "member": m,
            "arm": "a",
            "status": "complete",
            "reason": "",
            "flags": "x: y; z: w" if m > 90 else "",
            "q_m3": m,
        }
        for m in range(101)
    ]
    rows += [{"member": 101, "arm": "a", "status": "failed", "reason": "why", "flags": ""}]
    rows += [rows[0] | {"arm": "b", "killed_tumour_m3": 2e-6}]
    found = summarised(rows, ["a", "b"])
    assert found["a"]["percentiles"]["q_m3"] == {"members": 101, "p5": 5.0, "p50": 50.0, "p95": 95.0}
    assert found["a"]["flags"] == {"x: y": 10, "z: w": 10}
    assert found["a"]["members"] == {"complete": 101, "failed": 1, "impossible": 0}
    lines = table(found).splitlines()
    assert lines[0] == "a: 101 complete, 1 failed, 0 impossible"
    (killed,) = (line for line in lines if "killed in the tumour" in line)
    assert killed.split()[-4:] == ["2", "2", "2", "mL"]


def test_sweep_json_says_what_varied_and_where_it_comes_from(whole, plan):
    about = whole.about
    assert [one["row"] for one in about["varied"]] == [one.row for one in plan.numbers.varied]
    for one in about["varied"]:
        assert one["prior"] and one["unit"] and one["grade"] and one["source"] and one["used_for"]
    assert about["kept"]["set by the user"] == ["tumour_viable.hydraulic_conductivity"]
    assert about["members"] == N and about["seed"] == 1 and "not an approved treatment" in about["research_only"]
    assert list(whole.design()[0])[1:] == [f"{one['row']} [{one['unit']}]" for one in about["varied"]]


def test_a_member_can_be_run_by_itself_with_its_numbers_as_overrides(whole, plan):
    overrides = whole.overrides(3)
    case = small_case(**(CHANGES | {"parameters__override": dict(plan.setting.case.parameters.override) | overrides}))
    alone = prepare(case, Path.cwd()).parameters.quantities()
    member = with_numbers(plan.setting, plan.numbers.varied, plan.design.of_member(3)).parameters.quantities()
    assert {place: one.si for place, one in alone.items()} == {place: one.si for place, one in member.items()}
    assert overrides["host.porosity"] != whole.overrides(4)["host.porosity"]
    for wrong in (0, N + 1):
        with pytest.raises(BadInput, match="members are 1 to 5"):
            whole.overrides(wrong)


def test_files_of_a_case_that_change_under_a_sweep_stop_it(plan):
    task = MemberTask(plan.setting.case, plan.setting.folder, "another key")
    with pytest.raises(RunFailed, match="changed while the sweep ran"):
        task(None)


def test_the_folder_is_held_only_while_it_is_used(tmp_path):
    with opened(tmp_path / "out", "key", 4, resume=False):
        pass
    with opened(tmp_path / "out", "key", 4, resume=True) as folder:
        assert folder.member_path(7).name == "0007.json" and folder.kept(7) is None


# -- from the shell -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return write_case(tmp_path_factory.mktemp("case") / "case.yaml", **CHANGES)


def test_the_command_runs_resumes_and_prints_what_it_found(case, tmp_path):
    out = tmp_path / "out"
    said = oxablate("sweep", case, "-n", 2, "--out", out, "--workers", 1, "--seed", 7)
    assert said.status == 0 and not said.err, said
    assert "Members  2, Latin hypercube, seed 7" in said.out and "set by the user, not varied" in said.out
    assert "2 members; a sweep over the spreads in the tables" in said.out and "Research only." in said.out
    before = content(out)
    for name in ("results.csv", "members/0002.json"):
        (out / name).unlink()
    assert oxablate("sweep", case, "-n", 2, "--out", out, "--workers", 1, "--seed", 7, "--resume").status == 0
    assert content(out) == before
    assert_refused(oxablate("sweep", case, "-n", 2, "--out", out), "not empty", "--resume")
    for other in (["-n", 3, "--seed", 7], ["-n", 2, "--seed", 8], ["-n", 2]):
        assert_refused(oxablate("sweep", case, *other, "--out", out, "--resume"), "--resume", "another case")
    assert content(out) == before


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["-n", 1], ("-n", "1 members came", "2 to 100000")),
        (["-n", 100_001], ("-n", "2 to 100000")),
        (["-n", "many"], ("'-n'", "integer")),
        ([], ("-n",)),
        (["-n", 4, "--workers", 0], ("--workers", "from 1 on")),
        (["-n", 4, "--seed", -1], ("--seed", "4294967295")),
        (["-n", 4, "--resume"], ("--resume", "holds no sweep")),
        (["-n", 4, "--worker", 2], ("--worker",)),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_written(case, tmp_path, arguments, fragments):
    assert_refused(oxablate("sweep", case, *arguments, "--out", tmp_path / "out"), *fragments)
    assert not (tmp_path / "out").exists()


def test_bad_folders_are_refused_and_left_alone(case, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    before = files_under(tmp_path)
    assert_refused(oxablate("sweep", case, "-n", 2, "--out", tmp_path / "file"), "is a file")
    assert_refused(oxablate("sweep", case, "-n", 2, "--out", tmp_path / "full"), "not empty")
    assert_refused(oxablate("sweep", case, "-n", 2, "--out", tmp_path / "full", "--resume"), "holds no sweep")
    assert_refused(oxablate("sweep", case, "-n", 2, "--out", tmp_path / "file" / "x"), "cannot be written")
    assert_refused(oxablate("sweep", tmp_path / "none.yaml", "-n", 2, "--out", tmp_path / "x"), "none.yaml")
    assert files_under(tmp_path) == before


def test_a_case_in_which_nothing_varies_is_refused(tmp_path):
    plain = CHANGES | {"arms": [{"agent": "vehicle"}]}
    setting = prepare(small_case(**plain), Path.cwd())
    override = {
        place: f"{one.si!r} {one.parameter.dimension.si_unit}" for place, one in setting.parameters.quantities().items()
    }
    path = write_case(tmp_path / "case.yaml", **plain, parameters__override=override)
    assert_refused(oxablate("sweep", path, "-n", 2, "--out", tmp_path / "out"), "case.yaml", "no number with a spread")
    assert not (tmp_path / "out").exists()


def test_a_record_of_something_else_is_no_sweep(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        open_sweep(tmp_path)
    (tmp_path / "sweep.json").write_text('{"schema": 99}')
    with pytest.raises(BadInput, match="schema 99"):
        open_sweep(tmp_path)
