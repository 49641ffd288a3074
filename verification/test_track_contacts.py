"""Leak-off of a shaft in voxels against the line source in the continuum, for any voxel size and direction."""

import numpy as np
import pytest

from oxablate.numerics.elliptic import EllipticSolver, FaceCoefficients
from oxablate.numerics.lattice import lattice_table
from oxablate.physics.track.closures import OpenTip, SealedEnd
from oxablate.physics.track.shafts import Hold, Shaft, Tube, build_network
from oxablate.space.grid import VoxelGrid
from oxablate.space.operators import face_conductances

K, RADIUS, CAVITY, EDGE = 1e-14, 0.36e-3, 0.35e-3, 0.024
TUBE = Tube(RADIUS, 0.2e-3, 0.09)
TIGHT = Hold(1e9, 1e9, 0.0)


def test_the_lattice_agrees_with_watson_and_with_its_own_equation():
    """g(0) - g(1) = 1/6 on a cubic lattice (the source leaves through six equal faces); g(0) is Watson's integral."""
    table = lattice_table(3, (1.0, 1.0, 1.0))
    assert table[0, 0, 0] == pytest.approx(0.2527310098586630, rel=1e-9)
    assert table[0, 0, 0] - table[0, 0, 1] == pytest.approx(1 / 6, rel=1e-9)
    assert 6 * table[1, 1, 1] == pytest.approx(3 * table[0, 1, 1] + 3 * table[2, 1, 1], rel=1e-9)
    far = lattice_table(12, (1.0, 1.0, 1.0))[12, 0, 0]
    assert far == pytest.approx(1 / (4 * np.pi * 12), rel=5e-3)


def test_a_stretched_lattice_balances_too():
    table = lattice_table(2, (1.0, 2.0, 0.5))
    t = (1.0, 0.25, 4.0)
    out = sum(
        2 * a * (table[0, 0, 0] - b) for a, b in zip(t, (table[1, 0, 0], table[0, 1, 0], table[0, 0, 1]), strict=True)
    )
    assert out == pytest.approx(1.0, rel=1e-9)


def line_potential(points, tip, end, radius, strength):
    """Pressure [Pa] of a uniform line source of `strength` [m2/s] at a distance `radius` from a point (..., 3)."""
    axis = np.subtract(end, tip)
    length = np.linalg.norm(axis)
    axis = axis / length
    offset = points - np.asarray(tip)
    along = offset @ axis
    across = np.sqrt(np.maximum((offset**2).sum(-1) - along**2, 0.0) + radius**2)
    return strength / (4 * np.pi * K) * (np.arcsinh(along / across) - np.arcsinh((along - length) / across))


def held_box(grid, source, outside):
    """Voxel pressures of a box with given values on its faces (function of position) and a source field [m3/s]."""
    conductances = face_conductances(grid, np.full(grid.shape, K), np.ones(grid.shape, bool))
    diagonal, rhs = np.zeros(grid.shape), source.copy()
    centres = grid.index_to_world(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1))
    for axis in range(3):
        for side in (0, -1):
            where = [slice(None)] * 3
            where[axis] = side
            step = np.zeros(3)
            step[axis] = grid.spacing[axis] * (0.5 if side else -0.5)
            conductance = 2 * K * grid.face_areas[axis] / grid.spacing[axis]
            diagonal[tuple(where)] += conductance
            rhs[tuple(where)] += conductance * outside(centres[tuple(where)] + step)
    solver = EllipticSolver(grid.shape)
    solver.setup(FaceCoefficients(*conductances, diagonal))
    pressure = np.zeros(grid.shape)
    assert solver.solve(rhs, pressure, tolerance=1e-11).ok
    return pressure


ENDS = {
    "along an axis": ((0.0123, 0.0117, 0.005), (0.0123, 0.0117, 0.019)),
    "on a lattice line": ((0.012, 0.012, 0.005), (0.012, 0.012, 0.019)),
    "oblique": ((0.007, 0.0081, 0.006), (0.0165, 0.0152, 0.0178)),
}


