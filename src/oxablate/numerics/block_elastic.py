"""A displacement and a cell field bound by volume: the two-by-two block system and its preconditioner.

    A u - C' p = f            forces on the faces
    C u + S p  = g            volumes of the cells,   C u = w div u,   S a seven-point operator

Preconditioned from the right by the upper triangle, with Schur's complement replaced by S + w^2 / m, where m is the
cell's weight V (lambda + 2 G): for a uniform infinite body div A^-1 div' is exactly 1 / (lambda + 2 G). On the
staggered grid the pair is stable whatever S is: no pressure oscillates as S vanishes. A cycle of multigrid stands for
each inverse.
"""

import numpy as np

from .block_gmres import BlockGmres
from .elastic import ElasticLevel, Sides, padded
from .elastic_multigrid import ElasticMultigrid
from .jit import prange, sized_kernel
from .multigrid import Multigrid
from .outcome import SolveOutcome
from .stencil import FaceCoefficients, apply_operator


@sized_kernel
def pull(w, p, rx, ry, rz, sign, out):
    """Add sign * C' p to the faces of `out`: the force of a pressure on each. w, p: (nx + 3, ny + 3, nz + 3)."""
    nx, ny, nz = w.shape[0] - 3, w.shape[1] - 3, w.shape[2] - 3
    for i in prange(1, nx + 2):
        for j in range(1, ny + 2):
            for k in range(1, nz + 2):
                here = sign * w[i, j, k] * p[i, j, k]
                out[0, i, j, k] += sign * w[i - 1, j, k] * p[i - 1, j, k] * rx[i - 1] - here * rx[i]
                out[1, i, j, k] += sign * w[i, j - 1, k] * p[i, j - 1, k] * ry[j - 1] - here * ry[j]
                out[2, i, j, k] += sign * w[i, j, k - 1] * p[i, j, k - 1] * rz[k - 1] - here * rz[k]


@sized_kernel
def swell(u, w, rx, ry, rz, added, out):
    """w div u + added into the cells of `out` (nx + 3, ...); added: (nx, ny, nz)."""
    nx, ny, nz = added.shape
    for i in prange(1, nx + 1):
        for j in range(1, ny + 1):
            for k in range(1, nz + 1):
                stretch = (u[0, i + 1, j, k] - u[0, i, j, k]) * rx[i] + (u[1, i, j + 1, k] - u[1, i, j, k]) * ry[j]
                stretch += (u[2, i, j, k + 1] - u[2, i, j, k]) * rz[k]
                out[i, j, k] = w[i, j, k] * stretch + added[i - 1, j - 1, k - 1]


