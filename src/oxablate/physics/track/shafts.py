"""From needles in the tissue to the network of nodes along them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, pi

import numpy as np

from ...quantities.refusal import BadInput
from ...space.grid import VoxelGrid
from .closures import ClosedTip, GapWall, OpenExit, OpenTip, SealedEnd, TightTrack
from .contacts import ball_cells, ball_resistance, line_cells, line_resistance, voxel_contacts
from .network import Exits, Gap, Lumen, Network

TIE = 1e-9  # a hole on the border of two pieces belongs to the upper one, whatever the units and the round-off


@dataclass(frozen=True)
class Tube:
    """The needle's tube. outer_radius, inner_radius, length from hub to tip [m]."""

    outer_radius: float
    inner_radius: float
    length: float

    def __post_init__(self) -> None:
        if not 0 < self.inner_radius < self.outer_radius < self.length < float("inf"):
            raise BadInput(
                f"a needle's tube needs 0 < inner radius < outer radius < length, got {self}; check its gauge"
            )

    def conductance(self, length: float, viscosity: float) -> float:
        """pi r^4 / (8 mu l) [m3/(Pa s)] of a stretch of the lumen [m] (Hagen-Poiseuille)."""
        return pi * self.inner_radius**4 / (8.0 * viscosity * length)


@dataclass(frozen=True)
class Hold:
    """How the tissue holds the shaft, per piece from the tip on, or one number for all.

    contact_stress: sigma_n [Pa]. shear_modulus: G [Pa]. standing_gap: [m] left open by the insertion, 0 for none.
    """

    contact_stress: float | np.ndarray
    shear_modulus: float | np.ndarray
    standing_gap: float | np.ndarray


@dataclass(frozen=True)
class SideHole:
    """A round hole in the tube. distance: of its centre from the tip [m]; radius: [m]."""

    distance: float
    radius: float

    def conductance(self, wall: float, viscosity: float) -> float:
        """1 / (mu (3/r^3 + 8 t/(pi r^4))) [m3/(Pa s)] of a hole in a wall of thickness t [m].

        Source: Dagan, Weinbaum and Pfeffer 1982, J Fluid Mech 115:505 (doi 10.1017/S0022112082000883), within 1 %.
        """
        return 1.0 / (viscosity * (3.0 / self.radius**3 + 8.0 * wall / (pi * self.radius**4)))


