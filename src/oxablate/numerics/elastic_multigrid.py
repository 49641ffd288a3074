"""Geometric multigrid for the elastic operator on a staggered grid, in single precision, as a preconditioner.

Every level is the same operator on cells twice as wide. The stiffness of a coarse cell is the geometric mean of its
cells in parallel and in series: the first alone is too stiff, the second too soft where stiffness jumps (measured, with
an inclusion 100 times stiffer: 56 iterations of the coupled solver in parallel, 48 in series, 39 between). The weights
of the edges are gathered with 1/2, 1, 1/2. Only axes with narrow cells are coarsened until the others have caught up.
Point smoothing in rows coloured like a chessboard, one component after the other, backwards after the coarse
correction; W-cycles on the upper levels.
"""

import numpy as np

from . import elastic_kernels as kernels
from .elastic import FILLED, ElasticLevel, Sides, may_carry, sum_beside
from .elastic_transfer import AxisMap, prolong, restrict, sum_cells, sum_faces

#: An axis is coarsened while its cells are less than this times as wide as the narrowest.
WIDE = 1.5
SWEEPS = 2
LAST_SWEEPS = 12

#: Levels counted from the finest whose coarse problem is solved by two cycles instead of one.
TWICE_VISITED = 3

FORWARD = tuple((axis, colour) for axis in range(3) for colour in range(2))


class _Level:
    """One level with its work arrays: b, x, and the residual; maps lead to the next level."""

    def __init__(self, operator: ElasticLevel):
        self.operator = operator
        shape = operator.moves.shape
        self.b, self.x, self.rest = (np.zeros(shape, np.float32) for _ in range(3))
        self.maps: tuple[AxisMap, ...] = ()

    @property
    def memory_bytes(self) -> int:
        return self.operator.memory_bytes + 3 * self.b.nbytes

    def relax(self, backward: bool, sweeps: int) -> None:
        for _ in range(sweeps):
            for axis, colour in reversed(FORWARD) if backward else FORWARD:
                kernels.relax(self.x, self.b, self.operator.moves, *self.operator.arguments, axis, colour)


class ElasticMultigrid:
    """Approximate inverse of the elastic operator; write `b`, call `cycle()`, read `x` (float32, ghosts 0).

    cells: (m, l), edges: (txy, txz, tyz) without ghosts and widths per axis as for `ElasticLevel`, in units in which
    they are near 1.
    """

    def __init__(self, cells, edges, widths, sides: Sides):
        self.levels = []
        while True:
            level = _Level(ElasticLevel.of(cells, edges, widths, sides, np.float32))
            self.levels.append(level)
            factors = self._factors(cells[0].shape, widths)
            if factors == (1, 1, 1):
                break
            level.maps = tuple(AxisMap.of(n, f) for n, f in zip(cells[0].shape, factors, strict=True))
            cells, edges, widths = coarsen(cells, edges, widths, factors, sides)

    @property
    def b(self) -> np.ndarray:
        return self.levels[0].b

    @property
    def x(self) -> np.ndarray:
        return self.levels[0].x

    @property
    def memory_bytes(self) -> int:
        return sum(level.memory_bytes for level in self.levels)

    @staticmethod
    def _factors(shape, widths) -> tuple[int, ...]:
        means = [float(w.mean()) for w in widths]
        least = min((m for m, n in zip(means, shape, strict=True) if n > 2), default=0.0)
        return tuple(2 if n > 2 and m < WIDE * least else 1 for m, n in zip(means, shape, strict=True))

    def cycle(self) -> None:
        """One cycle from zero."""
        self.levels[0].x.fill(0)
        self._cycle(0)

    def _cycle(self, index: int) -> None:
        level = self.levels[index]
        if not level.maps:
            level.relax(False, LAST_SWEEPS)
            level.relax(True, LAST_SWEEPS)
            return
        level.relax(False, SWEEPS)
        kernels.residual(level.x, level.b, level.operator.moves, *level.operator.arguments, level.rest)
        coarse = self.levels[index + 1]
        ups, downs = tuple(m.up for m in level.maps), tuple(m.down for m in level.maps)
        restrict(level.rest, *ups, *downs, coarse.b)
        coarse.x.fill(0)
        for _ in range(2 if index < TWICE_VISITED and coarse.maps else 1):
            self._cycle(index + 1)
        for axis in range(3):
            prolong(coarse.x, coarse.operator.moves, *ups, axis, level.operator.moves, level.x)
        level.relax(True, SWEEPS)


def coarsen(cells, edges, widths, factors, sides: Sides):
    """Weights of the next level; an edge on a coarse free surface carries nothing."""
    series = _in_series(cells[0], factors)
    for axis, factor in enumerate(factors):
        cells = tuple(sum_cells(c, axis, factor) for c in cells)
        edges = tuple(
            (sum_faces if axis in pair else sum_cells)(e, axis, factor)
            for e, pair in zip(edges, ((0, 1), (0, 2), (1, 2)), strict=True)
        )
    widths = tuple(sum_cells(w, 0, f) for w, f in zip(widths, factors, strict=True))
    softer = np.sqrt(np.divide(series, cells[0], out=np.ones_like(series), where=cells[0] > 0))
    cells = tuple(c * softer for c in cells)
    filled = (cells[0] > 0).astype(float)
    kept = tuple(
        np.where(_open(filled, pair, sides), e, 0.0) for e, pair in zip(edges, ((0, 1), (0, 2), (1, 2)), strict=True)
    )
    return cells, kept, widths


def _in_series(weight: np.ndarray, factors) -> np.ndarray:
    """Weight of the filled part of each coarse cell if its filled cells lay in series: count^2 / sum of 1 / weight."""
    filled = weight > 0
    count, inverse = filled.astype(float), np.divide(1.0, weight, out=np.zeros_like(weight), where=filled)
    for axis, factor in enumerate(factors):
        count, inverse = sum_cells(count, axis, factor), sum_cells(inverse, axis, factor)
    return np.divide(count**2, inverse, out=np.zeros_like(inverse), where=inverse > 0)


def _open(filled: np.ndarray, pair: tuple[int, int], sides: Sides) -> np.ndarray:
    """Edges that are not on a free surface."""
    count, around = filled, np.ones_like(filled)
    for axis in pair:
        count, around = sum_beside(count, axis), sum_beside(around, axis)
    return (count >= FILLED * around / 4.0) & may_carry(filled.shape, pair, sides)
