"""The compiled sum of random waves behind `heterogeneity`."""

import numpy as np

from ..numerics.jit import njit_parallel, prange


@njit_parallel()
def sum_of_waves(cos_x, sin_x, cos_y, sin_y, cos_z, sin_z):
    """sum_m cos(x_im + y_jm + z_mk) from tables of shape (nx, M), (ny, M), (M, nz); fixed order of summation."""
    nx, waves = cos_x.shape
    ny, nz = cos_y.shape[0], cos_z.shape[1]
    out = np.zeros((nx, ny, nz))
    for i in prange(nx):
        for j in range(ny):
            for m in range(waves):
                real = cos_x[i, m] * cos_y[j, m] - sin_x[i, m] * sin_y[j, m]
                imag = cos_x[i, m] * sin_y[j, m] + sin_x[i, m] * cos_y[j, m]
                for k in range(nz):
                    out[i, j, k] += real * cos_z[m, k] - imag * sin_z[m, k]
    return out