@dataclass(frozen=True)
class Shaft:
    """One needle in the tissue, for the track.

    tip, end: LPS [m], of the tip and of where the shaft leaves the tissue. pieces: into which the gap is cut. ending:
    of the gap at `end`. opening: of the tip. holes: side holes. Raises BadInput for a shaft without length, holes
    beyond it, or a needle without any opening.
    """

    tip: tuple[float, float, float]
    end: tuple[float, float, float]
    tube: Tube
    hold: Hold | TightTrack
    opening: OpenTip | ClosedTip
    ending: OpenExit | SealedEnd
    pieces: int
    holes: tuple[SideHole, ...] = ()

    def __post_init__(self) -> None:
        if not (isfinite(self.depth) and self.depth > 0 and self.pieces >= 1):
            raise BadInput(
                f"a shaft from {self.tip!r} to {self.end!r} in {self.pieces!r} pieces has no length; move its end"
            )
        if isinstance(self.opening, ClosedTip) and not self.holes:
            raise BadInput("a needle with a closed tip and no side hole gives nothing; add side holes or open its tip")
        if any(not (0 < h.distance < min(self.depth, self.tube.length) and h.radius > 0) for h in self.holes):
            raise BadInput(
                f"side holes need a radius and must lie on the inserted {self.depth!r} m, got {self.holes!r}; move them"
            )

    @property
    def depth(self) -> float:
        """Inserted length [m]."""
        return float(np.linalg.norm(np.subtract(self.end, self.tip)))

    @property
    def axis(self) -> np.ndarray:
        """Unit vector from the tip to the end."""
        return np.subtract(self.end, self.tip) / self.depth

    def walls(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Contact stress [Pa], shear modulus [Pa] and standing gap [1] of every piece; (pieces,) each."""
        if isinstance(self.hold, TightTrack):
            hold = (0.0, np.inf, 0.0)  # a wall that does not give: no pressure opens it
        else:
            standing = np.divide(self.hold.standing_gap, self.tube.outer_radius)
            hold = (self.hold.contact_stress, self.hold.shear_modulus, standing)
        return tuple(np.broadcast_to(np.asarray(a, float), (self.pieces,)) for a in hold)

    def middles(self) -> np.ndarray:
        """Centres of the pieces of gap, LPS [m], tip first. Shape (pieces, 3)."""
        places = (np.arange(self.pieces) + 0.5) / self.pieces
        return np.asarray(self.tip) + places[:, None] * np.subtract(self.end, self.tip)


class _Draft:
    """Lists of nodes and edges while a network grows."""

    def __init__(self, viscosity: float) -> None:
        self.viscosity = viscosity
        self.walls, self.length = [], []
        self.gap, self.exits, self.lumen, self.touching = [], [], [], []

    def node(self, wall, length: float) -> int:
        self.walls.append(wall)
        self.length.append(length)
        return len(self.length) - 1

    def network(self, contacts) -> Network:
        wall = GapWall(*(np.array(column, float) for column in zip(*self.walls, strict=True)), self.viscosity)
        gap, exits, tubes = (np.array(rows, float).reshape(-1, 3) for rows in (self.gap, self.exits, self.lumen))
        first, second = (gap[:, n].astype(int) for n in (0, 1))
        last = exits[:, 0].astype(int)
        return Network(
            wall,
            np.array(self.length, float),
            Gap(first, second, gap[:, 2].copy(), wall.between(first, second)),
            Exits(last, exits[:, 1].copy(), wall.at(last), exits[:, 2].copy()),
            Lumen(tubes[:, 0].astype(int), tubes[:, 1].astype(int), tubes[:, 2].copy()),
            contacts,
        )


def _add_shaft(draft: _Draft, hub: int, shaft: Shaft) -> list[int]:
    """Gap, cavity and lumen of one shaft; returns its nodes (cavity or None, then the pieces from the tip on)."""
    length = shaft.depth / shaft.pieces
    stress, modulus, standing = shaft.walls()
    rows = [(shaft.tube.outer_radius, *law) for law in zip(stress, modulus, standing, strict=True)]
    cavity = None
    if isinstance(shaft.opening, OpenTip):
        cavity = draft.node(rows[0], 0.0)
    pieces = [draft.node(row, length) for row in rows]
    if cavity is not None:
        draft.gap.append((cavity, pieces[0], 0.5 * length))
    draft.gap += [(a, b, length) for a, b in pairwise(pieces)]
    if isinstance(shaft.ending, OpenExit):
        if shaft.ending.pressure > stress[-1] and modulus[-1] < np.inf:
            raise BadInput(
                f"the pressure outside the track, {shaft.ending.pressure!r} Pa, exceeds the contact stress "
                f"{float(stress[-1])!r} Pa at the surface, so the gap would suck; raise the contact stress to it"
            )
        draft.exits.append((pieces[-1], 0.5 * length, shaft.ending.pressure))
    _add_lumen(draft, hub, shaft, cavity, pieces)
    return [cavity, *pieces]


def _add_lumen(draft: _Draft, hub: int, shaft: Shaft, cavity: int | None, pieces: list[int]) -> None:
    """The ladder of the lumen: from the hub past each side hole to the tip."""
    tube, mu = shaft.tube, draft.viscosity
    place, node = tube.length, hub
    plain = draft.walls[pieces[0]]
    for hole in sorted(shaft.holes, key=lambda h: -h.distance):
        inner = draft.node(plain, 0.0)
        draft.lumen.append((node, inner, tube.conductance(place - hole.distance, mu)))
        place_in_gap = hole.distance / shaft.depth * shaft.pieces * (1.0 + TIE)
        outside = pieces[min(int(place_in_gap), shaft.pieces - 1)]
        draft.lumen.append((inner, outside, hole.conductance(tube.outer_radius - tube.inner_radius, mu)))
        place, node = hole.distance, inner
    if cavity is not None:
        draft.lumen.append((node, cavity, tube.conductance(place, mu)))


def _touch(draft: _Draft, grid: VoxelGrid, active, shaft: Shaft, nodes) -> None:
    """Contacts of one shaft's cavity and pieces with the voxels."""
    cavity, *pieces = nodes
    length, radius = shaft.depth / shaft.pieces, shaft.tube.outer_radius
    found = [line_cells(grid, active, middle, shaft.axis, length, radius) for middle in shaft.middles()]
    resistances = line_resistance(grid, [(cells, shares) for cells, shares, _ in found], length, radius, found[0][2])
    for node, (cells, shares, _), resistance in zip(pieces, found, resistances, strict=True):
        draft.touching.append((node, cells, shares, resistance, length))
    if cavity is not None:
        cells, shares, wide = ball_cells(grid, active, shaft.tip, shaft.opening.cavity_radius)
        resistance = ball_resistance(grid, cells, shares, shaft.opening.cavity_radius, wide)
        draft.touching.append((cavity, cells, shares, resistance, None))


def build_network(groups: Sequence[Sequence[Shaft]], viscosity: float, grid: VoxelGrid, conductivity, active):
    """The network of needles in voxels, the hub of each group, and the nodes of each shaft.

    groups: needles that share a hub stand in one group. viscosity: mu [Pa s] of the liquid. conductivity: (nx, ny, nz)
    at rest [m2/(Pa s)]. active: bool (nx, ny, nz). Returns (Network, hubs (g,), nodes: per group and shaft a list whose
    first entry is the cavity, None for a closed tip). Raises BadInput where a shaft lies outside the active voxels.
    """
    if not groups or not all(groups):
        raise BadInput("a track needs at least one needle in each group; give one")
    draft, hubs, nodes = _Draft(viscosity), [], []
    for group in groups:
        first = group[0]
        stress, modulus, _ = first.walls()
        hubs.append(draft.node((first.tube.outer_radius, float(stress[0]), float(modulus[0]), 0.0), 0.0))
        nodes.append([_add_shaft(draft, hubs[-1], shaft) for shaft in group])
        for shaft, own in zip(group, nodes[-1], strict=True):
            _touch(draft, grid, active, shaft, own)
    contacts = voxel_contacts(grid, conductivity, draft.touching, len(draft.length))
    return draft.network(contacts), np.array(hubs), nodes
