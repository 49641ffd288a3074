"""Stored numbers to values: value = slope * stored + intercept, in the smallest type that holds them.

int16 or int32 where slope, intercept and stored numbers are whole and every possible value fits, which is exact;
float32 where the stored numbers have at most 24 bits, so that neighbours stay apart; else float64.
"""

from collections.abc import Iterable

import numpy as np

_AT_ONCE = 1 << 20  # values


def value_type(pairs: Iterable[tuple[float, float]], spans: Iterable[tuple[float, float]], bits: int) -> np.dtype:
    """Type of the values of an image.

    pairs: (slope, intercept), finite, as they occur. spans: (least, greatest) whole number that can be stored; empty
    for stored real numbers. bits: of a stored number that count, its mantissa for real numbers.
    """
    pairs, spans = list(pairs), list(spans)
    if spans and len(pairs) == 1 and all(value == int(value) for value in pairs[0]):
        ends = [pairs[0][0] * end + pairs[0][1] for span in spans for end in span]
        for dtype in (np.int16, np.int32):
            if min(ends) >= np.iinfo(dtype).min and max(ends) <= np.iinfo(dtype).max:
                return np.dtype(dtype)
    return np.dtype(np.float64 if bits > 24 else np.float32)


def scaled(stored: np.ndarray, slope: float, intercept: float, dtype: np.dtype) -> np.ndarray:
    """Values of stored numbers, of a type from `value_type`; whole numbers are computed as such, without rounding.

    Works on parts of the last axis, so that no wider copy of the whole is ever held.
    """
    found = np.empty(stored.shape, dtype)
    whole = np.dtype(dtype).kind == "i"
    step = max(1, _AT_ONCE * stored.shape[-1] // max(stored.size, 1))
    for start in range(0, stored.shape[-1], step):
        part = stored[..., start : start + step]
        if whole:
            found[..., start : start + step] = part.astype(np.int64) * int(slope) + int(intercept)
        else:
            found[..., start : start + step] = part * np.float64(slope) + intercept
    return found
