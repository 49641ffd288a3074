"""Transport keeps what it must keep on any flow: amounts, bounds, constants, mirrors, nothing from nothing."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oxablate.physics.transport.budget import content
from oxablate.physics.transport.closures import DissolvedSpecies, Stepping
from oxablate.physics.transport.step import StepFluxes, Transport, TransportEnding
from oxablate.quantities.refusal import BadInput

SPACING = (1.0e-3, 0.7e-3, 1.3e-3)
FACES = ("qx", "qy", "qz")


def tracer(**changes) -> DissolvedSpecies:
    given_values = dict(
        name="tracer", diffusivity=0.0, needle=0.0, far_field=0.0, exchange=0.0, plasma=0.0, retained=0.0
    )
    return DissolvedSpecies(**{**given_values, **changes})


def still(shape) -> StepFluxes:
    nx, ny, nz = shape
    return StepFluxes(
        np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1)), *np.zeros((3, *shape))
    )


def divergence(fluxes: StepFluxes) -> np.ndarray:
    return np.diff(fluxes.qx, axis=0) + np.diff(fluxes.qy, axis=1) + np.diff(fluxes.qz, axis=2)


def net(fluxes: StepFluxes) -> np.ndarray:
    return -divergence(fluxes) + fluxes.needle + fluxes.gained - fluxes.lost


def potential_flow(rng, shape, decades) -> StepFluxes:
    """Fluxes from high to low values of a random pressure, through conductances that span `decades` decades."""
    fluxes, pressure = still(shape), np.pad(rng.random(shape), 1)
    for axis, name in enumerate(FACES):
        flux = getattr(fluxes, name)
        inner = tuple(slice(None) if a == axis else slice(1, -1) for a in range(3))
        flux[...] = -np.diff(pressure[inner], axis=axis) * 10.0 ** (rng.random(flux.shape) * decades)
    for name in ("needle", "gained", "lost"):
        field = getattr(fluxes, name)
        field[...] = rng.random(shape) * (rng.random(shape) < 0.1) * 10.0 ** (rng.random(shape) * decades)
    return fluxes


def circulating(rng, shape, decades) -> StepFluxes:
    """Any fluxes: they go round in circles and fill and empty voxels."""
    fluxes = potential_flow(rng, shape, decades)
    for name in FACES:
        flux = getattr(fluxes, name)
        flux *= np.sign(rng.random(flux.shape) - 0.5)
    return fluxes


def passing(fluxes, dt) -> np.ndarray:
    """All fluid that crosses the faces and sources of each voxel in dt [m3]."""
    through = fluxes.needle + fluxes.gained + fluxes.lost
    for axis, name in enumerate(FACES):
        flux = np.abs(getattr(fluxes, name))
        through = through + np.take(flux, range(1, flux.shape[axis]), axis)
        through = through + np.take(flux, range(flux.shape[axis] - 1), axis)
    return dt * through


def filled(rng, fluxes, dt, margin) -> np.ndarray:
    """A fluid volume that the fluxes do not empty within dt, by a margin down to 1e-6 of what passes."""
    return np.maximum(-dt * net(fluxes), 0.0) + margin * passing(fluxes, dt) * (0.1 + rng.random(fluxes.needle.shape))


def field_of(rng, shape, kind) -> np.ndarray:
    field = rng.random(shape)
    if kind == "block":
        return np.where(field > 0.5, 1.0, 0.0)
    return field * (field > 0.8) if kind == "spikes" else field


situations = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "shape": st.sampled_from([(5, 6, 4), (9, 1, 1), (1, 7, 5)]),
        "make": st.sampled_from([potential_flow, circulating]),
        "decades": st.sampled_from([0.0, 3.0, 6.0]),
        "kind": st.sampled_from(["random", "block", "spikes"]),
        "spreads": st.sampled_from([0.0, 1e-9, 1e-3]),
        "most": st.sampled_from([1, 3, 20]),
    }
)
many = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def build(situation):
    """The flow, its fluid and a field of concentrations; Courant numbers from 1e-3 to 1e5 in one grid."""
    rng, shape = np.random.default_rng(situation["seed"]), situation["shape"]
    fluxes = situation["make"](rng, shape, situation["decades"])
    volume = filled(rng, fluxes, 1.0, 10.0 ** rng.uniform(-5.0, 3.0, shape))
    return fluxes, volume, field_of(rng, shape, situation["kind"])


@many
@given(situations)
def test_amounts_close_and_no_new_extrema(situation):
    fluxes, volume, field = build(situation)
    species = tracer(diffusivity=situation["spreads"], needle=0.8, far_field=0.3)
    c, w = field[None].copy(), volume.copy()
    before = content(c[0], w)
    transport = Transport(field.shape, SPACING, Stepping(most=situation["most"]))
    outcome = transport.advance(c, w, fluxes, [species], 1.0, None)
    assert outcome.ok
    assert np.all(np.abs(w - volume - net(fluxes)) <= 1e-14 * (passing(fluxes, 1.0) + volume))
    passed = before + sum(outcome.bookings[0].gained.values())
    assert content(c[0], w) - before == pytest.approx(outcome.bookings[0].net, abs=1e-12 * passed)
    assert c.min() >= (0.0 if fluxes.gained.any() else min(field.min(), 0.3) * (1.0 - 1e-12))
    assert c.max() <= max(field.max(), 0.8 * bool(fluxes.needle.any()), 0.3) * (1.0 + 1e-12)


@many
@given(situations)
def test_a_constant_stays_constant(situation):
    fluxes, volume, _ = build(situation)
    fluxes.gained[...] = 0.0
    volume = volume + np.maximum(-net(fluxes), 0.0)
    c = np.full((1, *volume.shape), 0.7)
    species = tracer(diffusivity=situation["spreads"], needle=0.7, far_field=0.7)
    transport = Transport(volume.shape, SPACING, Stepping(most=situation["most"]))
    outcome = transport.advance(c, volume, fluxes, [species], 1.0, None)
    assert outcome.ok
    # without an upstream order voxels are eliminated together, at the price of their condition number; likewise lines
    # of voxels at D dt / h^2 of 2000
    allowed = 1e-9 if situation["make"] is circulating else 1e-12 if situation["spreads"] == 1e-3 else 3e-14
    assert np.abs(c / 0.7 - 1.0).max() < allowed


def test_a_constant_survives_a_needle_voxel_filled_a_thousand_times_a_step():
    shape = (9, 9, 9)
    fluxes = outward(shape, rate=1.0)
    volume = np.full(shape, 1e-3)
    c = np.full((1, *shape), 0.7)
    outcome = Transport(shape, SPACING, Stepping()).advance(c, volume, fluxes, [tracer(needle=0.7)], 1.0, None)
    assert outcome.ok
    assert np.abs(c / 0.7 - 1.0).max() < 1e-14


def outward(shape, rate) -> StepFluxes:
    """A source in the middle voxel whose fluid leaves along six straight arms."""
    fluxes = still(shape)
    i, j, k = (n // 2 for n in shape)
    fluxes.needle[i, j, k] = rate
    fluxes.qx[: i + 1, j, k], fluxes.qx[i + 1 :, j, k] = -rate / 6, rate / 6
    fluxes.qy[i, : j + 1, k], fluxes.qy[i, j + 1 :, k] = -rate / 6, rate / 6
    fluxes.qz[i, j, : k + 1], fluxes.qz[i, j, k + 1 :] = -rate / 6, rate / 6
    return fluxes


def test_nothing_in_nothing_out():
    shape = (6, 5, 4)
    rng = np.random.default_rng(1)
    fluxes = potential_flow(rng, shape, 3.0)
    volume, c = filled(rng, fluxes, 1.0, 1.0), np.zeros((2, *shape))
    species = [tracer(diffusivity=1e-7, exchange=0.3), tracer()]
    outcome = Transport(shape, SPACING, Stepping()).advance(c, volume, fluxes, species, 1.0, None)
    assert outcome.ok and outcome.substeps == 0
    assert not c.any()
    assert all(booking.gained == {} and booking.lost == {} for booking in outcome.bookings)


@pytest.mark.parametrize("axis", range(3))
def test_a_mirrored_subject_gives_the_mirrored_answer(axis):
    shape = (7, 6, 5)
    rng = np.random.default_rng(2)
    fluxes = potential_flow(rng, shape, 4.0)
    volume, c = filled(rng, fluxes, 1.0, 0.05), rng.random((1, *shape))
    mirrored = StepFluxes(
        *(np.flip(getattr(fluxes, name), axis) * (-1.0 if a == axis else 1.0) for a, name in enumerate(FACES)),
        *(np.flip(getattr(fluxes, name), axis) for name in ("needle", "gained", "lost")),
    )
    c_mirrored, w_mirrored = np.flip(c, axis + 1).copy(), np.flip(volume, axis).copy()
    species = [tracer(diffusivity=1e-7, needle=0.8, far_field=0.3, exchange=0.2, retained=0.5)]
    Transport(shape, SPACING, Stepping()).advance(c, volume, fluxes, species, 1.0, None)
    Transport(shape, SPACING, Stepping()).advance(c_mirrored, w_mirrored, mirrored, species, 1.0, None)
    np.testing.assert_allclose(np.flip(c_mirrored, axis + 1), c, rtol=1e-11, atol=0.0)


def test_the_same_twice_and_on_one_thread_gives_the_same_bytes():
    import numba

    shape = (9, 6, 5)
    rng = np.random.default_rng(3)
    fluxes = potential_flow(rng, shape, 4.0)
    volume, field = filled(rng, fluxes, 1.0, 0.05), rng.random((1, *shape))
    species = [tracer(diffusivity=1e-7, needle=0.8, far_field=0.3, exchange=0.2)]
    results, threads = [], numba.get_num_threads()
    for count in (threads, threads, 1):
        numba.set_num_threads(count)
        c, w = field.copy(), volume.copy()
        outcome = Transport(shape, SPACING, Stepping()).advance(c, w, fluxes, species, 1.0, None)
        results.append((c.tobytes(), w.tobytes(), str(outcome.bookings)))
    numba.set_num_threads(threads)
    assert results[0] == results[1] == results[2]


def test_other_units_same_answer():
    shape = (7, 6, 5)
    rng = np.random.default_rng(4)
    fluxes = potential_flow(rng, shape, 3.0)
    volume, field = filled(rng, fluxes, 1.0, 0.3), rng.random((1, *shape)) * (rng.random(shape) > 0.5)
    length, minute, amount = 1e3, 1.0 / 60.0, 1e3  # metres to mm, seconds to minutes, mol to mmol
    flow_unit, dense = length**3 / minute, amount / length**3
    scaled = StepFluxes(
        *(getattr(fluxes, name) * flow_unit for name in (*FACES, "needle", "gained", "lost")),
    )
    c, w = field.copy(), volume.copy()
    species = tracer(diffusivity=1e-7, needle=0.8, far_field=0.3, exchange=0.2, plasma=0.1)
    Transport(shape, SPACING, Stepping()).advance(c, w, fluxes, [species], 1.0, None)
    other, v = field * dense, volume * length**3
    species = tracer(
        diffusivity=1e-7 * length**2 / minute,
        needle=0.8 * dense,
        far_field=0.3 * dense,
        exchange=0.2 / minute,
        plasma=0.1 * dense,
    )
    grid = tuple(h * length for h in SPACING)
    Transport(shape, grid, Stepping()).advance(other, v, scaled, [species], minute, None)
    np.testing.assert_allclose(other / dense, c, rtol=1e-10, atol=0.0)


def test_a_step_that_would_empty_a_voxel_is_refused_and_names_it():
    shape = (4, 3, 3)
    fluxes, volume, c = still(shape), np.full(shape, 1.0), np.full((1, *shape), 0.5)
    fluxes.lost[2, 1, 0] = 2.0
    outcome = Transport(shape, SPACING, Stepping()).advance(c, volume, fluxes, [tracer()], 1.0, None)
    assert outcome.ending is TransportEnding.EMPTIED and outcome.where == (2, 1, 0)
    assert "(2, 1, 0)" in str(outcome) and "Remedy" in str(outcome)
    assert np.all(volume == 1.0) and np.all(c == 0.5)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f, w, c: f.needle.__setitem__((0, 0, 0), -1.0), "negative"),
        (lambda f, w, c: f.qx.__setitem__((1, 0, 0), np.nan), "not finite"),
        (lambda f, w, c: w.__setitem__((1, 0, 0), np.inf), "not finite"),
        (lambda f, w, c: c.__setitem__((0, 1, 0, 0), -1e-3), "negative or not finite"),
        (lambda f, w, c: c.__setitem__((0, 1, 0, 0), np.nan), "negative or not finite"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(spoil, words):
    shape = (3, 2, 2)
    fluxes, volume, c = still(shape), np.ones(shape), np.zeros((1, *shape))
    spoil(fluxes, volume, c)
    with pytest.raises(BadInput, match=words):
        Transport(shape, SPACING, Stepping()).advance(c, volume, fluxes, [tracer()], 1.0, None)


def test_wrong_shapes_are_refused():
    shape = (3, 2, 2)
    with pytest.raises(BadInput, match="shape"):
        Transport(shape, SPACING, Stepping()).advance(
            np.zeros((1, 2, 2, 2)), np.ones(shape), still(shape), [tracer()], 1.0, None
        )
    with pytest.raises(BadInput, match="no_diffusion"):
        Transport(shape, SPACING, Stepping()).advance(
            np.zeros((1, *shape)), np.ones(shape), still(shape), [tracer()], 1.0, np.zeros((2, 2, 2), bool)
        )
