"""Compiled law and sweep of vessel collapse."""

from math import erfc

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .equations import COLLAPSE_MEDIAN, COLLAPSE_SPREAD, LAG, VASCULAR_PRESSURE, relaxed


@njit()
def open_share(pressure, row):
    """f_eq: share of vessels with a collapse pressure above p - p_v; 1 where p <= p_v."""
    excess = pressure - row[VASCULAR_PRESSURE]
    if excess <= 0.0 or row[COLLAPSE_MEDIAN] == np.inf:
        return 1.0
    return 0.5 * erfc(np.log(excess / row[COLLAPSE_MEDIAN]) / (np.sqrt(2.0) * row[COLLAPSE_SPREAD]))


@njit_parallel()
def relax_vessels(fraction, pressure, label, table, duration, change):
    """Advance f_v in place by `duration` [s] at a pressure [Pa]; arrays (nx, ny, nz). change: largest per i-plane."""
    nx, ny, nz = fraction.shape
    for i in prange(nx):
        largest = 0.0
        for j in range(ny):
            for k in range(nz):
                row = table[label[i, j, k]]
                share = -np.expm1(-duration / row[LAG])
                new = relaxed(fraction[i, j, k], open_share(pressure[i, j, k], row), share)
                largest = max(largest, abs(new - fraction[i, j, k]))
                fraction[i, j, k] = new
        change[i] = largest
