"""How much memory a case needs, told before anything large is made."""

import math

from ..quantities.refusal import BadInput
from ..storage.host import free_memory

#: Bytes per voxel of all fields, workspaces and the multigrid hierarchy, measured on the injection benchmark.
BYTES_PER_VOXEL = 520
#: Bytes of the interpreter with its libraries and compiled kernels.
BASE_BYTES = 350_000_000


def memory_needed(shape: tuple[int, int, int]) -> int:
    """Bytes a run on a grid of this shape takes at its peak."""
    return BASE_BYTES + BYTES_PER_VOXEL * math.prod(shape)


def require_grid_memory(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Bytes that a run on a grid of this shape needs and those available; BadInput, with both, when it does not fit."""
    return require_bytes(shape, memory_needed(shape))


def require_bytes(shape: tuple[int, ...], needed: int) -> tuple[int, int]:
    """`needed` bytes for a grid of this shape and those available; BadInput, with both, when they do not fit."""
    available = free_memory()
    if needed > available:
        raise BadInput(
            f"a grid of {' x '.join(map(str, shape))} voxels needs {needed / 1e9:.1f} GB of memory and "
            f"{available / 1e9:.1f} GB is available; take a larger spacing or a smaller margin"
        )
    return needed, available
