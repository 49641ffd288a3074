"""A sweep: one case, many times, over what the tables do not know."""

import csv
import hashlib
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from ..protocol.case import Case, load_case, naming
from ..protocol.folder import failing_disk
from ..protocol.injury import dose_law
from ..protocol.memory import require_grid_memory
from ..protocol.run import Asked
from ..protocol.setting import Setting, prepare
from ..quantities.parameter_set import OF_NO_TISSUE, TISSUES
from ..quantities.refusal import BadInput, RunFailed
from ..quantities.research_only import RESEARCH_ONLY
from ..storage.host import machine
from ..storage.json_file import read_json
from .design import Design
from .executor import Executor, LocalProcesses, fitting_workers
from .folder import ABOUT, SweepFolder, opened
from .member import COMPLETE, Member, MemberTask
from .percentiles import sentence, summarised, table
from .uncertain import Numbers, numbers_key, numbers_of

SCHEMA = 1

#: Fewest and most members.
MEMBERS = (2, 100_000)
_SEEDS = 2**32
_LEAST_DIGITS = 4


@dataclass(frozen=True)
class Plan:
    """What a sweep is going to do. numbers: of the case. memory: bytes of one worker and of the machine."""

    setting: Setting
    numbers: Numbers
    design: Design
    seed: int
    memory: tuple[int, int]

    @property
    def key(self) -> str:
        """Checksum of everything a sweep depends on: the case with its numbers, and the design."""
        return hashlib.sha256(numbers_key(self.setting).encode() + self.design.csv()).hexdigest()

    def workers(self, wanted: int | None) -> tuple[int, str]:
        """How many processes to start, and a sentence where memory allows fewer than wanted; see `fitting_workers`."""
        return fitting_workers(wanted, *self.memory)

    def __str__(self) -> str:
        kept = self.numbers
        lines = [
            f"Sweep: {self.setting.case.title}",
            str(self.setting.subject),
            f"Arms     {', '.join(arm.name for arm in self.setting.arms)}",
            f"Members  {self.design.members}, Latin hypercube, seed {self.seed}",
            f"Varied   {len(kept.varied)} numbers over the spreads in their tables, independently of each other",
            f"Kept     {len(kept.without_spread)} that have no spread, {len(kept.absent)} of tissues the subject lacks",
        ]
        return "\n".join(lines + [f"         set by the user, not varied: {place}" for place in kept.set_by_user])


def plan_sweep(case: str | Path | Case, n: int, seed: int | None = None) -> Plan:
    """Check a case and draw the members of a sweep over it, without running anything.

    case: as for a run. n: members. seed: of the design, the case's own if None. Raises BadInput.
    """
    low, high = MEMBERS
    if isinstance(n, bool) or not isinstance(n, int) or not low <= n <= high:
        raise BadInput(f"-n: {n!r} members came, {low} to {high} are allowed; give a whole number of members inside")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _SEEDS):
        raise BadInput(f"--seed: {seed!r} came, a whole number from 0 to {_SEEDS - 1} is allowed; give one of them")
    folder, source = Path.cwd(), "the case"
    if not isinstance(case, Case):
        folder, source = Path(case).parent, Path(case).name
        case = load_case(case)
    with naming(source):
        setting = prepare(case, folder)
        memory = require_grid_memory(setting.subject.grid.shape, case)
        for arm in setting.arms:
            dose_law(setting, arm)  # refuses impossible numbers before anything is written
        numbers = numbers_of(setting)
        if not numbers.varied:
            raise BadInput("parameters.override: no number with a spread is left to vary; use `oxablate run` instead")
    seed = case.seed if seed is None else seed
    return Plan(setting, numbers, Design.drawn(numbers.varied, n, seed), seed, memory)


@dataclass(frozen=True)
class Sweep:
    """A finished or stopped sweep on disk. folder: DIR; about: content of sweep.json."""

    folder: Path
    about: dict

    def results(self) -> list[dict[str, str]]:
        """One row per member and arm, as text by column name; empty for a sweep that was stopped."""
        return _read_csv(self.folder / "results.csv")

    def design(self) -> list[dict[str, str]]:
        """One row per member: the number it has in each column, SI."""
        return _read_csv(self.folder / "design.csv")

    def overrides(self, member: int) -> dict[str, str]:
        """The numbers of one member as a case's `parameters.override` takes them; those of agents are not among them.

        Raises BadInput where there is no such member.
        """
        design = self.design()
        if not 1 <= member <= len(design):
            raise BadInput(f"there is no member {member}; members are 1 to {len(design)}")
        found = {}
        for one in self.about["varied"]:
            unit = "" if one["unit"] == "1" else f" {one['unit']}"
            value = design[member - 1][f"{one['row']} [{one['unit']}]"]
            places = (place for place in one["used_for"] if place.partition(".")[0] in (*TISSUES, *OF_NO_TISSUE))
            found |= {place: f"{value}{unit}" for place in places}
        return found

    def __str__(self) -> str:
        if self.about["status"] != COMPLETE:
            return f"sweep in {self.folder}: {self.about['status']}"
        return f"{table(self.about['arms'])}\n{self.about['says']}"


