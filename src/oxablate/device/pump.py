"""A rate-controlled syringe pump."""

import math
from dataclasses import dataclass

from ..quantities.refusal import BadInput


@dataclass(frozen=True)
class SyringePump:
    """A pump that delivers `volume` [m3] at `flow_rate` [m3/s] from the time `start` [s] on.

    Q(t) = flow_rate for start <= t < end, else 0; end = start + volume / flow_rate

    volume zero is an injection in which nothing is given. Raises BadInput unless volume >= 0, flow_rate > 0 and start
    are finite.
    """

    volume: float
    flow_rate: float
    start: float

    def __post_init__(self) -> None:
        if not 0 <= self.volume < math.inf:
            raise BadInput(f"pump volume: {self.volume!r} m3 is not zero or more; give a volume such as '5 mL'")
        if not 0 < self.flow_rate < math.inf:
            raise BadInput(f"pump flow rate: {self.flow_rate!r} m3/s is not above zero; give a rate such as '10 mL/h'")
        if not math.isfinite(self.start):
            raise BadInput(f"pump start: {self.start!r} s is not a time; give a time such as '5 min'")

    @property
    def duration(self) -> float:
        """How long the pump runs [s]."""
        return self.volume / self.flow_rate

    @property
    def end(self) -> float:
        """When it stops [s]."""
        return self.start + self.duration

    def flow(self, time: float) -> float:
        """Flow rate [m3/s] at a time [s]."""
        return self.flow_rate if self.start <= time < self.end else 0.0

    def delivered(self, time: float) -> float:
        """Volume [m3] given up to a time [s]; exactly `volume` from the end on."""
        if time >= self.end:
            return self.volume
        return self.flow_rate * max(time - self.start, 0.0)

    def mean_flow(self, begin: float, until: float) -> float:
        """Mean flow rate [m3/s] over a time step, so that steps of any length add up to the volume.

        Within the injection it is the flow rate itself, to the bit.
        """
        if not until > begin:
            raise BadInput(f"pump: a step from {begin!r} s to {until!r} s has no length; the end must come later")
        overlap = max(min(until, self.end) - max(begin, self.start), 0.0)
        return self.flow_rate * (overlap / (until - begin))
