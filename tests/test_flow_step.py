"""The flow step: faces, needle, pockets, contrast, balance."""

import numpy as np
import pytest

from oxablate.numerics.outcome import Ending
from oxablate.physics.flow.budget import fluid_booking
from oxablate.physics.flow.closures import (
    ConvexStiffening,
    ExponentialConductivity,
    FixedConductivity,
    FluidExchange,
    RigidPores,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.step import FlowModel, FreeSurface
from oxablate.physics.flow.well import EndHole, lattice_green
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces, Robin
from oxablate.space.grid import VoxelGrid

RIGID = TissueFlow(0.2, RigidPores(), FixedConductivity(), SealedTissue())
OPENING = TissueFlow(0.2, ConvexStiffening(7000.0, 3.2), ExponentialConductivity(2.5, 500.0), SealedTissue())
LIVING = TissueFlow(0.3, ConvexStiffening(7000.0, 3.2), FixedConductivity(), FluidExchange(4e-7, 1500.0, 1e-7, 100.0))
EYE = tuple(map(tuple, np.eye(3)))
SEALED = OuterFaces.uniform(NoFlow())


def grid_of(shape, spacing=(1e-3, 1e-3, 1e-3)):
    return VoxelGrid(tuple(shape), tuple(spacing), (0.0, 0.0, 0.0), EYE)


def flow_of(grid, tissue, conductivity, outer, needle=None, active=None):
    """One tissue everywhere; conductivity a number or a field."""
    active = np.ones(grid.shape, bool) if active is None else active
    field = np.ascontiguousarray(np.broadcast_to(np.asarray(conductivity, float), grid.shape))
    return FlowModel(grid, (tissue,), np.zeros(grid.shape, np.uint8), field, active, outer, needle)


def centre_needle(grid, radius, active=None, shift=(0.0, 0.0, 0.0)):
    index = (np.array(grid.shape) - 1) / 2 + np.array(shift)
    return EndHole(grid, tuple(float(x) for x in grid.index_to_world(index)), radius, active)


# -- faces ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("contrast", [0.0, 3.0, 6.0])
def test_layers_in_series(axis, contrast):
    """Flow through layers between two pressures: A (p_a - p_b) / sum of d / K, whatever the contrast."""
    shape, spacing = [1, 1, 1], (1e-3, 2e-3, 0.5e-3)
    shape[axis] = 12
    layers = 1e-13 * 10.0 ** (contrast * np.random.default_rng(2).uniform(-1, 1, 12))
    grid = grid_of(shape, spacing)
    faces = [NoFlow()] * 6
    faces[2 * axis], faces[2 * axis + 1] = Dirichlet(3000.0), Dirichlet(500.0)
    flow = flow_of(grid, RIGID, layers.reshape(shape), OuterFaces(tuple(faces)))
    assert flow.find_rest(np.ones(shape)).ok
    ones = np.ones(shape)
    assert flow.try_step(flow.rest, ones, ones, 0.0, 1.0).outcome.ok
    area, thickness = grid.face_areas[axis], spacing[axis]
    expected = area * 2500.0 / np.sum(thickness / layers)
    assert flow.flows.faces[axis].ravel() == pytest.approx(np.full(13, expected), rel=1e-8)
    drop = np.cumsum(thickness / layers) - 0.5 * thickness / layers
    assert flow.rest.ravel() == pytest.approx(3000.0 - expected / area * drop, rel=1e-8)


def test_a_membrane_in_series():
    """Robin: 1/transfer joins the resistances; it lies between a sealed face and a given pressure."""
    grid, transfer = grid_of((10, 1, 1)), 3e-11
    for ends, wall in ((Robin(transfer, 200.0), 1.0 / transfer), (Dirichlet(200.0), 0.0)):
        flow = flow_of(grid, RIGID, 1e-13, OuterFaces((Dirichlet(1200.0), ends, *[NoFlow()] * 4)))
        assert flow.find_rest(np.ones(grid.shape)).ok
        ones = np.ones(grid.shape)
        assert flow.try_step(flow.rest, ones, ones, 0.0, 1.0).outcome.ok
        expected = 1e-6 * 1000.0 / (10e-3 / 1e-13 + wall)
        assert flow.flows.faces[0].ravel() == pytest.approx(np.full(11, expected), rel=1e-9)
    tight = flow_of(grid, RIGID, 1e-13, OuterFaces((Dirichlet(1200.0), NoFlow(), *[NoFlow()] * 4)))
    assert tight.find_rest(np.ones(grid.shape)).ok
    assert tight.rest == pytest.approx(1200.0, rel=1e-9)


def test_a_free_surface_seeps():
    """A column that gives all its inflow to seepage in its last voxel: conductances in series."""
    grid, shape = grid_of((8, 1, 1)), (8, 1, 1)
    seep, outside = np.zeros(shape), np.zeros(shape)
    seep[-1], outside[-1] = 4e-17, 100.0
    outer = OuterFaces((Dirichlet(2100.0), *[NoFlow()] * 5))
    flow = flow_of(grid, RIGID, 1e-13, FreeSurface(seep, outside, outer))
    assert flow.find_rest(np.ones(shape)).ok
    ones = np.ones(shape)
    assert flow.try_step(flow.rest, ones, ones, 0.0, 1.0).outcome.ok
    expected = 2000.0 / (7.5e-3 / (1e-13 * 1e-6) + 1.0 / 4e-17)
    assert flow.flows.seeped[-1, 0, 0] == pytest.approx(expected, rel=1e-9)
    assert fluid_booking(flow.flows, 5.0).lost["surface"] == pytest.approx(5.0 * expected, rel=1e-9)


# -- what must not happen ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tissue", [RIGID, OPENING, LIVING], ids=["rigid", "opening", "living"])
def test_air_carries_nothing(tissue):
    grid = grid_of((9, 8, 7))
    active = np.random.default_rng(4).uniform(size=grid.shape) > 0.25
    active[3:6, 3:6, 2:5] = True
    flow = flow_of(grid, tissue, 1e-12, OuterFaces.uniform(Dirichlet(0.0)), centre_needle(grid, 1e-4, active), active)
    assert flow.find_rest(np.ones(grid.shape)).ok
    ones = np.ones(grid.shape)
    assert flow.try_step(flow.rest, ones, ones, 1e-10, 2.0).outcome.ok
    for axis, q in enumerate(flow.flows.faces):
        wet = np.pad(active, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        pair = np.moveaxis(wet, axis, 0)
        dry_face = ~(pair[:-1] & pair[1:])
        assert np.all(np.moveaxis(q, axis, 0)[dry_face] == 0.0) and np.any(q != 0.0)
    for field in (flow.flows.gained, flow.flows.drained, flow.flows.lymph):
        assert np.all(field[~active] == 0.0)
    assert np.all(flow.ratio_next[~active] == 1.0)


@pytest.mark.parametrize("tissue", [OPENING, LIVING], ids=["sealed", "living"])
def test_an_untouched_subject_stays_untouched(tissue):
    grid = grid_of((6, 5, 4))
    uneven = 1e-13 * np.exp(np.random.default_rng(5).normal(size=grid.shape))
    flow = flow_of(grid, tissue, uneven, OuterFaces.uniform(Dirichlet(700.0)))
    assert flow.find_rest(np.ones(grid.shape)).ok
    ones = np.ones(grid.shape)
    step = flow.try_step(flow.rest, ones, ones, 0.0, 3600.0)
    assert step.outcome.ok
    assert np.abs(flow.ratio_next - 1.0).max() < 1e-9
    assert np.abs(flow.pressure_next - flow.rest).max() < 1e-9 * 700.0


def test_nowhere_to_go_is_said():
    """A rigid sealed box cannot take any volume: no step, and the remedy in words."""
    grid = grid_of((5, 5, 5))
    flow = flow_of(grid, RIGID, 1e-13, SEALED, centre_needle(grid, 1e-4))
    ones = np.ones(grid.shape)
    flow.find_rest(ones)
    before = flow.rest.copy()
    step = flow.try_step(before, ones, ones, 1e-10, 1.0)
    assert step.outcome.ending is Ending.INCOMPATIBLE and "Remedy" in str(step.outcome)
    assert np.all(ones == 1.0) and np.array_equal(before, flow.rest)


# -- balance ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", [SEALED, OuterFaces.uniform(Dirichlet(0.0))], ids=["sealed", "open"])
@pytest.mark.parametrize("contrast", [0.0, 4.0])
def test_volume_is_balanced_to_round_off_whatever_the_solver_leaves(outer, contrast):
    """Opened volume = given + gained - lost, also at a loose tolerance of the pressure."""
    grid = grid_of((8, 7, 6), (1e-3, 1.2e-3, 0.8e-3))
    uneven = 1e-13 * 10.0 ** (contrast * (np.random.default_rng(6).uniform(size=grid.shape) - 0.5))
    flow = flow_of(grid, LIVING, uneven, outer, centre_needle(grid, 1e-3))
    assert flow.find_rest(np.ones(grid.shape)).ok
    pressure, ratio, fraction = flow.rest.copy(), np.ones(grid.shape), np.full(grid.shape, 0.7)
    for tolerance in (1e-2, 1e-4, 1e-7):
        step = flow.try_step(pressure, ratio, fraction, 2e-10, 1.5, tolerance)
        assert step.outcome.ok and step.mismatch <= tolerance
        opened = (flow.ratio_next - ratio).sum() * grid.voxel_volume
        booking = fluid_booking(flow.flows, 1.5)
        assert opened == pytest.approx(booking.net, abs=1e-13 * (sum(booking.gained.values()) + grid.voxel_volume))
        assert booking.gained["needle"] == pytest.approx(3e-10, rel=1e-14)
        pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next


def test_faster_presses_harder_and_opens_wider():
    grid = grid_of((9, 9, 9))
    found = []
    for rate in (0.0, 1e-11, 1e-10, 1e-9):
        flow = flow_of(grid, OPENING, 1e-13, OuterFaces.uniform(Dirichlet(0.0)), centre_needle(grid, 3e-4))
        assert flow.find_rest(np.ones(grid.shape)).ok
        pressure, ratio, ones = flow.rest.copy(), np.ones(grid.shape), np.ones(grid.shape)
        for _ in range(3):
            assert flow.try_step(pressure, ratio, ones, rate, 1.0).outcome.ok
            pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
        found.append((pressure.max(), ratio.max(), flow.needle_pressure(pressure, rate)))
    assert np.all(np.diff(np.array(found), axis=0) > 0.0)
    assert all(needle >= voxel * (1 - 1e-12) for voxel, _, needle in found)


# -- the needle -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [1e-5, 4e-4, 1e-3, 2.3e-3])
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.3, -0.2, 0.1)])
def test_the_weights_of_the_well(radius, shift):
    grid = grid_of((11, 11, 11))
    needle = centre_needle(grid, radius, shift=shift)
    source = np.zeros(grid.shape)
    needle.spread(3.0, source)
    assert source.sum() == pytest.approx(3.0, rel=1e-14) and source.min() >= 0.0
    index = np.argwhere(source > 0)
    assert np.abs(index - 5.0 - shift).max() <= radius / 1e-3 + 0.5 + 1e-9
    if shift == (0.0, 0.0, 0.0):
        for axis in range(3):
            assert np.array_equal(source, np.flip(source, axis))
        assert np.array_equal(source, source.transpose(1, 2, 0))
    other = np.zeros(grid.shape)
    centre_needle(grid, radius, shift=tuple(-x for x in shift)).spread(3.0, other)
    if shift != (0.5, 0.5, 0.5):  # a point source between voxels belongs to one of them
        assert other == pytest.approx(np.flip(source), abs=1e-14)


