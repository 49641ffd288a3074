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
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    middles = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)[:-1].astype(float)
    above = counts.sum() - below
    mass = np.cumsum(counts * middles)
    gap = mass[:-1] / np.maximum(below, 1) - (mass[-1] - mass[:-1]) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax(below * above * gap**2))])


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest face-connected part of a bool mask (nx, ny, nz); the first found among equals; empty stays empty."""
    from scipy.ndimage import label

    parts, count = label(mask)
    if count == 0:
        return mask.copy()
    sizes = np.zeros(count + 1, np.int64)
    for start in range(0, len(parts), _PLANES):  # counting needs wide numbers: not for all voxels at once
        sizes += np.bincount(parts[start : start + _PLANES].ravel(), minlength=count + 1)
    sizes[0] = 0
    return parts == int(np.argmax(sizes))


def filled(mask: np.ndarray) -> np.ndarray:
    """A bool mask (nx, ny, nz) with the holes of every slice along every axis closed, as airways and bone leave."""
    from scipy.ndimage import label

    result = mask.copy()
    for axis in range(3):
        view = np.moveaxis(result, axis, 0)
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


def body_mask(image: np.ndarray) -> np.ndarray:
    """Where the body is, by brightness: a convenience for scans without a body contour, to be looked at before use.

    Voxels brighter than Otsu's threshold; of these the largest connected part; holes of every slice filled. Works for
    scans with air around a body, loses dark tissue at the skin, fails on a crop that shows no air. image: (nx, ny, nz).
    """
    return filled(largest_component(image > otsu_threshold(image)))
