"""E7: a tracer that enters rigid tissue pushes the fluid ahead like a piston: V_d / V_i = 1 / phi.

V_i: injected volume; V_d: volume of tissue the front has passed, counted in whole voxels (c above half the injected
concentration), so that conservation alone does not give it.
"""

import numpy as np
import pytest

from oxablate.physics.transport.closures import DissolvedSpecies, Stepping
from oxablate.physics.transport.step import StepFluxes, Transport

POROSITY = 0.2
TRACER = DissolvedSpecies("tracer", 0.0, 1.0, 1.0, 0.0, 0.0, 0.0)


def piston_column(cells):
    """A column of length 1 filled from one end; returns V_d phi / V_i and the L1 distance from the step front."""
    shape, injected = (cells, 1, 1), 0.64 * POROSITY
    fluxes = StepFluxes(
        np.full((cells + 1, 1, 1), injected), np.zeros((cells, 2, 1)), np.zeros((cells, 1, 2)), *np.zeros((3, *shape))
    )
    volume, c = np.full(shape, POROSITY / cells), np.zeros((1, *shape))
    transport = Transport(shape, (1.0 / cells, 1.0, 1.0), Stepping(most=10 * cells))
    assert transport.advance(c, volume, fluxes, [TRACER], 1.0, None).ok
    exact = np.clip(0.64 * cells - np.arange(cells), 0.0, 1.0)
    distributed = np.count_nonzero(c > 0.5) / cells
    return distributed * POROSITY / injected, np.abs(c[0, :, 0, 0] - exact).mean()


def corner_angle(a, b, d):
    """Solid angle of the rectangle (0, a) x (0, b) at distance d, seen from above its corner [sr]."""
    return np.arctan2(a * b, d * np.sqrt(a * a + b * b + d * d))


def radial_faces(cells, rate):
    """Fluxes of a point source at the centre of the middle voxel: rate times solid angle / 4 pi, exact for any grid."""
    edges = np.arange(cells + 1) - cells / 2.0
    corners = corner_angle(edges[None, :, None], edges[None, None, :], np.abs(edges)[:, None, None])
    angles = np.diff(np.diff(corners, axis=1), axis=2) * np.sign(edges)[:, None, None]
    along_x = rate * angles / (4.0 * np.pi)
    return tuple(np.ascontiguousarray(np.moveaxis(along_x, 0, axis)) for axis in range(3))


def piston_sphere(cells):
    """A point source in a cube of edge 1; returns V_d phi / V_i and the L1 distance from the sphere, per V_d."""
    shape, spacing, radius = (cells,) * 3, 1.0 / cells, 0.37
    swept = 4.0 / 3.0 * np.pi * radius**3
    fluxes = StepFluxes(*radial_faces(cells, swept * POROSITY), *np.zeros((3, *shape)))
    middle = (cells // 2,) * 3
    fluxes.needle[middle] = swept * POROSITY
    volume, c = np.full(shape, POROSITY * spacing**3), np.zeros((1, *shape))
    transport = Transport(shape, (spacing,) * 3, Stepping(most=1000))
    for _ in range(4):
        assert transport.advance(c, volume, fluxes, [TRACER], 0.25, None).ok
    centre = (np.indices(shape) - cells // 2) * spacing
    inside = np.clip((radius - np.sqrt((centre**2).sum(axis=0))) / spacing + 0.5, 0.0, 1.0)
    distributed = np.count_nonzero(c > 0.5) * spacing**3
    return distributed / swept, np.abs(c[0] - inside).sum() * spacing**3 / swept


def test_the_faces_of_a_point_source_carry_exactly_what_it_gives():
    qx, qy, qz = radial_faces(9, 1.0)
    total = np.diff(qx, axis=0) + np.diff(qy, axis=1) + np.diff(qz, axis=2)
    assert total[4, 4, 4] == pytest.approx(1.0, rel=1e-12)
    total[4, 4, 4] = 0.0
    assert np.abs(total).max() < 1e-14


def test_column_piston():
    volumes, errors = zip(*(piston_column(cells) for cells in (25, 50, 100, 200)), strict=True)
    for cells, ratio in zip((25, 50, 100, 200), volumes, strict=True):
        assert abs(ratio - 1.0) <= 1.0 / (0.64 * cells)  # within one voxel
    # a scheme of order p carries a step with error h^(p / (p + 1)): 3/4 for the third-order face value, 1/2 for upwind
    rates = np.log2(np.asarray(errors[:-1]) / errors[1:])
    assert rates == pytest.approx(0.75, abs=0.05)


def test_spherical_piston():
    cells = np.array([17, 35, 71])
    volumes, errors = zip(*(piston_sphere(n) for n in cells), strict=True)
    assert abs(volumes[0] - 1.0) < 0.05 and abs(volumes[1] - 1.0) < 0.02 and abs(volumes[2] - 1.0) < 0.01
    # the mean distance of the computed from the true front stays below half a voxel
    assert np.all(np.asarray(errors) * 0.37 / 3.0 * cells < 0.5)
    assert np.log(errors[0] / errors[2]) / np.log(71 / 17) > 0.5


if __name__ == "__main__":
    print([piston_column(cells) for cells in (25, 50, 100, 200)])
    print([piston_sphere(cells) for cells in (17, 35, 71)])
