"""Segments drawn on tilted or uneven slices, carried onto the even grid of the image by the map of the image.

inside where (1 - w) d_A + w d_B > 0

d_A, d_B: signed distance [mm] in the plane to the outline on the slice below and above, positive inside, each moved in
its plane as the image was; w: as in `even`. Where one of the two slices is empty, the other holds as far as half way:
a structure ends half a slice beyond its last outline. So an outline that changes from slice to slice changes evenly in
between, also where slices are missing. Source: Raya and Udupa, IEEE Trans Med Imaging 9 (1990) 32, doi
10.1109/42.52980 (shape-based interpolation).
"""

import numpy as np

from ..image import ImageGeometry
from ..resample import signed_distance
from ..segment import Segment, Segments, cropped
from .even import moved
from .slices import SlicePlanes

_MOST_NAMED = 12
_ASIDE = 1e-4  # pixels, so that an outline moved by exactly half a pixel neither gains nor loses a row


def carried(segments: Segments, slices: SlicePlanes, geometry: ImageGeometry) -> Segments:
    """Segments on `slices` (their voxels) as segments on the even grid, with a note on what that did to their volumes.

    geometry: of the even grid, slices.even_shape.
    """
    found = tuple(_carried(segment, slices, geometry.shape) for segment in segments.segments)
    told, area = [], slices.spacing[0] * slices.spacing[1]
    for old, new in zip(segments.segments, found, strict=True):
        if old.voxels:
            counts = np.count_nonzero(old.part == old.value, axis=(0, 1))
            before = area * float(counts @ slices.thickness[old.box[2]])
            after = new.voxels * geometry.voxel_volume_mm3
            told.append(f"{old.name!r} {before / 1e3:.4g} mL to {after / 1e3:.4g} mL ({after / before - 1.0:+.2%})")
    more = f"; and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
    note = f"drawn on the slices as measured and carried onto the even grid: {'; '.join(told[:_MOST_NAMED])}{more}"
    return Segments(geometry, found, segments.kind, (*segments.notes, *([note] if told else [])))


def _carried(segment: Segment, slices: SlicePlanes, shape) -> Segment:
    """One segment on the even grid."""
    first, last = segment.corner[2], segment.corner[2] + segment.part.shape[2]
    shifts = slices.shifts
    near = shifts[max(first - 1, 0) : last + 1]
    pad = 2 + int(np.ceil(np.abs(np.diff(near, axis=0)).max(initial=0.0)))
    corner = np.asarray(segment.corner[:2])
    low = np.maximum(np.floor(corner + near.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(corner + segment.part.shape[:2] + near.max(axis=0)).astype(int) + 1, shape[:2])
    kept: dict[int, np.ndarray] = {}

    def distance(plane: int) -> np.ndarray:
        """Of a slice with an outline, on the box."""
        if plane not in kept:
            mask = np.pad(segment.part[:, :, plane - first] == segment.value, pad)
            field = signed_distance(mask, slices.spacing[:2])
            kept[plane] = moved(field, shifts[plane] + corner - pad - low + _ASIDE, tuple(high - low))
        return kept[plane]

    drawn = {first + n for n in np.flatnonzero((segment.part == segment.value).any(axis=(0, 1)))}
    inside, bottom = [], 0
    for k in range(shape[2]):
        mix = slices.mix(k)
        both = [(plane, part) for plane, part in mix if plane in drawn]
        if len(both) == 1 and len(mix) == 2:  # the end of a structure; half way belongs to the lower slice
            plane, part = both[0]
            both = [(plane, 1.0)] if part > 0.5 or (part == 0.5 and plane == mix[0][0]) else []
        if not both:
            bottom += 0 if inside else 1
            inside += [np.zeros(tuple(high - low), bool)] if inside else []
            continue
        inside.append(sum(part * distance(plane) for plane, part in both) > 0)
        for plane in [plane for plane in kept if plane < both[0][0]]:
            del kept[plane]
    if not inside:
        return cropped(segment.number, segment.name, (0, 0, 0), np.zeros((0, 0, 0), bool))
    return cropped(segment.number, segment.name, (int(low[0]), int(low[1]), bottom), np.stack(inside, axis=-1))
