"""Compile per-voxel kernels, caching machine code in the user's cache folder.

Import `njit` and `prange` from here and never from numba: numba would otherwise write its cache beside the
sources, that is into a checkout or a read-only installation. Compiled reductions must not depend on the number
of threads: sum each i-plane into its own slot and add the slots in order (see `plane_sum`).
"""

import os
from functools import partial
from pathlib import Path

import numpy as np
import platformdirs

if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(Path(platformdirs.user_cache_dir("oxablate")) / "numba")

# A thread that waits for another must sleep, not spin: on a machine with other work, spinning made a solve of many
# short sweeps up to fifteen times slower (measured). Read by OpenMP when numba first starts its threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numba

numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]

prange = numba.prange

#: Strict IEEE arithmetic (no fastmath): bounds and ledgers are held to round-off.
njit = partial(numba.njit, cache=True, error_model="numpy", nogil=True)

#: The same, with the outermost `prange` loop shared between threads.
njit_parallel = partial(numba.njit, cache=True, error_model="numpy", nogil=True, parallel=True)


@njit_parallel()
def plane_sum(values):
    """Sum of a 3-D array, the same bits for any number of threads. `values`: (nx, ny, nz) float."""
    nx, ny, nz = values.shape
    partial_sums = np.zeros(nx)
    for i in prange(nx):
        total = 0.0
        for j in range(ny):
            for k in range(nz):
                total += values[i, j, k]
        partial_sums[i] = total
    total = 0.0
    for i in range(nx):
        total += partial_sums[i]
    return total
