"""Solve the elliptic equation of a box of voxels: A p = b with variable, jumping coefficients.

    sum over the six neighbours N of T_f (p_P - p_N) + s_P p_P = b_P

Flexible conjugate gradients in double precision, preconditioned by multigrid in single precision: on regular blocks
(`multigrid`) first, and by aggregation along strong couplings (`aggregation`) where the blocks are seen to crawl.
"""

from dataclasses import dataclass

import numpy as np

from .aggregation import Aggregation
from .krylov import advance, load_residual, new_direction, subtract_from
from .multigrid import Multigrid
from .outcome import Ending, SolveOutcome
from .pockets import Pockets, find_pockets
from .stencil import FaceCoefficients, apply_operator, survey

__all__ = ["EllipticSolver", "FaceCoefficients", "apply_operator"]

#: From this iteration on, a solve that will need more than CRAWL iterations at its pace so far changes preconditioner.
PATIENCE = 24
CRAWL = 100

#: A guess whose residual is this many times the right-hand side is replaced by 0.
HOPELESS = 1e4


@dataclass
class _Progress:
    """Where an iteration stands: norms of the residual at the start, now, and when last recomputed; unit of b."""

    first: float
    residual: float
    iterations: int = 0
    last_true: float = np.inf

    def crawls(self, goal: float) -> bool:
        """Whether the pace so far would take more than CRAWL iterations to `goal`."""
        if self.iterations < PATIENCE:
            return False
        gained = np.log(self.first / self.residual) / self.iterations
        return not gained * CRAWL > np.log(self.first) - np.log(max(goal, np.finfo(float).tiny))


