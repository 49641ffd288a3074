"""What a pump is told to do, phase by phase: give, pause, give again, dwell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..quantities.refusal import BadInput
from .pump import SyringePump


@dataclass(frozen=True)
class Give:
    """Give `volume` [m3] at `flow_rate` [m3/s], both above zero."""

    volume: float
    flow_rate: float

    def __post_init__(self) -> None:
        if not (0 < self.volume < math.inf and 0 < self.flow_rate < math.inf):
            raise BadInput(
                f"a phase that gives needs a volume and a rate above zero, got {self.volume!r} m3 at "
                f"{self.flow_rate!r} m3/s; to wait, write a pause"
            )

    @property
    def duration(self) -> float:
        """How long it takes [s]."""
        return self.volume / self.flow_rate


def _waits(duration: float, what: str) -> None:
    if not 0 < duration < math.inf:
        raise BadInput(f"{what}: {duration!r} s is not above zero; give a time such as '2 min', or leave it out")


@dataclass(frozen=True)
class Pause:
    """Wait `duration` [s] between two phases that give; the line is shut."""

    duration: float

    def __post_init__(self) -> None:
        _waits(self.duration, "pause")


@dataclass(frozen=True)
class Dwell:
    """Leave the needle where it is for `duration` [s] after the last fluid was given, before it is drawn."""

    duration: float

    def __post_init__(self) -> None:
        _waits(self.duration, "dwell")


Phase = Give | Pause | Dwell


@dataclass(frozen=True)
class Programme:
    """Phases one after another from the time `start` [s] on; asked like a `SyringePump`.

    Raises BadInput where the phases contradict each other: nothing given, a pause at either end or after another, a
    dwell that is not the last.
    """

    phases: tuple[Phase, ...]
    start: float

    def __post_init__(self) -> None:
        kinds = [type(phase).__name__.lower() for phase in self.phases]
        if not math.isfinite(self.start):
            raise BadInput(f"programme start: {self.start!r} s is not a time; give a time such as '5 min'")
        if "give" not in kinds:
            raise BadInput(f"a programme of {kinds} gives nothing; add a phase that gives")
        if "dwell" in kinds[:-1]:
            raise BadInput(f"a programme of {kinds} dwells before its end; a wait between two phases is a pause")
        giving = [kind for kind in kinds if kind != "dwell"]
        if "pause" in (giving[0], giving[-1]) or any(a == b == "pause" for a, b in pairwise(giving)):
            raise BadInput(
                f"a programme of {kinds} pauses at its start, at its end, or twice; use its start, a dwell, or one "
                "longer pause"
            )

    def pumps(self) -> tuple[SyringePump, ...]:
        """The phases that give, as pumps with their own start."""
        found, time = [], self.start
        for phase in self.phases:
            if isinstance(phase, Give):
                found.append(SyringePump(phase.volume, phase.flow_rate, time))
            time += phase.duration
        return tuple(found)

    @property
    def volume(self) -> float:
        """All that is given [m3]."""
        return sum(pump.volume for pump in self.pumps())

    @property
    def end(self) -> float:
        """When the last fluid was given [s]."""
        return self.pumps()[-1].end

    @property
    def out(self) -> float:
        """When the needle is drawn [s]: the end, and the dwell after it."""
        return self.start + sum(phase.duration for phase in self.phases)

    def flow(self, time: float) -> float:
        """Flow rate [m3/s] at a time [s]."""
        return sum(pump.flow(time) for pump in self.pumps())

    def delivered(self, time: float) -> float:
        """Volume [m3] given up to a time [s]."""
        return sum(pump.delivered(time) for pump in self.pumps())

    def mean_flow(self, begin: float, until: float) -> float:
        """Mean flow rate [m3/s] over a time step, so that steps of any length add up to the volume."""
        return sum(pump.mean_flow(begin, until) for pump in self.pumps())


def in_turn(programmes: Sequence[Programme], change: float) -> tuple[Programme, ...]:
    """The same programmes one needle after another: each starts `change` [s] after the needle before was drawn.

    The first keeps its start. Raises BadInput for a negative change.
    """
    if not 0 <= change < math.inf:
        raise BadInput(
            f"needles in turn: a change of {change!r} s is not zero or more; give the time between two needles"
        )
    found = list(programmes[:1])
    for programme in programmes[1:]:
        found.append(replace(programme, start=found[-1].out + change))
    return tuple(found)
