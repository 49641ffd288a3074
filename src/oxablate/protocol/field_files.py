"""The files of `fields.zarr`: what Zarr keeps of fields over time, as names and bytes.

One file per field and kept time, and none is rewritten later: every array has its full length along time from the
start, and what was not written yet reads as NaN. Chunks are compressed without loss and carry the compressor's own
checksum, so that any Zarr reader stumbles over a damaged one.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from ..quantities.research_only import RESEARCH_ONLY
from ..space.grid import MM, VoxelGrid
from .record import STATICS, field_info

#: Folder of the group in that of its arm.
GROUP = "fields.zarr"
#: Levels of zstd: of fields, which are kept, and of checkpoints, which are not.
_LEVEL, _QUICK = 3, 1
#: Arrays that are compressed at the same time: bounds what is held in memory beside them.
_AT_ONCE = 2


def packed(values: np.ndarray, quick: bool = False) -> bytes:
    """An array as bytes in little-endian C order, compressed with zstd, with zstd's checksum; none for no values."""
    from numcodecs.zstd import Zstd

    values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return bytes(Zstd(level=_QUICK if quick else _LEVEL, checksum=True).encode(values)) if values.size else b""


def packed_in_turn(arrays: Mapping[str, np.ndarray], quick: bool = False) -> Iterator[tuple[str, bytes]]:
    """Every array packed, by name and in order; the next few while one is being used, so that not all are held."""
    names, ahead = iter(arrays), deque()
    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def begin(name: str) -> None:
            ahead.append((name, pool.submit(lambda: packed(arrays[name], quick))))

        for name in islice(names, _AT_ONCE):
            begin(name)
        while ahead:
            name, content = ahead.popleft()
            found = content.result()
            for following in islice(names, 1):
                begin(following)
            yield name, found


def unpacked(content, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `packed`: a new array. Raises RuntimeError or ValueError where the content is damaged."""
    from numcodecs.zstd import Zstd

    if not len(content):
        return np.zeros(shape, dtype)
    plain = np.frombuffer(Zstd().decode(content), np.dtype(dtype).newbyteorder("<"))
    return plain.reshape(shape).astype(dtype)


def chunk_files(fields: Mapping[str, np.ndarray], number: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the chunks of all fields at kept time `number`, in single precision."""
    single = _Single(fields)
    for name, content in packed_in_turn(single):
        yield f"{GROUP}/{name}/{_chunk(number, fields[name].ndim)}", content


def _chunk(number: int, space: int) -> str:
    return ".".join(["c", str(number), *["0"] * space])


class _Single(Mapping):
    """Fields in single precision, converted when they are asked for and not held."""

    def __init__(self, fields: Mapping[str, np.ndarray]):
        self._fields = fields

    def __getitem__(self, name: str) -> np.ndarray:
        return self._fields[name].astype(np.float32)

    def __iter__(self):
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def group_files(
    grid: VoxelGrid, attributes: dict, times: list[float], statics: dict[str, np.ndarray], fields: dict[str, np.ndarray]
) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of all that a group holds beside its chunks over time: what its arrays are, coordinates, statics.

    times: all that will be kept [s]. fields: any values of what is kept over time, for their names and shapes. The
    head of the group comes last: a reader that finds it finds all it names.
    """
    import zarr
    from zarr.storage import MemoryStore

    store: dict = {}
    with zarr.config.set({"array.write_empty_chunks": True}):
        group = zarr.create_group(MemoryStore(store), zarr_format=3)
        group.attrs.update(attributes | _geometry(grid) | {"research_only": RESEARCH_ONLY})
        for axis, name in enumerate("xyz"):
            what = {"units": "mm", "long_name": f"position along grid axis {'ijk'[axis]} from the first voxel"}
            _add_whole(group, name, grid.axis_centres(axis) / MM, (name,), what)
        _add_whole(group, "time", np.array(times), ("time",), {"units": "s", "long_name": "time since the start"})
        for name, values in statics.items():
            info = STATICS[name]
            _add_whole(group, name, values, ("x", "y", "z"), {"units": info.unit, "long_name": info.long_name})
        for name, values in fields.items():
            info = field_info(name)
            dimensions = ("time", "pot", "x", "y", "z") if values.ndim == 4 else ("time", "x", "y", "z")
            shape = (len(times), *values.shape)
            _array(
                group, name, shape, (1, *values.shape), np.dtype(np.float32), dimensions,
                {"units": info.unit, "long_name": info.long_name},
            )  # fmt: skip
    for key in sorted(store, key=lambda key: (key == "zarr.json", key)):
        yield f"{GROUP}/{key}", store[key].to_bytes()


def _add_whole(group, name: str, values: np.ndarray, dimensions: tuple, attributes: dict) -> None:
    """An array that is written once, in one chunk."""
    _array(group, name, values.shape, values.shape, values.dtype, dimensions, attributes)[...] = values


def _array(group, name, shape, chunks, dtype, dimensions, attributes):
    import zarr

    return group.create_array(
        name, shape=shape, chunks=chunks, dtype=dtype, dimension_names=dimensions, attributes=attributes,
        compressors=[zarr.codecs.ZstdCodec(level=_LEVEL, checksum=True)],
        chunk_key_encoding={"name": "default", "separator": "."}, fill_value=np.nan if dtype.kind == "f" else 0,
    )  # fmt: skip


def shapes_kept(fields: Mapping[str, np.ndarray], kept: int) -> dict[str, dict]:
    """For a commit marker: shape of what is kept of every field over time, and the number of its chunks."""
    return {name: {"shape": [kept, *values.shape], "chunks": kept} for name, values in fields.items()}


def _geometry(grid: VoxelGrid) -> dict:
    """Placement of the grid in the patient: LPS position [mm] of voxel 0, and the matrix whose columns are the axes."""
    return {
        "origin_lps_mm": [x / MM for x in grid.origin],
        "spacing_mm": [s / MM for s in grid.spacing],
        "direction_matrix": [list(row) for row in grid.direction],
    }
