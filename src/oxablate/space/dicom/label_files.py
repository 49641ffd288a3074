"""DICOM files that say what was drawn: opened without trust, held against the image, and read by their kind.

Of a header only what places and names the segments is looked at. Source: DICOM PS3.3 (A.51, A.19, C.8.20, C.8.8.5),
PS3.10, 2024.
"""

import io
import warnings
from pathlib import Path

from ...quantities.refusal import BadInput
from ..image import Image
from ..segment import Segments, Voxels
from .encoding import require_whole
from .reference import DicomReference
from .tags import identifier, printable, value_of

_SEGMENTATION = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_IMPLICIT = "1.2.840.10008.1.2"
_BIG = "1.2.840.10008.1.2.2"


def read_dicom_segments(path: Path, onto: Image | None) -> Segments:
    """Segments of a DICOM segmentation or RT structure set on the voxels of an image, or (None) on its own.

    An image that was put on an even grid has the segments of its slices as measured, carried along (see `carry`), or
    else those that were drawn on the even grid itself. Fails with `BadInput` for other DICOM objects, for what was
    drawn on another series or in another frame of reference, and as `read_segmentation` and `read_structures` do.
    Errors of the library pass through.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data, syntax = _opened(path)
        if onto is None:
            return _placed(data, syntax, None, None)
        if onto.slices is None:
            return _placed(data, syntax, onto.geometry, onto.reference)
        try:
            found = _placed(data, syntax, onto.slices, onto.slices.reference)
        except BadInput as refusal:
            try:
                return _placed(data, syntax, onto.geometry, onto.reference)
            except BadInput:
                raise refusal from None
        from .carry import carried

        return carried(found, onto.slices, onto.geometry)


def _placed(data, syntax: str, onto: Voxels | None, reference: DicomReference | None) -> Segments:
    """Segments on some voxels. reference: what those say of themselves, None where they are not from DICOM."""
    kind = identifier(data, "SOPClassUID", "it")
    if kind in _SEGMENTATION:
        notes = _same_source(data, _series_of_segmentation(data), onto, reference, "segmentation")
        from .seg_read import read_segmentation

        found = read_segmentation(data, syntax, onto, reference)
    elif kind == _STRUCTURE_SET:
        notes = _same_source(data, _series_of_structures(data), onto, reference, "structure set")
        from .rtstruct import read_structures

        found = read_structures(data, onto, reference)
    else:
        raise BadInput(
            f"it is a DICOM object of the kind {_kind_name(kind)!r}; a segmentation or an RT structure set is "
            "allowed as labels"
        )
    return Segments(found.geometry, found.segments, found.kind, (*notes, *found.notes))


def _kind_name(uid: str) -> str:
    from pydicom.uid import UID

    return printable(UID(uid).name)


def _opened(path: Path):
    """The data set of a file and its transfer syntax. The file is held whole, so no length in it can ask for more."""
    from pydicom import dcmread
    from pydicom.filereader import read_dataset

    blob = path.read_bytes()
    if blob[128:132] != b"DICM":
        raise BadInput("it is no DICOM file (the letters DICM are not at byte 128); give another file")
    stream = io.BytesIO(blob)
    stream.seek(132)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    syntax = identifier(meta, "TransferSyntaxUID", "it")
    if syntax in ("", _DEFLATED, _BIG):
        raise BadInput(
            f"it is stored as {_kind_name(syntax) if syntax else 'nothing that it names'!r}; store it uncompressed "
            "first (`dcmconv +te IN OUT` of DCMTK)"
        )
    require_whole(blob, stream.tell(), syntax == _IMPLICIT)
    stream.seek(0)
    return dcmread(stream), syntax


def items(data, keyword: str, where: str) -> list:
    """The items of a sequence, none where it is absent; `BadInput` where the element is no sequence."""
    found = value_of(data, keyword, where)
    if found is None:
        return []
    if isinstance(found, str | bytes) or not hasattr(found, "__getitem__"):
        raise BadInput(f"{where} holds a {keyword} that is no sequence; export it again")
    return list(found)


def _series_of_segmentation(data) -> set[str]:
    listed = items(data, "ReferencedSeriesSequence", "it")
    return {identifier(one, "SeriesInstanceUID", "it") for one in listed} - {""}


def _series_of_structures(data) -> set[str]:
    return {
        identifier(series, "SeriesInstanceUID", "it")
        for frame in items(data, "ReferencedFrameOfReferenceSequence", "it")
        for study in items(frame, "RTReferencedStudySequence", "it")
        for series in items(study, "RTReferencedSeriesSequence", "it")
    } - {""}


def _images_named(data) -> set[str]:
    """The images that a segmentation or structure set says it was drawn on."""
    listed = [image for one in items(data, "ReferencedSeriesSequence", "it") for image in _instances(one)]
    for frame in items(data, "ReferencedFrameOfReferenceSequence", "it"):
        for study in items(frame, "RTReferencedStudySequence", "it"):
            for series in items(study, "RTReferencedSeriesSequence", "it"):
                listed += items(series, "ContourImageSequence", "it")
    return {identifier(image, "ReferencedSOPInstanceUID", "it") for image in listed} - {""}


def _instances(series) -> list:
    return items(series, "ReferencedInstanceSequence", "it")


def _frames_of_reference(data) -> set[str]:
    """Every frame of reference that a segmentation or structure set says it lies in."""
    listed = [data, *items(data, "ReferencedFrameOfReferenceSequence", "it")]
    found = {identifier(one, "FrameOfReferenceUID", "it") for one in listed}
    rois = items(data, "StructureSetROISequence", "it")
    return (found | {identifier(roi, "ReferencedFrameOfReferenceUID", "it") for roi in rois}) - {""}


def _same_source(data, series: set[str], onto, reference: DicomReference | None, kind: str) -> list[str]:
    """Notes on what could not be compared; `BadInput` that names both where the image is another."""
    if onto is None:
        return []
    if reference is None:
        return [f"the image is not from DICOM, so the {kind} was placed on it by its position alone"]
    notes = []
    if series and reference.series not in series:
        raise BadInput(
            f"it was drawn on series {sorted(series)[0]}, the image is series {reference.series}; "
            "give the series it was drawn on"
        )
    if not series:
        notes.append(f"the {kind} names no series, so it was placed by its position alone")
    named = _images_named(data)
    absent = named - set(reference.instances)
    if absent and absent != named:
        notes.append(
            f"the {kind} names {len(absent)} images of the series that are not among those of the image: slices may be "
            "missing at its ends"
        )
    frames = _frames_of_reference(data)
    for frame in sorted(frames):
        if reference.frame_of_reference and frame != reference.frame_of_reference:
            raise BadInput(
                f"it lies in frame of reference {frame}, the image in {reference.frame_of_reference}; "
                "positions cannot be compared, give the series it was drawn on"
            )
    if not frames or not reference.frame_of_reference:
        notes.append(f"the {kind} or the image names no frame of reference; their positions were taken as they are")
    return notes
