"""A syringe pushed by hand: the rate falls as what it pushes into pushes back."""

import math
from dataclasses import dataclass

from ..quantities.refusal import BadInput


@dataclass(frozen=True)
class HandState:
    """Where a hand-held syringe stands. pressure: in the barrel [Pa]; pushed: by the plunger so far [m3]."""

    pressure: float
    pushed: float


@dataclass(frozen=True)
class HandSyringe:
    """A syringe with a compliance, pushed by a thumb that is fast without load and stalls under enough of it.

        C dp/dt = Q_free (1 - p / p_stall)_+ - Q          from `start` on, until `volume` is pushed

    p: pressure in the barrel, Q: what leaves it into the needle. volume: [m3] in the syringe. free_rate: Q_free [m3/s]
    without load. stall_pressure: [Pa] at which the thumb moves no more. compliance: C [m3/Pa] >= 0 of barrel, plunger,
    line and bubbles. start: [s]. Raises BadInput unless volume >= 0, rates and pressure are > 0, all finite.
    """

    volume: float
    free_rate: float
    stall_pressure: float
    compliance: float
    start: float

    def __post_init__(self) -> None:
        if not 0 <= self.volume < math.inf:
            raise BadInput(f"syringe volume: {self.volume!r} m3 is not zero or more; give a volume such as '5 mL'")
        for name, value, example in (
            ("free rate", self.free_rate, "1 mL/s"),
            ("stall pressure", self.stall_pressure, "200 kPa"),
        ):
            if not 0 < value < math.inf:
                raise BadInput(f"syringe {name}: {value!r} is not above zero; give one such as {example!r}")
        if not (0 <= self.compliance < math.inf and math.isfinite(self.start)):
            raise BadInput(
                f"syringe compliance {self.compliance!r} m3/Pa or start {self.start!r} s cannot be; give zero or more "
                "and a time"
            )

    def begin(self, pressure: float) -> HandState:
        """The state before anything is pushed, the barrel at the pressure [Pa] of what the needle opens to."""
        return HandState(pressure, 0.0)

    def _push(self, state: HandState, begin: float, until: float) -> tuple[float, float]:
        """(a, b) of what the thumb pushes over a step, a - b p [m3/s, m3/(Pa s)]: never more than is in the syringe.

        Where the thumb could empty it against the pressure before the step, it pushes the rest evenly.
        """
        duration = until - begin
        if not duration > 0:
            raise BadInput(f"syringe: a step from {begin!r} s to {until!r} s has no length; the end must come later")
        if state.pressure >= self.stall_pressure:
            return 0.0, 0.0
        share = max(until - max(begin, self.start), 0.0) / duration
        free, rest = self.free_rate * share, max(self.volume - state.pushed, 0.0) / duration
        if free * (1.0 - max(state.pressure, 0.0) / self.stall_pressure) >= rest:
            return rest, 0.0
        rate = min(free, rest)
        return rate, rate / self.stall_pressure

    def inlet(self, state: HandState, begin: float, until: float) -> tuple[float, float]:
        """(a, b) of Q = a - b p over a step [m3/s, m3/(Pa s)]; p: the barrel's pressure at its end (backward Euler).

        a = Q_free + C p_before / dt,   b = Q_free / p_stall + C / dt
        """
        (push, yields), elastic = self._push(state, begin, until), self.compliance / (until - begin)
        return push + elastic * state.pressure, yields + elastic

    def advanced(self, state: HandState, pressure: float, begin: float, until: float) -> HandState:
        """The state after a step that ended with `pressure` [Pa] in the barrel: pushed = given + C (p - p_before)."""
        push, yields = self._push(state, begin, until)
        return HandState(pressure, state.pushed + (push - yields * pressure) * (until - begin))
