"""The door for image files: reads, checks and writes, by the ending of the name, and refuses with one sentence."""

from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput, nearest
from ..storage.whole_file import write_whole
from .image import Image
from .nifti import read_nifti, write_nifti
from .nrrd import read_nrrd, write_nrrd

_READERS = {".nii": read_nifti, ".nii.gz": read_nifti, ".nrrd": read_nrrd}


def _ending(path: Path) -> str:
    name = path.name.lower()
    for ending in sorted(_READERS, key=len, reverse=True):
        if name.endswith(ending):
            return ending
    found = "".join(path.suffixes[-2:]) or "no ending"
    raise BadInput(f"{path} has the ending {found!r}; {nearest(found.lower(), _READERS)}; convert the image first")


def read_image(path: str | Path) -> Image:
    """Image of a .nii, .nii.gz or .nrrd file; values finite, nothing of the header kept but the geometry.

    Fails with `BadInput`, one sentence that names the file, when it is missing, is no image, is not a 3-D volume of
    real numbers, holds NaN or infinite values, or has no usable geometry.
    """
    path = Path(path)
    reader = _READERS[_ending(path)]
    if not path.is_file():
        raise BadInput(f"image file {path} {'is a folder' if path.is_dir() else 'does not exist'}; check the path")
    try:
        image = reader(path)
    except BadInput as refusal:
        text = str(refusal)
        raise BadInput(text if str(path) in text else f"{path}: {text}") from None
    except Exception as error:  # the libraries raise nearly every kind of error on a damaged file
        raise BadInput(
            f"{path} cannot be read as an image ({type(error).__name__}); "
            "it may be damaged, cut short or of another format"
        ) from error
    bad = image.data.size - int(np.isfinite(image.data).sum())
    if bad:
        raise BadInput(f"{path} holds {bad} voxels that are NaN or infinite; replace them by numbers first")
    native = image.data.dtype.newbyteorder("=")
    return Image(np.ascontiguousarray(image.data, dtype=native), image.geometry)


def read_labels(path: str | Path) -> Image:
    """Label map of a file as int32, labels whole numbers from 0; `BadInput` for fractions and negative numbers."""
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
    return Image(np.ascontiguousarray(values, dtype=np.int32), image.geometry)


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
    blob = write_nrrd(image) if _ending(path) == ".nrrd" else write_nifti(path, image)
    write_whole(path, blob)
    return path
