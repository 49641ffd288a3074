"""M2 as the README states it: slopes of the backflow length, and their weakening in soft tissue."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from axisymmetric import Infusion, constant_resistance, full_model

BASE = Infusion(rate=1e-9 / 60, radius=0.18e-3, modulus=2e3, viscosity=0.7e-3, conductivity=1e-11)
VARIED = {
    "rate": (3 / 5, BASE.rate * np.geomspace(0.25, 4, 5)),
    "radius": (4 / 5, BASE.radius * np.geomspace(0.5, 2, 5)),
    "modulus": (-3 / 5, np.geomspace(1e3, 8e3, 5)),
}

#: What misses its tolerance, as the README shows. Strict: should one of them hold one day, this file must be mended.
MISSES = pytest.mark.xfail(strict=True, raises=AssertionError, reason="misses its tolerance: see README.md, Result")


def slope(numbers, lengths) -> float:
    """Least-squares slope of logarithms."""
    return float(np.polyfit(np.log(numbers), np.log(lengths), 1)[0])


@cache
def slope_of(model: str, name: str) -> float:
    numbers = VARIED[name][1]
    cases = [replace(BASE, **{name: float(number)}) for number in numbers]
    if model == "A":
        return slope(numbers, [constant_resistance(case, 4.0) for case in cases])
    return slope(numbers, [full_model(case)[0] for case in cases])


@pytest.mark.parametrize("name", VARIED)
def test_a_constant_resistance(name):
    found = slope_of("A", name)
    print(f"A {name}: {found:.3f}, stated {VARIED[name][0]:.3f}")
    assert abs(found - VARIED[name][0]) <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param("rate", marks=MISSES), "radius", pytest.param("modulus", marks=MISSES)])
def test_b_full_model(name):
    found = slope_of("B", name)
    print(f"B {name}: {found:.3f}, stated {VARIED[name][0]:.3f}")
    assert abs(found - VARIED[name][0]) <= 0.10


@pytest.mark.slow
@MISSES
def test_c_soft_tissue_modulus():
    moduli = np.geomspace(62.5, 500, 4)
    found = slope(moduli, [full_model(replace(BASE, modulus=float(g)), widens=True)[0] for g in moduli])
    print(f"C modulus below 500 Pa: {found:.3f}, stated weaker than -0.6")
    assert found >= -0.6 + 0.10


@pytest.mark.slow
@MISSES
def test_c_soft_tissue_radius():
    radii = BASE.radius * np.geomspace(0.5, 2, 4)
    soft = replace(BASE, modulus=250.0)
    found = slope(radii, [full_model(replace(soft, radius=float(r)), widens=True)[0] for r in radii])
    print(f"C radius at 250 Pa: {found:.3f}, stated weaker than 0.8")
    assert found <= 0.8 - 0.10