@pytest.mark.parametrize("count", [12, 24, 48])
@pytest.mark.parametrize("way", ENDS)
def test_a_uniform_line_source_has_the_pressure_of_the_continuum_at_the_needle(way, count):
    """p at the shaft = voxels' mean + R q, within 1 % of the exact potential at r = r_n; voxels of 2, 1 and 0.5 mm."""
    tip, end = ENDS[way]
    grid = VoxelGrid((count,) * 3, (EDGE / count,) * 3, (0.5 * EDGE / count,) * 3)
    shaft = Shaft(tip, end, TUBE, TIGHT, OpenTip(CAVITY), SealedEnd(), 14)
    conductivity, active = np.full(grid.shape, K), np.ones(grid.shape, bool)
    network, _, nodes = build_network([[shaft]], 1e-3, grid, conductivity, active)
    pieces, strength = nodes[0][0][1:], 1e-12
    flows, source = np.zeros(network.size), np.zeros(grid.shape)
    flows[pieces] = strength * shaft.depth / 14
    network.contacts.spread(flows, source)
    assert source.sum() == pytest.approx(strength * shaft.depth, rel=1e-12)
    pressure = held_box(grid, source, lambda x: line_potential(x, tip, end, 0.0, strength))
    wall = network.contacts.wall_pressure(pressure)[pieces]
    found = wall + flows[pieces] / network.contacts.conductance[pieces]
    exact = line_potential(shaft.middles(), tip, end, RADIUS, strength)
    assert np.all(network.contacts.conductance[pieces] > 0)
    assert np.abs(found / exact - 1).max() < 0.01


@pytest.mark.parametrize("count", [12, 24, 48])
@pytest.mark.parametrize("tip", [(0.012, 0.012, 0.012), (0.0123, 0.0117, 0.0119), (0.0125, 0.0125, 0.0125)])
def test_a_tip_has_the_pressure_of_a_spherical_cavity(tip, count):
    """p in the cavity = Q / (4 pi K r_c) within 1 %, wherever the tip lies in its voxel."""
    grid = VoxelGrid((count,) * 3, (EDGE / count,) * 3, (0.5 * EDGE / count,) * 3)
    shaft = Shaft(tip, (*tip[:2], 0.02), TUBE, TIGHT, OpenTip(CAVITY), SealedEnd(), 4)
    network, _, nodes = build_network([[shaft]], 1e-3, grid, np.full(grid.shape, K), np.ones(grid.shape, bool))
    cavity, rate = nodes[0][0][0], 1e-14
    flows, source = np.zeros(network.size), np.zeros(grid.shape)
    flows[cavity] = rate
    network.contacts.spread(flows, source)
    pressure = held_box(grid, source, lambda x: rate / (4 * np.pi * K * np.linalg.norm(x - np.array(tip), axis=-1)))
    found = network.contacts.wall_pressure(pressure)[cavity] + rate / network.contacts.conductance[cavity]
    assert found == pytest.approx(rate / (4 * np.pi * K * CAVITY), rel=0.01)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 2.0, 3.0)])
def test_weights_sum_to_one_and_only_active_voxels_receive(spacing):
    grid = VoxelGrid((20, 20, 20), tuple(1e-3 * s for s in spacing))
    active = np.ones(grid.shape, bool)
    active[10:] = False
    tip = (0.0095, 0.01 * spacing[1], 0.005)
    shaft = Shaft(tip, (0.0095, 0.01 * spacing[1], 0.015), TUBE, TIGHT, OpenTip(CAVITY), SealedEnd(), 10)
    network, _, nodes = build_network([[shaft]], 1e-3, grid, np.full(grid.shape, K), active)
    touching = network.contacts.conductance > 0
    assert list(np.flatnonzero(touching)) == nodes[0][0]
    np.testing.assert_allclose(np.asarray(network.contacts.weights.sum(1)).ravel()[touching], 1.0, rtol=1e-12)
    assert active.reshape(-1)[network.contacts.cells].all()
