"""ParaView image files (.vti): voxel fields as cell data of a placed regular grid.

XML with appended, base64-encoded, zlib-compressed arrays. Positions are LPS millimetres, as in image files, so that
fields and scans overlay. Source: VTK file formats, docs.vtk.org, section XML file formats (ImageData).
"""

import base64
import zlib
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from ..quantities.refusal import BadInput
from ..storage.whole_file import whole_file
from .grid import VoxelGrid
from .image import ImageGeometry

_BLOCK = 1 << 20  # bytes per compressed block
_TYPES = {"float32": "Float32", "float64": "Float64", "uint8": "UInt8", "int32": "Int32", "int64": "Int64"}


def write_vti(path: str | Path, grid: VoxelGrid, fields: dict[tuple[str, str], np.ndarray]) -> Path:
    """Write voxel fields to one .vti file for ParaView; the same fields, the same bytes. Returns the path.

    fields: {(name, unit): array}, each of grid.shape, or of grid.shape + (3,) for vectors (components along the grid
    axes); shown as "name [unit]". Fails with `BadInput` for another shape or type.
    """
    path = Path(path)
    if path.suffix != ".vti":
        raise BadInput(f"{path} has the ending {path.suffix!r}; a ParaView image file ends in '.vti'")
    entries, chunks, offset = [], [], 0
    for (name, unit), values in fields.items():
        values = _checked(name, values, grid)
        chunk = _encoded(values)
        width = f' NumberOfComponents="{values.shape[3]}"' if values.ndim == 4 else ""
        entries.append(
            f'<DataArray type="{_TYPES[values.dtype.name]}" Name={quoteattr(f"{name} [{unit}]")}{width} '
            f'format="appended" offset="{offset}"/>'
        )
        chunks.append(chunk)
        offset += len(chunk)
    with whole_file(path) as stream:
        stream.write(_head(grid, entries).encode())
        for chunk in chunks:
            stream.write(chunk)
        stream.write(b"\n</AppendedData>\n</VTKFile>\n")
    return path


def _checked(name: str, values: np.ndarray, grid: VoxelGrid) -> np.ndarray:
    if values.shape[:3] != grid.shape or values.shape[3:] not in ((), (3,)):
        raise BadInput(f"field {name!r} has shape {values.shape}; {grid.shape} or {(*grid.shape, 3)} is allowed")
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    if values.dtype.name not in _TYPES:
        raise BadInput(f"field {name!r} has type {values.dtype}; allowed are {', '.join(_TYPES)} and bool")
    return values


def _head(grid: VoxelGrid, entries: list[str]) -> str:
    """Everything up to the first byte of data. Cells are voxels: the corner lies half a voxel before a centre."""
    geometry = ImageGeometry.of_grid(grid)
    extent = " ".join(f"0 {n}" for n in grid.shape)
    corner = geometry.index_to_world_mm((-0.5, -0.5, -0.5))
    direction = " ".join(repr(float(v)) for v in np.ravel(geometry.direction))
    lines = [
        '<?xml version="1.0"?>',
        "<!-- oxablate: research use only, not for diagnosis or treatment. Positions in LPS millimetres. -->",
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64" '
        'compressor="vtkZLibDataCompressor">',
        f'<ImageData WholeExtent="{extent}" Origin="{_join(corner)}" Spacing="{_join(geometry.spacing)}" '
        f'Direction="{direction}">',
        f'<Piece Extent="{extent}">',
        "<CellData>",
        *entries,
        "</CellData>",
        "</Piece>",
        "</ImageData>",
        '<AppendedData encoding="base64">',
        "_",
    ]
    return "\n".join(lines)


def _join(values) -> str:
    return " ".join(repr(float(v)) for v in values)


def _encoded(values: np.ndarray) -> bytes:
    """One array as VTK stores it: block count, bytes a block, bytes of a cut last one, sizes; then blocks."""
    cells = np.moveaxis(values, 3, 0) if values.ndim == 4 else values[None]
    # x fastest, components together: Fortran order of (component, x, y, z)
    raw = cells.astype(values.dtype.newbyteorder("<"), copy=False).tobytes(order="F")
    blocks = [zlib.compress(raw[i : i + _BLOCK], 6) for i in range(0, len(raw), _BLOCK)]
    sizes = [len(blocks), _BLOCK, len(raw) % _BLOCK, *map(len, blocks)]
    header = np.asarray(sizes, "<u8").tobytes()
    return base64.b64encode(header) + base64.b64encode(b"".join(blocks))
