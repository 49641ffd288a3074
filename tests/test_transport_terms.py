"""Each term of transport against its closed form, and the sub-steps against what they are for."""

import math

import numpy as np
import pytest

from oxablate.physics.transport import window
from oxablate.physics.transport.budget import BOUNDARY, DRAINED, EXCHANGED, NEEDLE, content
from oxablate.physics.transport.closures import DissolvedSpecies, Stepping
from oxablate.physics.transport.step import StepFluxes, Transport

H = (1e-3, 1e-3, 1e-3)
SHAPE = (6, 5, 4)


def tracer(**changes) -> DissolvedSpecies:
    values = dict(name="tracer", diffusivity=0.0, needle=0.0, far_field=0.0, exchange=0.0, plasma=0.0, retained=0.0)
    return DissolvedSpecies(**{**values, **changes})


def still(shape=SHAPE) -> StepFluxes:
    nx, ny, nz = shape
    return StepFluxes(
        np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1)), *np.zeros((3, *shape))
    )


def column(cells, velocity, fraction=0.2):
    """Uniform flow along x through a column of unit-area voxels of length 1 / cells; fluxes and fluid volume."""
    fluxes = still((cells, 1, 1))
    fluxes.qx[...] = velocity * fraction
    return fluxes, np.full((cells, 1, 1), fraction / cells)


def test_filtered_fluid_dilutes_exactly():
    fluxes, w, c = still(), np.full(SHAPE, 0.2), np.full((1, *SHAPE), 3.0)
    fluxes.gained[...] = np.random.default_rng(0).random(SHAPE)
    outcome = Transport(SHAPE, H, Stepping()).advance(c, w, fluxes, [tracer()], 2.0, None)
    np.testing.assert_allclose(c[0], 3.0 * 0.2 / (0.2 + 2.0 * fluxes.gained), rtol=1e-14)
    assert outcome.bookings[0].net == 0.0


def test_uptake_takes_the_agent_along_and_leaves_the_concentration():
    fluxes, w, c = still(), np.full(SHAPE, 0.2), np.full((1, *SHAPE), 3.0)
    fluxes.lost[1, 2, 3] = 0.05
    outcome = Transport(SHAPE, H, Stepping()).advance(c, w, fluxes, [tracer()], 2.0, None)
    np.testing.assert_allclose(c, 3.0, rtol=1e-15)
    assert outcome.bookings[0].lost == {DRAINED: pytest.approx(0.1 * 3.0, rel=1e-14)}


def test_a_retained_species_is_concentrated():
    # d(W c)/dt = -(1 - r) q c with dW/dt = -q: c = c0 (W0 / W)^r
    errors = []
    for parts in (8, 16):
        fluxes, w, c = still(), np.full(SHAPE, 0.2), np.full((1, *SHAPE), 3.0)
        fluxes.lost[...] = 0.05
        for _ in range(parts):
            Transport(SHAPE, H, Stepping()).advance(c, w, fluxes, [tracer(retained=0.6)], 2.0 / parts, None)
        errors.append(abs(c[0, 0, 0, 0] / (3.0 * 2.0**0.6) - 1.0))
    assert errors[1] < 1e-3
    assert math.log2(errors[0] / errors[1]) > 1.9


def test_exchange_is_the_exact_exponential():
    w, c = np.full(SHAPE, 0.2), np.full((2, *SHAPE), 3.0)
    rate = np.random.default_rng(0).random(SHAPE)
    species = [tracer(exchange=rate), tracer(exchange=0.4, plasma=5.0)]
    outcome = Transport(SHAPE, H, Stepping()).advance(c, w, still(), species, 7.0, None)
    np.testing.assert_allclose(c[0], 3.0 * np.exp(-7.0 * rate), rtol=1e-14)
    np.testing.assert_allclose(c[1], 5.0 - 2.0 * np.exp(-2.8), rtol=1e-14)
    lost = 0.2 * np.sum(3.0 - c[0])
    assert outcome.bookings[0].lost == {EXCHANGED: pytest.approx(lost, rel=1e-13)}
    assert outcome.bookings[1].gained == {EXCHANGED: pytest.approx(0.2 * np.sum(c[1] - 3.0), rel=1e-13)}


