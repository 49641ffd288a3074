"""Rows of the elastic operator on a staggered grid, and the sweeps that use them.

Displacements live on the faces they are normal to, dilatations in the cells, shear on the edges. With e_aa the normal
strains of a cell, g_ab = d_a u_b + d_b u_a the shear of an edge, and weights that hold the volumes,

    energy = sum over cells [(m - lam)/2 (e_xx^2 + e_yy^2 + e_zz^2) + lam/2 (div u)^2] + sum over edges t_ab g_ab^2 / 2

A u is its gradient, so A is symmetric and positive semi-definite by construction. Every array has the shape
(nx + 3, ny + 3, nz + 3): cell c has index c + 1, the face and the edge on its left have index c + 1 too, ghosts fill
the rest. A row is one (i, j), all k. `r`: 1 / width of the cells, `d`: 1 / distance of the cell centres (half a cell
at the outer faces), one array per axis. Cells outside weigh nothing: that is what makes a face free.
"""

import numpy as np

from .jit import njit, prange, sized_kernel


@njit()
def row_x(u, m, lam, txy, txz, rx, ry, rz, dx, dy, dz, i, j, out):
    """(A u)_x of the faces (i, j, k), all k, into `out` (nz,)."""
    nz = out.size
    x, xw, xe, xs, xn = u[0, i, j], u[0, i - 1, j], u[0, i + 1, j], u[0, i, j - 1], u[0, i, j + 1]
    yw, ywn, ye, yen = u[1, i - 1, j], u[1, i - 1, j + 1], u[1, i, j], u[1, i, j + 1]
    zw, ze = u[2, i - 1, j], u[2, i, j]
    mw, me, lw, le, ts, tn, tz = m[i - 1, j], m[i, j], lam[i - 1, j], lam[i, j], txy[i, j], txy[i, j + 1], txz[i, j]
    rw, re, rj, di, ds, dn = rx[i - 1], rx[i], ry[j], dx[i], dy[j], dy[j + 1]
    for k in range(nz):
        a, b, c = k, k + 1, k + 2
        west = mw[b] * (x[b] - xw[b]) * rw + lw[b] * ((ywn[b] - yw[b]) * rj + (zw[c] - zw[b]) * rz[b])
        east = me[b] * (xe[b] - x[b]) * re + le[b] * ((yen[b] - ye[b]) * rj + (ze[c] - ze[b]) * rz[b])
        south = ts[b] * ((x[b] - xs[b]) * ds + (ye[b] - yw[b]) * di)
        north = tn[b] * ((xn[b] - x[b]) * dn + (yen[b] - ywn[b]) * di)
        down = tz[b] * ((x[b] - x[a]) * dz[b] + (ze[b] - zw[b]) * di)
        up = tz[c] * ((x[c] - x[b]) * dz[c] + (ze[c] - zw[c]) * di)
        out[k] = (west * rw - east * re) + ((south * ds - north * dn) + (down * dz[b] - up * dz[c]))


@njit()
def row_y(u, m, lam, txy, tyz, rx, ry, rz, dx, dy, dz, i, j, out):
    """(A u)_y of the faces (i, j, k), all k, into `out` (nz,)."""
    nz = out.size
    y, yw, ye, ys, yn = u[1, i, j], u[1, i - 1, j], u[1, i + 1, j], u[1, i, j - 1], u[1, i, j + 1]
    xs, xse, xn, xne = u[0, i, j - 1], u[0, i + 1, j - 1], u[0, i, j], u[0, i + 1, j]
    zs, zn = u[2, i, j - 1], u[2, i, j]
    ms, mn, ls, ln, tw, te, tz = m[i, j - 1], m[i, j], lam[i, j - 1], lam[i, j], txy[i, j], txy[i + 1, j], tyz[i, j]
    rs, rn, ri, dj, dw, de = ry[j - 1], ry[j], rx[i], dy[j], dx[i], dx[i + 1]
    for k in range(nz):
        a, b, c = k, k + 1, k + 2
        south = ms[b] * (y[b] - ys[b]) * rs + ls[b] * ((xse[b] - xs[b]) * ri + (zs[c] - zs[b]) * rz[b])
        north = mn[b] * (yn[b] - y[b]) * rn + ln[b] * ((xne[b] - xn[b]) * ri + (zn[c] - zn[b]) * rz[b])
        west = tw[b] * ((y[b] - yw[b]) * dw + (xn[b] - xs[b]) * dj)
        east = te[b] * ((ye[b] - y[b]) * de + (xne[b] - xse[b]) * dj)
        down = tz[b] * ((y[b] - y[a]) * dz[b] + (zn[b] - zs[b]) * dj)
        up = tz[c] * ((y[c] - y[b]) * dz[c] + (zn[c] - zs[c]) * dj)
        out[k] = (south * rs - north * rn) + ((west * dw - east * de) + (down * dz[b] - up * dz[c]))


