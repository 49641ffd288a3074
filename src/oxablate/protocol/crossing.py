"""What passes between the needle's track, cracks and matrix while a flow step is carried out, species by species.

The track is one well-mixed pot, of which the state keeps the amount n of each species: over a part dt of a step

    c_t = (n + dt (c_syringe given + sum of what is drawn out of voxels)) / (volume + dt (given + sucked + drawn))

and leaves with it: into the tissue, out at the surface, back into the syringe. The matrix gives its fluid to cracks and
track at the concentration it has at the start of the part.
"""

from dataclasses import dataclass

import numpy as np

from ..numerics.jit import plane_sum
from ..physics.process import Booking
from ..physics.transport.cracks import CrackOutcome, CrackPot, Walls
from ..physics.transport.pots import two_pots, whole_pot

#: Most of a voxel's matrix fluid that cracks and track may take in a sub-step.
_MOST_DRAINED = 0.5
#: Change of the track's concentration, relative, at which it agrees with what the cracks give back to it.
_AGREED = 1e-12
_MOST_TURNS = 60


@dataclass(frozen=True)
class TrackExchange:
    """Mean flows of the track over a flow step [m3/s], all >= 0, and its fluid [m3] at both ends.

    given, taken: by the drives, and what they draw back; lost, sucked: out at the surface, and in there.
    """

    given: float
    taken: float
    lost: float
    sucked: float
    volume_before: float
    volume_after: float


@dataclass(frozen=True)
class Crossed:
    """What one species did in a part of a step.

    source: concentration of the fluid that enters the tissue [mol/m3]; cracks: its crack fluid, None without cracks;
    in_track: what the track holds after it [mol]; booking [mol] of all pots together.
    """

    source: float
    cracks: CrackOutcome | None
    in_track: float
    booking: Booking


