"""Flexible conjugate gradients for the seven-point operator, with a preconditioner in single precision.

    beta = -z . A p / p . A p,   p <- z + beta p,   alpha = p . r / p . A p,   x += alpha p,   r -= alpha A p

This form keeps p conjugate to its predecessor even when the preconditioner is not exactly symmetric or changes
(Notay, SIAM J. Sci. Comput. 22 (2000) 1444). Sums are taken plane by plane and added in order: the same bits for any
number of threads.
"""

import numpy as np

from .jit import prange, sized_kernel


@sized_kernel
def load_residual(r, scale, b):
    """Write scale * r into the inner voxels of the padded float32 array `b`."""
    nx, ny, nz = r.shape
    for i in prange(nx):
        for j in range(ny):
            row, out = r[i, j], b[i + 1, j + 1]
            for k in range(nz):
                out[k + 1] = np.float32(row[k] * scale)


@sized_kernel
def new_direction(z, ap, p, r, inverse_curvature):
    """p <- z + beta p with beta = -(z . ap) * inverse_curvature; returns p . r. `z` is padded float32.

    inverse_curvature = 1 / (p . A p) of the old direction; 0 forgets it.
    """
    nx, ny, nz = p.shape
    partial_sums = np.zeros(nx)
    if inverse_curvature != 0.0:
        for i in prange(nx):
            total = 0.0
            for j in range(ny):
                row, image = z[i + 1, j + 1], ap[i, j]
                for k in range(nz):
                    total += row[k + 1] * image[k]
            partial_sums[i] = total
    overlap = 0.0
    for i in range(nx):
        overlap += partial_sums[i]
    beta = -overlap * inverse_curvature
    for i in prange(nx):
        total = 0.0
        for j in range(ny):
            row, direction, rest = z[i + 1, j + 1], p[i, j], r[i, j]
            for k in range(nz):
                value = row[k + 1] + beta * direction[k]
                direction[k] = value
                total += value * rest[k]
        partial_sums[i] = total
    total = 0.0
    for i in range(nx):
        total += partial_sums[i]
    return total


@sized_kernel
def advance(x, r, p, ap, alpha):
    """x += alpha p, r -= alpha A p; returns r . r."""
    nx, ny, nz = x.shape
    partial_sums = np.zeros(nx)
    for i in prange(nx):
        total = 0.0
        for j in range(ny):
            xr, rr, pr, ar = x[i, j], r[i, j], p[i, j], ap[i, j]
            for k in range(nz):
                xr[k] += alpha * pr[k]
                value = rr[k] - alpha * ar[k]
                rr[k] = value
                total += value * value
        partial_sums[i] = total
    total = 0.0
    for i in range(nx):
        total += partial_sums[i]
    return total


@sized_kernel
def subtract_from(b, r):
    """r <- b - r; returns r . r."""
    nx, ny, nz = r.shape
    partial_sums = np.zeros(nx)
    for i in prange(nx):
        total = 0.0
        for j in range(ny):
            rr, br = r[i, j], b[i, j]
            for k in range(nz):
                value = br[k] - rr[k]
                rr[k] = value
                total += value * value
        partial_sums[i] = total
    total = 0.0
    for i in range(nx):
        total += partial_sums[i]
    return total
