"""What several drives give together, asked like one pump."""

from dataclasses import dataclass

from .programme import Programme
from .pump import SyringePump


@dataclass(frozen=True)
class Total:
    """Pumps and programmes that run side by side or in turn, asked like a `SyringePump`. drives: at least one."""

    drives: tuple[SyringePump | Programme, ...]

    def pumps(self) -> tuple[SyringePump, ...]:
        """Every phase of every drive that gives."""
        found = []
        for drive in self.drives:
            found += drive.pumps() if isinstance(drive, Programme) else [drive]
        return tuple(found)

    @property
    def volume(self) -> float:
        """All that is given [m3]."""
        return sum(drive.volume for drive in self.drives)

    @property
    def start(self) -> float:
        """When the first fluid is given [s]."""
        return min(pump.start for pump in self.pumps())

    @property
    def end(self) -> float:
        """When the last fluid was given [s]."""
        return max(drive.end for drive in self.drives)

    @property
    def duration(self) -> float:
        """From the first to the last fluid [s]."""
        return self.end - self.start

    @property
    def flow_rate(self) -> float:
        """The largest flow rate [m3/s] of all drives together at any time."""
        return max(self.flow(pump.start) for pump in self.pumps())

    def flow(self, time: float) -> float:
        """Flow rate [m3/s] at a time [s]."""
        return sum(drive.flow(time) for drive in self.drives)

    def delivered(self, time: float) -> float:
        """Volume [m3] given up to a time [s]."""
        return sum(drive.delivered(time) for drive in self.drives)

    def mean_flow(self, begin: float, until: float) -> float:
        """Mean flow rate [m3/s] over a time step, so that steps of any length add up to the volume."""
        return sum(drive.mean_flow(begin, until) for drive in self.drives)
