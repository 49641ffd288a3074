"""The frames of a DICOM segmentation: where each lies, to which segment it belongs, and whether all it says agrees.

Source: DICOM PS3.3 C.7.6.16 (functional groups), C.7.6.17 (dimensions), C.8.20, 2024.
"""

from dataclasses import dataclass

import numpy as np

from ...quantities.refusal import BadInput
from .label_files import items
from .reference import DicomReference
from .tags import identifier, needed, numbers, single, value_of, whole

_SEGMENT_NUMBER = 0x0062000B


@dataclass(frozen=True)
class Frame:
    """One frame.

    position: of its first pixel, LPS [mm]. segment: its number, 0 where its pixels tell. indices: its dimension index
    values, which repeat some of that. drawn_on: the instance it was drawn on, empty where it does not say.
    """

    position: tuple[float, ...]
    segment: int
    indices: tuple[int, ...]
    drawn_on: str


@dataclass(frozen=True)
class Stack:
    """How the pixels of all frames lie. steps [mm, LPS]: (3, 2), along a row and down a column. apart: mm or None."""

    rows: int
    columns: int
    steps: np.ndarray
    apart: float | None

    @property
    def normal(self) -> np.ndarray:
        across = np.cross(self.steps[:, 0], self.steps[:, 1])
        return across / np.linalg.norm(across)


def layout(data, kind: str) -> tuple[list[Frame], Stack]:
    """Place and segment of every frame, and how their pixels lie; `BadInput` where they are not stated or differ.

    kind: segmentation type; the frames of a "LABELMAP" belong to no single segment.
    """
    listed = items(data, "PerFrameFunctionalGroupsSequence", "it")
    count = whole(data, "NumberOfFrames", "it", 1, 10_000_000)
    if len(listed) != count:
        raise BadInput(f"it announces {count} frames and describes {len(listed)}; it is damaged, copy it again")
    outer = single(data, "SharedFunctionalGroupsSequence", "it")
    rows, columns = (whole(data, keyword, "it", 1, 0xFFFF) for keyword in ("Rows", "Columns"))
    frames, planes = [], set()
    for n, groups in enumerate(listed, 1):
        frame, plane = _frame(groups, outer, kind, f"frame {n}")
        frames.append(frame)
        planes.add(plane)
    if len(planes) > 1:
        raise BadInput("its frames differ in orientation or spacing, so they form no volume; export it again")
    orientation, spacing, apart = planes.pop()
    steps = np.column_stack([np.multiply(orientation[:3], spacing[1]), np.multiply(orientation[3:], spacing[0])])
    if not np.linalg.norm(np.cross(steps[:, 0], steps[:, 1])) > 0:
        raise BadInput("the rows and columns of its frames run the same way, or have no length; export it again")
    return frames, Stack(rows, columns, steps, apart[0] if apart else None)


def _frame(groups, outer, kind: str, where: str) -> tuple[Frame, tuple]:
    """One frame, and its orientation, pixel spacing and distance between slices."""

    def group(keyword: str):
        own = single(groups, keyword, where)
        return own if own is not None or outer is None else single(outer, keyword, where)

    place, plane, size = (group(f"{k}Sequence") for k in ("PlanePosition", "PlaneOrientation", "PixelMeasures"))
    if place is None or plane is None or size is None:
        raise BadInput(f"{where} does not state its place in the patient; export it again")
    segment = 0
    if kind != "LABELMAP":
        segment = whole(group("SegmentIdentificationSequence") or {}, "ReferencedSegmentNumber", where, 1, 0xFFFF)
    content = value_of(group("FrameContentSequence") or {}, "DimensionIndexValues", where)
    listed = [] if content is None else list(content) if hasattr(content, "__iter__") else [content]
    sources = [
        one
        for step in items(groups, "DerivationImageSequence", where)
        for one in items(step, "SourceImageSequence", where)
    ]
    drawn_on = identifier(sources[0], "ReferencedSOPInstanceUID", where) if len(sources) == 1 else ""
    apart = numbers(size, "SpacingBetweenSlices", 1, where) or numbers(size, "SliceThickness", 1, where)
    orientation = needed(plane, "ImageOrientationPatient", 6, where)
    position = needed(place, "ImagePositionPatient", 3, where)
    return (
        Frame(position, segment, tuple(int(v) for v in listed), drawn_on),
        (orientation, needed(size, "PixelSpacing", 2, where), apart),
    )


def require_agreement(data, frames: list[Frame], corners, across: int, reference: DicomReference | None) -> None:
    """`BadInput` where a frame contradicts what the file says of it elsewhere, as a damaged number does.

    corners: index in the image of the first voxel of every frame. across: the image's axis from frame to frame.
    reference: what the image says of itself. Looked at are the index of the segment among the dimensions, and the
    instance that a frame was drawn on against the slice that it lies in.
    """
    pointers = [value_of(one, "DimensionIndexPointer", "it") for one in items(data, "DimensionIndexSequence", "it")]
    if _SEGMENT_NUMBER in pointers:
        place = pointers.index(_SEGMENT_NUMBER)
        pairs = {(f.indices[place], f.segment) for f in frames if len(f.indices) == len(pointers) and f.segment}
        for side in zip(*pairs, strict=True):
            if len(set(side)) < len(side):
                raise BadInput("its frames say twice to which segment they belong, and not the same; export it again")
    slices = slices_of_instance(reference) if across == 2 else {}
    for frame, corner in zip(frames, corners, strict=True):
        said = slices.get(frame.drawn_on, (corner[2],))
        if corner[2] not in said:
            raise BadInput(
                f"a frame of segment {frame.segment} lies in slice {corner[2]} of the image and was drawn on slice "
                f"{said[0]} (counted from 0); its place is damaged, or the image's is, export both again"
            )


def slices_of_instance(reference: DicomReference | None) -> dict[str, tuple[int, ...]]:
    """{SOP instance: its slices k} of an image with instances per slice; empty for one in a single object.

    On an even grid an instance stands for the slices that lie nearest to it, which may be several.
    """
    found: dict[str, tuple[int, ...]] = {}
    if reference is not None and not reference.frames:
        for k, instance in enumerate(reference.instances):
            found[instance] = (*found.get(instance, ()), k)
    return found
