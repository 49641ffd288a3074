"""RT structure sets: closed contours in the slices of an image, turned into voxels.

A voxel is inside a structure when a ray from its centre along a row of the slice crosses the contours of that structure
in this slice an odd number of times. So a contour inside another one cuts a hole, and so does a contour that goes in
through a keyhole. A centre on a contour itself counts as inside on the sides of lower indices and as outside on the
others: contours that share an edge neither overlap nor leave a gap. Nothing is interpolated between slices.

Source: DICOM PS3.3 C.8.8.5 and C.8.8.6, 2024; Shimrat, Commun ACM 5 (1962) 434, doi 10.1145/368637.368653 (crossings).
"""

import numpy as np

from ...quantities.refusal import BadInput
from ..image import SAME_PLACE
from ..segment import Segment, Segments, Voxels, cropped, plain_name
from .label_files import items
from .reference import DicomReference
from .seg_frames import slices_of_instance
from .tags import identifier, text, value_of, whole

_CLOSED = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}
_OPEN = {"POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"}
_DECIMALS = 6  # of a voxel: a corner meant for a voxel centre must not fall to a side by the rounding of a file


def read_structures(data, onto: Voxels | None, reference: DicomReference | None = None) -> Segments:
    """Segments of an RT structure set on the voxels of an image.

    data: its data set. reference: what the image says of itself. A structure without closed contours has no voxels.
    Fails with `BadInput` without an image, for contours that do not lie in one slice of it, leave it, or were drawn on
    another slice than the one they lie in, and for structures that are not described.
    """
    if onto is None:
        raise BadInput("it is a structure set, which has contours and no voxels; give the image too (--image)")
    names, notes = {}, []
    for roi in items(data, "StructureSetROISequence", "it"):
        number = whole(roi, "ROINumber", "a structure", 0, 2**31 - 1)
        if number in names:
            raise BadInput(f"it describes structure {number} twice; export it again")
        names[number] = value_of(roi, "ROIName", f"structure {number}") or f"structure {number}"
    if not names:
        raise BadInput("it describes no structures; export it again")
    found: dict[int, Segment] = {}
    slices = slices_of_instance(reference)
    for outline in items(data, "ROIContourSequence", "it"):
        number = whole(outline, "ReferencedROINumber", "a set of contours", 0, 2**31 - 1)
        if number not in names or number in found:
            how = "twice" if number in found else "without describing it"
            raise BadInput(f"it draws structure {number} {how}; export it again")
        found[number], told = _structure(outline, number, names[number], onto, slices)
        notes += told
    empty = np.zeros((0, 0, 0), bool)
    listed = [found.get(n) or cropped(n, name, (0, 0, 0), empty) for n, name in names.items()]
    first = 1 if 0 in names else 0  # numbers of segments begin at 1
    if first:
        notes.append("the structures are counted from 0 in their file and from 1 here")
    listed = [Segment(s.number + first, s.name, s.corner, s.part, s.value) for s in listed]
    return Segments(onto, tuple(listed), "RT structure set", tuple(notes))


def _structure(outline, number: int, name: object, onto: Voxels, drawn) -> tuple[Segment, list[str]]:
    """One structure and what has to be said of it. drawn: {instance: slices}, see `slices_of_instance`."""
    what, shown = f"structure {plain_name(name)!r}", plain_name(name)
    slices: dict[int, list[np.ndarray]] = {}
    left_out: dict[str, int] = {}
    for contour in items(outline, "ContourSequence", what):
        kind = text(contour, "ContourGeometricType", what)
        if kind in _OPEN:
            left_out[kind] = left_out.get(kind, 0) + 1
            continue
        if kind not in _CLOSED:
            raise BadInput(f"{what} has a contour of type {kind!r}; closed planar contours are read, export it again")
        index = onto.world_mm_to_index(_points(contour, what))
        k = _slice_of(index, onto, what)
        _require_drawn_there(contour, k, drawn, what)
        slices.setdefault(k, []).append(np.round(index[:, :2], _DECIMALS))
    notes = [f"{what}: {n} contours of type {kind} enclose nothing and were left out" for kind, n in left_out.items()]
    if not slices:
        return cropped(number, shown, (0, 0, 0), np.zeros((0, 0, 0), bool)), notes
    low = min(slices)
    inside = np.zeros((*onto.shape[:2], max(slices) - low + 1), bool)
    for k, polygons in slices.items():
        inside[:, :, k - low] = fill(polygons, onto.shape[:2])
    gaps = inside.shape[2] - len(slices)
    if gaps:
        notes.append(f"{what}: {gaps} slices between its first and last have no contour and stay empty")
    return cropped(number, shown, (0, 0, low), inside), notes


