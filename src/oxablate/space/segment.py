"""Segments: the named parts of an image, each on its own few voxels and free to overlap."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..quantities.refusal import BadInput
from .dicom.slices import SlicePlanes
from .image import SAME_PLACE, ImageGeometry

#: What segments may lie on: the voxels of an image, or the slices it was measured in.
Voxels = ImageGeometry | SlicePlanes

#: Characters kept of the name of a segment; a name is the only text of a label file that is.
LONGEST_NAME = 64

#: More parts than this are no segmentation but an image taken for one.
MOST_SEGMENTS = 2000

Index = tuple[int, int, int]


def plain_name(text: object) -> str:
    """A name as a terminal and a page may show it: one line, printable characters, at most LONGEST_NAME of them."""
    shown = "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))
    return shown[:LONGEST_NAME].strip() or "unnamed"


@dataclass(frozen=True, eq=False)
class Segment:
    """One named part of an image.

    inside = (part == value), at the voxels from `corner` on

    number: as the file counts it, from 1. name: printable, see `plain_name`. corner: index of the first voxel of `part`
    in the image. part: whole numbers or bool (a, b, c), inside the image, shared with other segments. value: the one
    that marks this segment.
    """

    number: int
    name: str
    corner: Index
    part: np.ndarray
    value: int

    @property
    def box(self) -> tuple[slice, ...]:
        """Where `part` lies in an array of the image."""
        return tuple(slice(c, c + n) for c, n in zip(self.corner, self.part.shape, strict=True))

    @cached_property
    def voxels(self) -> int:
        """How many voxels of the image are inside."""
        return int(np.count_nonzero(self.part == self.value))

    def paint(self, target: np.ndarray, what: int) -> None:
        """Write `what` into the voxels of `target` (shape of the image) that are inside."""
        target[self.box][self.part == self.value] = what

    def mask(self, shape: Index) -> np.ndarray:
        """Bool array of the shape of the image, True inside."""
        found = np.zeros(shape, bool)
        found[self.box] = self.part == self.value
        return found


@dataclass(frozen=True, eq=False)
class Segments:
    """What a label file marks on an image.

    geometry: of the image. segments: in the order of the file; they may overlap. kind: of the file, in words. notes:
    sentences on what was left out or taken for granted.
    """

    geometry: Voxels
    segments: tuple[Segment, ...]
    kind: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        numbers = [segment.number for segment in self.segments]
        if len(set(numbers)) < len(numbers):
            twice = next(n for n in numbers if numbers.count(n) > 1)
            raise BadInput(f"two segments have the number {twice}; export the segmentation again")

    @property
    def names_are_numbers(self) -> bool:
        """Whether the file gives no names, so that those of the segments are their numbers in digits."""
        return all(segment.name == str(segment.number) for segment in self.segments)


def layer_segments(layer: np.ndarray, corner: Index, named: dict[int, tuple[int, str]] | None) -> list[Segment]:
    """The segments of one layer of whole numbers, 0 for nothing, whose first voxel is at `corner` of the image.

    named: {value: (number, name)} of every value that may occur, those without voxels included; None names each value
    that occurs by its digits. Fails with `BadInput` for a value without a name and for MOST_SEGMENTS and more values.
    """
    from scipy.ndimage import find_objects

    present = _occurring(layer)
    if len(present) >= MOST_SEGMENTS:
        raise BadInput(
            f"it holds {len(present)} different labels, fewer than {MOST_SEGMENTS} are allowed; "
            "is it the image rather than the label map?"
        )
    if named is None:
        named = {value: (value, str(value)) for value in present}
    for value in present:
        if value not in named:
            raise BadInput(f"it marks voxels by {value}, which none of its segments has; export the segmentation again")
    compact = layer
    if present and present[-1] > 0xFFFF:  # labels far apart would make a list as long as the largest
        compact = np.zeros(layer.shape, np.int32)
        compact[layer != 0] = np.searchsorted(present, layer[layer != 0]) + 1
    boxes = find_objects(compact)
    found = []
    for value, (number, name) in named.items():
        place = present.index(value) if value in present else -1
        box = None if place < 0 else boxes[value - 1 if compact is layer else place]
        at = corner if box is None else tuple(c + s.start for c, s in zip(corner, box, strict=True))
        part = np.zeros((0, 0, 0), bool) if box is None else layer[box]
        found.append(Segment(number, plain_name(name), at, part, value if box is not None else 1))
    return found


def _occurring(layer: np.ndarray) -> list[int]:
    """The values of a layer other than 0, rising."""
    if layer.max(initial=0) > 0xFFFF:
        return [int(v) for v in np.unique(layer[layer != 0])]
    seen = np.zeros(0x10000, bool)
    seen[layer] = True
    return [int(v) for v in np.flatnonzero(seen) if v]


def cropped(number: int, name: str, corner: Index, inside: np.ndarray) -> Segment:
    """A segment from a bool array at `corner` of the image, kept on the smallest box that holds it."""
    box = []
    for axis in range(3):
        hit = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0))
    at = tuple(c + s.start for c, s in zip(corner, box, strict=True))
    return Segment(number, plain_name(name), at, np.ascontiguousarray(inside[tuple(box)]), 1)


@dataclass(frozen=True)
class OnVoxels:
    """How a block of voxels lies on those of an image: shifted by whole voxels, its axes swapped or turned round.

    axes: the image's axis along which each axis of the block runs. signs: +1 or -1, its sense. shape: of the block.
    image: geometry it lies on.
    """

    axes: Index
    signs: Index
    shape: Index
    image: Voxels

    @classmethod
    def of(cls, columns: np.ndarray, shape: Index, image: Voxels) -> "OnVoxels":
        """From the steps [mm, LPS] of the block, one per column (3, 3); `BadInput` where its voxels are others."""
        steps = (np.asarray(image.direction).T @ columns) / np.asarray(image.spacing)[:, None]
        whole = np.rint(steps)
        one_each = np.array_equal(np.sort(np.abs(whole), axis=0), [[0] * 3, [0] * 3, [1] * 3])
        drift = np.abs(steps - whole) * np.asarray(shape)
        axes = tuple(int(a) for a in np.argmax(np.abs(whole), axis=0))
        if not one_each or len(set(axes)) < 3 or drift.max() > SAME_PLACE:
            raise BadInput(
                f"its voxels step by {_vectors(columns)} mm, those of the image by {_vectors(image.columns)} mm; "
                "draw the segments on this image, or resample them onto it"
            )
        return cls(axes, tuple(int(whole[a, n]) for n, a in enumerate(axes)), tuple(shape), image)

    def corner(self, origin) -> Index:
        """Index in the image of the lowest voxel of a block that starts at `origin` [mm, LPS]; it may lie outside."""
        index = self.image.world_mm_to_index(origin)
        whole = np.rint(index)
        if not np.all(np.isfinite(index)) or np.abs(index - whole).max() > SAME_PLACE:
            shown = ", ".join(f"{v:.6g}" for v in np.asarray(origin, float))
            raise BadInput(
                f"its voxels begin at ({shown}) mm LPS, which lies between the voxels of the image; "
                "draw the segments on this image, or resample them onto it"
            )
        lowest = [int(v) for v in whole]
        for axis, sign, count in zip(self.axes, self.signs, self.shape, strict=True):
            lowest[axis] -= (count - 1) if sign < 0 else 0
        return tuple(lowest)

    def turned(self, block: np.ndarray) -> np.ndarray:
        """The block with its axes in the order and sense of the image's; a view."""
        return np.transpose(block[tuple(slice(None, None, s) for s in self.signs)], np.argsort(self.axes))


def _vectors(columns) -> str:
    return " ".join("(" + ", ".join(f"{v:.6g}" for v in column) + ")" for column in np.asarray(columns).T)


def within(block: np.ndarray, corner: Index, shape: Index) -> tuple[Index, np.ndarray]:
    """The part of a block at `corner` that lies in an image of `shape`; `BadInput` where it marks voxels outside."""
    low = [min(max(0, -c), n) for c, n in zip(corner, block.shape, strict=True)]
    high = [max(a, min(n, s - c)) for a, c, n, s in zip(low, corner, block.shape, shape, strict=True)]
    if low == [0, 0, 0] and high == list(block.shape):
        return corner, block
    part = block[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    outside = int(np.count_nonzero(block)) - int(np.count_nonzero(part))
    if outside:
        raise BadInput(f"it marks {outside} voxels outside the image; give the image it was drawn on")
    return tuple(c + a for c, a in zip(corner, low, strict=True)), part