@njit()
def row_z(u, m, lam, txz, tyz, rx, ry, rz, dx, dy, dz, i, j, out):
    """(A u)_z of the faces (i, j, k), all k, into `out` (nz + 1,)."""
    count = out.size
    z, zw, ze, zs, zn = u[2, i, j], u[2, i - 1, j], u[2, i + 1, j], u[2, i, j - 1], u[2, i, j + 1]
    x, xe, y, yn = u[0, i, j], u[0, i + 1, j], u[1, i, j], u[1, i, j + 1]
    mm, ll, tw, te, ts, tn = m[i, j], lam[i, j], txz[i, j], txz[i + 1, j], tyz[i, j], tyz[i, j + 1]
    ri, rj, dw, de, ds, dn = rx[i], ry[j], dx[i], dx[i + 1], dy[j], dy[j + 1]
    for k in range(count):
        a, b, c = k, k + 1, k + 2
        down = mm[a] * (z[b] - z[a]) * rz[a] + ll[a] * ((xe[a] - x[a]) * ri + (yn[a] - y[a]) * rj)
        up = mm[b] * (z[c] - z[b]) * rz[b] + ll[b] * ((xe[b] - x[b]) * ri + (yn[b] - y[b]) * rj)
        west = tw[b] * ((z[b] - zw[b]) * dw + (x[b] - x[a]) * dz[b])
        east = te[b] * ((ze[b] - z[b]) * de + (xe[b] - xe[a]) * dz[b])
        south = ts[b] * ((z[b] - zs[b]) * ds + (y[b] - y[a]) * dz[b])
        north = tn[b] * ((zn[b] - z[b]) * dn + (yn[b] - yn[a]) * dz[b])
        out[k] = (down * rz[a] - up * rz[b]) + ((west * dw - east * de) + (south * ds - north * dn))


@sized_kernel
def apply(u, m, lam, txy, txz, tyz, rx, ry, rz, dx, dy, dz, out):
    """A u into the faces of `out`; ghosts of `out` are left alone. u, out: (3 or 4, nx + 3, ny + 3, nz + 3)."""
    nx, ny, nz = u.shape[1] - 3, u.shape[2] - 3, u.shape[3] - 3
    for i in prange(1, nx + 2):
        for j in range(1, ny + 1):
            row_x(u, m, lam, txy, txz, rx, ry, rz, dx, dy, dz, i, j, out[0, i, j, 1 : nz + 1])
        if i <= nx:
            for j in range(1, ny + 2):
                row_y(u, m, lam, txy, tyz, rx, ry, rz, dx, dy, dz, i, j, out[1, i, j, 1 : nz + 1])
            for j in range(1, ny + 1):
                row_z(u, m, lam, txz, tyz, rx, ry, rz, dx, dy, dz, i, j, out[2, i, j, 1 : nz + 2])


@njit()
def _correct(x, b, inverse, image, first):
    """x += D^-1 (b - A x) on every second entry of a row, from `first`; inner views, all of one length."""
    for k in range(first, x.size, 2):
        x[k] += inverse[k] * (b[k] - image[k])


