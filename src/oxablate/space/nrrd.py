"""NRRD files (.nrrd, header and data in one file).

Numbers are text with 17 significant digits, so spacing, origin and direction keep every bit that their product holds.
Key/value pairs and comments of a header may hold a patient's name and are never kept. Detached headers (.nhdr, or a
`data file` field) are refused: they name other files. Source: Kindlmann, NRRD file format, teem.sourceforge.net/nrrd.
"""

import io
import re
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput, nearest
from .image import FRAMES, Image, ImageGeometry, to_lps
from .inflate import inflate_exactly
from .room import require_room
from .words import printable

_SPACES = {
    "left-posterior-superior": "LPS",
    "lps": "LPS",
    "right-anterior-superior": "RAS",
    "ras": "RAS",
    "left-anterior-superior": "LAS",
    "las": "LAS",
}
_ENCODINGS = {"raw": "", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_LONGEST_HEADER = 4_000_000
_FIELDS = {
    *("content", "number", "type", "dimension", "space", "space dimension", "sizes", "spacings", "thicknesses"),
    *("axis mins", "axismins", "axis maxs", "axismaxs", "centers", "centerings", "labels", "units", "kinds"),
    *("min", "max", "old min", "oldmin", "old max", "oldmax", "block size", "blocksize", "endian", "encoding"),
    *("space units", "space origin", "space directions", "measurement frame", "sample units", "sampleunits"),
    *("line skip", "lineskip", "byte skip", "byteskip"),
}
_NAMES = {frame: name for name, frame in _SPACES.items() if "-" in name}


def read_nrrd(path: Path) -> Image:
    """Image of an NRRD file in LPS millimetres.

    Fails with `BadInput` for detached data, unknown fields, other than three dimensions, colour or vector values, a
    space other than LPS, RAS or LAS, a missing origin or directions, units other than mm, and a length that is not
    exactly the announced one. Errors of the library pass through.
    """
    content = path.read_bytes()
    header, start = read_fields(content, path)
    sizes = tuple(int(n) for n in header["sizes"])
    if int(header["dimension"]) != 3 or len(sizes) != 3:
        raise BadInput(
            f"{path} has {header['dimension']} dimensions {sizes}; one number per voxel of a 3-D volume is allowed"
        )
    columns, origin = placement(header, path)
    data = voxels_of(content, start, header, path)
    geometry = ImageGeometry.from_columns(sizes, columns, origin)
    return Image(data, geometry, None, (stated_once(geometry),))


def voxels_of(content: bytes, start: int, header: dict, path: Path) -> np.ndarray:
    """The numbers of a file, in the shape of its `sizes`, the first axis fastest; read-only.

    content: the file. start: where its voxels begin. header: see `read_fields`. Fails with `BadInput` for numbers that
    are not real, packing that is not read, and a length that is not exactly the announced one.
    """
    dtype, sizes = _dtype(header, path), tuple(int(n) for n in header["sizes"])
    size = require_room(sizes, dtype.itemsize, str(path))
    voxels, encoding = memoryview(content)[start:], str(header["encoding"]).lower()
    if encoding not in _ENCODINGS:
        raise BadInput(f"{path} is encoded as {encoding[:20]!r}; allowed are {', '.join(sorted(_ENCODINGS))}")
    if any(int(header.get(key, 0)) not in (0, -1) for key in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise BadInput(f"{path} skips bytes before its voxels, which is not read; write it again")
    if _ENCODINGS[encoding]:
        voxels = inflate_exactly(voxels, size, _ENCODINGS[encoding])
    if len(voxels) != size:
        raise BadInput(f"{path} has {len(voxels)} bytes of voxels, its header announces {size}; it is cut short")
    return np.frombuffer(voxels, dtype).reshape(sizes, order="F")


def stated_once(geometry: ImageGeometry) -> str:
    """The note on a file that states its place once: a damaged digit in it cannot be seen."""
    where = ", ".join(f"{v:.6g}" for v in geometry.origin)
    return f"the file states its place once and without a checksum; look whether {geometry} at ({where}) mm is right"


def read_fields(content: bytes, path: Path) -> tuple[dict, int]:
    """The fields of a header by their name in small letters, and where in the file the voxels begin.

    Key/value pairs are left out. Fails with `BadInput` for unknown or contradicting fields, and for detached data.
    """
    import nrrd

    ends = [(content.find(mark, 0, _LONGEST_HEADER), len(mark)) for mark in (b"\n\n", b"\r\n\r\n")]
    end, length = min((pair for pair in ends if pair[0] > 0), default=(0, 0))
    if not content.startswith(b"NRRD000") or not end:
        raise BadInput(f"{path} has no NRRD header (a line NRRD000x, fields, an empty line); it is damaged")
    lines = content[:end].decode("utf-8", "replace").splitlines()
    fields = [line for line in lines[1:] if line[:1] != "#" and not re.match(r"[^:]*:=", line)]
    named = [(line.partition(":")[0].strip().lower(), line.partition(":")[2]) for line in fields]
    for name, value in named:
        if name in ("data file", "datafile"):
            raise BadInput(
                f"{path} keeps its voxels in another file (detached header); write header and data in one .nrrd"
            )
        if name not in _FIELDS:
            raise BadInput(f"{path} has the field {printable(name)!r}; {nearest(name, _FIELDS)}; it may be damaged")
        if name in ("spacings", "axis mins", "axismins", "axis maxs", "axismaxs") and "nan" not in value.lower():
            raise BadInput(
                f"{path} states {name} beside space directions, which contradict each other; export it again"
            )
    header = nrrd.read_header([f"{lines[0]}\n", *(f"{name}:{value}\n" for name, value in named), "\n"])
    missing = [name for name in ("type", "dimension", "sizes", "encoding") if name not in header]
    if missing:
        raise BadInput(f"{path} lacks the field {missing[0]!r}; its header is damaged")
    return dict(header), end + length


def _dtype(header: dict, path: Path) -> np.dtype:
    from nrrd.reader import _TYPEMAP_NRRD2NUMPY as types

    name = types.get(str(header["type"]).lower(), "V")
    if name[0] not in "iuf":
        raise BadInput(
            f"{path} holds values of type {printable(header['type'])!r}; one real number per voxel is allowed"
        )
    order = {"little": "<", "big": ">"}.get(str(header.get("endian", "")).lower())
    if order is None and int(name[1]) > 1:
        raise BadInput(f"{path} does not say which byte of a number comes first (endian: little or big)")
    return np.dtype((order or "<") + name)


def placement(header: dict, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps (3, 3), one axis per column, and origin (3,), in LPS millimetres; `BadInput` where they are not stated."""
    space = str(header.get("space", "")).lower()
    if space not in _SPACES:
        allowed = ", ".join(sorted(_NAMES.values()))
        raise BadInput(f"{path} lies in space {space or 'unstated'!r}; allowed are {allowed}")
    for key in ("space directions", "space origin"):
        if header.get(key) is None:
            raise BadInput(f"{path} states no {key!r}, so its place in the patient is unknown; export it again")
    units = {str(u).strip('"').lower() for u in header.get("space units", ["mm"])}
    if not units <= {"mm", "millimeter", "millimeters", "millimetre"}:
        raise BadInput(f"{path} counts space in {', '.join(sorted(units))}; only mm is allowed")
    kinds = [str(kind).lower() for kind in header.get("kinds", [])]
    if len(kinds) not in (0, int(header["dimension"])) or not set(kinds[-3:]) <= {"domain", "space", "none", "???"}:
        raise BadInput(f"{path} has axes of the kinds {printable(kinds)}; three axes of space (domain) are allowed")
    directions = np.asarray(header["space directions"], float)
    origin = np.asarray(header["space origin"], float)
    if directions.shape != (3, 3) or origin.shape != (3,) or not np.all(np.isfinite(directions)):
        raise BadInput(
            f"{path} has axes without a direction in space (vector or colour data); one number per voxel is allowed"
        )
    return to_lps(_SPACES[space], directions).T, to_lps(_SPACES[space], origin)


def write_nrrd(image: Image, frame: str = "LPS") -> bytes:
    """The bytes of an NRRD file (gzip) for `image` in a frame of `image.FRAMES`; the same image, the same bytes."""
    import nrrd

    if frame not in FRAMES:
        raise BadInput(f"frame {frame!r} came, allowed are {', '.join(FRAMES)}")
    header = {
        "space": _NAMES[frame],
        "space directions": to_lps(frame, image.geometry.columns.T) + 0.0,
        "space origin": to_lps(frame, image.geometry.origin) + 0.0,
        "kinds": ["domain", "domain", "domain"],
        "encoding": "gzip",
    }
    data = image.data.astype(np.uint8) if image.data.dtype.kind == "b" else image.data
    data = data.astype(np.float32) if data.dtype == np.float16 else data
    stream = io.BytesIO()
    nrrd.write(stream, data, header, compression_level=6, index_order="F")
    text, voxels = stream.getvalue().split(b"\n\n", 1)
    # The library writes the date as a comment; the same image must give the same bytes.
    lines = [line for line in text.split(b"\n") if not line.startswith(b"#")]
    lines.append(b"# research use only")
    return b"\n".join(lines) + b"\n\n" + voxels
