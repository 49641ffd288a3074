"""Compiled sweeps of the multigrid hierarchy: one level's smoother, its residual, and the way to the next level.

Arrays of a level are float32 and carry one layer of ghost voxels around the box, so an inner voxel is [1..n]. The
ghosts hold 0 for ever, which is what makes every sweep free of special cases at the edge. `fx, fy, fz` are the
coarsening factors, 1 or 2, per axis.
"""

import numpy as np

from .jit import prange, sized_kernel

ZERO = np.float32(0.0)


@sized_kernel
def load(source, scale, target, kept_x, kept_y, kept_z):
    """Write scale * source into the inner voxels of `target`; planes from `kept` on are written as 0."""
    nx, ny, nz = source.shape
    for i in prange(nx):
        for j in range(ny):
            values, row = source[i, j], target[i + 1, j + 1]
            inside = i < kept_x and j < kept_y
            for k in range(nz):
                row[k + 1] = np.float32(values[k] * scale) if inside and k < kept_z else ZERO


@sized_kernel
def relax(tx, ty, tz, s, b, x, colour, fresh):
    """Gauss-Seidel on the voxels of one colour of the chequerboard; `fresh`: x counts as 0 and is written everywhere.

    x_P = (b_P + sum T_f x_N) / (s_P + sum T_f), and 0 in an inactive voxel. The whole row is computed and half of it
    kept: that vectorises, and is twice as fast as stepping over every second voxel.
    """
    nx, ny, nz = x.shape
    for i in prange(1, nx - 1):
        new = np.empty(nz, np.float32)
        for j in range(1, ny - 1):
            c, xw, xe, xs, xn = x[i, j], x[i - 1, j], x[i + 1, j], x[i, j - 1], x[i, j + 1]
            tw, te, ts, tn, up, sc, bc = tx[i - 1, j], tx[i, j], ty[i, j - 1], ty[i, j], tz[i, j], s[i, j], b[i, j]
            first = 1 + (i + j + colour) % 2
            if fresh:
                for k in range(1, nz - 1):
                    diagonal = sc[k] + ((tw[k] + te[k]) + (ts[k] + tn[k]) + (up[k - 1] + up[k]))
                    new[k] = bc[k] / diagonal if diagonal > ZERO else ZERO
                for k in range(3 - first, nz - 1, 2):
                    c[k] = ZERO
            else:
                for k in range(1, nz - 1):
                    diagonal = sc[k] + ((tw[k] + te[k]) + (ts[k] + tn[k]) + (up[k - 1] + up[k]))
                    across = (tw[k] * xw[k] + te[k] * xe[k]) + (ts[k] * xs[k] + tn[k] * xn[k])
                    right = bc[k] + (across + (up[k - 1] * c[k - 1] + up[k] * c[k + 1]))
                    new[k] = right / diagonal if diagonal > ZERO else ZERO
            for k in range(first, nz - 1, 2):
                c[k] = new[k]


@sized_kernel
def restrict_residual(tx, ty, tz, s, b, x, coarse_b, fx, fy, fz):
    """Sum the residual b - A x over the children of each coarse voxel into `coarse_b`.

    The residual is built from differences x_P - x_N: a flux then enters its two voxels with the same bits, and the
    sum over an island of strongly coupled voxels keeps its meaning in single precision.
    """
    cx, cy, cz = coarse_b.shape
    nx, ny, nz = x.shape
    for ci in prange(1, cx - 1):
        row = np.empty(nz, np.float32)
        for cj in range(1, cy - 1):
            row[:] = ZERO
            for i in range((ci - 1) * fx + 1, min(ci * fx + 1, nx - 1)):
                for j in range((cj - 1) * fy + 1, min(cj * fy + 1, ny - 1)):
                    c, xw, xe, xs, xn = x[i, j], x[i - 1, j], x[i + 1, j], x[i, j - 1], x[i, j + 1]
                    tw, te, ts, tn, up, sc = tx[i - 1, j], tx[i, j], ty[i, j - 1], ty[i, j], tz[i, j], s[i, j]
                    bc = b[i, j]
                    for k in range(1, nz - 1):
                        across = tw[k] * (c[k] - xw[k]) + te[k] * (c[k] - xe[k])
                        across += ts[k] * (c[k] - xs[k]) + tn[k] * (c[k] - xn[k])
                        across += up[k - 1] * (c[k] - c[k - 1]) + up[k] * (c[k] - c[k + 1])
                        row[k] += bc[k] - (sc[k] * c[k] + across)
            out = coarse_b[ci, cj]
            if fz == 1:
                for k in range(1, cz - 1):
                    out[k] = row[k]
            else:
                for k in range(1, cz - 1):
                    out[k] = row[2 * k - 1] + row[2 * k]


