"""Monotone cubic interpolation between samples one apart: no new extrema, smooth between.

f(n + s) = f_n + s d_n + s^2 (m_n - d_n - t_n) + s^3 t_n,   m_n = f_{n+1} - f_n,   t_n = d_n + d_{n+1} - 2 m_n
d_n = 2 / (1/m_{n-1} + 1/m_n) where both slopes have one sign, else 0
d_0 = (3 m_0 - m_1) / 2, but 0 against the sign of m_0, and 3 m_0 at most where m_0 and m_1 differ in sign; the last
      alike

Source: Fritsch and Butland, SIAM J Sci Stat Comput 5 (1984) 300, doi 10.1137/0905021; at the ends Moler, Numerical
Computing with MATLAB, 2004, section 3.6. It stands here because scipy.interpolate takes longer to load than to use.
"""

import numpy as np


def monotone_cubic(values: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    """Values at continuous indices along one axis.

    values: real, at least 3 along `axis`. at: (n,), 0 to count - 1. Returns float64 with n values along `axis`.
    """
    y = np.moveaxis(np.asarray(values, float), axis, 0)
    slopes = np.diff(y, axis=0)
    derivatives = np.empty_like(y)
    before, after = slopes[:-1], slopes[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (3 / before + 3 / after) / 6
        derivatives[1:-1] = np.where(np.sign(before) * np.sign(after) > 0, 1.0 / mean, 0.0)
    derivatives[0] = _end(slopes[0], slopes[1])
    derivatives[-1] = _end(slopes[-1], slopes[-2])
    low = np.clip(np.floor(at).astype(int), 0, len(y) - 2)
    s = (at - low).reshape(-1, *[1] * (y.ndim - 1))
    cubic = derivatives[:-1] + derivatives[1:] - 2 * slopes
    square = slopes - derivatives[:-1] - cubic
    found = y[low] + derivatives[low] * s
    found += square[low] * (s * s)
    found += cubic[low] * (s * s * s)
    return np.moveaxis(found, 0, axis)


def _end(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The derivative at an end from the slope next to it and the one after."""
    found = (3 * first - second) / 2
    found[np.sign(found) != np.sign(first)] = 0.0
    steep = (np.sign(first) != np.sign(second)) & (np.abs(found) > 3.0 * np.abs(first))
    found[steep] = 3.0 * first[steep]
    return found
