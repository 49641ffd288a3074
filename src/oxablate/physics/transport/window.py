"""The window of the grid in which anything can change: work outside it is not done.

A window is six integers (i0, i1, j0, j1, k0, k1), half open; empty when i1 <= i0.
"""

import math

import numpy as np

from ...numerics.jit import njit_parallel, prange

#: Concentrations below this share of the species' scale are left where they are. It is far below round-off of the
#: amounts in the ledger, and without it the least tail, a few voxels a step, would make the whole grid active.
NEGLIGIBLE = 1e-18

#: Accuracy, relative to the concentration at the rim, to which a window holds what one diffusion step spreads.
SPREAD_HELD = 1e-12


@njit_parallel()
def survey_planes(values, scale, search, extremes, found):
    """For each i-plane of `search`: least and largest value, and the rectangle that holds all that is not negligible.

    scale: the largest value known so far; extremes: (nx, 2), filled; found: (nx, 4), filled with (j0, j1, k0, k1) of
    the values above NEGLIGIBLE times the larger of scale and the plane's own largest, j1 = 0 when there is none.
    """
    i0, i1, j0, j1, k0, k1 = search
    for i in prange(i0, i1):
        least, most = values[i, j0, k0], values[i, j0, k0]
        for j in range(j0, j1):
            for k in range(k0, k1):
                # written so that a value that is not a number ends up in `least`
                least = least if values[i, j, k] >= least else values[i, j, k]
                most = max(most, values[i, j, k])
        extremes[i, 0], extremes[i, 1] = least, most
        threshold = NEGLIGIBLE * max(scale, most)
        ja, jb, ka, kb = j1, 0, k1, 0
        for j in range(j0, j1):
            for k in range(k0, k1):
                if values[i, j, k] > threshold:
                    ja, jb, ka, kb = min(ja, j), max(jb, j + 1), min(ka, k), max(kb, k + 1)
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = ja, jb, ka, kb


def empty() -> np.ndarray:
    """The window that holds nothing."""
    return np.zeros(6, dtype=np.int64)


def whole(shape) -> np.ndarray:
    """The window that holds the grid."""
    return np.array([0, shape[0], 0, shape[1], 0, shape[2]], dtype=np.int64)


def is_empty(window: np.ndarray) -> bool:
    """Whether the window holds nothing."""
    return window[1] <= window[0]


def occupied(values: np.ndarray, scale: float, search: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The window inside `search` of all values that are not negligible; the least and the largest value there.

    scale: the largest value that is known already, 0 when none is; the window may be larger than needed.
    """
    if is_empty(search):
        return empty(), 0.0, 0.0
    planes = values.shape[0]
    extremes, found = np.zeros((planes, 2)), np.zeros((planes, 4), dtype=np.int64)
    survey_planes(values, float(scale), search, extremes, found)
    here = slice(int(search[0]), int(search[1]))
    least, most = extremes[here, 0].min(), extremes[here, 1].max()
    kept = np.flatnonzero((found[:, 1] > 0) & (extremes[:, 1] > NEGLIGIBLE * max(scale, most)))
    if kept.size == 0:
        return empty(), float(least), float(most)
    low, high = found[kept].min(axis=0), found[kept].max(axis=0)
    box = np.array([kept[0], kept[-1] + 1, low[0], high[1], low[2], high[3]], dtype=np.int64)
    return box, float(least), float(most)


def union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The smallest window that holds two windows."""
    if is_empty(first):
        return second.copy()
    if is_empty(second):
        return first.copy()
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.where(np.arange(6) % 2 == 0, low, high)


def grown(window: np.ndarray, margin: tuple[int, int, int], shape) -> np.ndarray:
    """The window grown by a margin of voxels per axis, cut at the grid."""
    if is_empty(window):
        return window.copy()
    outwards = np.repeat(np.asarray(margin, dtype=np.int64), 2) * np.array([-1, 1] * 3)
    limits = np.array([0, shape[0], 0, shape[1], 0, shape[2]])
    return np.where(np.arange(6) % 2 == 0, np.maximum(window + outwards, 0), np.minimum(window + outwards, limits))


def spread_margin(number: float) -> int:
    """Voxels over which one line sweep at D tau / h^2 = `number` falls to SPREAD_HELD: its kernel falls by r a voxel.

    r = 1 + (1 - sqrt(1 + 4 m)) / (2 m) = 2 m / (1 + 2 m + sqrt(1 + 4 m)),   m = number
    """
    if number <= 0.0:
        return 0
    ratio = 2.0 * number / (1.0 + 2.0 * number + math.sqrt(1.0 + 4.0 * number))
    return math.ceil(math.log(SPREAD_HELD) / math.log(max(ratio, SPREAD_HELD)))
