"""E13: every term of transport, alone and together, against closed forms; second order where smooth.

Rates are those of the L1 norm while h and dt are halved together (fixed Courant number), so they bound the order in
space and in time at once; two tests halve dt alone. The profiles have a maximum, which a scheme without new extrema
must clip a little: the rate asked for is 1.8 where one crosses the grid, 1.9 where none does.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import erf

from oxablate.physics.transport.closures import DissolvedSpecies, Stepping
from oxablate.physics.transport.step import StepFluxes, Transport

POROSITY = 0.2


def tracer(**changes) -> DissolvedSpecies:
    values = dict(name="tracer", diffusivity=0.0, needle=0.0, far_field=0.0, exchange=0.0, plasma=0.0, retained=0.0)
    return DissolvedSpecies(**{**values, **changes})


def still(shape) -> StepFluxes:
    nx, ny, nz = shape
    return StepFluxes(
        np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1)), *np.zeros((3, *shape))
    )


class Cube:
    """The unit interval, square or cube of `cells` voxels an edge, with uniform flow at `velocity` (of the fluid)."""

    def __init__(self, cells, dimensions, velocity):
        self.shape = tuple(cells if axis < dimensions else 1 for axis in range(3))
        self.spacing = tuple(1.0 / n for n in self.shape)
        self.velocity = (*velocity[:dimensions], 0.0, 0.0, 0.0)[:3]
        self.fluxes = still(self.shape)
        self.volume = np.full(self.shape, POROSITY * np.prod(self.spacing))
        for axis, name in enumerate(("qx", "qy", "qz")):
            getattr(self.fluxes, name)[...] = (
                POROSITY * self.velocity[axis] * np.prod(self.spacing) / self.spacing[axis]
            )

    def gaussian(self, time, diffusivity=0.0, variance=0.003, start=(0.35, 0.35, 0.6)):
        """Voxel means of a Gaussian that has moved and spread for `time`, of height 1 at time 0."""
        spread, result = variance + 2.0 * diffusivity * time, 1.0
        for axis in range(3):
            if self.shape[axis] > 1:
                edges = np.arange(self.shape[axis] + 1) / self.shape[axis] - start[axis] - self.velocity[axis] * time
                means = np.diff(erf(edges / np.sqrt(2.0 * spread))) * np.sqrt(np.pi / 2.0 * variance) * self.shape[axis]
                result = result * means.reshape([-1 if other == axis else 1 for other in range(3)])
        return np.ascontiguousarray(np.broadcast_to(result, self.shape))

    def advance(self, c, species, time, parts=1, stepping=None):
        transport = Transport(self.shape, self.spacing, stepping or Stepping(most=1000))
        for _ in range(parts):
            assert transport.advance(c, self.volume, self.fluxes, [species], time / parts, None).ok
        return c[0]


def rates(errors):
    return np.log2(np.asarray(errors[:-1]) / errors[1:])


def distance(c, exact):
    return np.abs(c - exact).sum() / exact.sum()


@pytest.mark.parametrize(
    ("dimensions", "cells"), [(1, (32, 64, 128)), (2, (32, 64, 128)), (3, (24, 48))], ids=["line", "square", "cube"]
)
@pytest.mark.parametrize("diffusivity", [0.0, 2e-3], ids=["advection", "both"])
def test_a_blob_carried_across_the_grid(dimensions, cells, diffusivity):
    errors = []
    for n in cells:
        cube = Cube(n, dimensions, (1.0, 0.5, -0.25))
        c = cube.gaussian(0.0)[None].copy()
        c = cube.advance(c, tracer(diffusivity=diffusivity), 0.25)
        errors.append(distance(c, cube.gaussian(0.25, diffusivity)))
    assert rates(errors).min() > 1.8, errors


def test_a_front_without_extremum():
    errors = []
    for n in (32, 64, 128):
        cube = Cube(n, 1, (1.0,))
        x = np.arange(n + 1) / n

        def means(time, edges=x, cells=n):
            # integral of (1 - erf(z)) / 2 with z = (x - 0.3 - t) / 0.1
            z = (edges - 0.3 - time) / 0.1
            return np.maximum(0.05 * np.diff(z - z * erf(z) - np.exp(-(z**2)) / np.sqrt(np.pi)) * cells, 0.0)

        c = means(0.0)[None, :, None, None].copy()
        c = cube.advance(c, tracer(far_field=1.0), 0.35)
        errors.append(np.abs(c[:, 0, 0] - means(0.35)).mean())
    assert rates(errors).min() > 1.9, errors


def test_diffusion_of_a_cosine_between_closed_faces():
    """c = 1 + cos(pi x) cos(2 pi y) exp(-5 pi^2 D t)."""
    errors = []
    for n in (16, 32, 64):
        cube = Cube(n, 2, (0.0,))
        x = (np.arange(n) + 0.5) / n
        mode = (np.cos(np.pi * x)[:, None] * np.cos(2.0 * np.pi * x)[None, :])[:, :, None]
        c = cube.advance(1.0 + mode[None], tracer(diffusivity=1.0), 0.01, parts=n // 2)
        errors.append(np.abs(c - 1.0 - mode * np.exp(-5.0 * np.pi**2 * 0.01)).mean())
    assert rates(errors).min() > 1.9, errors


def test_carried_spread_diluted_and_exchanged_at_once():
    """Filtration g and uptake g leave W alone: c = the moving Gaussian times exp(-(g / phi + k) t).

    The errors of the terms differ in sign, so the rate is taken over three halvings.
    """
    errors = []
    for n in (32, 256):
        cube = Cube(n, 1, (1.0,))
        cube.fluxes.gained[...] = cube.fluxes.lost[...] = 1.5 * cube.volume
        c = cube.gaussian(0.0)[None].copy()
        c = cube.advance(c, tracer(diffusivity=2e-3, exchange=2.5), 0.3)
        errors.append(distance(c, cube.gaussian(0.3, 2e-3) * np.exp(-4.0 * 0.3)))
    assert np.log2(errors[0] / errors[1]) / 3.0 > 1.9, errors


@pytest.mark.parametrize("squeeze", [0.3, -0.3], ids=["squeezed", "swelling"])
def test_pore_space_that_closes_or_opens_under_the_agent(squeeze):
    """Q = a x, phi = phi0 - a t: a Gaussian stays one; its mean, variance and height obey ordinary equations."""
    diffusivity, duration = 1e-3, 0.25
    a = squeeze * POROSITY / duration

    def change(time, state):
        mean, variance, _ = state
        stretch = a / (POROSITY - a * time)
        return [stretch * mean, 2.0 * stretch * variance + 2.0 * diffusivity, -diffusivity / variance]

    start = np.array([0.1 if squeeze > 0.0 else 0.2, 0.01, 0.0])
    end = solve_ivp(change, (0.0, duration), start, rtol=1e-12, atol=1e-14).y[:, -1]
    errors = []
    for n in (32, 64, 128):
        shape, h = (n, 1, 1), 1.5 / n
        edges = np.arange(n + 1) * h - 0.6
        fluxes = still(shape)
        fluxes.qx[:, 0, 0] = a * edges
        volume = np.full(shape, POROSITY * h)

        def means(state, where=edges, width=h):
            mean, variance, height = state
            scale = np.sqrt(np.pi / 2.0 * variance) * np.exp(height) / width
            return scale * np.diff(erf((where - mean) / np.sqrt(2.0 * variance)))

        c = means(start)[None, :, None, None].copy()
        transport = Transport(shape, (h, 1.0, 1.0), Stepping(most=1000))
        for _ in range(4):
            assert transport.advance(c, volume, fluxes, [tracer(diffusivity=diffusivity)], duration / 4, None).ok
        np.testing.assert_allclose(volume, (POROSITY - a * duration) * h, rtol=1e-13)
        errors.append(distance(c[0, :, 0, 0], means(end)))
    assert rates(errors).min() > 1.8, errors


def test_order_in_time_alone():
    """Fixed grid, no flow through faces, steps halved down from D dt / h^2 = 1, against 32 times as many.

    (With flow, the error in space of an upwind face value depends on dt, so only the tests above speak.)
    """
    cube, results = Cube(40, 2, (0.0,)), []
    cube.fluxes.gained[...], cube.fluxes.lost[...] = 1.5 * cube.volume, 2.5 * cube.volume * POROSITY
    volume = cube.volume.copy()
    for parts in (8, 16, 32, 256):
        c, cube.volume = cube.gaussian(0.0, variance=0.01)[None].copy(), volume.copy()
        results.append(cube.advance(c, tracer(diffusivity=0.016, exchange=2.5), 0.3, parts, Stepping(most=1)).copy())
    errors = [distance(c, results[-1]) for c in results[:-1]]
    assert rates(errors).min() > 1.9, errors


def test_order_where_the_fluid_is_fast():
    """Courant number 4 throughout: implicit upwind, first order, and still bounded."""
    errors = []
    for n in (64, 128, 256, 512):
        cube = Cube(n, 1, (1.0,))
        c = cube.gaussian(0.0, variance=0.01)[None].copy()
        c = cube.advance(c, tracer(), 0.25, parts=n // 16, stepping=Stepping(most=1))
        assert 0.0 <= c.min() and c.max() <= 1.0
        errors.append(distance(c, cube.gaussian(0.25, variance=0.01)))
    assert rates(errors)[-1] > 0.8, errors