def test_the_lattice_green_function():
    """Watson's third integral at the origin (G. N. Watson, Q. J. Math. 10 (1939) 266), 1 / (4 pi r) far away."""
    h = 0.7e-3
    watson = 0.5054620197 / 2.0  # W_3 / 2 with W_3 = 1.5163860591 / 3
    assert lattice_green((0, 0, 0), (h, h, h)) * h == pytest.approx(watson, rel=1e-8)
    # the equation itself: the six faces of the source voxel carry one unit
    drop = lattice_green((0, 0, 0), (h, h, h)) - lattice_green((0, 0, 1), (h, h, h))
    assert 6 * h * drop == pytest.approx(1.0, rel=1e-7)
    for offset in ((12, 0, 0), (7, 7, 7), (3, 8, 5)):
        far = 1.0 / (4.0 * np.pi * h * np.linalg.norm(offset))
        assert lattice_green(offset, (h, h, h)) == pytest.approx(far, rel=3e-3)
    flat = (1e-3, 0.5e-3, 2e-3)
    parts = [
        2 * area / d * (lattice_green((0, 0, 0), flat) - lattice_green(tuple(int(a == axis) for a in range(3)), flat))
        for axis, (area, d) in enumerate(zip((1e-6, 2e-6, 0.5e-6), flat, strict=True))
    ]
    assert sum(parts) == pytest.approx(1.0, rel=1e-7)


def test_mirror():
    """A needle off the centre of an uneven box, and both seen in a mirror."""
    grid = grid_of((8, 7, 6))
    uneven = 1e-13 * np.exp(np.random.default_rng(7).normal(size=grid.shape))
    outer = OuterFaces.uniform(Dirichlet(0.0))
    ones = np.ones(grid.shape)
    for axis in range(3):
        shift, turned = np.array([0.8, -0.6, 1.1]), np.array([0.8, -0.6, 1.1])
        turned[axis] *= -1
        pressures = []
        for field, at in ((uneven, shift), (np.flip(uneven, axis), turned)):
            flow = flow_of(grid, OPENING, field, outer, centre_needle(grid, 1e-3, shift=at))
            assert flow.find_rest(ones).ok
            assert flow.try_step(flow.rest, ones, ones, 1e-10, 2.0, tolerance=1e-11).outcome.ok
            pressures.append(flow.pressure_next.copy())
        assert np.flip(pressures[1], axis) == pytest.approx(pressures[0], abs=1e-8 * pressures[0].max())
