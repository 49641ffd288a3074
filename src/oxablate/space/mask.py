"""Masks from intensities: where the body is, when nobody drew it."""

import numpy as np

_BINS = 256
_PLANES = 64


def otsu_threshold(values: np.ndarray) -> float:
    """The intensity that splits values into two classes of largest variance between them.

    maximise w0 w1 (m0 - m1)^2 over thresholds; w: share of the voxels, m: mean of each class

    values: any shape, finite. Returns the value itself where all are equal. Source: Otsu, IEEE Trans Syst Man Cybern
    9 (1979) 62, doi 10.1109/TSMC.1979.4310076.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low
    counts, edges = _histogram(values, low, high)
    middles = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)[:-1].astype(float)
    above = counts.sum() - below
    mass = np.cumsum(counts * middles)
    gap = mass[:-1] / np.maximum(below, 1) - (mass[-1] - mass[:-1]) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax(below * above * gap**2))])


def _histogram(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts in _BINS equal bins from `low` to `high`, and their edges."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize > 2:
        return np.histogram(values, bins=_BINS, range=(low, high))
    each = np.zeros(int(high - low) + 1, np.int64)  # whole numbers: count each first, then put it into its bin
    for start in range(0, len(values), _PLANES):
        each += np.bincount((values[start : start + _PLANES].astype(np.int64) - int(low)).ravel(), minlength=len(each))
    return np.histogram(np.arange(low, high + 1), bins=_BINS, range=(low, high), weights=each)


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest face-connected part of a bool mask (nx, ny, nz); the first found among equals; empty stays empty."""
    from scipy.ndimage import label

    parts, count = label(mask)
    if count == 0:
        return mask.copy()
    sample = np.bincount(parts[::8, ::8, ::4].ravel(), minlength=count + 1)
    sample[0] = 0
    if sample.any():
        found = parts == int(np.argmax(sample))
        if 2 * np.count_nonzero(found) > np.count_nonzero(mask):  # more than half of it: none can be larger
            return found
    sizes = np.zeros(count + 1, np.int64)
    for start in range(0, len(parts), _PLANES):  # counting needs wide numbers: not for all voxels at once
        sizes += np.bincount(parts[start : start + _PLANES].ravel(), minlength=count + 1)
    sizes[0] = 0
    return parts == int(np.argmax(sizes))


def filled(mask: np.ndarray) -> np.ndarray:
    """A bool mask (nx, ny, nz) with the holes of every slice along every axis closed, as airways and bone leave."""
    from scipy.ndimage import label

    result = mask.copy()
    block = _box(mask)
    for axis in range(3):
        view = np.moveaxis(result[block], axis, 0)
        for number in range(view.shape[0]):
            # what is dark and does not reach the rim; filling by growth from the rim would pass the slice many times
            parts, count = label(~view[number])
            outside = np.zeros(count + 1, bool)
            for rim in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
                outside[rim] = True
            outside[0] = False
            if not outside[1:].all():
                view[number] = ~outside[parts]
    return result


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    """Around what is True, and one voxel more where there is one: all that is dark outside it reaches the rim."""
    sides = [mask.any(axis=2).any(axis=1), mask.any(axis=2).any(axis=0), mask.any(axis=0).any(axis=0)]
    ends = [np.flatnonzero(side)[[0, -1]] if side.any() else (0, -1) for side in sides]
    return tuple(slice(max(int(first) - 1, 0), int(last) + 2) for first, last in ends)


def body_mask(image: np.ndarray) -> np.ndarray:
    """Where the body is, by brightness: a convenience for scans without a body contour, to be looked at before use.

    Voxels brighter than Otsu's threshold; of these the largest connected part; holes of every slice filled. Works for
    scans with air around a body, loses dark tissue at the skin, fails on a crop that shows no air. image: (nx, ny, nz).
    """
    return filled(largest_component(image > otsu_threshold(image)))
