"""The door for image files: reads, checks and writes, by the ending of the name, and refuses with one sentence."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from ..quantities.refusal import BadInput, nearest
from ..storage.whole_file import write_whole
from .image import Image
from .metaimage import read_metaimage
from .nifti import read_nifti, write_nifti
from .nrrd import read_nrrd, write_nrrd
from .own_slip import is_own_slip

_READERS = {".nii": read_nifti, ".nii.gz": read_nifti, ".nrrd": read_nrrd, ".mha": read_metaimage}
_WRITABLE = (".nii", ".nii.gz", ".nrrd")
_DICOM = ".dcm"
_DETACHED = {".mhd": ".mha", ".nhdr": ".nrrd", ".hdr": ".nii", ".img": ".nii"}  # and what holds the same in one file

Uneven = Literal["refuse", "resample"]


def _ending(path: Path, allowed) -> str:
    name = path.name.lower()
    for ending in sorted(allowed, key=len, reverse=True):
        if name.endswith(ending):
            return ending
    found = "".join(path.suffixes[-2:]) or "no ending"
    if path.suffix.lower() in _DETACHED:
        whole = _DETACHED[path.suffix.lower()]
        raise BadInput(f"{path} has the ending {path.suffix!r}: its voxels lie in another file; convert it to {whole}")
    raise BadInput(f"{path} has the ending {found!r}; {nearest(found.lower(), allowed)}; convert the image first")


def read_image(path: str | Path, uneven: Uneven = "refuse") -> Image:
    """Image of a .nii, .nii.gz, .nrrd or .mha file, of a folder with one DICOM series, or of a multi-frame .dcm file.

    uneven: what to do with DICOM slices at uneven distances or of a tilted gantry: "refuse", or "resample" them
    linearly to an even, right-angled grid. Values are finite; of the header nothing is kept but the geometry, and of
    DICOM the identifiers (`Image.reference`); `Image.notes` says what was done or could not be checked.

    Fails with `BadInput`, one sentence that names the file, when it is missing, is no image, is not a 3-D volume of
    real numbers, holds NaN or infinite values, or has no usable geometry.
    """
    path = Path(path)
    if uneven not in ("refuse", "resample"):
        raise BadInput(f"uneven = {uneven!r} came; {nearest(str(uneven), ('refuse', 'resample'))}")
    if not path.exists():
        raise BadInput(f"image file {path} does not exist; check the path")
    folder = path.is_dir()
    ending = _DICOM if folder else _ending(path, {*_READERS, _DICOM})
    if not folder and not path.is_file():
        raise BadInput(f"image file {path} is not a file with content; check the path")
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():  # oddities are told below, in one sentence
            warnings.simplefilter("ignore")
            image = _read_dicom(path, uneven) if ending == _DICOM else _READERS[ending](path)
    except BadInput as refusal:
        text = str(refusal)
        raise BadInput(text if str(path) in text else f"{path}: {text}") from None
    except Exception as error:  # the libraries raise nearly every kind of error on a damaged file
        if is_own_slip(error):
            raise
        raise BadInput(
            f"{path} cannot be read as an image ({type(error).__name__}); "
            "it may be damaged, cut short or of another format"
        ) from error
    bad = 0 if image.data.dtype.kind in "iub" else image.data.size - int(np.isfinite(image.data).sum())
    if bad:
        raise BadInput(f"{path} holds {bad} voxels that are NaN or infinite; replace them by numbers first")
    native = image.data.dtype.newbyteorder("=")
    return replace(image, data=_in_order(image.data, native))


def _in_order(values: np.ndarray, dtype) -> np.ndarray:
    """The same values with the last index fastest, where files keep the first so.

    Plane by plane, which stays in the cache: turned as a whole, every voxel touches another line of memory.
    """
    if values.flags.c_contiguous:
        return np.ascontiguousarray(values, dtype)
    found = np.empty(values.shape, dtype)
    for j in range(values.shape[1]):
        found[:, j] = np.ascontiguousarray(values[:, j])
    return found


def _read_dicom(path: Path, uneven: Uneven) -> Image:
    from .dicom.series import read_series  # the DICOM library takes a while to load

    return read_series(path, uneven)


def read_labels(path: str | Path) -> Image:
    """Label map of a file as int32, labels whole numbers from 0; `BadInput` for fractions and negative numbers."""
    image = read_label_map(path)
    return replace(image, data=np.ascontiguousarray(image.data, dtype=np.int32))


def read_label_map(path: str | Path) -> Image:
    """As `read_labels`, in the type of the file where that is one of whole numbers of at most 16 bits."""
    image = read_image(path)
    values = image.data
    if values.dtype.kind == "f":
        wrong = values[values != np.floor(values)]
        if wrong.size:
            raise BadInput(
                f"label map {path} holds {wrong.size} values that are not whole numbers, such as {wrong.flat[0]:g}; "
                "export it with nearest-neighbour interpolation"
            )
    if values.size and values.min() < 0:
        raise BadInput(f"label map {path} holds the negative label {values.min():g}; whole numbers from 0 are allowed")
    if values.size and values.max() > np.iinfo(np.int32).max:
        raise BadInput(f"label map {path} holds the label {values.max():g}; labels up to 2147483647 are allowed")
    small = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
    return image if small else replace(image, data=np.ascontiguousarray(values, dtype=np.int32))


def require_same_voxels(image: Image, labels: Image, image_name: str, labels_name: str) -> None:
    """`BadInput` that says which of shape, spacing, origin, direction differs, with both values, unless all agree."""
    found = labels.geometry.differences(image.geometry)
    if found:
        raise BadInput(
            f"label map {labels_name} does not fit image {image_name}: {'; '.join(found)}; "
            "resample the labels onto the image"
        )


def write_image(path: str | Path, image: Image) -> Path:
    """Write `image` as NIfTI or NRRD by the ending of `path`; the same image, the same bytes. Returns the path.

    The file appears whole or not at all.
    """
    path = Path(path)
    blob = write_nrrd(image) if _ending(path, _WRITABLE) == ".nrrd" else write_nifti(path, image)
    write_whole(path, blob)
    return path
