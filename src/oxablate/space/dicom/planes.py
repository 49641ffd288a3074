"""Planes: one slice each, with its place and its scaling, from single-frame and from multi-frame objects.

position [mm, LPS] of voxel (i, j) = ImagePositionPatient + i * PixelSpacing[1] * row + j * PixelSpacing[0] * column

row, column: the two halves of ImageOrientationPatient. Source: DICOM PS3.3 C.7.6.2 and C.7.6.16, 2024.
"""

from dataclasses import dataclass

from ...quantities.refusal import BadInput
from .pixels import Pixels
from .source import MARKS, Source
from .tags import identifier, needed, numbers, printable, single, text, value_of

_SINGLE = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
_MULTI = {
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.2.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "MR",
    "1.2.840.10008.5.1.4.1.1.130": "PT",
    "1.2.840.10008.5.1.4.1.1.128.1": "PT",
}
_LABELS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.481.3"}


@dataclass(frozen=True)
class Plane:
    """One slice. source, frame: file and frame in it, from 0. position: LPS [mm] of its first voxel. orientation: row
    and column direction. spacing: (between columns, between rows) [mm]. rescale: (slope, intercept). marks: what else
    the header says that may tell two images of one place apart, by keyword.
    """

    source: Source
    frame: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, float]
    rescale: tuple[float, float]
    marks: dict[str, str]
    alone: bool

    @property
    def name(self) -> str:
        """The file, and for a multi-frame object the frame from 1, as messages show them."""
        return self.source.name if self.alone else f"{self.source.name}, frame {self.frame + 1}"


def require_not_cut(source: Source) -> None:
    """`BadInput` for an image without voxels: said first, since what it has lost of its header says other things."""
    if source.offset == 0 and identifier(source.data, "SOPClassUID", source.name) in {"", *_SINGLE, *_MULTI}:
        raise BadInput(f"{source.name} ends before its voxels, so it is cut short or no image; copy it again")


def kind_of(source: Source) -> tuple[str, bool]:
    """("CT", "MR" or "PT", whether one object holds all slices); `BadInput` for any other object."""
    found = identifier(source.data, "SOPClassUID", source.name)
    if found in _SINGLE:
        return _SINGLE[found], False
    if found in _MULTI:
        return _MULTI[found], True
    if found in _LABELS:
        raise BadInput(f"{source.name} is a segmentation or structure set, not an image; name it as the label map")
    from pydicom.uid import UID

    name = printable(UID(found).name, 80) if found else "an object without SOPClassUID"
    raise BadInput(f"{source.name} is {name}; CT, MR and PET images are allowed, so name their series")


def planes_of(source: Source, pixels: Pixels) -> list[Plane]:
    """The slices of a file in the order of its frames; `BadInput` for localizers and for what states no place."""
    kind, many = kind_of(source)
    if many:
        return _frames(source, pixels, kind)
    if pixels.frames != 1:
        raise BadInput(f"{source.name} has {pixels.frames} frames, its kind of object has one; it is damaged")
    return [_plane(source, 0, [source.data], kind, True)]


def _plane(source: Source, frame: int, groups: list, kind: str, alone: bool) -> Plane:
    """A plane whose elements lie in one of several data sets, the first that has one speaks."""
    where = source.name if alone else f"{source.name}, frame {frame + 1}"

    def holder(keyword: str):
        return next((group for group in groups if value_of(group, keyword, where) is not None), groups[0])

    if "LOCALIZER" in text(holder("ImageType"), "ImageType", where):
        raise BadInput(f"{where} is a localizer (scout view), not a slice; move it out of the folder")
    between_rows, between_columns = needed(holder("PixelSpacing"), "PixelSpacing", 2, where)
    if min(between_rows, between_columns) <= 0:
        raise BadInput(f"{where} has PixelSpacing {between_rows:g}, {between_columns:g} mm; both must be above 0")
    marks = {key: printable(holder(key).get(key), 32) for key in MARKS if value_of(holder(key), key, where) is not None}
    return Plane(
        source,
        frame,
        needed(holder("ImagePositionPatient"), "ImagePositionPatient", 3, where),
        needed(holder("ImageOrientationPatient"), "ImageOrientationPatient", 6, where),
        (between_columns, between_rows),
        _rescale(holder("RescaleSlope"), holder("RescaleIntercept"), kind, where),
        marks,
        alone,
    )


def _rescale(with_slope, with_intercept, kind: str, where: str) -> tuple[float, float]:
    slope = numbers(with_slope, "RescaleSlope", 1, where)
    intercept = numbers(with_intercept, "RescaleIntercept", 1, where)
    if (slope is None) != (intercept is None) or (kind == "CT" and slope is None):
        raise BadInput(f"{where} lacks RescaleSlope or RescaleIntercept, so its values are unknown; export it again")
    if slope is None:
        return 1.0, 0.0
    if slope[0] == 0.0:
        raise BadInput(f"{where} has RescaleSlope = 0, which makes all voxels equal; export it again")
    return slope[0], intercept[0]


_GROUPS = (
    "PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence", "PixelValueTransformationSequence",
    "FrameContentSequence", "MREchoSequence", "MRDiffusionSequence", "CTImageFrameTypeSequence",
    "MRImageFrameTypeSequence", "TemporalPositionSequence",
)  # fmt: skip


def _items(group, where: str) -> list:
    """The data sets of the functional groups that matter here."""
    found = [] if group is None else [single(group, keyword, where) for keyword in _GROUPS]
    return [item for item in found if item is not None]


def _frames(source: Source, pixels: Pixels, kind: str) -> list[Plane]:
    where = source.name
    each = value_of(source.data, "PerFrameFunctionalGroupsSequence", where)
    if each is None or len(each) != pixels.frames:
        count = 0 if each is None else len(each)
        raise BadInput(f"{where} has {pixels.frames} frames and states the place of {count}; it is damaged")
    common = _items(single(source.data, "SharedFunctionalGroupsSequence", where), where)
    return [
        _plane(source, frame, [*_items(group, f"{where}, frame {frame + 1}"), *common, source.data], kind, False)
        for frame, group in enumerate(each)
    ]
