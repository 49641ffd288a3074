"""Segmentations as 3D Slicer writes them (.seg.nrrd): a label map or several in layers, with the names of segments.

Of the key/value pairs of the header only `SegmentN_Name`, `SegmentN_LabelValue` and `SegmentN_Layer` are read. The file
holds no more than the box around its segments, so it is usually smaller than the image and lies anywhere on its voxels.
Source: 3D Slicer, module vtkMRMLSegmentationStorageNode, slicer.readthedocs.io (Segmentations); Kindlmann, NRRD file
format, teem.sourceforge.net/nrrd.
"""

import re
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from .image import ImageGeometry
from .nrrd import placement, read_fields, stated_once, voxels_of
from .segment import OnVoxels, Segment, Segments, layer_segments, within

_LONGEST_HEADER = 4_000_000
_KEY = re.compile(r"Segment(\d+)_(ID|Name|LabelValue|Layer):=(.*)")


def is_segmented(path: Path) -> bool:
    """Whether an NRRD file says that it holds segments, by its ending or by the keys of its header."""
    if path.name.lower().endswith(".seg.nrrd"):
        return True
    with open(path, "rb") as file:
        head = file.read(_LONGEST_HEADER).partition(b"\n\n")[0]
    return re.search(rb"^Segment\d+_ID:=", head, re.MULTILINE) is not None


def read_segmented_nrrd(path: Path, onto: ImageGeometry | None) -> Segments:
    """Segments of a .seg.nrrd file on the voxels of an image, or (None) on those of the file.

    number: the value that marks the segment, where no two layers use the same; otherwise its place in the file. Fails
    with `BadInput` as `nrrd.read_fields` and `nrrd.voxels_of` do, for voxels that are not those of the image, segments
    outside it, and values that no segment has. Errors of the library pass through.
    """
    content = path.read_bytes()
    header, start = read_fields(content, path)
    lines = content[:start].decode("utf-8", "replace").split("\n")
    block = _layers(voxels_of(content, start, header, path), int(header["dimension"]))
    columns, origin = placement(_space(header), path)
    own = ImageGeometry.from_columns(block.shape[1:], columns, origin)
    onto = own if onto is None else onto
    fit = OnVoxels.of(columns, block.shape[1:], onto)
    described = _described(lines, len(block))
    corner, found = fit.corner(origin), []
    for number, layer in enumerate(block):
        at, part = within(fit.turned(layer), corner, onto.shape)
        named = {value: (n, name) for n, (name, value, where) in described.items() if where == number}
        found += layer_segments(part, at, named)
    notes = (stated_once(own),) if onto is own or own.differences(onto) else ()
    return Segments(onto, tuple(_in_order(found, described)), "3D Slicer segmentation", notes)


def _in_order(found: list[Segment], described: dict) -> list[Segment]:
    order = list(described)
    return sorted(found, key=lambda segment: order.index(segment.number))


def _described(lines: list[str], layers: int) -> dict[int, tuple[str, int, int]]:
    """{number: (name, value, layer)} of every segment, in the order of the file."""
    keys: dict[int, dict[str, str]] = {}
    for line in lines:
        if found := _KEY.match(line):
            keys.setdefault(int(found[1]), {})[found[2]] = found[3].strip()
    if not keys:
        raise BadInput("it names no segments; export it as a segmentation, or give it as a label map without .seg")
    listed = []
    for place, (n, given) in enumerate(sorted(keys.items())):
        # before layers could be shared, each segment had its own, marked by 1
        usual = (1, place) if layers > 1 else (place + 1, 0)
        try:
            value, layer = int(given.get("LabelValue", usual[0])), int(given.get("Layer", usual[1]))
        except ValueError:
            raise BadInput(f"Segment{n} has a label value or layer that is no whole number; export it again") from None
        if not 1 <= value < 2**31 or not 0 <= layer < layers:
            raise BadInput(
                f"Segment{n} is marked by {value} in layer {layer} of {layers}; values from 1 and layers from 0 are "
                "allowed; export the segmentation again"
            )
        listed.append((given.get("Name", f"Segment{n}"), value, layer))
    if len({(value, layer) for _, value, layer in listed}) < len(listed):
        raise BadInput("two of its segments share a label value in one layer; export the segmentation again")
    values = [value for _, value, _ in listed]
    numbers = values if len(set(values)) == len(values) else range(1, len(values) + 1)
    return dict(zip(numbers, listed, strict=True))


def _space(header) -> dict:
    """The header with the directions of its three axes in space only."""
    directions = np.asarray(header.get("space directions", np.empty((0, 3))), float)
    if int(header["dimension"]) == 4 and directions.shape == (4, 3) and np.isnan(directions[0]).all():
        return {**header, "space directions": directions[1:]}
    return header


def _layers(values: np.ndarray, dimension: int) -> np.ndarray:
    """Whole numbers (layers, nx, ny, nz); the layers are the first axis of a 4-D file."""
    if values.dtype.kind not in "iu" or values.ndim not in (3, 4) or values.ndim != dimension:
        raise BadInput(
            f"it holds {values.dtype} in {values.ndim} dimensions, {dimension} announced; whole numbers in three, or "
            "in four with the layers first, are allowed"
        )
    if values.min() < 0:
        raise BadInput(f"it holds the negative label {values.min()}; whole numbers from 0 are allowed")
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return values[None] if values.ndim == 3 else values