class EllipticSolver:
    """Solver for one shape of box; all memory is taken once and reused.

    setup(coefficients) must precede solve and be repeated after the coefficients changed.
    """

    def __init__(self, shape: tuple[int, int, int]):
        self.shape = tuple(int(n) for n in shape)
        self._multigrid = Multigrid(self.shape)
        self._aggregation: Aggregation | None = None
        self._residual, self._direction, self._image = (np.zeros(self.shape) for _ in range(3))
        self._coefficients: FaceCoefficients | None = None
        self._pockets: Pockets | None = None
        self._refusal: SolveOutcome | None = None

    @property
    def memory_bytes(self) -> float:
        """Bytes per unknown that the solver holds beyond the coefficients, the right-hand side and the solution."""
        held = self._multigrid.memory_bytes + 3 * self._residual.nbytes
        held += 0 if self._aggregation is None else self._aggregation.memory_bytes
        held += 0 if self._pockets is None else self._pockets.labels.nbytes + self._pockets.sizes.nbytes
        return held / self._residual.size

    def setup(self, coefficients: FaceCoefficients) -> None:
        """Take over the coefficients (by reference) and rebuild the hierarchy, at the cost of a few sweeps.

        Coefficients that are negative or not finite are reported by the next solve, which then leaves x alone.
        """
        if coefficients.shape != self.shape:
            raise ValueError(f"this solver was made for {self.shape}, the coefficients are {coefficients.shape}")
        self._coefficients = coefficients
        seen = survey(coefficients)
        self._refusal = self._pockets = self._aggregation = None
        if not seen.finite:
            self._refusal = SolveOutcome(Ending.NOT_FINITE, 0, np.inf, _first(coefficients, lambda v: ~np.isfinite(v)))
        elif seen.negative:
            self._refusal = SolveOutcome(Ending.NEGATIVE, 0, np.inf, _first(coefficients, lambda v: v < 0.0))
        else:
            self._pockets = find_pockets(coefficients, seen)
            grounds = () if self._pockets is None else self._pockets.one_voxel_each()
            self._multigrid.setup(coefficients, 1.0 / max(seen.largest, np.finfo(float).tiny), grounds)

    def solve(
        self,
        rhs: np.ndarray,
        x: np.ndarray,
        *,
        tolerance: float,
        max_iterations: int = 200,
        norm_scale: float | None = None,
    ) -> SolveOutcome:
        """Solve A x = rhs; x holds the initial guess and is overwritten.

        Ends when ||rhs - A x||_2 <= tolerance * (norm_scale or ||rhs||_2), with the residual recomputed from x. In a
        closed pocket (no diagonal term anywhere) x is given mean 0, and the residual is measured without its mean;
        a net source there is INCOMPATIBLE. rhs, x: float64 (nx, ny, nz), x C-contiguous; norm_scale in the unit of rhs.
        Whatever goes wrong is in the outcome, and x stays finite.
        """
        if self._coefficients is None:
            raise ValueError("call setup(coefficients) before solve")
        if x.shape != self.shape or rhs.shape != self.shape or x.dtype != np.float64 or not x.flags.c_contiguous:
            raise ValueError(f"rhs and x must have shape {self.shape}, and x be a C-contiguous float64 array")
        rhs = np.ascontiguousarray(rhs, float)
        self._residual.fill(0.0)
        size = np.sqrt(subtract_from(rhs, self._residual))
        if self._refusal is not None or not np.isfinite(size):
            return self._refuse(rhs, x)
        if size == 0.0:
            x.fill(0.0)
            return SolveOutcome(Ending.CONVERGED, 0, 0.0)
        scale = norm_scale or size
        if self._pockets is not None:
            where = self._pockets.incompatible(rhs, 0.5 * tolerance * scale)
            if where is not None:
                _make_finite(x)
                return SolveOutcome(Ending.INCOMPATIBLE, 0, size / scale, where)
        ending, progress = self._iterate(rhs, x, size, tolerance * scale, max_iterations)
        if self._pockets is not None:
            self._pockets.remove_means(x)
        where = None if ending is Ending.CONVERGED else _largest(self._residual)
        return SolveOutcome(ending, progress.iterations, float(progress.residual / scale), where)

    def _refuse(self, rhs: np.ndarray, x: np.ndarray) -> SolveOutcome:
        """The outcome for coefficients or a right-hand side that cannot be used."""
        _make_finite(x)
        if self._refusal is not None:
            return self._refusal
        bad = ~np.isfinite(rhs)
        where = _largest(bad) if bad.any() else _largest(rhs)  # all finite: the norm overflowed
        return SolveOutcome(Ending.NOT_FINITE, 0, np.inf, where)

    def _true_residual(self, rhs: np.ndarray, x: np.ndarray) -> float:
        """Write rhs - A x into the residual, without its means over pockets, and return its norm."""
        apply_operator(self._coefficients, x, self._residual)
        square = subtract_from(rhs, self._residual)
        if self._pockets is not None:
            self._pockets.remove_means(self._residual)
            square = float(np.vdot(self._residual, self._residual))
        return np.sqrt(square)

    def _iterate(self, rhs, x, size: float, goal: float, max_iterations: int) -> tuple[Ending, _Progress]:
        """Conjugate gradients until the true residual meets `goal`; `size` is the norm of rhs."""
        start = self._true_residual(rhs, x)
        if not start <= HOPELESS * size:  # also NaN: a guess that would leave nothing but its own round-off
            x.fill(0.0)
            start = self._true_residual(rhs, x)
        progress = _Progress(start, start)
        inverse_curvature = 0.0
        while progress.residual > goal:
            if progress.iterations >= max_iterations:
                progress.residual = self._true_residual(rhs, x)
                return Ending.TOO_MANY_ITERATIONS, progress
            if self._aggregation is None and progress.crawls(goal):
                self._aggregation = Aggregation(self._multigrid.levels[0])
                inverse_curvature = 0.0
            inverse_curvature, progress.residual = self._step(x, progress.residual, inverse_curvature)
            progress.iterations += 1
            if inverse_curvature == 0.0 or progress.residual <= goal:  # broken down, or done if the recursion is right
                progress.residual = self._true_residual(rhs, x)
                if progress.residual > goal and not progress.residual < 0.5 * progress.last_true:
                    return Ending.STALLED, progress
                progress.last_true = progress.residual
                inverse_curvature = 0.0
        return Ending.CONVERGED, progress

    def _step(self, x: np.ndarray, residual: float, inverse_curvature: float) -> tuple[float, float]:
        """One step of conjugate gradients; returns (1 / p.Ap, residual norm), (0, inf) when p is no direction."""
        preconditioner = self._aggregation or self._multigrid
        load_residual(self._residual, 1.0 / residual, preconditioner.b)
        preconditioner.cycle()
        if inverse_curvature == 0.0:
            self._image.fill(0.0)
            self._direction.fill(0.0)
        slope = new_direction(preconditioner.x, self._image, self._direction, self._residual, inverse_curvature)
        curvature = apply_operator(self._coefficients, self._direction, self._image)
        if not (curvature > 0.0 and np.isfinite(curvature) and np.isfinite(slope) and np.isfinite(slope / curvature)):
            return 0.0, np.inf
        square = advance(x, self._residual, self._direction, self._image, slope / curvature)
        return 1.0 / curvature, float(np.sqrt(square))


def _make_finite(x: np.ndarray) -> None:
    """Replace a guess that holds NaN or infinity by 0."""
    if not np.isfinite(x).all():
        x.fill(0.0)


def _largest(values: np.ndarray) -> tuple[int, int, int]:
    """Voxel of the largest magnitude."""
    return tuple(int(n) for n in np.unravel_index(int(np.argmax(np.abs(values))), values.shape))


def _first(coefficients: FaceCoefficients, wrong) -> tuple[int, int, int]:
    """First voxel where some coefficient is wrong."""
    found = np.zeros(coefficients.shape, bool)
    for axis, values in enumerate(coefficients.arrays):
        bad = wrong(values)
        if axis < 3:
            bad[(slice(None),) * axis + (-1,)] = False  # the last faces lead nowhere and are not read
        found |= bad
    return tuple(int(n) for n in np.unravel_index(int(np.argmax(found)), found.shape))
