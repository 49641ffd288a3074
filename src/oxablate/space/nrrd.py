"""NRRD files (.nrrd, header and data in one file).

Numbers are text with 17 significant digits, so spacing, origin and direction keep every bit that their product holds.
Key/value pairs and comments of a header may hold a patient's name and are never kept. Detached headers (.nhdr, or a
`data file` field) are refused: they name other files. Source: Kindlmann, NRRD file format, teem.sourceforge.net/nrrd.
"""

import io
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from .image import FRAMES, Image, ImageGeometry, to_lps

_SPACES = {
    "left-posterior-superior": "LPS",
    "lps": "LPS",
    "right-anterior-superior": "RAS",
    "ras": "RAS",
    "left-anterior-superior": "LAS",
    "las": "LAS",
}
_NAMES = {frame: name for name, frame in _SPACES.items() if "-" in name}


def read_nrrd(path: Path) -> Image:
    """Image of an NRRD file in LPS millimetres.

    Fails with `BadInput` for detached data, other than three dimensions, colour or vector values, a space other than
    LPS, RAS or LAS, a missing origin or directions, units other than mm. Errors of the library pass through.
    """
    import nrrd

    header = nrrd.read_header(str(path))
    if any(key in header for key in ("data file", "datafile")):
        raise BadInput(f"{path} keeps its voxels in another file (detached header); write header and data in one .nrrd")
    if int(header["dimension"]) != 3:
        sizes = tuple(int(n) for n in header["sizes"])
        raise BadInput(
            f"{path} has {header['dimension']} dimensions {sizes}; one number per voxel of a 3-D volume is allowed"
        )
    columns, origin = _placement(header, path)
    data, _ = nrrd.read(str(path), index_order="F")
    if data.dtype.kind not in "biuf":
        raise BadInput(f"{path} holds values of type {data.dtype}; one real number per voxel is allowed")
    return Image(data, ImageGeometry.from_columns(data.shape, columns, origin))


def _placement(header, path) -> tuple[np.ndarray, np.ndarray]:
    """Steps (3, 3), one axis per column, and origin (3,), in LPS millimetres."""
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