@sized_kernel
def relax(u, b, inverse, m, lam, txy, txz, tyz, rx, ry, rz, dx, dy, dz, axis, colour):
    """Gauss-Seidel on the rows of one component with (i + j) % 2 == colour, every second k first, then the others.

    Rows of one colour do not see each other, so the result does not depend on the order or the number of threads.
    inverse: (3, ...) 1 / diagonal, 0 where nothing moves.
    """
    nx, ny, nz = u.shape[1] - 3, u.shape[2] - 3, u.shape[3] - 3
    ex, ey, ez = nx + 1 + (axis == 0), ny + 1 + (axis == 1), nz + 1 + (axis == 2)
    for i in prange(1, ex):
        image = np.empty(ez - 1, u.dtype)
        for j in range(2 - (i + colour) % 2, ey, 2):
            for first in range(2):
                if axis == 0:
                    row_x(u, m, lam, txy, txz, rx, ry, rz, dx, dy, dz, i, j, image)
                elif axis == 1:
                    row_y(u, m, lam, txy, tyz, rx, ry, rz, dx, dy, dz, i, j, image)
                else:
                    row_z(u, m, lam, txz, tyz, rx, ry, rz, dx, dy, dz, i, j, image)
                _correct(u[axis, i, j, 1:ez], b[axis, i, j, 1:ez], inverse[axis, i, j, 1:ez], image, first)


@sized_kernel
def residual(u, b, inverse, m, lam, txy, txz, tyz, rx, ry, rz, dx, dy, dz, out):
    """b - A u on the faces that move, 0 on the others, into `out`; ghosts stay 0."""
    nx, ny, nz = u.shape[1] - 3, u.shape[2] - 3, u.shape[3] - 3
    for i in prange(1, nx + 2):
        for axis in range(3):
            if axis > 0 and i > nx:
                continue
            ez = nz + 1 + (axis == 2)
            image = np.empty(ez - 1, u.dtype)
            for j in range(1, ny + 1 + (axis == 1)):
                if axis == 0:
                    row_x(u, m, lam, txy, txz, rx, ry, rz, dx, dy, dz, i, j, image)
                elif axis == 1:
                    row_y(u, m, lam, txy, tyz, rx, ry, rz, dx, dy, dz, i, j, image)
                else:
                    row_z(u, m, lam, txz, tyz, rx, ry, rz, dx, dy, dz, i, j, image)
                source, moves, target = b[axis, i, j, 1:ez], inverse[axis, i, j, 1:ez], out[axis, i, j, 1:ez]
                for k in range(ez - 1):
                    target[k] = source[k] - image[k] if moves[k] > 0 else 0


@sized_kernel
def diagonal(m, txy, txz, tyz, rx, ry, rz, dx, dy, dz, out):
    """Diagonal of A into `out` (3, nx + 3, ny + 3, nz + 3)."""
    nx, ny, nz = m.shape[0] - 3, m.shape[1] - 3, m.shape[2] - 3
    for i in prange(1, nx + 2):
        for j in range(1, ny + 2):
            for k in range(1, nz + 2):
                xx, yy, zz = dx[i] * dx[i], dy[j] * dy[j], dz[k] * dz[k]
                if j <= ny and k <= nz:
                    along = m[i - 1, j, k] * rx[i - 1] ** 2 + m[i, j, k] * rx[i] ** 2
                    across = txy[i, j, k] * yy + txy[i, j + 1, k] * dy[j + 1] ** 2
                    out[0, i, j, k] = along + across + txz[i, j, k] * zz + txz[i, j, k + 1] * dz[k + 1] ** 2
                if i <= nx and k <= nz:
                    along = m[i, j - 1, k] * ry[j - 1] ** 2 + m[i, j, k] * ry[j] ** 2
                    across = txy[i, j, k] * xx + txy[i + 1, j, k] * dx[i + 1] ** 2
                    out[1, i, j, k] = along + across + tyz[i, j, k] * zz + tyz[i, j, k + 1] * dz[k + 1] ** 2
                if i <= nx and j <= ny:
                    along = m[i, j, k - 1] * rz[k - 1] ** 2 + m[i, j, k] * rz[k] ** 2
                    across = txz[i, j, k] * xx + txz[i + 1, j, k] * dx[i + 1] ** 2
                    out[2, i, j, k] = along + across + tyz[i, j, k] * yy + tyz[i, j + 1, k] * dy[j + 1] ** 2
