"""Solve a seven-point system whose faces see their two sides with different weights.

    (A x)_P = s_P x_P + sum over the six faces of ( a_f,P x_P - a_f,N x_N )

a_f,P, a_f,N: the weights of a face for the voxel P and its neighbour N, each >= 0. Every column sums to s_P >= 0, so A
is an M-matrix. This is the Jacobian of a flux that depends on both sides through one increasing function per face.
Flexible GMRES, preconditioned by multigrid on the symmetric matrix with the smaller weight of each face and the true
diagonal: close to A once the unknowns are scaled so that both weights of a face are alike. What else acts on the
unknowns, for example a network that joins distant voxels, may be added: exact in A, its diagonal in the preconditioner.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .block_gmres import BlockGmres
from .jit import prange, sized_kernel
from .krylov import load_residual
from .multigrid import Multigrid
from .outcome import SolveOutcome
from .stencil import FaceCoefficients, survey

#: Directions kept before GMRES starts again: few solves need more, and each takes 12 bytes a voxel.
RESTART = 16


@dataclass(frozen=True)
class SidedFaces:
    """Weights of the faces for the voxel on their lower and upper side, and the column sums s.

    lower, upper: (x, y, z) arrays (nx, ny, nz) float64, entry [i] the face between i and i + 1, last planes 0.
    diagonal: s (nx, ny, nz) >= 0.
    """

    lower: tuple[np.ndarray, np.ndarray, np.ndarray]
    upper: tuple[np.ndarray, np.ndarray, np.ndarray]
    diagonal: np.ndarray


class Addition(Protocol):
    """What a matrix has beside its faces."""

    def apply(self, field: np.ndarray, out: np.ndarray) -> None:
        """Add its image of `field` to `out`, both (nx, ny, nz)."""

    def add_diagonal(self, out: np.ndarray) -> None:
        """Add its diagonal to `out` (nx, ny, nz)."""


@sized_kernel
def _image(ax, ay, az, bx, by, bz, s, x, out):
    """A x into `out`."""
    nx, ny, nz = x.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                own = x[i, j, k]
                total = s[i, j, k] * own
                if i + 1 < nx:
                    total += ax[i, j, k] * own - bx[i, j, k] * x[i + 1, j, k]
                if i > 0:
                    total += bx[i - 1, j, k] * own - ax[i - 1, j, k] * x[i - 1, j, k]
                if j + 1 < ny:
                    total += ay[i, j, k] * own - by[i, j, k] * x[i, j + 1, k]
                if j > 0:
                    total += by[i, j - 1, k] * own - ay[i, j - 1, k] * x[i, j - 1, k]
                if k + 1 < nz:
                    total += az[i, j, k] * own - bz[i, j, k] * x[i, j, k + 1]
                if k > 0:
                    total += bz[i, j, k - 1] * own - az[i, j, k - 1] * x[i, j, k - 1]
                out[i, j, k] = total


@sized_kernel
def _symmetric_part(ax, ay, az, bx, by, bz, s, tx, ty, tz, diagonal):
    """Smaller weight of every face; what the diagonal of A has beyond their sum."""
    nx, ny, nz = s.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                rest = s[i, j, k]
                a, b = ax[i, j, k], bx[i, j, k]
                tx[i, j, k] = min(a, b)
                rest += a - min(a, b)
                a, b = ay[i, j, k], by[i, j, k]
                ty[i, j, k] = min(a, b)
                rest += a - min(a, b)
                a, b = az[i, j, k], bz[i, j, k]
                tz[i, j, k] = min(a, b)
                rest += a - min(a, b)
                if i > 0:
                    a, b = ax[i - 1, j, k], bx[i - 1, j, k]
                    rest += b - min(a, b)
                if j > 0:
                    a, b = ay[i, j - 1, k], by[i, j - 1, k]
                    rest += b - min(a, b)
                if k > 0:
                    a, b = az[i, j, k - 1], bz[i, j, k - 1]
                    rest += b - min(a, b)
                diagonal[i, j, k] = rest


@sized_kernel
def _unpad(z, out):
    """Inner voxels of a padded float32 array."""
    nx, ny, nz = out.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                out[i, j, k] = z[i + 1, j + 1, k + 1]


class UnsymmetricSolver:
    """Solver for one shape of box; all memory is taken once and reused. setup(faces) must precede solve."""

    def __init__(self, shape: tuple[int, int, int]):
        self.shape = tuple(int(n) for n in shape)
        self._multigrid = Multigrid(self.shape)
        self._gmres = BlockGmres((1, *self.shape), RESTART)
        self._symmetric = FaceCoefficients(*(np.zeros(self.shape) for _ in range(4)))
        self._faces: SidedFaces | None = None
        self._addition: Addition | None = None

    def setup(self, faces: SidedFaces, addition: Addition | None = None) -> None:
        """Take over the faces and what is added to their matrix (by reference) and build the preconditioner."""
        self._faces, self._addition = faces, addition
        _symmetric_part(*faces.lower, *faces.upper, faces.diagonal, *self._symmetric.arrays)
        if addition is not None:
            diagonal = self._symmetric.arrays[-1]
            addition.add_diagonal(diagonal)
            np.maximum(diagonal, 0.0, out=diagonal)  # multigrid wants no negative one
        largest = survey(self._symmetric).largest
        self._multigrid.setup(self._symmetric, 1.0 / max(largest, np.finfo(float).tiny))
        self._largest = largest

    def image(self, x: np.ndarray, out: np.ndarray) -> None:
        """A x into `out`."""
        _image(*self._faces.lower, *self._faces.upper, self._faces.diagonal, x, out)
        if self._addition is not None:
            self._addition.apply(x, out)

    def norm(self, vector: np.ndarray) -> float:
        """Euclidean norm, the same bits for any number of threads."""
        return self._gmres.norm(vector[None])

    def solve(self, rhs: np.ndarray, x: np.ndarray, goal: float, max_iterations: int) -> SolveOutcome:
        """Solve A x = rhs from the guess in x until ||rhs - A x|| <= goal [unit of rhs]; residual in that unit too."""
        return self._gmres.solve(self._image4, self._precondition, rhs[None], x[None], goal, max_iterations)

    def _image4(self, x: np.ndarray, out: np.ndarray) -> None:
        self.image(x[0], out[0])

    def _precondition(self, r: np.ndarray, out: np.ndarray) -> None:
        load_residual(r[0], 1.0, self._multigrid.b)
        self._multigrid.cycle()
        _unpad(self._multigrid.x, out[0])
