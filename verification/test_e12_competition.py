"""E12: pools competing for one agent, against closed forms and a tight ODE solution.

Split at any time: ln(R1 / R1_0) / ln(R2 / R2_0) = k1 / k2, exact. Amounts: Radau at a relative tolerance of 1e-11.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from oxablate.physics.reaction.budget import agent_held, demand_held
from oxablate.physics.reaction.closures import Kinetics
from oxablate.physics.reaction.step import react

THETA, VOLUME = 0.25, 1e-9


def voxel(concentration, pools, rates, dt, steps=1, loss=0.0):
    """Concentration, pools and booking after `steps` steps that make up dt."""
    c, theta, exposure = np.full((1, 1, 1), concentration), np.full((1, 1, 1), THETA), np.zeros((1, 1, 1))
    stores = np.array(pools, float).reshape(-1, 1, 1, 1)
    kinetics = Kinetics(tuple(f"pool {i}" for i in range(len(pools))), tuple(rates), loss)
    lost = {}
    for _ in range(steps):
        for name, amount in react(c, theta, stores, kinetics, dt / steps, exposure, VOLUME).lost.items():
            lost[name] = lost.get(name, 0.0) + amount
    return c, stores, lost


def tight(concentration, pools, rates, dt, loss=0.0):
    """Concentration and pools after dt: the reaction as it is written, no exposure in it."""
    rates = np.array(rates)

    def change(_, y):
        took = rates * y[0] * y[1:]
        return np.concatenate(([-took.sum() / THETA - loss * y[0]], -took))

    scale = np.concatenate(([concentration], pools))
    run = solve_ivp(change, (0, dt), scale, method="Radau", rtol=1e-11, atol=1e-13 * scale)
    return run.y[0, -1], run.y[1:, -1]


@pytest.mark.parametrize("number", [0.5, 0.75, 1.0, 1.5])
@pytest.mark.parametrize("excess", [0.2, 0.9, 1.0, 1.1, 5.0])
@pytest.mark.parametrize("rates", [(1e4, 1e4), (1e4, 2e2), (1e4, 0.45)])
def test_partial_consumption(number, excess, rates):
    """k c0 dt = 0.5 to 1.5 in the faster pool: 0.1 % is asked of each pool, 1e-6 is held."""
    pools = (6.0, 14.0)
    c0 = excess * sum(pools) / THETA
    dt = number / (rates[0] * c0)
    _, stores, lost = voxel(c0, pools, rates, dt)
    _, truth = tight(c0, pools, rates, dt)
    consumed = np.array(pools) - truth
    assert np.array(list(lost.values())[:2]) / VOLUME == pytest.approx(consumed, rel=1e-6)
    assert np.array(pools) - stores.ravel() == pytest.approx(consumed, rel=1e-6)


@pytest.mark.parametrize("number", [1e-6, 1e-2, 1.0, 1e2, 1e5])
def test_three_pools_and_a_loss(number):
    pools, rates, c0 = (5.0, 20.0, 10.0), (1e4, 1.3e2, 3.4e1), 120.0
    dt = number / (rates[1] * c0)
    c, stores, _ = voxel(c0, pools, rates, dt, loss=0.3 / dt)
    truth_c, truth = tight(c0, pools, rates, dt, loss=0.3 / dt)
    assert np.array(pools) - stores.ravel() == pytest.approx(np.array(pools) - truth, rel=1e-6)
    assert c[0, 0, 0] == pytest.approx(truth_c, rel=1e-6, abs=1e-9 * c0)


def test_the_split_is_that_of_the_rates():
    _, stores, _ = voxel(20.0, (6.0, 14.0), (3.0, 1.2), 0.05)
    first, second = np.log(stores.ravel() / np.array([6.0, 14.0]))
    assert first / second == pytest.approx(3.0 / 1.2, rel=1e-12)


@pytest.mark.parametrize("steps", [1, 10])
@pytest.mark.parametrize("excess", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("molar_rate", [1e-2, 1.0, 1e3, 1e6, 1e9])
def test_equivalents_are_conserved_to_round_off(molar_rate, excess, steps):
    pools, rates = np.array([6.0, 14.0]), np.array([1.0, 0.02]) * molar_rate * 1e-3
    c0 = excess * pools.sum() / THETA
    c, stores, lost = voxel(c0, pools, rates, 10.0, steps)
    held = agent_held(c, np.full((1, 1, 1), THETA), VOLUME)
    used = pools.sum() * VOLUME - demand_held(stores, VOLUME).sum()
    start = c0 * THETA * VOLUME
    assert abs(start - held - sum(lost.values())) < 4e-15 * start * steps
    assert abs(used - sum(lost.values())) < 4e-15 * max(start, pools.sum() * VOLUME) * steps
    assert c.min() >= 0 and stores.min() >= 0
