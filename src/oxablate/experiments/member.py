"""One member of a sweep: every arm of the case with one set of numbers, reduced to a row for each arm."""

import time
from dataclasses import dataclass
from pathlib import Path

from ..protocol.case import Case
from ..protocol.coupling import ArmRun
from ..protocol.outcomes import series_row, summary
from ..protocol.run import event_times
from ..protocol.setting import ArmSetting, Setting, prepare
from ..quantities.refusal import BadInput, RunFailed
from .uncertain import Uncertain, numbers_key, numbers_of, with_numbers

#: How an arm of a member may end.
COMPLETE, FAILED, IMPOSSIBLE = "complete", "failed", "impossible"

#: Characters of a reason that are kept.
_LONGEST = 300


@dataclass(frozen=True)
class Member:
    """What a worker is asked for. number: from 1. values: of the uncertain numbers, SI."""

    number: int
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"member {self.number}"


@dataclass(frozen=True)
class Computed:
    """What a worker answers. rows: one for each arm, plain data, the same for the same member. seconds: it took."""

    rows: list[dict]
    seconds: float


class MemberTask:
    """Computes members of one case; the subject is prepared once in each process.

    case, folder: as for a run. key: `numbers_key` of the case, so that a worker that reads other
    files than the sweep began with says so. setting: of the case, where it is at hand; it does not travel to workers.
    """

    def __init__(self, case: Case, folder: Path, key: str, setting: Setting | None = None) -> None:
        self.case, self.folder, self.key = case, folder, key
        self._setting = setting
        self._varied: tuple[Uncertain, ...] | None = None

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_setting": None, "_varied": None}

    def __call__(self, member: Member) -> Computed:
        """Run a member. What cannot be computed is a row that says why; raises only where the machine is at fault."""
        begun = time.perf_counter()
        if self._setting is None:
            self._setting = prepare(self.case, self.folder)
            if numbers_key(self._setting) != self.key:
                raise RunFailed("the files of the case changed while the sweep ran; start it in a new folder")
        base = self._setting
        if self._varied is None:
            self._varied = numbers_of(base).varied
        try:
            setting = with_numbers(base, self._varied, member.values)
        except BadInput as refused:
            rows = [_unfinished(arm, IMPOSSIBLE, str(refused)) for arm in base.arms]
        else:
            rows = [arm_row(setting, arm) for arm in setting.arms]
        return Computed([{"member": member.number} | row for row in rows], time.perf_counter() - begun)


def arm_row(setting: Setting, arm: ArmSetting) -> dict:
    """One arm of one member from the first second to the last, as a row; a computation that fails is a row too."""
    try:
        model, rows = follow(setting, arm)
        return _finished(model, rows)
    except (MemoryError, OSError):
        raise  # of the machine, not of the numbers
    except RunFailed as failed:
        return _unfinished(arm, FAILED, str(failed))
    except Exception as error:  # one member with odd numbers must not end ten thousand others
        return _unfinished(arm, FAILED, f"{type(error).__name__}: {error}")


def follow(setting: Setting, arm: ArmSetting) -> tuple[ArmRun, list[dict]]:
    """One arm without keeping fields: the model at the end and the rows of its time series, as `run` has them."""
    model, rows, changes = ArmRun(setting, arm), [], set(setting.delivery.events())
    for until in event_times(setting):
        while model.state.clock.time < until:
            duration = model.step(until)
            rows.append(series_row(model, duration))
        if until in changes:
            model.state.clock.next_step = 0.0
    return model, rows


def _finished(model: ArmRun, rows: list[dict]) -> dict:
    found = summary(model, rows)
    row = {
        "arm": found["arm"],
        "status": COMPLETE,
        "reason": "",
        "flags": "; ".join(f"{flag['model']}: {flag['quantity']}" for flag in found["flags"]),
        "time_s": float(found["time_s"]),
        "flow_steps": int(found["flow_steps"]),
        "refused_steps": int(found["refused_steps"]),
        "ledger_error": max(float(account["error"]) for account in found["ledger"].values()),
        "needle_pressure_max_Pa": max(float(one["needle_pressure_Pa"]) for one in rows),
    }
    return row | _flat(found["outcomes"]) | {f"number {name}": float(v) for name, v in found["numbers"].items()}


def _flat(outcomes: dict) -> dict:
    """Outcomes in one level: the parts of a balance become columns of their own."""
    flat = {}
    for name, value in outcomes.items():
        if isinstance(value, dict):
            flat |= {f"{name} {part}": float(amount) for part, amount in value.items()}
        else:
            flat[name] = float(value)
    return flat


def _unfinished(arm: ArmSetting, status: str, reason: str) -> dict:
    line = "".join(c if c.isprintable() else " " for c in reason)
    line = line.lstrip("=+-@ ")  # spreadsheets take a cell that begins with one of these signs for a formula
    return {"arm": arm.name, "status": status, "reason": line[:_LONGEST], "flags": ""}
