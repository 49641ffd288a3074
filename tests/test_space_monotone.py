"""Monotone cubic interpolation, held against scipy's."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from oxablate.space.monotone import monotone_cubic


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("kind", ["noise", "steps", "rising", "three"])
def test_it_is_that_of_scipy(axis, kind):
    rng = np.random.default_rng(5)
    shape = (3, 3, 3) if kind == "three" else (9, 7, 8)
    values = rng.normal(size=shape)
    if kind == "steps":
        values = np.round(values)
    if kind == "rising":
        values = np.cumsum(rng.random(shape) ** 3, axis=axis)
    last = shape[axis] - 1
    at = np.concatenate([np.linspace(0, last, 37), np.arange(last + 1), last * rng.random(20)])
    truth = PchipInterpolator(np.arange(last + 1), values, axis=axis)(at)
    assert monotone_cubic(values, np.arange(last + 1.0), axis) == pytest.approx(values, rel=1e-13, abs=1e-13)
    assert monotone_cubic(values, at, axis) == pytest.approx(truth, rel=1e-13, abs=1e-13)