def _read_csv(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sweep(
    case: str | Path | Case | Plan,
    n: int | None,
    out: str | Path,
    seed: int | None = None,
    resume: bool = False,
    executor: Executor | None = None,
    asked: Asked | None = None,
) -> Sweep:
    """Run a case `n` times over the spreads in the tables, and keep a row for each member and arm in the folder `out`.

    case: as for a run, or a `Plan`, which has n and seed. executor: where members are computed, a process for each
    processor if None. resume: run only the members that are missing in `out`. asked: watched and stopped like a run,
    with progress("members", done, n). A member that fails is a row with its reason. Raises BadInput before anything is
    written, RunFailed where the machine cannot go on or no member ran to the end; what was kept stays.
    """
    plan, asked = case if isinstance(case, Plan) else plan_sweep(case, n, seed), asked or Asked()
    executor = executor or LocalProcesses(plan.workers(None)[0])
    digits = max(_LEAST_DIGITS, len(str(plan.design.members)))
    about = _about(plan)
    with opened(Path(out), plan.key, digits, resume) as folder:
        try:
            with failing_disk(folder.path):
                folder.begin(plan.design.csv(), about | {"status": "running"})
                if _compute(plan, folder, executor, asked):
                    return _conclude(plan, folder, about)
                folder.write_about(about | {"status": "stopped"})
        except Exception as failure:  # whatever stops a sweep, its folder says so
            with suppress(OSError):  # unless the disk is what failed
                folder.write_about(about | {"status": "failed", "failure": str(failure)})
            raise
    return Sweep(folder.path, about | {"status": "stopped"})


def _compute(plan: Plan, folder: SweepFolder, executor: Executor, asked: Asked) -> bool:
    """Run the members that are missing; False where it was asked to stop before the last one."""
    n = plan.design.members
    missing = [number for number in range(1, n + 1) if folder.kept(number) is None]
    task = MemberTask(plan.setting.case, plan.setting.folder, numbers_key(plan.setting), plan.setting)
    items = [Member(number, plan.design.of_member(number)) for number in missing]
    started, begun, seconds = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter(), []
    asked.progress("members", n - len(missing), n)
    try:
        with closing(executor.map(task, items, asked.stop)) as results:
            for member, computed in results:
                folder.keep(member.number, computed.rows)
                seconds.append(computed.seconds)
                asked.progress("members", n - len(missing) + len(seconds), n)
    finally:
        with suppress(OSError):  # what matters is raised already
            folder.add_session(
                {
                    "started": started,
                    "seconds": time.perf_counter() - begun,
                    "members": len(seconds),
                    "seconds_of_members": sum(seconds),
                    "executor": repr(executor),
                    "python": sys.version.split()[0],
                    "platform": machine(),
                }
            )
    return len(seconds) == len(missing)


def _conclude(plan: Plan, folder: SweepFolder, about: dict) -> Sweep:
    """Gather the members in their order into the results; the same bytes whoever computed them, in whatever order."""
    n = plan.design.members
    rows = []
    for number in range(1, n + 1):
        kept = folder.kept(number)
        if kept is None:
            raise RunFailed(f"{folder.member_path(number)} was lost after it was written; go on with --resume")
        rows += kept
    folder.write_results(rows)
    arms = summarised(rows, about["arm_names"])
    about |= {"status": COMPLETE, "arms": arms, "says": sentence(n)}
    folder.write_about(about)
    if not any(row["status"] == COMPLETE for row in rows):
        raise RunFailed(
            f"none of the {n} members ran to the end, the first because: {rows[0]['reason']}; look at results.csv"
        )
    return Sweep(folder.path, about)


def _about(plan: Plan) -> dict:
    """What sweep.json says of a sweep, but for how it ended: plain data, no date, no host."""
    case, numbers = plan.setting.case, plan.numbers
    return {
        "schema": SCHEMA,
        "oxablate": metadata.version("oxablate"),
        "key": plan.key,
        "title": case.title,
        "question": case.question,
        "research_only": RESEARCH_ONLY,
        "members": plan.design.members,
        "seed": plan.seed,
        "arm_names": [arm.name for arm in plan.setting.arms],
        "parameter_set": plan.setting.parameters.name,
        "varied": [one.about() for one in numbers.varied],
        "kept": {
            "set by the user": list(numbers.set_by_user),
            "without spread": list(numbers.without_spread),
            "of tissues the subject lacks": list(numbers.absent),
        },
    }


def open_sweep(folder: str | Path) -> Sweep:
    """Open what `sweep` wrote. Raises BadInput where the folder holds no sweep of a known schema."""
    folder = Path(folder)
    about = read_json(folder / ABOUT)
    if about.get("schema") != SCHEMA or "status" not in about:
        raise BadInput(f"{folder}: sweep of schema {about.get('schema')!r}, this version reads {SCHEMA}; run it again")
    return Sweep(folder, about)
