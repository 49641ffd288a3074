"""How the liquid gets into the tissue: hubs with their drives and needles, and the shafts that the track follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..anatomy.subject import Subject
from ..anatomy.tissue import Tissue
from ..device.course import shaft_end
from ..device.hand import HandState, HandSyringe
from ..device.needle import Needle, Point
from ..device.needles import DrawnBack, EndHoleNeedle, SideHoleNeedle, StaysInPlace
from ..device.programme import Programme
from ..device.pump import SyringePump
from ..device.total import Total
from ..physics.track.closures import ClosedTip, OpenExit, OpenTip, SealedEnd, TightTrack
from ..physics.track.contacts import line_cells
from ..physics.track.shafts import Hold, Shaft, SideHole, Tube
from ..quantities.parameter_set import MECHANICS, ParameterSet
from ..space.grid import VoxelGrid
from .elastic import shear_modulus

#: Pressure [Pa] of the air at the skin: pressures are counted from there.
_AIR = 0.0
#: Of the largest time: an event that a run landed on, moved to another event within round-off, has happened.
_LANDED = 1e-9

Drive = SyringePump | Programme | HandSyringe
Placed = Needle | EndHoleNeedle | SideHoleNeedle


@dataclass(frozen=True)
class Hub:
    """One drive and the needles that share what it gives."""

    drive: Drive
    needles: tuple[Placed, ...]


@dataclass(frozen=True)
class Delivery:
    """All hubs of a case.

    hubs: in the order of the case. path: how all needles are drawn back. gap: whether liquid can flow back along the
    shafts; otherwise the tissue holds them tight. stride: [m] the tip goes at most between two events when drawn back.
    Arrays of state have shape (hubs, 2): pressure in the barrel [Pa] and volume pushed [m3] of a hand, zeros for pumps.
    """

    hubs: tuple[Hub, ...]
    path: StaysInPlace | DrawnBack
    gap: bool
    stride: float

    @cached_property
    def needles(self) -> tuple[Placed, ...]:
        """Every needle, hub by hub."""
        return tuple(needle for hub in self.hubs for needle in hub.needles)

    @property
    def compliances(self) -> np.ndarray:
        """By how much each drive gives way to pressure (hubs,) [m3/Pa], 0 for pumps."""
        hands = (hub.drive if isinstance(hub.drive, HandSyringe) else None for hub in self.hubs)
        return np.array([0.0 if hand is None else hand.compliance for hand in hands])

    @property
    def simple(self) -> bool:
        """Whether one end hole driven by a pump, without a gap and in its place, is all: no track is needed then."""
        return (
            len(self.needles) == 1
            and not self.gap
            and isinstance(self.path, StaysInPlace)
            and not isinstance(self.needles[0], SideHoleNeedle)
            and not isinstance(self.hubs[0].drive, HandSyringe)
        )

    @property
    def tips(self) -> tuple[Point, ...]:
        """The deepest tips of all needles, LPS [m], hub by hub."""
        return tuple(needle_tip(needle) for needle in self.needles)

    @property
    def openings(self) -> tuple[Point, ...]:
        """Where fluid leaves, LPS [m], needle by needle, the deepest first."""
        return tuple(
            point
            for needle in self.needles
            for point in ((needle.tip,) if isinstance(needle, Needle) else needle.openings())
        )

    def about(self) -> list[dict]:
        """Every needle for the record, hub by hub, as plain data; without a tube where nobody described one."""
        return [_about(needle, number) for number, hub in enumerate(self.hubs) for needle in hub.needles]

    @property
    def pump(self) -> SyringePump | Total:
        """What all hubs give together, asked like a pump; a hand as if nothing pushed back."""
        drives = tuple(_unloaded(hub.drive) for hub in self.hubs)
        return drives[0] if len(drives) == 1 and isinstance(drives[0], SyringePump) else Total(drives)

    # -- time ---------------------------------------------------------------------------------------------------

    @cached_property
    def moves(self) -> tuple[tuple[float, float], ...]:
        """When [s] the tips are moved and how far back [m] they are from then on: strides along the way."""
        if isinstance(self.path, StaysInPlace):
            return ()
        found = []
        corners = zip(self.path.times, self.path.distances, strict=True)
        for (start, first), (end, last) in pairwise(corners):
            count = int(np.ceil((last - first) / self.stride * (1.0 - 1e-9)))
            found += [
                (start + (end - start) * n / count, first + (last - first) * n / count) for n in range(1, count + 1)
            ]
        return tuple(found)

    def events(self) -> tuple[float, ...]:
        """Sorted times [s] at which something starts, stops or is moved; a run lands on each."""
        times = {time for time, _ in self.moves}
        for hub in self.hubs:
            if isinstance(hub.drive, HandSyringe):
                times.add(hub.drive.start)
            else:
                times |= {t for pump in Total((hub.drive,)).pumps() for t in (pump.start, pump.end)}
        return tuple(sorted(times))

    def withdrawn(self, time: float) -> tuple[float, ...]:
        """How far back [m] each needle is at a time [s]: constant between two events, as a resumed run needs it."""
        done = [far for at, far in self.moves if at <= time + _LANDED * max(time, self.moves[-1][0])]
        return (done[-1] if done else 0.0,) * len(self.needles)

    # -- drives -------------------------------------------------------------------------------------------------

    def begin(self, pressure: float) -> np.ndarray:
        """The state before anything is given; a barrel stands at a pressure [Pa]. Shape (hubs, 2)."""
        state = np.zeros((len(self.hubs), 2))
        state[[isinstance(hub.drive, HandSyringe) for hub in self.hubs], 0] = pressure
        return state

    def drives(self, state: np.ndarray, begin: float, until: float) -> tuple[tuple[float, float], ...]:
        """(rate [m3/s], slope [m3/(Pa s)]) of each hub over a step: q = rate - slope p_hub, p_hub at its end."""
        return tuple(
            hub.drive.inlet(HandState(*map(float, row)), begin, until)
            if isinstance(hub.drive, HandSyringe)
            else (hub.drive.mean_flow(begin, until), 0.0)
            for hub, row in zip(self.hubs, state, strict=True)
        )

    def advanced(self, state: np.ndarray, hub_pressures: Sequence[float], begin: float, until: float) -> np.ndarray:
        """The state after a step that ended with these pressures at the hubs [Pa]; a new array."""
        after = state.copy()
        for n, hub in enumerate(self.hubs):
            if isinstance(hub.drive, HandSyringe):
                found = hub.drive.advanced(HandState(*map(float, state[n])), float(hub_pressures[n]), begin, until)
                after[n] = found.pressure, found.pushed
        return after

    def delivered(self, time: float, state: np.ndarray) -> float:
        """Volume [m3] pushed by pumps up to a time [s] and by hands so far; of a hand a part may stretch the barrel."""
        return sum(
            float(row[1]) if isinstance(hub.drive, HandSyringe) else hub.drive.delivered(time)
            for hub, row in zip(self.hubs, state, strict=True)
        )

    # -- track --------------------------------------------------------------------------------------------------

    def shaft_groups(self, subject: Subject, parameters: ParameterSet, grid: VoxelGrid, active, rest=None):
        """The shafts of each hub for `TrackNetwork.in_voxels`, and the viscosity of the liquid [Pa s].

        Each is cut into pieces about as long as a voxel; contact stress and gap of a piece are means over the voxels it
        touches, its shear modulus the one whose compliance is their mean. The contact stress of the tables is the
        effective one, borne by the solid: the gap opens where the liquid exceeds it and the tissue's own pressure,
        `rest` (nx, ny, nz) [Pa], together; None for tissue at none. Raises BadInput for a tip outside the body.
        """
        own = np.zeros(grid.shape) if rest is None else rest
        found = tuple(
            tuple(_shaft(needle, self.gap, subject, parameters, active, own) for needle in hub.needles)
            for hub in self.hubs
        )
        return found, parameters[MECHANICS]["viscosity"].si


def needle_tip(needle: Placed) -> Point:
    """The deepest tip of a needle of any kind, LPS [m]."""
    return needle.tip if isinstance(needle, Needle) else needle.course.tip


def _about(needle: Placed, hub: int) -> dict:
    """A needle as plain data, SI, LPS."""
    if isinstance(needle, Needle):
        return {
            "hub": hub,
            "tip_lps_m": list(needle.tip),
            "entry_lps_m": list(needle.entry or ()),
            "openings_lps_m": [list(needle.tip)],
        }
    return {
        "hub": hub,
        "tip_lps_m": list(needle.course.tip),
        "entry_lps_m": list(needle.course.entry),
        "openings_lps_m": [list(point) for point in needle.openings()],
        "outer_radius_m": needle.tube.outer_radius,
        "length_m": needle.tube.length,
    }


def _unloaded(drive: Drive) -> SyringePump | Programme:
    """The drive itself, or the pump that a hand would be without load."""
    return SyringePump(drive.volume, drive.free_rate, drive.start) if isinstance(drive, HandSyringe) else drive


def _shaft(needle, gap: bool, subject: Subject, parameters: ParameterSet, active, rest) -> Shaft:
    grid = subject.grid
    end, _ = shaft_end(needle.course, grid, active)
    tube = Tube(needle.tube.outer_radius, needle.tube.inner_radius, needle.tube.length)
    opening, holes = ClosedTip(), ()
    if isinstance(needle, SideHoleNeedle):
        holes = tuple(SideHole(*hole) for hole in zip(needle.distances, needle.radii, strict=True))
    else:
        opening = OpenTip(needle.cavity_radius)
    depth = float(np.linalg.norm(np.subtract(end, needle.course.tip)))
    pieces = max(int(np.ceil(depth / max(grid.spacing) * (1.0 - 1e-9))), 1)
    tight = Shaft(needle.course.tip, end, tube, TightTrack(), opening, SealedEnd(), pieces, holes)
    if not gap:
        return tight
    hold = _hold(tight, subject, parameters, active, rest)
    return Shaft(tight.tip, tight.end, tube, hold, opening, OpenExit(_AIR), pieces, holes)


def _hold(shaft: Shaft, subject: Subject, parameters: ParameterSet, active, rest) -> Hold:
    """How the tissue holds each piece of a shaft: by its effective stress and its own fluid pressure together."""
    grid, labels = subject.grid, subject.labels
    rows = np.array(
        [
            (0.0, 0.0, 0.0)
            if tissue is Tissue.AIR
            else (
                parameters[tissue.word]["contact_stress"].si,
                1.0 / shear_modulus(parameters[tissue.word]),
                parameters[tissue.word]["standing_gap"].si,
            )
            for tissue in Tissue
        ]
    )
    found, held = [], []
    for middle in shaft.middles():
        cells, shares, _ = line_cells(
            grid, active, middle, shaft.axis, shaft.depth / shaft.pieces, shaft.tube.outer_radius
        )
        found.append(shares @ rows[labels[tuple(cells.T)]])
        held.append(shares @ np.maximum(rest[tuple(cells.T)], 0.0))
    stress, compliance, standing = np.array(found).T
    return Hold(stress + np.array(held), 1.0 / compliance, standing.copy())
