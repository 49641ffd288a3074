"""NIfTI-1 and -2 files (.nii, .nii.gz).

NIfTI speaks RAS; it is turned into LPS here through `image.to_lps`. The header stores positions, directions and
spacings as 32-bit floats: a value written with up to seven significant digits comes back exactly (each number is
read as the shortest decimal that the stored float stands for), a longer one to a relative 6e-8. Written files state
the place twice, as sform and as qform, both with the code for scanner coordinates. Descriptive text fields of a header
(`descrip`, `intent_name`, `db_name`, `aux_file`, extensions) may hold a patient's name and are never read.
Source: Cox et al., NIfTI-1 Data Format, 2004, nifti.nimh.nih.gov/nifti-1.
"""

import gzip
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from ..quantities.research_only import RESEARCH_ONLY_SHORT
from .image import Image, ImageGeometry, to_lps

_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown (taken as mm), metre, millimetre, micrometre
_STAMP = RESEARCH_ONLY_SHORT.encode()
_STORABLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def read_nifti(path: Path) -> Image:
    """Image of a NIfTI file in LPS millimetres, values as stored (scaled where the header states a scaling).

    Fails with `BadInput` for 4-D or colour images, a header that states no position, or an sform and a qform that
    place the image at different positions. Errors of the library pass through to the caller.
    """
    import nibabel

    file = nibabel.load(path, mmap=False)
    if not isinstance(file, nibabel.Nifti1Image):
        raise BadInput(f"{path} is not a NIfTI file; .nii, .nii.gz and .nrrd are allowed")
    data = np.asanyarray(file.dataobj)
    if data.dtype.names is not None or data.dtype.kind not in "biuf":
        raise BadInput(f"{path} holds colour or complex values; one real number per voxel is allowed")
    while data.ndim > 3 and data.shape[-1] == 1:  # a single volume stored as a series of one
        data = data[..., 0]
    if data.ndim != 3:
        raise BadInput(f"{path} has {data.ndim} dimensions {data.shape}; extract one 3-D volume")
    columns, origin, spacing = _placement(file.header, data.shape, path)
    return Image(data, ImageGeometry.from_columns(data.shape, columns, origin, spacing))


def _placement(header, shape, path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps (3, 3), origin (3,) and spacing (3,) in LPS millimetres."""
    sform, scode = header.get_sform(coded=True)
    qform, qcode = header.get_qform(coded=True)
    if scode == 0 and qcode == 0:
        raise BadInput(f"{path} states no position in the patient (sform_code and qform_code are 0); export it again")
    affine = sform if scode else qform
    if scode and qcode:
        corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), -1).reshape(-1, 3)
        apart = np.abs(corners @ (sform - qform)[:3, :3].T + (sform - qform)[:3, 3]).max()
        if apart > 0.1 * np.sqrt((affine[:3, :3] ** 2).sum(axis=0)).min():
            raise BadInput(
                f"{path} has an sform and a qform that differ by up to {apart:.3g} in position; "
                "keep the right one and set the other to it"
            )
    scale = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    origin = np.array([_shortest(x) for x in affine[:3, 3]])
    spacing = np.array([_shortest(x) for x in header["pixdim"][1:4]])
    return to_lps("RAS", affine[:3, :3].T).T * scale, to_lps("RAS", origin) * scale, spacing * scale


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
