"""The vessel bed: who stands the pressure, and how the bed follows it."""

import numpy as np
import pytest
from scipy.integrate import quad

from oxablate.physics.vessels.closures import CollapsingVessels, RigidVessels
from oxablate.physics.vessels.kernels import open_share
from oxablate.physics.vessels.step import VesselBed

LAW = CollapsingVessels(vascular_pressure=2000.0, collapse_pressure=4000.0, collapse_width=1000.0, lag=30.0)


def share(pressure, law=LAW):
    return open_share(float(pressure), law.row())


def test_all_vessels_stand_up_to_their_own_pressure():
    assert share(-1e4) == share(0.0) == share(2000.0) == 1.0
    assert share(2001.0) == pytest.approx(1.0, abs=1e-12)


def test_half_stand_the_median_and_none_stands_everything():
    assert share(2000.0 + 4000.0) == pytest.approx(0.5, rel=1e-14)
    assert 0.0 <= share(1e6) < 1e-12


def test_the_share_falls_and_stays_between_zero_and_one():
    shares = np.array([share(p) for p in np.linspace(-5e3, 3e4, 3000)])
    assert np.all(np.diff(shares) <= 0.0) and shares.min() >= 0.0 and shares.max() == 1.0


@pytest.mark.parametrize("width", [200.0, 1000.0, 4000.0])
def test_the_width_is_the_standard_deviation_of_the_collapse_pressure(width):
    """Mean and variance from the share that stands: <x> = integral of S dx, <x^2> = integral of 2 x S dx."""
    law = CollapsingVessels(0.0, 4000.0, width, 30.0)
    mean = quad(lambda x: share(x, law), 0.0, 2e5, points=[4e3, 1e4], limit=400)[0]
    square = quad(lambda x: 2.0 * x * share(x, law), 0.0, 2e5, points=[4e3, 1e4], limit=400)[0]
    assert np.sqrt(square - mean**2) == pytest.approx(width, rel=1e-3)


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_relaxation_at_constant_pressure_is_exact_in_any_number_of_steps(steps):
    pressure = np.array([1000.0, 5500.0, 6000.0, 9000.0]).reshape(4, 1, 1)
    bed = VesselBed(np.zeros(pressure.shape, np.uint8), (LAW,))
    for _ in range(steps):
        bed.advance(pressure, 45.0 / steps)
    stands = np.array([share(p) for p in pressure.ravel()])
    assert bed.fraction.ravel() == pytest.approx(stands + (1.0 - stands) * np.exp(-1.5), rel=1e-12)


def test_a_bed_closes_and_opens_again():
    bed = VesselBed(np.zeros((1, 1, 1), np.uint8), (LAW,))
    bed.advance(np.full((1, 1, 1), 1e5), 1e5)
    assert bed.fraction[0, 0, 0] == pytest.approx(0.0, abs=1e-9)
    bed.advance(np.zeros((1, 1, 1)), 30.0)
    assert bed.fraction[0, 0, 0] == pytest.approx(1.0 - np.exp(-1.0), rel=1e-9)


def test_bounds_at_any_pressure_and_step():
    rng = np.random.default_rng(1)
    shape = (6, 5, 4)
    bed = VesselBed(rng.integers(0, 2, shape).astype(np.uint8), (LAW, RigidVessels()))
    for _ in range(40):
        bed.advance(rng.uniform(-1e5, 1e5, shape), 10.0 ** rng.uniform(-6, 6))
        assert bed.fraction.min() >= 0.0 and bed.fraction.max() <= 1.0
    assert np.all(bed.fraction[bed.label == 1] == 1.0) and np.any(bed.fraction[bed.label == 0] < 0.9)


@pytest.mark.parametrize("numbers", [(2e3, 0.0, 1e3, 30.0), (2e3, 4e3, -1.0, 30.0), (2e3, 4e3, 1e3, 0.0)])
def test_impossible_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match="must be > 0"):
        CollapsingVessels(*numbers)
