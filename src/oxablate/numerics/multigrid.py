"""Geometric multigrid for the seven-point operator, in single precision, as a preconditioner.

Each coarse voxel joins up to 2 x 2 x 2 fine ones; a correction is constant over it. The coarse operator is then the
sum of the fine couplings across its faces, times OVERCORRECTION for every axis that was coarsened: piecewise constant
corrections are too stiff by 2 along a smooth solution (Braess, Computing 55 (1995) 379), by less elsewhere. What
the constants lack in order, W-cycles on the upper levels return, at a third more work. An axis along which the voxels
are weakly coupled is not coarsened until the others have caught up (semi-coarsening); coarsening ends at one voxel, or
where the diagonal outweighs the couplings and smoothing alone converges.
"""

from dataclasses import dataclass, field

import numpy as np

from .smoothing import (
    add_correction,
    coarsen_couplings,
    coupling_profile,
    load,
    relax,
    restrict_residual,
)
from .stencil import FaceCoefficients

#: Galerkin couplings of piecewise constant corrections are weighted by this along a coarsened axis. 1/2 is exact for
#: smooth coefficients; a little more is safer where they jump.
OVERCORRECTION = 0.55

#: An axis is coarsened when its couplings have at least this share of the strongest axis'.
STRONG_AXIS = 0.4

#: Coarsening ends where no voxel has more than this share of its diagonal in couplings.
EASY = 0.5

#: Levels counted from the finest whose coarse problem is solved by two cycles instead of one.
TWICE_VISITED = 3


@dataclass
class Level:
    """Arrays of one level: float32 with a layer of ghosts; couplings (tx, ty, tz), s, right-hand side b, solution x."""

    shape: tuple[int, int, int]
    factors: tuple[int, int, int] = (1, 1, 1)
    operator: tuple[np.ndarray, ...] = field(init=False)
    b: np.ndarray = field(init=False)
    x: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        padded = tuple(n + 2 for n in self.shape)
        self.operator = tuple(np.zeros(padded, np.float32) for _ in range(4))
        self.b = np.zeros(padded, np.float32)
        self.x = np.zeros(padded, np.float32)

    @property
    def memory_bytes(self) -> int:
        return self.b.nbytes * 6

    def ground(self, voxels: tuple[np.ndarray, ...]) -> None:
        """Add to the diagonal of the voxels (i, j, k) the sum of their couplings."""
        i, j, k = (index + 1 for index in voxels)
        tx, ty, tz, s = self.operator
        s[i, j, k] += tx[i, j, k] + tx[i - 1, j, k] + ty[i, j, k] + ty[i, j - 1, k] + tz[i, j, k] + tz[i, j, k - 1]


class Multigrid:
    """Symmetric positive (semi-)definite approximate inverse of the seven-point operator; arrays are kept and reused.

    setup(coefficients, scale, grounds) builds the hierarchy of the operator times `scale` [1 / unit of a coefficient],
    so that single precision never sees the unit. `grounds`, one voxel of each closed pocket, get a diagonal term as
    large as their couplings: that makes the preconditioner regular and costs nothing, since on sources that sum to 0
    the grounded pocket has the same solutions up to a constant. Then: write the right-hand side into `b` (ghosts stay
    0), call `cycle()`, read the correction from `x`.
    """

    def __init__(self, shape: tuple[int, int, int]):
        self.levels = [Level(shape)]
        self.depth = 1

    @property
    def b(self) -> np.ndarray:
        return self.levels[0].b

    @property
    def x(self) -> np.ndarray:
        return self.levels[0].x

    @property
    def memory_bytes(self) -> int:
        return sum(level.memory_bytes for level in self.levels)

    def setup(self, coefficients: FaceCoefficients, scale: float, grounds: tuple[np.ndarray, ...] = ()) -> None:
        fine = self.levels[0]
        nx, ny, nz = fine.shape
        for axis, (source, target) in enumerate(zip(coefficients.arrays, fine.operator, strict=True)):
            load(source, scale, target, nx - (axis == 0), ny - (axis == 1), nz - (axis == 2))
        if grounds:
            fine.ground(grounds)
        self.depth = 1
        while (factors := self._factors(fine)) != (1, 1, 1):
            fine.factors = factors
            coarse = self._level(self.depth, tuple((n + f - 1) // f for n, f in zip(fine.shape, factors, strict=True)))
            for axis in range(4):
                halved = axis < 3 and factors[axis] == 2
                weight = np.float32(OVERCORRECTION if halved else 1.0)
                coarsen_couplings(fine.operator[axis], coarse.operator[axis], axis, *factors, weight)
            self.depth += 1
            fine = coarse
        fine.factors = (1, 1, 1)
        del self.levels[self.depth :]

    def _level(self, index: int, shape: tuple[int, ...]) -> Level:
        """Level `index`, reused when its shape is the one wanted."""
        if index < len(self.levels) and self.levels[index].shape == shape:
            return self.levels[index]
        del self.levels[index:]
        self.levels.append(Level(shape))
        return self.levels[index]

    @staticmethod
    def _factors(level: Level) -> tuple[int, int, int]:
        """Coarsening factors of a level; (1, 1, 1) where coarsening ends."""
        *shares, dominance = coupling_profile(*level.operator)
        if dominance <= EASY:
            return (1, 1, 1)
        # n - 1 faces among n voxels: judged per face, a thin axis is not taken for a weak one
        per_face = [share * n / (n - 1) if n > 1 else 0.0 for share, n in zip(shares, level.shape, strict=True)]
        return tuple(
            2 if n > 1 and f >= STRONG_AXIS * max(per_face) else 1 for f, n in zip(per_face, level.shape, strict=True)
        )

    def cycle(self) -> None:
        """One cycle from zero: x becomes an approximation of A^-1 b."""
        self._cycle(0, True)

    def _cycle(self, index: int, fresh: bool) -> None:
        level = self.levels[index]
        relax(*level.operator, level.b, level.x, 0, fresh)
        relax(*level.operator, level.b, level.x, 1, False)
        if index + 1 < self.depth:
            coarse = self.levels[index + 1]
            restrict_residual(*level.operator, level.b, level.x, coarse.b, *level.factors)
            self._cycle(index + 1, True)
            if index < TWICE_VISITED and index + 2 < self.depth:
                self._cycle(index + 1, False)
            add_correction(coarse.x, level.x, *level.factors)
        relax(*level.operator, level.b, level.x, 1, False)
        relax(*level.operator, level.b, level.x, 0, False)
