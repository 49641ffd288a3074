"""NIfTI-1 and -2 files (.nii, .nii.gz).

NIfTI speaks RAS; it is turned into LPS here through `image.to_lps`. The header stores positions, directions and
spacings as 32-bit floats: a value written with up to seven significant digits comes back exactly (each number is
read as the shortest decimal that the stored float stands for), a longer one to a relative 6e-8. Written files state
the place twice, as sform and as qform, both with the code for scanner coordinates. Descriptive text fields of a header
(`descrip`, `intent_name`, `db_name`, `aux_file`, extensions) may hold a patient's name and are never read.

A header has no checksum, so what it says twice is held against each other: sform against qform, the length of the
steps against pixdim, the number of bits against the type, sizes and offset against the length of the file. Where the
two differ by more than a tenth of a voxel the file is refused; where they differ by more than the rounding of a
32-bit float, or where only one is stated, the image carries a note.
Source: Cox et al., NIfTI-1 Data Format, 2004, nifti.nimh.nih.gov/nifti-1.
"""

import gzip
import struct
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from ..quantities.research_only import RESEARCH_ONLY_SHORT
from .image import SAME_PLACE, Image, ImageGeometry, to_lps
from .inflate import inflate_exactly, inflate_start
from .room import require_room
from .scaling import scaled, value_type

_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown (taken as mm), metre, millimetre, micrometre
_STAMP = RESEARCH_ONLY_SHORT.encode()
_STORABLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_COLOUR = {1, 32, 128, 1536, 1792, 2048, 2304}
_ROUNDING = 1.25 * 2.0**-23  # by which two 32-bit floats of one number may differ, relative to it
_TWICE = 0.1  # of a voxel, by which the two statements of a place may differ


def read_nifti(path: Path) -> Image:
    """Image of a NIfTI file in LPS millimetres, values as stored (scaled where the header states a scaling).

    Fails with `BadInput` for 4-D or colour images, pairs of files, a length that is not exactly the announced one, a
    header that states no position or contradicts itself (see above).
    """
    blob, packed = path.read_bytes(), path.name.lower().endswith(".gz")
    if packed != (blob[:2] == b"\x1f\x8b"):
        raise BadInput(f"{path} {'is not' if packed else 'is'} gzip-compressed, unlike its ending says; rename it")
    header, least = _header(inflate_start(blob, 540, "gzip") if packed else blob[:540], path)
    shape, dtype, offset = _layout(header, least, path)
    size = offset + require_room(shape, dtype.itemsize, str(path))
    if packed:
        blob = inflate_exactly(blob, size, "gzip")
    if len(blob) != size:
        raise BadInput(f"{path} has {len(blob)} bytes, its header announces {size}; it is cut short or damaged")
    stored = np.frombuffer(blob, dtype, offset=offset).reshape(shape, order="F")
    data, notes = _values(stored, header, path)
    columns, origin, spacing, found = _placement(header, shape, path)
    return Image(data, ImageGeometry.from_columns(shape, columns, origin, spacing), None, (*notes, *found))


def _header(head: bytes, path: Path):
    """The header by field, and the least offset of the voxels; `BadInput` for what is no single NIfTI file."""
    from nibabel import Nifti1Header, Nifti2Header

    for kind, size, magic in ((Nifti1Header, 348, b"n+1\0"), (Nifti2Header, 540, b"n+2\0\r\n\x1a\n")):
        for order in "<>":
            if len(head) >= size and struct.unpack_from(order + "i", head)[0] == size:
                at = 344 if size == 348 else 4
                found = bytes(head[at : at + len(magic)])
                if found != magic:
                    pair = " (it is one of a pair of files)" if found[:2] == b"ni" else ""
                    raise BadInput(f"{path} is not a NIfTI file in one piece{pair}; export it as one .nii")
                return kind(bytes(head[:size]), endianness=order, check=False), size + 4
    raise BadInput(f"{path} is not a NIfTI file (its header does not begin with its own size); it may be damaged")