def test_needle_and_boundary_are_booked():
    fluxes, w = column(20, 0.3)
    fluxes.needle[10] = 0.02
    fluxes.qx[11:] += 0.02
    c = np.zeros((1, 20, 1, 1))
    outcome = Transport((20, 1, 1), (0.05, 1.0, 1.0), Stepping()).advance(
        c, w, fluxes, [tracer(needle=2.0, far_field=1.5)], 1.0, None
    )
    booking = outcome.bookings[0]
    assert booking.gained[NEEDLE] == pytest.approx(0.02 * 2.0, rel=1e-14)
    assert booking.gained[BOUNDARY] == pytest.approx(0.3 * 0.2 * 1.5, rel=1e-14)
    assert content(c[0], w) == pytest.approx(booking.net, rel=1e-13)


def test_a_closed_voxel_exchanges_nothing_by_diffusion():
    closed = np.zeros(SHAPE, bool)
    closed[2, 2, 2] = closed[0, 0, 0] = True
    w, c = np.full(SHAPE, 0.2), np.random.default_rng(0).random((1, *SHAPE))
    before = c.copy()
    Transport(SHAPE, H, Stepping()).advance(c, w, still(), [tracer(diffusivity=1e-9)], 500.0, closed)
    np.testing.assert_allclose(c[0][closed], before[0][closed], rtol=1e-14)
    assert np.all(np.abs(c[0][~closed] / before[0][~closed] - 1.0) > 1e-6)


def test_a_barrier_without_diffusivity_is_not_crossed():
    diffusivity = np.full(SHAPE, 1e-9)
    diffusivity[3] = 0.0
    w, c = np.full(SHAPE, 0.2), np.zeros((1, *SHAPE))
    c[0, :3] = 1.0
    Transport(SHAPE, H, Stepping()).advance(c, w, still(), [tracer(diffusivity=diffusivity)], 1e6, None)
    np.testing.assert_allclose(c[0, :3], 1.0, rtol=1e-12)
    assert not c[0, 3:].any()


def test_dry_voxels_take_no_part():
    """A grid half outside the body equals the grid of the body alone."""
    answers = []
    for outside in (0, 3):
        shape = (6 + outside, 5, 4)
        fluxes, w, c = still(shape), np.zeros(shape), np.zeros((1, *shape))
        w[:6], c[0, :6] = 0.2, np.random.default_rng(6).random((6, 5, 4))
        fluxes.qy[:6], fluxes.qx[1:6] = 0.03, 0.01
        fluxes.gained[0], fluxes.lost[5] = 0.01, 0.01
        species = tracer(diffusivity=1e-9, far_field=0.5, exchange=0.01)
        assert Transport(shape, H, Stepping()).advance(c, w, fluxes, [species], 30.0, None).ok
        assert not w[6:].any() and not c[0, 6:].any()
        answers.append(c[0, :6])
    np.testing.assert_array_equal(answers[0], answers[1])


def test_one_voxel_as_fast_as_a_crack_does_not_set_the_step():
    """A voxel whose pore space is 1e-5 of the others': its Courant number is 1e5 times theirs."""
    counts = []
    for narrow in (1.0, 1e-5):
        fluxes, w = column(200, 1.0)
        w[110] *= narrow
        c = np.zeros((1, 200, 1, 1))
        c[0, :100] = 1.0
        transport = Transport((200, 1, 1), (1 / 200, 1.0, 1.0), Stepping(most=1000))
        outcome = transport.advance(c, w, fluxes, [tracer(far_field=1.0)], 0.15, None)
        counts.append(outcome.substeps)
        front = 0.5 + 0.15
        exact = np.clip((front - np.arange(200) / 200) * 200, 0.0, 1.0)
        assert np.abs(c[0, :, 0, 0] - exact).mean() < 0.015
    assert counts[1] <= 1.2 * counts[0]
    assert counts[0] == pytest.approx(0.15 * 200 / Stepping().courant, abs=2.0)


def test_a_front_through_a_sheet_of_cracks_stays_bounded_and_whole():
    """Every tenth plane across the flow holds 1e-4 of the fluid of the others: C is 1e4 there, 0.7 beside it."""
    shape = (60, 4, 3)
    fluxes, w = still(shape), np.full(shape, 0.2)
    fluxes.qx[...], w[5::10] = 0.02, 0.2e-4
    c = np.zeros((1, *shape))
    outcome = Transport(shape, H, Stepping(most=1000)).advance(c, w, fluxes, [tracer(far_field=1.0)], 300.0, None)
    assert 0.0 <= c.min() and c.max() <= 1.0 + 1e-14
    assert content(c[0], w) == pytest.approx(0.02 * 300.0 * 12, rel=1e-13)
    # 30 voxel fillings of the nine slow planes in ten: the front stands in plane 33
    front = np.flatnonzero(c[0, :, 2, 1] > 0.5)[-1]
    assert abs(front - 33) <= 1
    assert outcome.substeps < 1.3 * 30.0 / Stepping().courant