@sized_kernel
def add_correction(coarse_x, x, fx, fy, fz):
    """Add to every voxel the correction of its parent."""
    nx, ny, nz = x.shape
    for i in prange(1, nx - 1):
        for j in range(1, ny - 1):
            row, parent = x[i, j], coarse_x[(i - 1) // fx + 1, (j - 1) // fy + 1]
            if fz == 1:
                for k in range(1, nz - 1):
                    row[k] += parent[k]
            else:
                for k in range(1, nz - 1):
                    row[k] += parent[(k + 1) // 2]


@sized_kernel
def coarsen_couplings(t, coarse_t, axis, fx, fy, fz, weight):
    """Coarse couplings along `axis`: weight * sum of the fine couplings across the face of two coarse voxels."""
    cx, cy, cz = coarse_t.shape
    nx, ny, nz = t.shape
    for ci in prange(1, cx - 1):
        i0, i1 = (ci - 1) * fx + 1, min(ci * fx, nx - 2)
        if axis == 0:
            i0 = ci * fx if ci * fx < nx - 1 else nx  # the plane of the face; empty range past the end
            i1 = min(i0, nx - 2)
        for cj in range(1, cy - 1):
            j0, j1 = (cj - 1) * fy + 1, min(cj * fy, ny - 2)
            if axis == 1:
                j0 = cj * fy if cj * fy < ny - 1 else ny
                j1 = min(j0, ny - 2)
            for ck in range(1, cz - 1):
                k0, k1 = (ck - 1) * fz + 1, min(ck * fz, nz - 2)
                if axis == 2:
                    k0 = ck * fz if ck * fz < nz - 1 else nz
                    k1 = min(k0, nz - 2)
                total = ZERO
                for i in range(i0, i1 + 1):
                    for j in range(j0, j1 + 1):
                        for k in range(k0, k1 + 1):
                            total += t[i, j, k]
                coarse_t[ci, cj, ck] = weight * total


@sized_kernel
def coupling_profile(tx, ty, tz, s):
    """How a level is coupled: mean share of each axis in the diagonal, and the largest share of all couplings.

    Returns (share_x, share_y, share_z, dominance), dominance = max over voxels of sum T / (s + sum T).
    """
    nx, ny, nz = s.shape
    found = np.zeros((nx, 4))
    for i in prange(1, nx - 1):
        sum_x, sum_y, sum_z, worst = 0.0, 0.0, 0.0, ZERO
        for j in range(1, ny - 1):
            tw, te, ts, tn, up, sc = tx[i - 1, j], tx[i, j], ty[i, j - 1], ty[i, j], tz[i, j], s[i, j]
            row_x, row_y, row_z = ZERO, ZERO, ZERO
            for k in range(1, nz - 1):
                x, y, z = tw[k] + te[k], ts[k] + tn[k], up[k - 1] + up[k]
                diagonal = sc[k] + (x + y + z)
                inverse = np.float32(1.0) / diagonal if diagonal > ZERO else ZERO
                row_x += x * inverse
                row_y += y * inverse
                row_z += z * inverse
                worst = max(worst, (x + y + z) * inverse)
            sum_x, sum_y, sum_z = sum_x + row_x, sum_y + row_y, sum_z + row_z
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = sum_x, sum_y, sum_z, worst
    share_x, share_y, share_z, dominance = 0.0, 0.0, 0.0, 0.0
    for i in range(nx):
        share_x, share_y, share_z = share_x + found[i, 0], share_y + found[i, 1], share_z + found[i, 2]
        dominance = max(dominance, found[i, 3])
    return share_x, share_y, share_z, dominance