def _layout(header, least: int, path: Path) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, type and offset of the voxels."""
    dim, code = [int(n) for n in header["dim"]], int(header["datatype"])
    sizes = tuple(dim[1 : 1 + dim[0]])
    if not 3 <= dim[0] <= 7 or any(n != 1 for n in sizes[3:]):  # one volume may be stored as a series of one
        raise BadInput(f"{path} has {dim[0]} dimensions {sizes}; extract one 3-D volume")
    if code in _COLOUR:
        raise BadInput(f"{path} holds colour or complex values; one real number per voxel is allowed")
    if code not in _TYPES or int(header["bitpix"]) != 8 * int(_TYPES[code][1]):
        raise BadInput(
            f"{path} states the type {code} with {int(header['bitpix'])} bits, which is no pair that NIfTI knows; "
            "its header is damaged"
        )
    offset = float(header["vox_offset"])
    if not least <= offset < 2**31 or offset != int(offset):
        raise BadInput(f"{path} has its voxels at byte {offset:g}; a whole number from {least} is allowed")
    return sizes[:3], np.dtype(_TYPES[code]).newbyteorder(header.endianness), int(offset)


def _values(stored: np.ndarray, header, path: Path) -> tuple[np.ndarray, list[str]]:
    """Values of the stored numbers, and a note where the header scales them."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0.0 or (np.isnan(slope) and (np.isnan(intercept) or intercept == 0.0)):
        return stored, []
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise BadInput(f"{path} scales its values by {slope:g} and {intercept:g}; finite numbers are allowed")
    if (slope, intercept) == (1.0, 0.0):
        return stored, []
    kind = stored.dtype
    whole = kind.kind in "iu"
    spans = [(float(np.iinfo(kind).min), float(np.iinfo(kind).max))] if whole else []
    dtype = value_type([(slope, intercept)], spans, 8 * kind.itemsize if whole else np.finfo(kind).nmant + 1)
    note = (
        f"values are stored numbers times {slope:.7g} plus {intercept:.7g} (scl_slope, scl_inter); nothing checks that"
    )
    return scaled(stored, slope, intercept, dtype), [note]