def test_where_the_concentration_is_level_one_step_is_enough():
    fluxes, w = column(50, 1.0)
    c = 0.5 + 1e-15 * np.random.default_rng(7).random((1, 50, 1, 1))  # level but for round-off
    outcome = Transport((50, 1, 1), (0.02, 1.0, 1.0), Stepping()).advance(
        c, w, fluxes, [tracer(far_field=0.5)], 1e4, None
    )
    assert outcome.substeps == 1


def test_the_suggested_step_is_one_courant_number_of_the_front():
    fluxes, w = column(50, 1.0)
    c = np.zeros((1, 50, 1, 1))
    c[0, :20] = 1.0
    transport = Transport((50, 1, 1), (0.02, 1.0, 1.0), Stepping(courant=0.5))
    assert transport.suggest_step(c, w, fluxes, [tracer(far_field=1.0)], 10.0) == pytest.approx(0.01, rel=1e-12)
    assert transport.suggest_step(0.0 * c, w, fluxes, [tracer()], 10.0) == 10.0


def test_a_step_cut_in_seven_ends_close_to_the_whole():
    """The difference is that of other sub-steps: of the order of the error of the scheme, and falls as it does."""
    differences = []
    for cells in (40, 80):
        results = []
        for parts in (1, 7):
            fluxes, w = column(cells, 1.0)
            x = (np.arange(cells) + 0.5) / cells
            c = np.exp(-(((x - 0.3) / 0.1) ** 2))[None, :, None, None].copy()
            transport = Transport((cells, 1, 1), (1 / cells, 1.0, 1.0), Stepping())
            for _ in range(parts):
                transport.advance(c, w, fluxes, [tracer(diffusivity=1e-3)], 0.31 / parts, None)
            results.append(c)
        differences.append(np.abs(results[0] - results[1]).mean())
    assert differences[0] < 2e-3
    assert differences[1] < 0.35 * differences[0]


@pytest.mark.parametrize("diffusivity", [0.0, 1e-9])
def test_work_is_kept_to_the_plume_and_the_answer_is_that_of_the_whole_grid(diffusivity):
    """A second species that is everywhere opens the window to the whole grid; the plume must not notice."""
    shape = (28, 26, 24)
    plume = np.zeros(shape)
    plume[12:16, 11:15, 10:14] = np.random.default_rng(5).random((4, 4, 4))
    answers = []
    for fields in ([plume], [plume, np.ones(shape)]):
        fluxes, w = still(shape), np.full(shape, 2e-10)
        fluxes.qx[...], fluxes.qy[...], fluxes.qz[...] = 3e-12, -2e-12, 1e-12
        species = [tracer(diffusivity=diffusivity), tracer(far_field=1.0)][: len(fields)]
        c = np.stack(fields)
        outcome = Transport(shape, H, Stepping()).advance(c, w, fluxes, species, 100.0, None)
        answers.append((c[0], outcome.substeps))
    assert answers[0][1] == answers[1][1] > 1
    np.testing.assert_allclose(answers[0][0], answers[1][0], rtol=0.0, atol=1e-12)


def test_a_window_holds_what_is_above_and_grows_within_the_grid():
    values = np.zeros(SHAPE)
    values[2, 1:3, 3] = 1.0
    box, least, most = window.occupied(values, 0.0, window.whole(SHAPE))
    assert box.tolist() == [2, 3, 1, 3, 3, 4] and (least, most) == (0.0, 1.0)
    assert window.grown(box, (1, 2, 1), SHAPE).tolist() == [1, 4, 0, 5, 2, 4]
    assert window.is_empty(window.occupied(values, 1e20, window.whole(SHAPE))[0])


def test_the_margin_of_a_line_sweep_follows_its_kernel():
    # the kernel of (1 + 2 m) c_a - m (c_{a-1} + c_{a+1}) falls by the root of m (r + 1/r) = 1 + 2 m
    for number in (1e-6, 0.1, 1.0, 30.0):
        margin = window.spread_margin(number)
        ratio = min(np.roots([number, -(1.0 + 2.0 * number), number]).real)
        assert ratio**margin <= window.SPREAD_HELD * 1.001 < ratio ** (margin - 2)
