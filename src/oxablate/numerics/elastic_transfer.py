"""Between two levels of the staggered grid: linear interpolation of displacements, and sums of forces.

Along the axis it is normal to, a displacement is interpolated linearly between coarse faces; across, with the weights
3/4 and 1/4 between rows of faces. Forces are summed with the weights 1/2, 1, 1/2 along and 1 across: one order less,
and a quarter of the cost; together the two orders exceed that of the equation (Brandt, Math. Comp. 31 (1977) 333).
"""

from dataclasses import dataclass

import numpy as np

from .jit import prange, sized_kernel


@dataclass(frozen=True)
class AxisMap:
    """How the cells and faces of one axis lie on two levels; all indices are those of the arrays with ghosts.

    up: (4, n + 3): for each fine face the two coarse faces whose mean it is; for each fine cell its coarse cell and
    the neighbour nearest to it. down: (5, coarse n + 3): for each coarse face the fine face on it and the two beside
    it that lie between coarse faces; for each coarse cell its fine cells. 0 stands for none: ghosts hold 0.
    """

    count: int
    coarse: int
    up: np.ndarray
    down: np.ndarray

    @classmethod
    def of(cls, n: int, factor: int) -> "AxisMap":
        coarse = (n + factor - 1) // factor
        up, down = np.zeros((4, n + 3), np.int64), np.zeros((5, coarse + 3), np.int64)
        for face in range(n + 1):
            between = factor == 2 and face % 2 == 1 and face < n
            left = (face - 1) // 2 if between else -(-face // factor)
            up[0, face + 1], up[1, face + 1] = left + 1, left + 1 + between
            if between:
                down[2, left + 1] = down[1, left + 2] = face + 1
            else:
                down[0, left + 1] = face + 1
        for cell in range(n):
            own = cell // factor
            near = own if factor == 1 else own - 1 + 2 * (cell % 2)
            up[2, cell + 1], up[3, cell + 1] = own + 1, near + 1
            down[3 + cell % factor, own + 1] = cell + 1
        return cls(n, coarse, up, down)


def sum_cells(values: np.ndarray, axis: int, factor: int) -> np.ndarray:
    """Sums of pairs of cells along an axis; an odd last one stays alone."""
    return values if factor == 1 else np.add.reduceat(values, np.arange(0, values.shape[axis], 2), axis=axis)


def sum_faces(values: np.ndarray, axis: int, factor: int) -> np.ndarray:
    """Values at faces gathered on the coarse faces with weights 1/2, 1, 1/2."""
    if factor == 1:
        return values
    fine = np.moveaxis(values, axis, 0)
    n = fine.shape[0] - 1
    coarse = (n + 1) // 2
    out = fine[np.minimum(2 * np.arange(coarse + 1), n)].copy()
    between = 0.5 * fine[1:n:2]
    out[: len(between)] += between
    out[1 : len(between) + 1] += between
    return np.moveaxis(out, 0, axis)


@sized_kernel
def restrict(r, upx, upy, upz, downx, downy, downz, out):
    """Forces on the fine faces, r (3, ...), summed on the coarse faces into `out` (3, ...)."""
    nx, ny, nz = out.shape[1] - 3, out.shape[2] - 3, out.shape[3] - 3
    for i in prange(1, nx + 2):
        for j in range(1, ny + 2):
            for k in range(1, nz + 2):
                if j <= ny and k <= nz:
                    total = np.float32(0)
                    for b in (downy[3, j], downy[4, j]):
                        for c in (downz[3, k], downz[4, k]):
                            beside = r[0, downx[1, i], b, c] + r[0, downx[2, i], b, c]
                            total += r[0, downx[0, i], b, c] + beside * np.float32(0.5)
                    out[0, i, j, k] = total
                if i <= nx and k <= nz:
                    total = np.float32(0)
                    for a in (downx[3, i], downx[4, i]):
                        for c in (downz[3, k], downz[4, k]):
                            beside = r[1, a, downy[1, j], c] + r[1, a, downy[2, j], c]
                            total += r[1, a, downy[0, j], c] + beside * np.float32(0.5)
                    out[1, i, j, k] = total
                if i <= nx and j <= ny:
                    total = np.float32(0)
                    for a in (downx[3, i], downx[4, i]):
                        for b in (downy[3, j], downy[4, j]):
                            beside = r[2, a, b, downz[1, k]] + r[2, a, b, downz[2, k]]
                            total += r[2, a, b, downz[0, k]] + beside * np.float32(0.5)
                    out[2, i, j, k] = total


@sized_kernel
def prolong(coarse, moves, mapx, mapy, mapz, axis, inverse, u):
    """Add the coarse displacement of one component, interpolated, to the fine faces that move.

    coarse: (3, ...); moves: (3, ...) > 0 where a coarse face moves: a neighbour across that does not is replaced by the
    face itself. mapx, mapy, mapz: `AxisMap.up`. inverse: > 0 where a fine face moves.
    """
    nx, ny, nz = u.shape[1] - 3, u.shape[2] - 3, u.shape[3] - 3
    base_x, base_y, base_z = 0 if axis == 0 else 2, 0 if axis == 1 else 2, 0 if axis == 2 else 2
    near_x, near_y, near_z = np.float32(0.25), np.float32(0.25), np.float32(0.25)
    if axis == 0:
        near_x = np.float32(0.5)
    elif axis == 1:
        near_y = np.float32(0.5)
    else:
        near_z = np.float32(0.5)
    value, moving = coarse[axis], moves[axis]
    for i in prange(1, nx + 1 + (axis == 0)):
        a0, a1 = mapx[base_x, i], mapx[base_x + 1, i]
        for j in range(1, ny + 1 + (axis == 1)):
            b0, b1 = mapy[base_y, j], mapy[base_y + 1, j]
            for k in range(1, nz + 1 + (axis == 2)):
                if not inverse[axis, i, j, k] > 0:
                    continue
                c0, c1 = mapz[base_z, k], mapz[base_z + 1, k]
                total = np.float32(0)
                for corner in range(8):
                    far_a, far_b, far_c = corner & 1, (corner >> 1) & 1, corner >> 2
                    a, b, c = a1 if far_a else a0, b1 if far_b else b0, c1 if far_c else c0
                    if not moving[a, b, c] > 0:  # across an edge of the body: the row itself stands in
                        a, b, c = a if axis == 0 else a0, b if axis == 1 else b0, c if axis == 2 else c0
                    weight = (near_x if far_a else np.float32(1) - near_x) * (
                        near_y if far_b else np.float32(1) - near_y
                    )
                    total += weight * (near_z if far_c else np.float32(1) - near_z) * value[a, b, c]
                u[axis, i, j, k] += total