def _placement(header, shape, path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Steps (3, 3), origin (3,) and spacing (3,) in LPS millimetres, and notes on what does not fit exactly."""
    scode, qcode = int(header["sform_code"]), int(header["qform_code"])
    if not (0 <= scode <= 5 and 0 <= qcode <= 5):
        raise BadInput(f"{path} has sform_code {scode} and qform_code {qcode}; 0 to 5 are allowed, it is damaged")
    if scode == 0 and qcode == 0:
        raise BadInput(f"{path} states no position in the patient (sform_code and qform_code are 0); export it again")
    pixdim = np.array(header["pixdim"], float)
    if not (np.all(np.isfinite(pixdim[:4])) and np.all(pixdim[1:4] > 0)):
        raise BadInput(f"{path} states voxels of {pixdim[1]:g} x {pixdim[2]:g} x {pixdim[3]:g}; they must be above 0")
    sform, qform = np.array(header.get_sform(), float), _qform(header, pixdim, path) if qcode else None
    affine = sform if scode else qform
    if not np.all(np.isfinite(affine)):
        raise BadInput(f"{path} holds a position or direction that is not a finite number")
    notes = [] if scode and qcode else [f"only the {'s' if scode else 'q'}form places it; nothing checks that"]
    if scode:
        notes += _against_pixdim(affine[:3, :3], pixdim[1:4], shape, path)
    if scode and qcode:
        notes += _against_qform(sform, qform, header, shape, path)
    scale, unstated = _unit(int(header["xyzt_units"]), path)
    columns = np.where(np.abs(affine[:3, :3]) < 1e-9 * pixdim[1:4], 0.0, affine[:3, :3])  # less than the rounding
    origin = np.array([_shortest(x) for x in affine[:3, 3]])
    spacing = np.array([_shortest(x) for x in header["pixdim"][1:4]])
    return to_lps("RAS", columns.T).T * scale, to_lps("RAS", origin) * scale, spacing * scale, notes + unstated


def _qform(header, pixdim: np.ndarray, path) -> np.ndarray:
    if pixdim[0] not in (-1.0, 0.0, 1.0):
        raise BadInput(f"{path} has pixdim[0] = {pixdim[0]:g}; -1 and 1 are allowed, its header is damaged")
    try:
        return np.array(header.get_qform(), float)
    except Exception:
        raise BadInput(f"{path} has a quaternion that is no rotation; its header is damaged") from None


def _unit(stored: int, path) -> tuple[float, list[str]]:
    """Millimetres per unit of length, and a note where the unit is not stated."""
    if stored & 0xC0 or stored & 7 not in _MM_PER_UNIT:
        raise BadInput(f"{path} has xyzt_units = {stored}, which NIfTI does not know; its header is damaged")
    return _MM_PER_UNIT[stored & 7], [] if stored & 7 else ["it states no unit of length; taken as mm"]


def _against_pixdim(columns: np.ndarray, pixdim: np.ndarray, shape, path) -> list[str]:
    lengths = np.sqrt((columns**2).sum(axis=0))
    off = np.abs(lengths - pixdim) / pixdim
    if np.any(off * np.asarray(shape) > SAME_PLACE):
        shown = [" x ".join(f"{v:.7g}" for v in values) for values in (lengths, pixdim)]
        raise BadInput(f"{path} has steps of {shown[0]} in its sform and pixdim {shown[1]}; its header is damaged")
    return [f"sform and pixdim differ by {off.max():.1e} of a voxel's edge"] if off.max() > _ROUNDING else []


def _against_qform(sform: np.ndarray, qform: np.ndarray, header, shape, path) -> list[str]:
    """`BadInput` where the two place a corner a tenth of a voxel apart, a note where it is more than rounding."""
    from nibabel.quaternions import mat2quat

    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), -1).reshape(-1, 3)
    apart = np.abs(corners @ (sform - qform)[:3, :3].T + (sform - qform)[:3, 3]).max()
    if not apart <= _TWICE * np.sqrt((sform[:3, :3] ** 2).sum(axis=0)).min():
        raise BadInput(
            f"{path} has an sform and a qform that differ by up to {apart:.3g} in position; "
            "keep the right one and set the other to it"
        )
    # The scalar part of a quaternion is not stored and loses half its digits near half a turn: compare what is stored.
    axes = sform[:3, :3] / np.sqrt((sform[:3, :3] ** 2).sum(axis=0))
    axes[:, 2] *= -1.0 if float(header["pixdim"][0]) == -1.0 else 1.0
    meant = mat2quat(axes)[1:]
    stored = np.array([header[name] for name in ("quatern_b", "quatern_c", "quatern_d")], float)
    turned = min(np.abs(meant - stored).max(), np.abs(meant + stored).max())
    moved = np.abs(sform[:3, 3] - qform[:3, 3]) > _ROUNDING * np.abs(sform[:3, 3])
    skew = np.abs(axes.T @ axes - np.eye(3)).max()
    if max(turned, skew) > _ROUNDING or moved.any():
        return [f"sform and qform differ by up to {apart:.2g} in position; the sform is used"]
    return []


def _shortest(stored) -> float:
    """The shortest decimal that a 32-bit float stands for: 0.664062, not 0.66406202316."""
    return float(str(np.float32(stored)))


def write_nifti(path: Path, image: Image) -> bytes:
    """The bytes of a NIfTI-1 file for `image`, compressed when the name ends in .gz; the same image, the same bytes.

    Whole numbers of 64 bits are stored with 32 where they fit, `BadInput` where they do not.
    """
    import nibabel

    geometry = image.geometry
    affine = np.eye(4)
    affine[:3, :3] = to_lps("RAS", geometry.columns.T).T
    affine[:3, 3] = to_lps("RAS", geometry.origin)
    file = nibabel.Nifti1Image(_storable(image.data), affine)
    file.header.set_xyzt_units("mm")
    file.header["descrip"] = _STAMP
    file.set_qform(affine, code="scanner")
    file.set_sform(affine, code="scanner")
    file.header["pixdim"][1:4] = geometry.spacing
    blob = file.to_bytes()
    return gzip.compress(blob, compresslevel=6, mtime=0) if str(path).endswith(".gz") else blob


def _storable(data: np.ndarray) -> np.ndarray:
    if data.dtype.name in _STORABLE:
        return data
    if data.dtype.kind == "b":
        return data.astype(np.uint8)
    if data.dtype.kind in "iu":
        info = np.iinfo(np.int32)
        if data.size and (data.min() < info.min or data.max() > info.max):
            raise BadInput("values beyond 32-bit whole numbers do not fit a NIfTI file; write .nrrd instead")
        return data.astype(np.int32)
    if data.dtype.kind == "f":
        return data.astype(np.float32 if data.dtype.itemsize < 4 else np.float64)
    raise BadInput(f"values of type {data.dtype} do not fit an image file; whole or real numbers are allowed")