class BlockElastic:
    """The block system on one box: operator, preconditioner, solver. All coefficients without unit and near 1.

    cells: (m, l), edges: (txy, txz, tyz), widths: per axis, as for `ElasticMultigrid`. coupling: w (nx, ny, nz).
    sides: what the outer faces do. tied: numbers of the outer faces whose normal displacement is one value.
    Vectors are (4, nx + 3, ny + 3, nz + 3): displacements on their faces, then p in its cells, ghosts as given.
    """

    def __init__(self, cells, edges, widths, coupling: np.ndarray, sides: Sides, tied: tuple[int, ...] = ()):
        self.shape, self.sides, self.tied = coupling.shape, sides, tied
        self.level = ElasticLevel.of(cells, edges, widths, sides, np.float64)
        held = Sides(tuple(s or n in tied for n, s in enumerate(sides.still)), sides.sticky)
        self.multigrid = ElasticMultigrid(cells, edges, widths, held)
        self.weight = padded(coupling)
        filled = cells[0] > 0
        self.undrained = np.divide(coupling**2, cells[0], out=np.zeros(self.shape), where=filled)
        self.rates = self.level.metric[:3]
        self.inner = tuple(slice(1, n + 1) for n in self.shape)
        self.pressure_grid = Multigrid(self.shape)
        self.gmres = BlockGmres((4, *(n + 3 for n in self.shape)))
        self._cells, self._flow = np.zeros(self.shape), np.zeros(self.shape)

    @property
    def memory_bytes(self) -> int:
        """Bytes held, with room for a full cycle of GMRES."""
        held = self.level.memory_bytes + self.multigrid.memory_bytes + self.pressure_grid.memory_bytes
        return held + self.gmres.memory_bytes(self.gmres.restart) + self.weight.nbytes + 3 * self._cells.nbytes

    def vector(self) -> np.ndarray:
        """A vector of zeros."""
        return np.zeros(self.gmres.shape)

    def set_flow(self, flow: FaceCoefficients) -> None:
        """Take over S (by reference) and rebuild the hierarchy of the pressure's preconditioner."""
        self.flow = flow
        schur = FaceCoefficients(flow.tx, flow.ty, flow.tz, flow.diagonal + self.undrained)
        largest = max(float(np.max(a)) for a in schur.arrays)
        self._scale = 1.0 / max(largest, np.finfo(float).tiny)
        self.pressure_grid.setup(schur, self._scale)

    def image(self, x: np.ndarray, out: np.ndarray) -> None:
        """The left-hand sides for x; 0 on the faces that are given, means on tied ones. x, out: distinct vectors."""
        out.fill(0.0)
        self.level.apply(x, out)
        pull(self.weight, x[3], *self.rates, -1.0, out)
        np.copyto(self._cells, x[3][self.inner])
        apply_operator(self.flow, self._cells, self._flow)
        swell(x, self.weight, *self.rates, self._flow, out[3])
        self.constrain(out)

    def constrain(self, vector: np.ndarray) -> None:
        """Drop the forces on faces whose displacement is given, share those on tied faces, drop forces on ghosts."""
        for number in range(6):
            plane, active = self.plane(number)
            values = vector[divmod(number, 2)[0]][plane]
            if number in self.tied:
                values[...] = np.where(active, values.sum() / max(active.sum(), 1), 0.0)
            elif self.sides.still[number]:
                values[...] = 0.0

    def plane(self, number: int) -> tuple[tuple, np.ndarray]:
        """Index of an outer face's normal displacements, and which of them have something inside."""
        axis, end = divmod(number, 2)
        index = tuple(1 + end * self.shape[axis] if a == axis else slice(1, n + 1) for a, n in enumerate(self.shape))
        inside = tuple(1 + end * (self.shape[axis] - 1) if a == axis else s for a, s in enumerate(index))
        return index, self.level.cells[0][inside] > 0

    def precondition(self, residual: np.ndarray, out: np.ndarray) -> None:
        """An approximation of the solution for a residual, into `out` (float32)."""
        grid, inner = self.pressure_grid, self.inner
        inside = tuple(slice(1, n + 1) for n in self.shape)
        grid.b[inside] = residual[3][inner]
        grid.cycle()
        out.fill(0)
        out[3][inner] = grid.x[inside]
        out[3] *= np.float32(self._scale)
        elastic = self.multigrid
        elastic.b[...] = residual[:3]
        pull(self.weight, out[3], *self.rates, 1.0, elastic.b)
        elastic.cycle()
        out[:3] = elastic.x
        for number in self.tied:
            self._move_plate(number, residual, out)

    def _move_plate(self, number: int, residual: np.ndarray, out: np.ndarray) -> None:
        """Displace a tied face by its force over the stiffness of the cells behind it."""
        axis, end = divmod(number, 2)
        plane, active = self.plane(number)
        rate = self.rates[axis][1 + end * (self.shape[axis] - 1)]
        inside = tuple(1 + end * (self.shape[axis] - 1) if a == axis else s for a, s in enumerate(plane))
        stiffness = float(np.sum(self.level.cells[0][inside]) * rate**2)
        out[axis][plane] = np.where(active, residual[axis][plane].sum() / stiffness, 0.0)

    def solve(self, rhs: np.ndarray, x: np.ndarray, tolerance: float, max_iterations: int) -> SolveOutcome:
        """Solve for x, which holds the guess and every given displacement.

        Ends when the norm of the residual is at most `tolerance` times that of the right-hand side, of which the given
        displacements are part. rhs: constrained like an image; it is not changed.
        """
        given = self.vector()
        self._copy_given(x, given)
        load = self.vector()
        self.image(given, load)
        np.subtract(rhs, load, out=load)
        size = self.gmres.norm(load)
        if size == 0.0:
            np.copyto(x, given)
        return self.gmres.solve(self.image, self.precondition, rhs, x, tolerance * size, max_iterations)

    def _copy_given(self, x: np.ndarray, out: np.ndarray) -> None:
        """Copy given displacements: ghosts, and the faces that are still."""
        out[:3] = x[:3]
        for axis in range(3):
            inner = tuple(slice(1, n + 1 + (a == axis)) for a, n in enumerate(self.shape))
            kept = {n: x[axis][self.plane(n)[0]].copy() for n in (2 * axis, 2 * axis + 1) if self.sides.still[n]}
            out[axis][inner] = 0.0
            for number, values in kept.items():
                out[axis][self.plane(number)[0]] = values
