"""Masks as DICOM Segmentation objects on the images they belong to.

One binary segment for each mask, on the planes of the user's own series: its patient, study and frame of reference, and
each frame names the image it lies on. Planes without a voxel of a segment have no frame, as the standard allows.

Source: DICOM PS3.3 A.51 (Segmentation IOD), C.8.20 (its modules); PS3.16 CID 7150 (categories), CID 7159 (lesion
segmentation types).
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...quantities.refusal import BadInput
from ..image import ImageGeometry
from .reference import DicomReference
from .write import LONG, MAKER, Marks, content_uid, equipment, mark_derived, study_moment, write_derived
from .write_source import source_planes


@dataclass(frozen=True)
class Meaning:
    """What a segment is in codes of SNOMED CT: (value, meaning) of its category and of its type."""

    category: tuple[str, str]
    kind: tuple[str, str]


ABNORMAL = ("49755003", "Morphologically Abnormal Structure")
NECROSIS = Meaning(ABNORMAL, ("6574001", "Necrosis"))
NEOPLASM = Meaning(ABNORMAL, ("108369006", "Neoplasm"))


@dataclass(frozen=True, eq=False)
class Segment:
    """A mask with its meaning.

    mask: bool (nx, ny, nz) on the image. description: in plain words, at most 1024 characters. colour: of its display,
    red, green and blue from 0 to 255.
    """

    mask: np.ndarray
    meaning: Meaning
    description: str
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Place:
    """Where segments lie: geometry of the image, and the series it was read from by its headers (`read_source`)."""

    geometry: ImageGeometry
    reference: DicomReference
    headers: tuple


@dataclass(frozen=True)
class Numbering:
    """Place of an object among others: series (words from which its identifier follows), its number, the instance's."""

    series: tuple[str, ...]
    series_number: int
    instance_number: int


def write_segmentation(
    path: str | Path, segments: dict[str, Segment], place: Place, marks: Marks, numbering: Numbering
) -> Path:
    """Write masks as one binary DICOM Segmentation; the same masks and headers, the same bytes. Returns the path.

    segments: {label: `Segment`}, each mask of the shape of the image; empty ones are left out. Fails with `BadInput`
    for masks of another shape, where no mask has a voxel, and where the series lies elsewhere than the image.
    """
    shape = place.geometry.shape
    for label, segment in segments.items():
        if segment.mask.shape != shape or segment.mask.dtype != bool:
            raise BadInput(f"segment {label!r}: {segment.mask.dtype} {segment.mask.shape} came, bool {shape} is needed")
    kept = {label: segment for label, segment in segments.items() if segment.mask.any()}
    if not kept:
        raise BadInput(f"{path}: no segment holds a voxel of the image; there is nothing to write")
    planes = source_planes(place.headers, place.reference, place.geometry)
    template = _with_spacing(place.headers, place.geometry)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on the headers of the source, which are what they are
            made = _segmentation(template, kept, planes, place, numbering)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise BadInput(
            f"--dicom: no segmentation can be written on series {place.reference.series}, whose headers do not serve "
            f"for it ({' '.join(str(error).split())[:200]}); export the NIfTI files instead"
        ) from error
    mark_derived(made, place.headers[0], marks)
    return write_derived(path, made)


def _segmentation(headers, segments: dict[str, Segment], planes, place: Place, numbering: Numbering):
    """The object as highdicom makes it, before it is marked."""
    import highdicom

    date, time = study_moment(headers[0])
    stack = _stacked(segments, planes, headers)
    made = highdicom.seg.Segmentation(
        headers, stack, highdicom.seg.SegmentationTypeValues.BINARY, _descriptions(segments),
        series_instance_uid=content_uid("series", place.reference.series, *numbering.series),
        series_number=numbering.series_number, sop_instance_uid=content_uid("unset"),
        instance_number=numbering.instance_number, content_date=date, content_time=time, **equipment(),
        **({} if planes is not None else _own_planes(place.geometry)),
    )  # fmt: skip
    for item in made.SegmentSequence:  # optional, and no code says that a simulation drew an outline
        del item.SegmentationAlgorithmIdentificationSequence
    return made


def _stacked(segments: dict[str, Segment], planes, headers) -> np.ndarray:
    """Masks as (planes of the source, rows, columns, segments), uint8."""
    first = next(iter(segments.values())).mask
    count = first.shape[2]
    if planes is not None:
        count = int(headers[0].get("NumberOfFrames", len(headers)))
    else:
        planes = np.arange(count)
    stack = np.zeros((count, first.shape[1], first.shape[0], len(segments)), np.uint8)
    for number, segment in enumerate(segments.values()):
        stack[planes, :, :, number] = segment.mask.transpose(2, 1, 0)
    return stack


def _descriptions(segments: dict[str, Segment]) -> list:
    """What is said of each segment."""
    import highdicom
    from highdicom.color import CIELabColor
    from pydicom.sr.coding import Code

    found = []
    for number, (label, segment) in enumerate(segments.items(), start=1):
        category, kind = (
            Code(value, "SCT", meaning) for value, meaning in (segment.meaning.category, segment.meaning.kind)
        )
        identified = highdicom.AlgorithmIdentificationSequence(MAKER, kind, equipment()["software_versions"])
        item = highdicom.seg.SegmentDescription(
            number, label[:LONG], category, kind, "AUTOMATIC", identified,
            display_color=CIELabColor.from_rgb(*segment.colour),
        )  # fmt: skip
        item.SegmentDescription = segment.description
        found.append(item)
    return found


def _own_planes(geometry: ImageGeometry) -> dict:
    """The planes of an image that was resampled when it was read, as arguments of highdicom."""
    import highdicom

    step = np.asarray(geometry.direction)
    patient = "PATIENT"
    firsts = geometry.index_to_world_mm([(0, 0, k) for k in range(geometry.shape[2])])
    return {
        "plane_positions": [highdicom.PlanePositionSequence(patient, tuple(map(float, first))) for first in firsts],
        "plane_orientation": highdicom.PlaneOrientationSequence(patient, tuple(map(float, step[:, :2].T.ravel()))),
        "pixel_measures": highdicom.PixelMeasuresSequence(
            (geometry.spacing[1], geometry.spacing[0]), geometry.spacing[2], geometry.spacing[2]
        ),
    }


def _with_spacing(headers: tuple, geometry: ImageGeometry) -> list:
    """Headers whose spacing between slices is that of the positions: what series say of it is often wrong or absent."""
    import copy

    from pydicom.valuerep import DS

    found = []
    between = DS(geometry.spacing[2], auto_format=True)
    for header in headers:
        own = copy.copy(header)
        if "SharedFunctionalGroupsSequence" in own:
            own.SharedFunctionalGroupsSequence = copy.deepcopy(own.SharedFunctionalGroupsSequence)
            measures = own.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        else:
            measures = own
        measures.SpacingBetweenSlices = between
        measures.SliceThickness = measures.get("SliceThickness") or between
        found.append(own)
    return found
