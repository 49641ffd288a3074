"""Bounds on what a file may ask for, looked at before anything of that size is made."""

from math import prod

from ..quantities.refusal import BadInput
from ..storage.host import free_memory

#: More voxels than any scan has (1290 along each edge); a header that asks for more is damaged.
MOST_VOXELS = 2**31


def require_room(shape, itemsize: int, what: str) -> int:
    """Bytes that an array of `shape` with `itemsize` bytes per value needs.

    shape: whole numbers, as a header states them, not yet trusted. Fails with `BadInput`, which begins with `what`,
    for counts below 1, for more than `MOST_VOXELS` values, and for more than the memory that is free.
    """
    sides = [int(n) for n in shape]
    shown = " x ".join(str(n) for n in sides)
    if min(sides) < 1:
        raise BadInput(f"{what} states a size of {shown}; every count is at least 1, so the header is damaged")
    if prod(sides) > MOST_VOXELS:
        raise BadInput(f"{what} states a size of {shown}, at most {MOST_VOXELS} values are allowed; crop the image")
    need, free = prod(sides) * itemsize, free_memory()
    if need > free:
        raise BadInput(
            f"{what} needs {need / 1e9:.3g} GB for {shown} values and {free / 1e9:.3g} GB of memory are free; "
            "crop the image or end other programs"
        )
    return need
