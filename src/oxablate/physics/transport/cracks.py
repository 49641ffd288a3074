"""The crack pot: agent in cracks that turn over in milliseconds, advanced by whole steps in the order of the flow."""

from dataclasses import dataclass

import numpy as np

from ..process import Booking
from . import crack_kernels, kernels, ordering
from .budget import BOUNDARY
from .pots import PotFlows

_CIRCLING_TURNS = 60
_CIRCLING_CHANGE = 1e-13


@dataclass(frozen=True)
class Walls:
    """What the matrix behind the crack walls offers, a row for each listed voxel.

    slab: half distance of the cracks L = b_c / 2 [m]; theta: matrix fluid per volume [1]; inside: concentration of the
    matrix fluid [mol/m3]; diffusivity: pore diffusivity [m2/s]; demand: fast demand ahead of the front [mol/m3], 0
    where there is none; held: what the slab has taken so far, s f + shielded [mol/m3].
    """

    slab: np.ndarray
    theta: np.ndarray
    inside: np.ndarray
    diffusivity: np.ndarray
    demand: np.ndarray
    held: np.ndarray

    @property
    def rows(self) -> tuple[np.ndarray, ...]:
        return self.slab, self.theta, self.inside, self.diffusivity, self.demand, self.held


@dataclass(frozen=True)
class CrackOutcome:
    """One species after one step: concentration (nx, ny, nz) [mol/m3] of what left the cracks and stayed in them.

    taken: what the walls took, per listed voxel [mol per m3 of voxel], negative where they gave; drawn: amount that the
    track drew out of the cracks [mol]; booking [mol]: lost "boundary" and "decayed".
    """

    concentration: np.ndarray
    taken: np.ndarray
    drawn: float
    booking: Booking


class CrackPot:
    """Advances species through the cracks of a grid; owns the workspaces.

    shape: (nx, ny, nz) voxels; voxel_volume [m3]. `follow` takes the fluid motion of a flow step, `solve` one species
    over a part of it, as often as wanted and without touching its arguments.
    """

    def __init__(self, shape: tuple[int, int, int], voxel_volume: float) -> None:
        self.shape, self.voxel_volume = tuple(int(n) for n in shape), float(voxel_volume)
        self.degree = np.full(self.shape, -1, dtype=np.int8)
        self.work = {name: np.zeros(self.shape) for name in ("out", "net", "new")}
        #: flat indices of the voxels with cracks, upstream first; how many of them have an order
        self.cells, self.ordered = np.zeros(0, np.int64), 0

    def follow(self, flows: PotFlows, before: np.ndarray, after: np.ndarray, duration: float) -> None:
        """List the voxels that hold or pass crack fluid in a flow step, in the order of the flow.

        before, after: crack volume (nx, ny, nz) [m3] at its start and end, linear between; duration [s].
        """
        self.flows, self.duration = flows, duration
        self.volumes = np.ascontiguousarray(before).reshape(-1), np.ascontiguousarray(after).reshape(-1)
        lost = flows.leaking + flows.crack_drawn
        out, net = self.work["out"], self.work["net"]
        self.flow = (*flows.crack_faces, flows.crack_needle, flows.seeping, lost, out, net, before, before)
        planes = np.empty((self.shape[0], 6))
        kernels.survey_flow(self.flow, duration, planes)
        self.work["new"][...] = 0.0
        wet = (before > 0.0) | (after > 0.0) | (out > 0.0) | (lost > 0.0) | (net != 0.0)
        self.degree[wet] = 0
        found = np.empty(int(np.count_nonzero(wet)), np.int32)
        where = np.flatnonzero(wet.any(axis=(1, 2)))
        self.ordered = ordering.upstream_order(where, self.degree, found, self.flow)
        self.cells = found.astype(np.int64)

    def solve(self, old, needle: float, walls: Walls, decay: float, start: float, end: float) -> CrackOutcome:
        """The crack fluid of one species at the end of a part of the flow step; see `crack_kernels`.

        old: concentration (nx, ny, nz) [mol/m3] at its start; needle: concentration of the fluid that enters [mol/m3];
        decay: own loss [1/s]; start, end: of the part, as shares of the flow step.
        """
        new, flows = self.work["new"].reshape(-1), self.flows
        faces = tuple(array.reshape(-1) for array in flows.crack_faces)
        sources = flows.crack_needle.reshape(-1), flows.seeping.reshape(-1)
        times = float(start), float(end), float(self.duration)
        taken = np.zeros(self.cells.size)
        known = (self.shape, faces, sources, old.reshape(-1), new, self.volumes, float(needle), float(decay), times)
        crack_kernels.solve_cells(
            self.cells, 0, self.ordered, *known, walls.rows, self.voxel_volume, taken
        )  # fmt: skip
        if self.ordered < self.cells.size:
            new[self.cells[self.ordered :]] = known[3][self.cells[self.ordered :]]
            self._solve_circling(known, walls, taken)
        sums = np.zeros(4)
        drawn = flows.crack_drawn.reshape(-1)
        crack_kernels.settle(self.cells, self.shape, faces, drawn, new, self.volumes, float(decay), times, sums)
        booking = Booking()
        for name, amount in ((BOUNDARY, sums[0]), ("decayed", sums[2])):
            if amount > 0.0:
                booking.lose(name, amount)
        return CrackOutcome(self.work["new"], taken, float(sums[1]), booking)

    def _solve_circling(self, known, walls: Walls, taken: np.ndarray) -> None:
        """Voxels on or below a circle of fluxes: together, with secants of their walls that are found by repetition.

        What is booked is what the last linear solve gave, so the amounts add up however far the repetition got.
        """
        from scipy.sparse import csc_matrix, diags
        from scipy.sparse.linalg import splu

        cells, first, last = self.cells, self.ordered, self.cells.size
        count, faces, times, new = last - first, known[1], known[8], known[4]
        columns, values = np.empty((count, 6), np.int64), np.zeros((count, 6))
        dt = (times[1] - times[0]) * times[2]
        crack_kernels.coupling(cells, first, last, self.shape, faces, dt, columns, values)
        rows, sides = np.nonzero(columns >= 0)
        across = columns[rows, sides]
        passing = csc_matrix((values[rows, sides], (rows, across)), shape=(count, count))
        linear, here = np.zeros((last, 4)), cells[first:]
        for _ in range(_CIRCLING_TURNS):
            before = new[here].copy()
            crack_kernels.secants(cells, first, last, *known, walls.rows, self.voxel_volume, linear)
            capacity, amount, slope, offset = linear[first:].T
            diagonal = np.where(capacity > 0.0, capacity + slope, 1.0)
            right = amount - passing @ before + offset
            matrix = csc_matrix(diags(diagonal) - passing)
            factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
            new[here] = np.maximum(factors.solve(np.where(capacity > 0.0, right, 0.0)), 0.0)
            if np.abs(new[here] - before).max() <= _CIRCLING_CHANGE * new[here].max():
                break
        taken[first:] = (slope * new[here] - offset) / self.voxel_volume
