"""The exposure step on its own: bounds, order, the semigroup, units, round-off, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxablate.physics.reaction.budget import agent_held, demand_held
from oxablate.physics.reaction.closures import Kinetics, SharpFront
from oxablate.physics.reaction.equations import agent_rate, exposure_rate, pool_rates, reaction_zone
from oxablate.physics.reaction.step import react
from oxablate.quantities.refusal import BadInput


def decades(low, high):
    return st.floats(low, high).map(lambda power: 10.0**power)


CASES = st.lists(st.tuples(decades(-6, 7), decades(-9, 3)), min_size=1, max_size=4)


def one(concentration, theta, pools, rates, loss, dt, steps=1):
    """Concentration, pools, exposure and booking of one voxel of 1 m3."""
    c, fluid, exposure = (np.full((1, 1, 1), float(value)) for value in (concentration, theta, 0.0))
    stores = np.array(pools, float).reshape(-1, 1, 1, 1)
    kinetics = Kinetics(tuple(f"p{i}" for i in range(len(rates))), tuple(rates), loss)
    for _ in range(steps):
        booking = react(c, fluid, stores, kinetics, dt / steps, exposure, 1.0)
    return c[0, 0, 0], stores.ravel(), exposure[0, 0, 0], booking


@settings(max_examples=300, deadline=None)
@given(case=CASES, concentration=decades(-8, 4), theta=decades(-2, 0), number=decades(-12, 12), loss=decades(-6, 3))
def test_bounds_and_balance(case, concentration, theta, number, loss):
    """k c0 dt from 1e-12 to 1e12, with a loss: nothing negative, nothing new, equivalents to round-off."""
    rates, pools = zip(*case, strict=True)
    dt = number / (rates[0] * concentration)
    c, left, exposure, booking = one(concentration, theta, pools, rates, loss / dt, dt)
    assert 0 <= c <= concentration and np.all(left >= 0) and np.all(left <= pools)
    assert 0 < exposure <= concentration * dt * (1 + 1e-12)
    spent, start = sum(booking.lost.values()), theta * concentration
    assert abs(start - theta * c - spent) <= 1e-14 * start
    taken = spent - booking.lost["decayed"]
    assert abs(sum(pools) - left.sum() - taken) <= 1e-14 * (sum(pools) + start)


@settings(max_examples=100, deadline=None)
@given(case=CASES, concentration=decades(-4, 3), number=decades(-6, 6), loss=decades(-6, 1))
def test_two_half_steps_are_one_step(case, concentration, number, loss):
    rates, pools = zip(*case, strict=True)
    dt = number / (max(rates) * concentration)
    whole = one(concentration, 0.3, pools, rates, loss / dt, dt)
    halves = one(concentration, 0.3, pools, rates, loss / dt, dt, steps=2)
    assert halves[2] == pytest.approx(whole[2], rel=1e-6)
    assert np.array(pools) - halves[1] == pytest.approx(np.array(pools) - whole[1], rel=2e-6, abs=1e-14 * max(pools))


@settings(max_examples=100, deadline=None)
@given(case=CASES, concentration=decades(-4, 3), number=decades(-6, 6))
def test_longer_steps_leave_less(case, concentration, number):
    rates, pools = zip(*case, strict=True)
    dt = number / (rates[0] * concentration)
    shorter, longer = (one(concentration, 0.3, pools, rates, 0.0, time) for time in (dt, 1.1 * dt))
    assert longer[0] <= shorter[0] + 1e-6 * concentration
    assert np.all(longer[1] <= shorter[1] + 1e-7 * np.array(pools)) and longer[2] >= shorter[2] * (1 - 1e-7)


@settings(max_examples=100, deadline=None)
@given(case=CASES, concentration=decades(-4, 3), number=decades(-3, 3))
def test_units_do_not_matter(case, concentration, number):
    """The same in mm, g (of a 67.45 g/mol agent) and minutes."""
    rates, pools = zip(*case, strict=True)
    per_amount, per_volume, per_time = 67.45, 1e-9, 1.0 / 60
    density = per_amount * per_volume
    dt = number / (rates[0] * concentration)
    first = one(concentration, 0.2, pools, rates, 0.1 / dt, dt)
    other_rates = [k / density / per_time for k in rates]
    other = one(
        concentration * density, 0.2, np.array(pools) * density, other_rates, 0.1 / dt / per_time, dt * per_time
    )
    assert other[0] / density == pytest.approx(first[0], rel=1e-10, abs=1e-10 * concentration)
    assert other[1] / density == pytest.approx(first[1], rel=1e-10, abs=1e-10 * max(pools))
    assert other[2] / density / per_time == pytest.approx(first[2], rel=1e-10)


def test_one_pool_has_its_closed_form():
    """Second order with unequal amounts: R / R0 = (c0 - b) / (c0 exp(k (c0 - b) t) - b), b = R0 / theta."""
    c0, r, k, theta, dt = 3.0, 0.4, 7.0, 0.25, 0.05
    excess = c0 - r / theta
    grown = np.exp(k * excess * dt)
    u = excess / (c0 * grown - r / theta)
    c, left, _, _ = one(c0, theta, [r], [k], 0.0, dt)
    assert left[0] == pytest.approx(r * u, rel=1e-12)
    assert c == pytest.approx(c0 - r / theta * (1 - u), rel=1e-12)


def test_equal_amounts_are_no_special_case():
    c, left, _, _ = one(2.0, 0.5, [1.0], [3.0], 0.0, 0.7)
    assert (c, left[0]) == pytest.approx((2.0 / (1 + 4.2), 1.0 / (1 + 4.2)), rel=1e-10)


def test_nothing_happens_without_agent_or_demand_or_time():
    assert one(0.0, 0.3, [1.0, 2.0], [5.0, 6.0], 0.1, 10.0)[1].tolist() == [1.0, 2.0]
    c, _, exposure, booking = one(4.0, 0.3, [0.0, 0.0], [5.0, 6.0], 0.0, 10.0)
    assert (c, exposure, booking.net) == (4.0, 40.0, 0.0)
    c, left, exposure, booking = one(4.0, 0.3, [1.0, 2.0], [5.0, 6.0], 0.1, 0.0)
    assert (c, left.tolist(), exposure, booking.net) == (4.0, [1.0, 2.0], 0.0, 0.0)


def field_case():
    rng = np.random.default_rng(11)
    shape = (6, 5, 4)
    c = np.where(rng.random(shape) < 0.3, 0.0, 10 ** rng.uniform(-6, 2.5, shape))
    theta = rng.uniform(0.05, 0.5, shape)
    pools = 10 ** rng.uniform(-3, 2, (3, *shape))
    return c, theta, pools, Kinetics(("thiols", "tyrosine", "guanine"), (1e4, 1.3e2, 0.45), 1e-3), np.zeros(shape)


def test_a_field_is_its_voxels_its_mirror_and_itself_again():
    c, theta, pools, kinetics, exposure = field_case()
    results = []
    for flip in (1, 1, -1):
        fields = [f[..., ::flip, :].copy() for f in (c, theta, exposure)]
        stores = pools[..., ::flip, :].copy()
        booking = react(fields[0], fields[1], stores, kinetics, 3.0, fields[2], 1e-9)
        results.append([fields[0][..., ::flip, :], stores[..., ::flip, :], fields[2][..., ::flip, :], booking])
    for first, again, mirrored in zip(*(r[:3] for r in results), strict=True):
        assert np.array_equal(first, again) and np.array_equal(first, mirrored)
    assert results[0][3] == results[1][3]
    assert np.array_equal(results[0][0] == 0, (c == 0) | (results[0][0] == 0)) and np.all(results[0][2][c == 0] == 0)


def test_a_box_keeps_to_itself_and_the_ledger_closes():
    c, theta, pools, kinetics, exposure = field_case()
    before = agent_held(c, theta, 1e-9), demand_held(pools, 1e-9).sum(), c.copy()
    booking = react(c, theta, pools, kinetics, 2.0, exposure, 1e-9, np.array([1, 4, 0, 3, 2, 4]))
    inside = np.zeros(c.shape, bool)
    inside[1:4, 0:3, 2:4] = True
    assert np.array_equal(c[~inside], before[2][~inside]) and not exposure[~inside].any() and exposure[inside].any()
    spent = sum(booking.lost.values())
    assert before[0] - agent_held(c, theta, 1e-9) == pytest.approx(spent, rel=1e-12)
    assert before[1] - demand_held(pools, 1e-9).sum() == pytest.approx(spent - booking.lost["decayed"], rel=1e-10)


def test_the_equations_are_those_of_the_step():
    """Differences over a short step against the stated right-hand sides."""
    c0, theta, pools, rates, loss, dt = 2.0, 0.3, np.array([1.0, 3.0]), np.array([4.0, 0.5]), 0.2, 1e-7
    c, left, exposure, _ = one(c0, theta, pools, rates, loss, dt)
    assert (c - c0) / dt == pytest.approx(agent_rate(c0, pools, rates, theta, loss), rel=1e-5)
    assert (left - pools) / dt == pytest.approx(pool_rates(c0, pools, rates), rel=1e-5)
    assert exposure / dt == pytest.approx(exposure_rate(0.0, c0, pools, rates, theta, loss), rel=1e-5)
    assert reaction_zone(0.3, 1e-9, 3.0, 100.0) == pytest.approx(1e-6, rel=1e-12)


def test_what_cannot_be_is_refused():
    good = np.ones((2, 2, 2))
    kinetics = Kinetics(("thiols",), (1.0,), 0.0)
    with pytest.raises(BadInput, match="pools have shape"):
        react(good.copy(), good, np.ones((2, 2, 2, 2)), kinetics, 1.0, good.copy(), 1.0)
    with pytest.raises(BadInput, match="float32"):
        react(good.astype(np.float32), good, np.ones((1, 2, 2, 2)), kinetics, 1.0, good.copy(), 1.0)
    with pytest.raises(BadInput, match="exposure has shape"):
        react(good.copy(), good, np.ones((1, 2, 2, 2)), kinetics, 1.0, np.ones((1, 1, 1)), 1.0)
    with pytest.raises(BadInput, match="step of"):
        react(good.copy(), good, np.ones((1, 2, 2, 2)), kinetics, -1.0, good.copy(), 1.0)
    with pytest.raises(BadInput, match="rates for the pools"):
        Kinetics(("thiols", "thiols"), (1.0, 2.0), 0.0)
    with pytest.raises(BadInput, match="rate of loss"):
        Kinetics(("thiols",), (1.0,), -0.1)
    with pytest.raises(BadInput, match="zone"):
        SharpFront(zone=0.0)
