"""DICOM segmentations: frames of marked pixels, in any order, each with its own place and segment.

    inside = (pixel == 1)                  BINARY
    inside = (pixel == segment number)     LABELMAP
    inside = (pixel / maximum >= 1/2)      FRACTIONAL, both of probabilities and of shares of a voxel

Source: DICOM PS3.3 A.51, C.8.20, C.7.6.16 (functional groups), PS3.5 8.1.1 (bits of two frames may share a byte), 2024.
"""

from collections.abc import Iterator

import numpy as np

from ...quantities.refusal import BadInput
from ..image import ImageGeometry
from ..room import require_room
from ..segment import OnVoxels, Segment, Segments, Voxels, cropped, layer_segments, within
from .label_files import items
from .reference import DicomReference
from .seg_frames import Frame, Stack, layout, require_agreement
from .slices import SlicePlanes
from .tags import printable, text, value_of, whole

_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"}
_RLE = "1.2.840.10008.1.2.5"
_RLE_AT_MOST = 64  # bytes out per byte in: a run of 128 takes two
_BITS = {"BINARY": (1, 8), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}
_MOST_SLICES = 100_000


def read_segmentation(data, syntax: str, onto: Voxels | None, reference: DicomReference | None = None) -> Segments:
    """Segments of a DICOM segmentation on the voxels of an image, or (None) on the smallest box of slices of its own.

    data: its data set. syntax: transfer syntax UID. reference: what the image says of itself. Frames may come in any
    order and leave slices out; rows and columns may run against those of the image. Fails with `BadInput` for
    compression other than RLE, pixels fewer than the header asks for, frames between the voxels of the image, marks
    outside it, frames of unknown segments, and frames that contradict what is said of them elsewhere.
    """
    kind = text(data, "SegmentationType", "it")
    if kind not in _BITS:
        raise BadInput(f"its segmentation type is {kind!r}; allowed are {', '.join(map(repr, _BITS))}")
    names = _names(data, kind)
    frames, stack = layout(data, kind)
    if onto is None:
        onto = _own_voxels(frames, stack)
    across = int(np.argmax(np.abs(np.asarray(onto.direction).T @ stack.normal)))
    if isinstance(onto, SlicePlanes) and across != 2:
        raise BadInput("its frames run across the slices of a tilted or uneven series; draw the segments on its slices")
    columns = np.column_stack([stack.steps, stack.normal * onto.spacing[across]])
    fit = OnVoxels.of(columns, (stack.columns, stack.rows, 1), onto)
    for frame in frames:
        if frame.segment and frame.segment not in names:
            raise BadInput(f"a frame belongs to segment {frame.segment}, which it does not describe; export it again")
    require_agreement(data, frames, [fit.corner(frame.position) for frame in frames], across, reference)
    pixels = _pixels(data, syntax, kind, len(frames), stack)
    if kind == "LABELMAP":
        return Segments(onto, _from_label_map(pixels, frames, fit, names, data), "DICOM label map segmentation")
    notes, least = (), 1
    if kind == "FRACTIONAL":
        most = whole(data, "MaximumFractionalValue", "it", 1, 255)
        least = (most + 1) // 2
        of_what = text(data, "SegmentationFractionalType", "it").lower() or "share"
        notes = (f"fractional segments ({printable(of_what)}): voxels of one half and more were taken as inside",)
    return Segments(onto, _from_frames(pixels, frames, fit, names, least), "DICOM segmentation", notes)


def _names(data, kind: str) -> dict[int, str]:
    """{number: name} of the segments that it describes."""
    found = {}
    for one in items(data, "SegmentSequence", "it"):
        number = whole(one, "SegmentNumber", "a segment", 0 if kind == "LABELMAP" else 1, 0xFFFF)
        if number in found:
            raise BadInput(f"it describes segment {number} twice; export it again")
        found[number] = value_of(one, "SegmentLabel", f"segment {number}") or f"segment {number}"
    if not found:
        raise BadInput("it describes no segments; export it again")
    return {number: name for number, name in found.items() if number}  # 0 is the background of a label map


def _own_voxels(frames: list[Frame], stack: Stack) -> ImageGeometry:
    """The smallest even stack of slices that holds every frame."""
    places = np.asarray([frame.position for frame in frames])
    heights = places @ stack.normal
    order = np.unique(np.round(heights, 6))
    step = float(np.diff(order).min()) if len(order) > 1 else stack.apart
    if not step or not np.isfinite(step) or step <= 0:
        raise BadInput("one slice does not say how far slices lie apart; give the image too (--image)")
    count = round(float(order[-1] - order[0]) / step) + 1
    if count > _MOST_SLICES:
        raise BadInput("its frames lie too far apart for one volume; give the image too (--image)")
    shape = (stack.columns, stack.rows, count)
    require_room(shape, 1, "it")
    columns = np.column_stack([stack.steps, stack.normal * step])
    return ImageGeometry.from_columns(shape, columns, places[int(np.argmin(heights))])