def _require_drawn_there(contour, k: int, drawn: dict[str, tuple[int, ...]], what: str) -> None:
    """`BadInput` where a contour says that it was drawn on another slice than the one it lies in."""
    listed = items(contour, "ContourImageSequence", what)
    said = {n for one in listed for n in drawn.get(identifier(one, "ReferencedSOPInstanceUID", what), (k,))}
    if said and k not in said:
        raise BadInput(
            f"{what} has a contour that lies in slice {k} of the image and was drawn on slice {min(said)} (counted "
            "from 0); its place is damaged, or the image's is, export both again"
        )


def _points(contour, what: str) -> np.ndarray:
    """LPS positions [mm] of the corners of a contour. Shape (n, 3)."""
    raw = contour.get_item("ContourData")
    value = None if raw is None else raw.value
    if isinstance(value, bytes):  # not yet turned into numbers one by one, which takes longer than all the rest
        listed = value.decode("ascii").rstrip(" \0").split("\\") if value.strip(b" \0") else []
    else:
        listed = [] if value is None else list(value) if hasattr(value, "__iter__") else [value]
    try:
        numbers = np.array(listed, dtype=float)
    except ValueError:
        raise BadInput(f"{what} has corners that are no numbers; export it again") from None
    if numbers.size % 3 or numbers.size < 9 or not np.all(np.isfinite(numbers)):
        raise BadInput(
            f"{what} has a contour of {numbers.size} coordinates; three finite ones for each of at least three corners "
            "are needed, export it again"
        )
    count = whole(contour, "NumberOfContourPoints", what, 0, 2**31 - 1, absent=numbers.size // 3)
    if count != numbers.size // 3:
        raise BadInput(f"{what} announces {count} corners and has {numbers.size // 3}; it is damaged, copy it again")
    return numbers.reshape(-1, 3)


def _slice_of(index: np.ndarray, onto: Voxels, what: str) -> int:
    """The slice k of the image in which a contour lies. index: (n, 3), continuous."""
    k = index[:, 2]
    low, high, nearest = float(k.min()), float(k.max()), int(np.rint(k.mean()))
    if high - low > 2 * SAME_PLACE:
        raise BadInput(
            f"{what} has a contour that crosses the slices of the image ({low:.2f} to {high:.2f} counted from 0); "
            "give the image it was drawn on"
        )
    if max(abs(low - nearest), abs(high - nearest)) > 2 * SAME_PLACE or not 0 <= nearest < onto.shape[2]:
        raise BadInput(
            f"{what} has a contour in slice {k.mean():.2f} (counted from 0) where the image has 0 to "
            f"{onto.shape[2] - 1}; give the image it was drawn on"
        )
    sides = np.asarray(onto.shape[:2]) - 0.5
    if np.any(index[:, :2] < -1.5) or np.any(index[:, :2] > sides + 1.0):
        raise BadInput(f"{what} has a contour that leaves the image; give the image it was drawn on")
    return nearest


def fill(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Pixels inside an odd number of polygons.

    polygons: corners (n, 2) in continuous indices (i, j), each closed from the last corner to the first. shape:
    (nx, ny). Returns bool of `shape`. A crossing of row j at x turns all pixels i >= x over; a row takes part in an
    edge from its lower end, included, to its upper end, excluded.
    """
    nx, ny = shape
    turns = np.zeros((nx + 1, ny), np.int32)
    for corners in polygons:
        (x0, y0), (x1, y1) = corners.T, np.roll(corners, -1, axis=0).T
        down = y1 < y0
        x0, x1 = np.where(down, x1, x0), np.where(down, x0, x1)
        y0, y1 = np.where(down, y1, y0), np.where(down, y0, y1)
        first = np.clip(np.ceil(y0), 0, ny).astype(int)
        rows = np.clip(np.ceil(y1), 0, ny).astype(int) - first
        edge = np.repeat(np.arange(len(rows)), rows)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(rows) - rows, rows) + first[edge]
        share = (row - y0[edge]) / (y1 - y0)[edge]
        crossing = np.round(x0[edge] + share * (x1 - x0)[edge], _DECIMALS)
        np.add.at(turns, (np.clip(np.ceil(crossing), 0, nx).astype(int), row), 1)
    return np.cumsum(turns[:-1], axis=0) % 2 == 1
