"""The door for label files: what somebody drew on an image, as named segments on its voxels."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from .files import read_label_map, require_same_voxels
from .image import Image, ImageGeometry
from .own_slip import is_own_slip
from .segment import OnVoxels, Segments, layer_segments

_DICOM_MARK = (128, b"DICM")


def read_segments(path: str | Path, onto: Image | None, onto_name: str = "the image") -> Segments:
    """The segments of a label file on the voxels of an image.

    path: a label map (whatever `files.read_labels` reads), whose segments are its labels and named by their digits; a
    .seg.nrrd of 3D Slicer; a DICOM segmentation; a DICOM RT structure set. onto: the image; None takes the voxels of
    the file itself, which a structure set does not have. onto_name: of the image, for refusals. A label map must have
    the voxels of the image, in any order and sense of its axes; segments of the other kinds may cover a part of them.
    What is drawn on another series or in another frame of reference than the image says of itself is refused. Fails
    with `BadInput`, one sentence that names the file, for whatever cannot be read, does not fit, or marks what no
    segment names.
    """
    path = Path(path)
    if not path.is_file():
        what = "is not a file with content; check the path" if path.exists() else "does not exist; check the path"
        what = "is a folder; name the file of the segmentation in it" if path.is_dir() else what
        raise BadInput(f"label file {path} {what}")
    try:
        return _read(path, onto, onto_name)
    except BadInput as refusal:
        text = str(refusal)
        raise BadInput(text if str(path) in text else f"{path}: {text}") from None
    except Exception as error:  # the libraries raise nearly every kind of error on a damaged file
        if is_own_slip(error):
            raise
        raise BadInput(
            f"{path} cannot be read as labels ({type(error).__name__}); "
            "it may be damaged, cut short or of another format"
        ) from error


def _read(path: Path, onto: Image | None, onto_name: str) -> Segments:
    geometry = None if onto is None else onto.geometry
    if _is_dicom(path):
        from .dicom.label_files import read_dicom_segments

        return read_dicom_segments(path, onto)
    if path.name.lower().endswith(".nrrd"):
        from .segmented_nrrd import is_segmented, read_segmented_nrrd

        if is_segmented(path):
            return read_segmented_nrrd(path, geometry)
    labels = read_label_map(path)
    if onto is not None:
        labels = _turned(labels, onto.geometry)
        require_same_voxels(onto, labels, onto_name, str(path))
    return Segments(labels.geometry, tuple(layer_segments(np.asarray(labels.data), (0, 0, 0), None)), "label map")


def _turned(labels: Image, geometry: ImageGeometry) -> Image:
    """The same labels with their axes in the order and sense of those of `geometry`, where a turn of axes does that.

    Converters from DICOM often store slices or rows the other way round; nothing is resampled.
    """
    own = labels.geometry
    try:
        on = OnVoxels.of(own.columns, own.shape, geometry)
    except BadInput:
        return labels  # other voxels altogether: refused by the caller, with what differs
    if on.axes == (0, 1, 2) and on.signs == (1, 1, 1):
        return labels
    order = np.argsort(on.axes)
    first = [0 if sign > 0 else count - 1 for sign, count in zip(on.signs, own.shape, strict=True)]
    columns = (own.columns * np.asarray(on.signs))[:, order]
    data = on.turned(labels.data)
    spacing = np.asarray(own.spacing)[order]
    placed = ImageGeometry.from_columns(data.shape, columns, own.index_to_world_mm(first), spacing)
    return replace(labels, data=np.ascontiguousarray(data), geometry=placed)


def _is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its ending or by the mark that every DICOM file has."""
    if path.suffix.lower() == ".dcm":
        return True
    start, mark = _DICOM_MARK
    with open(path, "rb") as file:
        head = file.read(start + len(mark))
    return head[start:] == mark
