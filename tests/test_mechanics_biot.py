"""The coupled Biot step alone: the catechism, its supports and surfaces, growth, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from oxablate.numerics.outcome import Ending
from oxablate.physics.mechanics.budget import fluid_booking
from oxablate.physics.mechanics.closures import (
    Alexander,
    Fixed,
    Held,
    ImplicitEuler,
    Loads,
    Medium,
    OpenSurface,
    Plate,
    Roller,
    Traction,
    lame_from_poisson,
)
from oxablate.physics.mechanics.step import BiotModel
from oxablate.quantities.refusal import BadInput
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces, Robin
from oxablate.space.grid import VoxelGrid

SHAPE, SPACING = (7, 6, 5), (1e-3, 1.2e-3, 0.8e-3)  # m
SCHEMES = [ImplicitEuler(), Alexander()]


def body(seed=1, solid=None, shape=SHAPE, **units):
    """A heterogeneous body: moduli over a factor of 30, conductivities over 1e3, alpha and storage varying."""
    rng = np.random.default_rng(seed)
    press, permeable = units.get("pascal", 1.0), units.get("conductivity", 1.0)
    shear = 1e3 * np.exp(rng.uniform(0, 3.4, shape))
    shear = np.where(np.ones(shape, bool) if solid is None else solid, shear, 0.0)
    return Medium(
        lame=rng.uniform(0.2, 3, shape) * shear * press,
        shear=shear * press,
        biot=rng.uniform(0.7, 1, shape),
        storage=rng.uniform(0, 1e-5, shape) / press,
        conductivity=1e-12 * np.exp(rng.uniform(-3.5, 3.5, shape)) * permeable,
    )


def acting(seed=2, shape=SHAPE, length=1.0, time=1.0, press=1.0):
    """Loads of every kind in other units: lengths, times and pressures times these factors."""
    rng = np.random.default_rng(seed)
    faces = [tuple(n + (a == axis) for a, n in enumerate(shape)) for axis in range(3)]
    supports = (
        Fixed(), Traction((-200.0 * press, 50.0 * press, 0)), Roller(),
        Held(-2e-5 * length, (1e-5 * length, 0)), Roller(), Plate(-2e-3 * press * length**2),
    )  # fmt: skip
    film = 1e-9 * length / (press * time)
    drainage = OuterFaces((NoFlow(), Dirichlet(30.0 * press), NoFlow(), Robin(film, -20.0 * press), NoFlow(), NoFlow()))
    return Loads(
        supports,
        drainage,
        source=rng.normal(0, 1e-4, shape) / time,
        force=tuple(rng.normal(0, 1e4, f) * press / length for f in faces),
        stress_free=np.exp(rng.normal(0, 0.02, shape)),
    )


def run(medium, loads, duration=0.5, scheme=SCHEMES[1], steps=2, spacing=SPACING, tolerance=1e-12):
    model = BiotModel(VoxelGrid(medium.shear.shape, spacing), medium, loads)
    state = model.rest()
    for _ in range(steps):
        done = model.try_step(state, duration, scheme, tolerance=tolerance)
        assert done.outcome.ok, done.outcome
        state = done.state
    return done, model


def same(a, b, rel=1e-9):
    """States equal to `rel` of the largest value of each field."""
    for x, y in zip((*a.displacement, a.pressure, a.content), (*b.displacement, b.pressure, b.content), strict=True):
        assert np.abs(x - y).max() <= rel * max(np.abs(y).max(), np.finfo(float).tiny)


# -- the catechism ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-9])
def test_the_fluid_ledger_closes_whatever_the_solver_leaves_over(scheme, tolerance):
    model = BiotModel(VoxelGrid(SHAPE, SPACING), body(), acting())
    state, volume = model.rest(), np.prod(SPACING)
    for _ in range(3):
        done = model.try_step(state, 0.5, scheme, tolerance=tolerance)
        booking = fluid_booking(done.flows, 0.5)
        turnover = sum(booking.gained.values()) + sum(booking.lost.values())
        change = (done.state.content.sum() - state.content.sum()) * volume
        assert turnover > 0 and abs(change - booking.net) <= 1e-12 * turnover
        state = done.state


def test_the_mismatch_shows_what_the_solver_leaves_over():
    loose, _ = run(body(), acting(), tolerance=1e-3)
    tight, _ = run(body(), acting(), tolerance=1e-10)
    assert 0 < tight.mismatch < 1e-4 * loose.mismatch


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_load_nothing_happens(scheme):
    still = Loads((Roller(), Traction.free()) * 3, OuterFaces.uniform(Dirichlet(0.0)))
    done, _ = run(body(), still, scheme=scheme)
    assert done.iterations == 0 and not any(np.any(u) for u in done.state.displacement)
    assert not np.any(done.state.pressure) and not np.any(done.state.content)


def test_the_same_twice_gives_the_same_bytes():
    one, two = (run(body(), acting(), tolerance=1e-8)[0].state for _ in range(2))
    assert one.pressure.tobytes() == two.pressure.tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one.displacement, two.displacement, strict=True))


@pytest.mark.slow
def test_the_number_of_threads_does_not_show():
    """Large enough for the kernels that share their loops between threads."""
    import numba

    shape, found, before = (24, 22, 23), [], numba.get_num_threads()
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            found.append(run(body(shape=shape), acting(shape=shape), tolerance=1e-8, steps=1)[0].state)
    finally:
        numba.set_num_threads(before)
    assert before > 1 and found[0].pressure.tobytes() == found[1].pressure.tobytes()
    pairs = zip(found[0].displacement, found[1].displacement, strict=True)
    assert all(a.tobytes() == b.tobytes() for a, b in pairs)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrored_input_gives_mirrored_output(axis):
    medium = body()
    kinds = [Traction((0, 0, 0)), Traction((0, 0, 0))] * 3
    kinds[2 * axis] = Traction(tuple(-300.0 if a == axis else 0 for a in range(3)))
    for a in range(3):
        if a != axis:
            kinds[2 * a] = Roller()
    kinds[2 * axis + 1] = Roller()
    loads = Loads(tuple(kinds), OuterFaces.uniform(Dirichlet(0.0)), source=medium.biot * 1e-4)
    there = list(kinds)
    there[2 * axis], there[2 * axis + 1] = Roller(), Traction(tuple(300.0 if a == axis else 0 for a in range(3)))
    fields = (medium.lame, medium.shear, medium.biot, medium.storage, medium.conductivity)
    mirrored = Medium(*(np.flip(f, axis) for f in fields))
    back = Loads(tuple(there), loads.drainage, source=np.flip(loads.source, axis))
    one, two = run(medium, loads)[0].state, run(mirrored, back)[0].state
    for a in range(3):
        sign = -1 if a == axis else 1
        assert np.abs(np.flip(two.displacement[a], axis) * sign - one.displacement[a]).max() <= 1e-9 * 1e-4
    assert np.flip(two.pressure, axis) == pytest.approx(one.pressure, rel=1e-7, abs=1e-9 * 300)


def test_other_units_give_the_same_answer():
    """Millimetres, grams and minutes: lengths 1e3, times 1/60, pressures g/(mm min2) = 3.6e3 per Pa."""
    length, time = 1e3, 1 / 60
    press = 1e3 / (length * time**2)
    medium = body()
    fields = (medium.lame * press, medium.shear * press, medium.biot, medium.storage / press)
    other = Medium(*fields, medium.conductivity * length**2 / (press * time))
    here, _ = run(medium, acting())
    there, _ = run(
        other, acting(length=length, time=time, press=press), 0.5 * time, spacing=tuple(1e3 * s for s in SPACING)
    )
    for a, b in zip(there.state.displacement, here.state.displacement, strict=True):
        assert np.abs(a / length - b).max() <= 1e-10 * np.abs(b).max()
    for a, b in ((there.state.pressure / press, here.state.pressure), (there.state.content, here.state.content)):
        assert np.abs(a - b).max() <= 1e-10 * np.abs(b).max()


# -- forces -----------------------------------------------------------------------------------------------------------


def dense(model):
    """The matrix of the block system on the unknowns that move, column by column; and the entries that do."""
    block = model._block
    moves = np.zeros(block.gmres.shape, bool)
    moves[:3] = block.level.moves > 0
    moves[3][block.inner] = model.solid
    places = np.flatnonzero(moves)
    matrix, x, out = np.zeros((places.size, places.size)), block.vector(), block.vector()
    for column, place in enumerate(places):
        x.ravel()[place] = 1.0
        block.image(x, out)
        matrix[:, column] = out.ravel()[places]
        x.ravel()[place] = 0.0
    return matrix, moves


def test_the_elastic_block_is_symmetric_and_positive_and_the_coupling_is_its_own_transpose():
    solid = np.ones((4, 3, 3), bool)
    solid[3, 2, 2] = False
    medium = body(solid=solid, shape=solid.shape)
    model = BiotModel(VoxelGrid(solid.shape, SPACING), medium, Loads((Roller(), Traction.free()) * 3, OuterFaces()))
    model.try_step(model.rest(), 1.0, ImplicitEuler())
    matrix, moves = dense(model)
    cut = np.count_nonzero(moves[:3])
    elastic, couple = matrix[:cut, :cut], matrix[cut:, :cut]
    assert np.abs(elastic - elastic.T).max() <= 1e-14 * np.abs(elastic).max()
    assert np.abs(matrix[:cut, cut:] + couple.T).max() <= 1e-14 * np.abs(couple).max()
    assert np.linalg.eigvalsh(elastic).min() > 0


def test_a_uniform_stress_is_met_exactly():
    """Traction -t on one end of a uniform drained bar, sides free: e_xx = -t / E, e_yy = nu t / E, for any grid."""
    shear, poisson, push = 2e3, 0.3, 100.0
    ones = np.ones(SHAPE)
    medium = Medium(lame_from_poisson(shear * ones, poisson), shear * ones, ones, 0 * ones, 1e-6 * ones)
    supports = (Roller(), Traction((-push, 0, 0)), Roller(), Traction.free(), Roller(), Traction.free())
    done, _ = run(medium, Loads(supports, OuterFaces.uniform(Dirichlet(0.0))), duration=1e9, scheme=ImplicitEuler())
    young, extent = 2 * shear * (1 + poisson), [n * h for n, h in zip(SHAPE, SPACING, strict=True)]
    ends = [np.take(u, -1, axis=a) for a, u in enumerate(done.state.displacement)]
    assert ends[0] == pytest.approx(-push / young * extent[0], rel=1e-8)
    assert ends[1] == pytest.approx(poisson * push / young * extent[1], rel=1e-8)
    assert ends[2] == pytest.approx(poisson * push / young * extent[2], rel=1e-8)


@pytest.mark.parametrize("ratio", [0.86, 1.1])
def test_free_growth_changes_size_without_stress_or_flow(ratio):
    """A free body whose stress-free volume changes by J_ref takes it: u = (J_ref^(1/3) - 1) x, p = 0 once drained."""
    medium = body()
    loads = Loads(
        (Roller(), Traction.free()) * 3, OuterFaces.uniform(Dirichlet(0.0)), stress_free=np.full(SHAPE, ratio)
    )
    done, _ = run(medium, loads, duration=1e12, scheme=ImplicitEuler(), steps=1)
    for axis, (u, h) in enumerate(zip(done.state.displacement, SPACING, strict=True)):
        x = np.arange(SHAPE[axis] + 1) * h
        wanted = (np.cbrt(ratio) - 1) * x.reshape([-1 if a == axis else 1 for a in range(3)])
        assert np.abs(u - wanted).max() <= 1e-8 * np.abs(wanted).max()


def test_layers_in_shear_bear_the_same_stress():
    """Simple shear of layers between rough walls: the stress is the slide over the sum of thickness / G, everywhere."""
    slide, h = 1e-5, 1e-3
    layers = np.array([1e3, 1e3, 4e3, 4e3, 2e3, 2e3])
    shear = np.broadcast_to(layers, (5, 3, layers.size)).copy()
    ones = np.ones(shear.shape)
    stress = slide / np.sum(h / layers)
    sides = tuple(Traction((0, 0, sign * stress)) for sign in (-1, 1))
    loads = Loads((*sides, Roller(), Roller(), Fixed(), Held(0, (slide, 0))), OuterFaces.uniform(Dirichlet(0.0)))
    done, _ = run(Medium(shear, shear, ones, 0 * ones, ones), loads, 1e9, ImplicitEuler(), 1, (h, h, h))
    below = stress * np.concatenate([[0.0], np.cumsum(h / layers)])
    wanted = np.broadcast_to((below[1:] + below[:-1]) / 2, done.state.displacement[0].shape)
    assert done.state.displacement[0] == pytest.approx(wanted, rel=1e-7)
    assert np.abs(done.state.displacement[2]).max() <= 1e-8 * slide


# -- voids ------------------------------------------------------------------------------------------------------------


def test_air_in_the_grid_is_a_free_drained_surface():
    """A bar that ends inside the grid, under the pressure outside: the same as a grid that ends with it."""
    inside = body(seed=4, shape=(5, 4, 4))
    supports = (Roller(), Traction((-100.0, 0, 0)), Roller(), Roller(), Roller(), Roller())
    drained = OuterFaces((NoFlow(), Dirichlet(40.0), *(NoFlow(),) * 4))
    small, _ = run(inside, Loads(supports, drained))
    pad = ((0, 3), (0, 0), (0, 0))
    names = ("lame", "shear", "biot", "storage", "conductivity")
    outside = Medium(*(np.pad(getattr(inside, name), pad) for name in names))
    open_ = Loads((Roller(), Traction.free(), *supports[2:]), OuterFaces(), OpenSurface(100.0, Dirichlet(40.0)))
    large, model = run(outside, open_)
    assert large.state.pressure[:5] == pytest.approx(small.state.pressure, rel=1e-8)
    assert large.state.displacement[0][:6] == pytest.approx(small.state.displacement[0], rel=1e-7, abs=1e-14)
    assert not np.any(large.state.pressure[5:]) and not np.any(large.state.content[5:])
    assert fluid_booking(large.flows, 0.5).lost["surface"] >= 0 and model.memory_bytes > 0


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_field_that_is_none_is_refused():
    ones = np.ones((2, 2, 2))
    for wrong, word in (
        ((ones, -ones, ones, ones, ones), "shear"),
        ((-ones, ones, ones, ones, ones), "lame"),
        ((ones, ones, 2 * ones, ones, ones), "biot"),
        ((ones, ones, ones, -ones, ones), "storage"),
        ((ones, ones, ones, ones, -ones), "conductivity"),
        ((ones, ones, ones, ones, np.ones(3)), "shape"),
        ((ones * np.nan, ones, ones, ones, ones), "finite"),
        ((ones, 0 * ones, ones, ones, ones), "no voxel"),
    ):
        with pytest.raises(BadInput, match=word):
            Medium(*wrong)
    with pytest.raises(BadInput, match="Poisson"):
        lame_from_poisson(ones, 0.5)


def test_a_body_that_hangs_free_is_refused():
    grid, drainage = VoxelGrid(SHAPE, SPACING), OuterFaces()
    free = Traction.free()
    with pytest.raises(BadInput, match="not held along y, z"):
        BiotModel(grid, body(), Loads((Roller(), *(free,) * 5), drainage))
    solid = np.ones(SHAPE, bool)
    solid[3] = False
    with pytest.raises(BadInput, match="the piece of the body that holds voxel \\(4, 0, 0\\)"):
        BiotModel(grid, body(solid=solid), Loads((Fixed(), *(free,) * 5), drainage))
    thin = np.zeros(SHAPE, bool)
    thin[:3], thin[:, 2, 2] = True, True
    with pytest.raises(BadInput, match="one voxel thin"):
        BiotModel(grid, body(solid=thin), Loads((Fixed(), *(free,) * 5), drainage))
    BiotModel(grid, body(), Loads((Fixed(), *(free,) * 5), drainage))


def test_loads_of_another_kind_are_refused():
    model = BiotModel(VoxelGrid(SHAPE, SPACING), body(), acting())
    other = Loads((Fixed(),) * 6, OuterFaces())
    with pytest.raises(BadInput, match="make another model"):
        model.try_step(model.rest(), 1.0, ImplicitEuler(), lambda t: other)
    with pytest.raises(BadInput, match="drainage"):
        other = replace(acting(), drainage=OuterFaces())
        model.try_step(model.rest(), 1.0, ImplicitEuler(), lambda t: other)
    with pytest.raises(BadInput, match="duration"):
        model.try_step(model.rest(), -1.0, ImplicitEuler())
    with pytest.raises(BadInput, match="stress_free"):
        bad = replace(acting(), stress_free=np.zeros(SHAPE))
        model.try_step(model.rest(), 1.0, ImplicitEuler(), lambda t: bad)
    with pytest.raises(BadInput, match="six"):
        BiotModel(VoxelGrid(SHAPE, SPACING), body(), Loads((Fixed(),), OuterFaces()))


def test_a_source_in_a_closed_rigid_box_is_an_outcome():
    """Incompressible constituents, all walls fixed and sealed: no place for more fluid."""
    ones = np.ones((4, 4, 4))
    medium = Medium(ones, ones, ones, 0 * ones, ones)
    source = np.zeros(ones.shape)
    source[1, 2, 1] = 1.0
    loads = Loads((Fixed(),) * 6, OuterFaces(), source=source)
    model = BiotModel(VoxelGrid(ones.shape, (1.0,) * 3), medium, loads)
    done = model.try_step(model.rest(), 1.0, ImplicitEuler())
    assert not done.outcome.ok and done.outcome.ending is not Ending.CONVERGED
    assert np.all(np.isfinite(done.state.pressure))
