"""MetaImage files (.mha, header and voxels in one file), read strictly and without a library.

position [mm, LPS] = Offset + TransformMatrix-rows as axes * (ElementSpacing * index)

The first three numbers of TransformMatrix are the direction of the first axis, and so on; positions are in LPS, as ITK
writes and reads them. AnatomicalOrientation names, for each axis, the side it comes from; where it is stated it has to
fit the directions. Files that keep their voxels elsewhere (ElementDataFile other than LOCAL, .mhd) are refused, since
they name other files. Source: MetaIO documentation, itk.org/Wiki/ITK/MetaIO/Documentation (tag reference).
"""

from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput, nearest
from .image import Image, ImageGeometry
from .inflate import inflate_exactly
from .nrrd import stated_once
from .room import require_room
from .words import printable

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_SAME = {
    "Position": "Offset", "Origin": "Offset", "Rotation": "TransformMatrix", "Orientation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}  # fmt: skip
_NEEDED = ("NDims", "DimSize", "ElementType", "ElementSpacing", "Offset", "TransformMatrix")
_FIXED = {"ObjectType": "Image", "ObjectSubType": "", "NDims": "3", "BinaryData": "True",
          "ElementNumberOfChannels": "1", "HeaderSize": "0"}  # fmt: skip
_PASSED_OVER = {
    "Comment", "Name", "ID", "ParentID", "Color", "CenterOfRotation", "CompressionLevel", "ElementMin", "ElementMax",
    "Modality", "SequenceID", "DistanceUnits", "AcquisitionDate", "TransformType", "ElementSize",
}  # fmt: skip
_KNOWN = {*_SAME, *_NEEDED, *_FIXED, *_PASSED_OVER, "AnatomicalOrientation", "BinaryDataByteOrderMSB",
          "CompressedData", "CompressedDataSize", "ElementDataFile"}  # fmt: skip
_LONGEST_HEADER = 1_000_000
_CLEAR = 0.8  # component of an axis from which the side it comes from is beyond doubt


def read_metaimage(path: Path) -> Image:
    """Image of an .mha file in LPS millimetres.

    Fails with `BadInput` for voxels in another file, unknown or repeated keys, other than three dimensions or one
    number per voxel, directions that contradict AnatomicalOrientation, and a length that is not exactly the announced.
    """
    content = path.read_bytes()
    header, start = _header(content, path)
    shape = tuple(int(n) for n in _numbers(header, "DimSize", 3, path))
    kind = header["ElementType"]
    if kind not in _TYPES:
        raise BadInput(f"{path} has ElementType = {printable(kind)!r}; {nearest(kind, _TYPES)}")
    msb = _flag(header, "BinaryDataByteOrderMSB", path)
    dtype = np.dtype((">" if msb else "<") + _TYPES[kind])
    if msb is None and dtype.itemsize > 1:
        raise BadInput(f"{path} does not say which byte of a number comes first (BinaryDataByteOrderMSB)")
    size = require_room(shape, dtype.itemsize, str(path))
    geometry = _geometry(header, shape, path)
    voxels = memoryview(content)[start:]
    if _flag(header, "CompressedData", path):
        stated = header.get("CompressedDataSize", str(len(voxels)))
        if stated != str(len(voxels)):
            raise BadInput(
                f"{path} holds {len(voxels)} compressed bytes, its header announces {printable(stated)}; it is damaged"
            )
        voxels = inflate_exactly(voxels, size, "zlib")
    if len(voxels) != size:
        raise BadInput(f"{path} has {len(voxels)} bytes of voxels, its header announces {size}; it is cut short")
    data = np.frombuffer(voxels, dtype).reshape(shape, order="F")
    return Image(data, geometry, None, (stated_once(geometry),))


def _header(content: bytes, path: Path) -> tuple[dict[str, str], int]:
    """The keys of a header, and where the voxels begin."""
    header, at = {}, 0
    while "ElementDataFile" not in header:
        end = content.find(b"\n", at, _LONGEST_HEADER)
        line = content[at : max(end, at)].decode("utf-8", "replace")
        key, equals, value = (part.strip() for part in line.partition("="))
        if end < 0 or not equals:
            raise BadInput(f"{path} has no MetaImage header (lines `key = value`, the last ElementDataFile = LOCAL)")
        if key not in _KNOWN:
            raise BadInput(f"{path} has the key {printable(key)!r}; {nearest(key, _KNOWN)}; it may be damaged")
        key = _SAME.get(key, key)
        if key in header:
            raise BadInput(f"{path} states {key} twice; keep one")
        header[key], at = value, end + 1
    if header["ElementDataFile"] != "LOCAL":
        raise BadInput(
            f"{path} keeps its voxels in {printable(header['ElementDataFile'])!r}; only LOCAL (in the file itself) is "
            "allowed, so write it as one .mha"
        )
    for key, allowed in _FIXED.items():
        if header.get(key, allowed) != allowed:
            raise BadInput(f"{path} has {key} = {printable(header[key])!r}; only {allowed!r} is allowed")
    for key in _NEEDED:
        if key not in header:
            raise BadInput(f"{path} lacks the key {key}, so its voxels cannot be placed; export it again")
    return header, at


def _numbers(header: dict[str, str], key: str, count: int, path: Path) -> np.ndarray:
    words = header[key].split()
    try:
        found = np.array([float(word) for word in words])
    except ValueError:
        found = np.array([np.nan])
    if len(words) != count or not np.all(np.isfinite(found)) or (key == "DimSize" and np.any(found % 1)):
        raise BadInput(f"{path} has {key} = {printable(header[key])!r}; {count} numbers are needed")
    return found


def _flag(header: dict[str, str], key: str, path: Path) -> bool | None:
    """A yes or no of the header, None where it is absent."""
    if key not in header:
        return None
    if header[key] not in ("True", "False"):
        raise BadInput(f"{path} has {key} = {printable(header[key])!r}; True or False is allowed")
    return header[key] == "True"


def _geometry(header: dict[str, str], shape, path: Path) -> ImageGeometry:
    spacing = _numbers(header, "ElementSpacing", 3, path)
    axes = _numbers(header, "TransformMatrix", 9, path).reshape(3, 3).T
    if np.any(np.abs(np.sqrt((axes**2).sum(axis=0)) - 1.0) > 1e-4):
        raise BadInput(f"{path} has a TransformMatrix whose axes are not of length one; its header is damaged")
    letters = header.get("AnatomicalOrientation", "???")
    if letters != "???":
        meant = "".join("RAI"[v] if axes[v, a] > 0 else "LPS"[v] for a, v in enumerate(np.abs(axes).argmax(axis=0)))
        clear = np.abs(axes).max(axis=0) > _CLEAR
        if len(letters) != 3 or any(c and a != b for a, b, c in zip(letters, meant, clear, strict=True)):
            raise BadInput(
                f"{path} has AnatomicalOrientation = {printable(letters)!r}, its TransformMatrix says {meant!r}; "
                "its header is damaged"
            )
    return ImageGeometry.from_columns(shape, axes * spacing, _numbers(header, "Offset", 3, path), spacing)