class Crossing:
    """Shares a flow step between pots, then carries species between them.

    shape: of the grid; voxel_volume [m3]; cracked: whether its tissue can crack.
    """

    def __init__(self, shape: tuple[int, int, int], voxel_volume: float, cracked: bool):
        self.pot = CrackPot(shape, voxel_volume) if cracked else None
        self.work = np.zeros(shape)

    def begin(self, flows, before: np.ndarray | None, after: np.ndarray | None, duration: float, track) -> None:
        """Take a flow step of `duration` [s]; before, after: crack volume per voxel [m3], None without cracks."""
        self.duration, self.track = duration, track
        if self.pot is None:
            self.pots = whole_pot(flows.faces, flows.needle, flows.drawn)
        else:
            self.pots = two_pots(flows, before, after, duration)
            self.pot.follow(self.pots, before, after, duration)
        pots = self.pots
        #: what leaves the matrix for cracks and track, and what needle, track and cracks give to it [m3/s]
        self.drains = pots.drained_of_matrix()
        self.entering = pots.needle + pots.leaking if pots.cracked else pots.needle
        self.tissue_gets = float(plane_sum(pots.needle)) + (
            float(plane_sum(pots.crack_needle)) if pots.cracked else 0.0
        )
        self.tissue_gives = float(plane_sum(pots.drawn)) if pots.drawn.size else 0.0
        self.tissue_gives += float(plane_sum(pots.crack_drawn)) if pots.crack_drawn.size else 0.0

    @property
    def cells(self) -> np.ndarray:
        """Flat indices of the voxels with cracks in this step."""
        return np.zeros(0, np.int64) if self.pot is None else self.pot.cells

    def longest(self, fluid: np.ndarray) -> float:
        """Longest sub-step [s] in which cracks and track take at most half of the fluid of any voxel's matrix."""
        if self.drains is None:
            return np.inf
        np.divide(self.drains, fluid, out=self.work, where=fluid > 0.0)
        np.copyto(self.work, 0.0, where=fluid <= 0.0)
        fastest = float(self.work.max())
        return _MOST_DRAINED / fastest if fastest > 0.0 else np.inf

    def drain(self, fluid: np.ndarray, dt: float) -> None:
        """Take from the matrix, in place, what cracks and track get of its fluid in dt [s]."""
        if self.drains is not None:
            np.multiply(self.drains, dt, out=self.work)
            fluid -= self.work

    def cross(
        self, syringe: float, matrix, cracks, in_track: float, walls: Walls | None, decay: float, part
    ) -> Crossed:
        """Carry one species through cracks and track over a part (start, end) of the step, in shares of it.

        syringe: its concentration there; matrix, cracks: concentration fields at the start [mol/m3]; in_track: what the
        track holds [mol]; walls: what the matrix offers behind crack walls; decay: own loss [1/s].
        """
        dt, booking = (part[1] - part[0]) * self.duration, Booking()
        drawn = 0.0
        if self.pots.drawn.size:
            np.multiply(self.pots.drawn, matrix, out=self.work)
            drawn = dt * float(plane_sum(self.work))
        if self.track is None:
            found = None if self.pot is None else self.pot.solve(cracks, syringe, walls, decay, *part)
            booking.gain("needle", dt * syringe * self.tissue_gets)
            source, left = syringe, in_track
            drawn += 0.0 if found is None else found.drawn
            if drawn > 0.0:
                booking.lose("track exit", drawn)
        else:
            source, found = self._mixed(syringe, cracks, in_track, walls, decay, part, drawn)
            back = drawn + (0.0 if found is None else found.drawn)
            left = self._settle(syringe, source, in_track + back, dt, booking)
        for name, amount in ({} if found is None else found.booking.lost).items():
            booking.lose(name, amount)
        return Crossed(source, found, left, booking)

    def _mixed(self, syringe, cracks, in_track, walls, decay, part, drawn) -> tuple[float, CrackOutcome | None]:
        """The track's concentration that agrees with what cracks give back to it: secants of a nearly linear law."""
        first, second = None, self._concentration(syringe, in_track + drawn, part)
        for _ in range(_MOST_TURNS):
            source = second
            found = None if self.pot is None else self.pot.solve(cracks, source, walls, decay, *part)
            if found is None or found.drawn == 0.0:
                break
            over = self._concentration(syringe, in_track + drawn + found.drawn, part) - source
            if abs(over) <= _AGREED * source:
                break
            rise = 1.0 if first is None or over == first[1] else (source - first[0]) / (first[1] - over)
            first, second = (source, over), max(source + (rise if rise > 0.0 else 1.0) * over, 0.0)
        return source, found

    def _concentration(self, syringe: float, held: float, part) -> float:
        """c_t [mol/m3] of the track if `held` [mol] is in it or comes back, beside what the drives give."""
        track, dt = self.track, (part[1] - part[0]) * self.duration
        before = (1.0 - part[0]) * track.volume_before + part[0] * track.volume_after
        fluid = before + dt * (track.given + track.sucked + self.tissue_gives)
        # no more can leave than there is, however the flow's own tolerance shares it out
        fluid = max(fluid, dt * (self.tissue_gets + track.taken + track.lost))
        return (held + dt * syringe * track.given) / fluid if fluid > 0.0 else 0.0

    def _settle(self, syringe: float, source: float, held: float, dt: float, booking: Booking) -> float:
        """Book what the track got and lost; returns what it holds [mol]."""
        track = self.track
        booking.gain("needle", dt * syringe * track.given)
        left = held + dt * syringe * track.given - dt * source * self.tissue_gets
        for name, rate in (("track exit", track.lost), ("needle", track.taken)):
            gone = min(dt * source * rate, max(left, 0.0))
            left -= gone
            if gone > 0.0:
                booking.lose(name, gone)
        return max(left, 0.0)

    def matrix_source(self, source: float, cracks: np.ndarray | None, out: np.ndarray) -> float | np.ndarray:
        """Concentration of what enters the matrix [mol/m3]: from needle and track, and out of cracks."""
        if cracks is None:
            return source
        np.multiply(self.pots.leaking, cracks, out=out)
        np.multiply(self.pots.needle, source, out=self.work)
        out += self.work
        np.divide(out, self.entering, out=out, where=self.entering > 0.0)
        return out
