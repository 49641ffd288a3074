"""Compile per-voxel kernels, caching machine code in the user's cache folder.

The cache folder is keyed by the text of every module that has kernels: numba itself does not notice when a compiled
function imported from another file has changed, and would go on running the old one.

Import `njit` and `prange` from here and never from numba: numba would otherwise write its cache beside the
sources, that is into a checkout or a read-only installation. Compiled reductions must not depend on the number
of threads: sum each i-plane into its own slot and add the slots in order (see `plane_sum`).
"""

import hashlib
import os
from functools import partial, update_wrapper
from pathlib import Path
from types import FunctionType

import numpy as np
import platformdirs


def _kernel_texts() -> str:
    """Checksum of the package's modules that import this one."""
    package, digest = Path(__file__).parent.parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        if b"jit import" in text:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + text)
    return digest.hexdigest()[:16]


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(Path(platformdirs.user_cache_dir("oxablate")) / f"numba-{_kernel_texts()}")

# A thread that waits for another must sleep, not spin: on a machine with other work, spinning made a solve of many
# short sweeps up to fifteen times slower (measured). Read by OpenMP when numba first starts its threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numba  # noqa: E402

numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]

prange = numba.prange

#: Strict IEEE arithmetic (no fastmath): bounds and ledgers are held to round-off.
njit = partial(numba.njit, cache=True, error_model="numpy", nogil=True)

#: The same, with the outermost `prange` loop shared between threads.
njit_parallel = partial(numba.njit, cache=True, error_model="numpy", nogil=True, parallel=True)

#: A kernel whose largest array has at most this many entries runs on one thread.
SMALL = 50_000


class sized_kernel:
    """Compile a function with a `prange` loop for all threads and for one, and call whichever suits the arrays.

    Small boxes are swept faster by one thread than by waking the others, on a busy machine a hundred times faster.
    Both give the same bits when every sum is taken plane by plane. Compiled on the first call that needs it; callable
    from Python only.
    """

    def __init__(self, function):
        update_wrapper(self, function)
        # The cache knows a function by its name, not by the options it was compiled with: the copy needs another name.
        copy = FunctionType(function.__code__, function.__globals__, f"{function.__name__}_alone")
        copy.__qualname__ = f"{function.__qualname__}_alone"
        copy.__module__ = function.__module__
        self.shared, self.alone = njit_parallel()(function), njit()(copy)

    def __call__(self, *arguments):
        size = max(getattr(argument, "size", 0) for argument in arguments)
        return (self.alone if size <= SMALL else self.shared)(*arguments)


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