def _pixels(data, syntax: str, kind: str, count: int, stack: Stack) -> Iterator[np.ndarray]:
    """The pixels of the frames one after the other, whole numbers (rows, columns)."""
    bits = whole(data, "BitsAllocated", "it", 1, 16)
    if bits not in _BITS[kind] or whole(data, "SamplesPerPixel", "it", 1, 1) != 1:
        raise BadInput(f"it has {bits} bits a pixel; for {kind} {' or '.join(map(str, _BITS[kind]))} are allowed")
    packed = value_of(data, "PixelData", "it") or b""
    if syntax in _NATIVE:
        size = stack.rows * stack.columns
        wanted = -(-size * count * bits // 8)
        if len(packed) not in (wanted, wanted + wanted % 2):
            raise BadInput(
                f"it has {len(packed)} bytes of pixels where its header asks for {wanted}; it may be cut short"
            )
        return _native(packed, bits, size, count, (stack.rows, stack.columns))
    if syntax != _RLE:
        raise BadInput(
            f"it is compressed ({printable(syntax)}), which is not read; "
            "store it uncompressed first (`gdcmconv --raw IN OUT` of GDCM)"
        )
    if stack.rows * stack.columns * count * (bits // 8) > _RLE_AT_MOST * len(packed):
        raise BadInput("its header asks for more pixels than its data can hold; it may be cut short")
    from pydicom.pixels import get_decoder

    return (frame for frame, _ in get_decoder(syntax).iter_array(data, raw=True))


def _native(packed: bytes, bits: int, size: int, count: int, shape) -> Iterator[np.ndarray]:
    raw = np.frombuffer(packed, np.uint8)
    for n in range(count):
        if bits == 1:
            start, end = n * size, (n + 1) * size
            spread = np.unpackbits(raw[start // 8 : -(-end // 8)], bitorder="little")
            yield spread[start % 8 :][:size].reshape(shape)
        else:
            width = bits // 8
            yield np.frombuffer(packed, f"<u{width}", size, n * size * width).reshape(shape)


def _from_frames(pixels, frames: list[Frame], fit: OnVoxels, names, least: int) -> tuple[Segment, ...]:
    """The segments from one frame per segment and slice."""
    found: dict[int, list[Segment]] = {number: [] for number in names}
    taken = set()
    for frame, marked in zip(frames, pixels, strict=True):
        corner = fit.corner(frame.position)
        if (frame.segment, corner) in taken:
            raise BadInput(f"it holds two frames of segment {frame.segment} at one place; export it again")
        taken.add((frame.segment, corner))
        inside = marked >= least
        if inside.any():
            at, part = within(fit.turned(inside.T[:, :, None]), corner, fit.image.shape)
            found[frame.segment].append(cropped(frame.segment, names[frame.segment], at, part))
    return tuple(_joined(number, name, found[number]) for number, name in names.items())


def _joined(number: int, name: str, slabs: list[Segment]) -> Segment:
    """One segment from its slices."""
    if not slabs:
        return cropped(number, name, (0, 0, 0), np.zeros((0, 0, 0), bool))
    low = tuple(min(slab.corner[a] for slab in slabs) for a in range(3))
    high = tuple(max(slab.corner[a] + slab.part.shape[a] for slab in slabs) for a in range(3))
    inside = np.zeros(tuple(b - a for a, b in zip(low, high, strict=True)), bool)
    for slab in slabs:
        box = tuple(slice(c - a, c - a + n) for c, a, n in zip(slab.corner, low, slab.part.shape, strict=True))
        inside[box] |= slab.part
    return Segment(number, slabs[0].name, low, inside, 1)


def _from_label_map(pixels, frames: list[Frame], fit: OnVoxels, names, data) -> tuple[Segment, ...]:
    """The segments from frames whose pixels are segment numbers; 0 and the padding value are background."""
    shape = fit.image.shape
    layer, taken = np.zeros(shape, np.uint16), set()
    padding = whole(data, "PixelPaddingValue", "it", 0, 0xFFFF, absent=0)
    for frame, marked in zip(frames, pixels, strict=True):
        corner = fit.corner(frame.position)
        if corner in taken:
            raise BadInput("it holds two frames at one place; export it again")
        taken.add(corner)
        block = np.where(marked == padding, 0, marked) if padding else marked
        at, part = within(fit.turned(block.T[:, :, None]), corner, shape)
        layer[tuple(slice(c, c + n) for c, n in zip(at, part.shape, strict=True))] = part
    return tuple(layer_segments(layer, (0, 0, 0), {number: (number, name) for number, name in names.items()}))
