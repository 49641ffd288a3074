"""Bodies of the poroelastic cases, and their closed forms: no line of the package is in the closed forms."""

import numpy as np
from scipy.optimize import brentq

from oxablate.physics.mechanics.closures import (
    Loads,
    Medium,
    OpenSurface,
    Plate,
    Roller,
    Traction,
    lame_from_poisson,
)
from oxablate.physics.mechanics.step import BiotModel
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

SHEAR, CONDUCTIVITY, LOAD = 2e3, 1e-12, 100.0  # Pa, m2/(Pa s), Pa


def medium_of(solid, poisson, conductivity=CONDUCTIVITY):
    """Uniform incompressible constituents where `solid`."""
    shear = np.where(solid, SHEAR, 0.0)
    ones = np.ones(shear.shape)
    return Medium(lame_from_poisson(shear, poisson), shear, ones, 0 * ones, conductivity * ones)


def aggregate(poisson):
    """lambda + 2 G."""
    return SHEAR * 2 * (1 - poisson) / (1 - 2 * poisson)


def advance(model, scheme, step, count, tolerance=1e-10):
    """The states after each of `count` steps from rest; every step must succeed."""
    state = model.rest()
    for _ in range(count):
        done = model.try_step(state, step, scheme, tolerance=tolerance)
        assert done.outcome.ok, done.outcome
        state = done.state
        yield state


# -- Terzaghi: a column loaded and drained at its top -----------------------------------------------------------------


def column(cells, height, poisson, conductivity=CONDUCTIVITY, across=1):
    """A column along z, smooth walls, a load on top. conductivity: a number or one value per cell from below."""
    h = height / cells
    shape = (across, across, cells)
    medium = medium_of(np.ones(shape, bool), poisson, np.broadcast_to(conductivity, shape))
    supports = (*(Roller(),) * 5, Traction((0, 0, -LOAD)))
    drainage = OuterFaces((*(NoFlow(),) * 5, Dirichlet(0.0)))
    return BiotModel(VoxelGrid(shape, (h, h, h)), medium, Loads(supports, drainage))


def consolidation(time, terms=400):
    """Terzaghi's degree of consolidation at T = c t / H^2: U = 1 - sum 2 / m^2 exp(-m^2 T), m = pi (2 k + 1) / 2."""
    m = np.pi * (2 * np.arange(terms) + 1) / 2
    return 1 - np.sum(2 / m**2 * np.exp(-(m**2) * time))


# -- Mandel: a slab between rigid smooth plates -----------------------------------------------------------------------


def slab(cells, width, poisson, layers=1, rows=1):
    """A quarter of the slab: x = 0 and z = 0 are planes of symmetry, x = `width` is free and drained, z a plate."""
    h = width / cells
    shape = (cells, rows, layers)
    supports = (Roller(), Traction.free(), Roller(), Roller(), Roller(), Plate(-LOAD * width * rows * h))
    drainage = OuterFaces((NoFlow(), Dirichlet(0.0), *(NoFlow(),) * 4))
    return BiotModel(VoxelGrid(shape, (h, h, h)), medium_of(np.ones(shape, bool), poisson), Loads(supports, drainage))


def mandel(poisson, terms=200):
    """Pressure over its initial value at (T, x / a), nu_u = 1/2: the undrained pressure is half the load.

    Roots of tan b / b = (1 - nu) / (1/2 - nu); Cheng and Detournay 1988 (doi 10.1002/nag.1610120508), eq. for p.
    """
    ratio = (1 - poisson) / (0.5 - poisson)
    roots = np.array(
        [
            brentq(lambda b: np.sin(b) - ratio * b * np.cos(b), n * np.pi + 1e-6, (n + 0.5) * np.pi, xtol=1e-15)
            for n in range(terms)
        ]
    )
    weight = 2 * np.sin(roots) / (roots - np.sin(roots) * np.cos(roots))

    def pressure(time, x):
        return np.sum(weight * (np.cos(roots * x) - np.cos(roots)) * np.exp(-(roots**2) * time))

    return pressure


# -- Cryer: a sphere in a fluid under pressure ------------------------------------------------------------------------


def sphere(cells, radius, poisson):
    """An eighth of a sphere by symmetry; drained, and pressed by LOAD, on the steps that stand for its surface."""
    h, n = radius / cells, cells + 1
    centres = (np.indices((n, n, n)) + 0.5) * h
    medium = medium_of((centres**2).sum(axis=0) < radius**2, poisson)
    loads = Loads((Roller(), Traction.free()) * 3, OuterFaces(), OpenSurface(LOAD, Dirichlet(0.0)))
    return BiotModel(VoxelGrid((n, n, n), (h, h, h)), medium, loads)


def cryer(poisson, terms=100):
    """Pressure at the centre over the load at T = c t / R^2.

    With e = G / (lambda + 2 G), dilatation = A sinh(x r / R) / r in Laplace space (x^2 = s R^2 / c), no pressure and
    the whole load at r = R: p(0) = (sinh x - x) / (s D), D = sinh x - 4 e (x cosh x - sinh x) / x^2. The poles are
    x = i b with d(b) = sin b + 4 e (b cos b - sin b) / b^2 = 0; their residues sum to the pressure.
    """
    e = (1 - 2 * poisson) / (2 * (1 - poisson))

    def d(b):
        return np.sin(b) + 4 * e * (b * np.cos(b) - np.sin(b)) / b**2

    def slope(b):
        return np.cos(b) + 4 * e * (-np.sin(b) / b - 2 * np.cos(b) / b**2 + 2 * np.sin(b) / b**3)

    places = np.linspace(1e-3, np.pi * terms, 200 * terms)
    values = d(places)
    turns = np.flatnonzero(values[:-1] * values[1:] < 0)
    roots = np.array([brentq(d, places[i], places[i + 1], xtol=1e-14) for i in turns])
    weights = -2 * (roots - np.sin(roots)) / (roots * slope(roots))
    return lambda time: np.sum(weights * np.exp(-(roots**2) * time))
