"""The sub-voxel front on its own: the catechism in three dimensions, its donors, its hand-over, its refusals."""

import numpy as np
import pytest

from oxablate.physics.reaction.budget import agent_held, demand_held
from oxablate.physics.reaction.closures import Kinetics, SharpFront
from oxablate.physics.reaction.front import Donors, FrontState, advance_front, front_mask
from oxablate.physics.reaction.front_law import film, front_number
from oxablate.physics.reaction.step import react
from oxablate.quantities.refusal import BadInput

SHAPE, SPACING = (7, 7, 5), (5e-4, 4e-4, 6e-4)
POOLS = Kinetics(("thiols", "tyrosine", "slow"), (1e4, 1.3e2, 1e-5), 1e-4)


class Blob:
    """Agent in the middle of fresh, uneven tissue."""

    def __init__(self, strength=200.0, kinetics=POOLS, flip=1, units=(1.0, 1.0, 1.0)):
        length, amount, time = units
        rng = np.random.default_rng(3)
        self.c = np.zeros(SHAPE)
        self.c[2:5, 2:6, 1:3] = strength * rng.uniform(0.5, 1.0, (3, 4, 2))
        self.theta = rng.uniform(0.1, 0.4, SHAPE)
        self.pools = rng.uniform(5.0, 20.0, (len(kinetics.names), *SHAPE))
        self.pools[:2, self.c > 0] = 0.0
        self.diffusivity = rng.uniform(5e-10, 2e-9, SHAPE) * length**2 / time
        fields = (self.c, self.theta, self.pools, self.diffusivity)
        self.c, self.theta, self.pools, self.diffusivity = (np.ascontiguousarray(f[..., ::flip, :]) for f in fields)
        density = amount / length**3
        self.c *= density
        self.pools *= density
        rates = tuple(k / density / time for k in kinetics.rates)
        self.kinetics = Kinetics(kinetics.names, rates, kinetics.loss_rate / time)
        self.spacing = tuple(s * length for s in SPACING)
        self.volume = float(np.prod(self.spacing))
        self.state, self.exposure = FrontState.fresh(SHAPE), np.zeros(SHAPE)
        self.law, self.donors, self.booked = SharpFront(), Donors.tissue(), []

    def around(self):
        return self.c, self.theta, self.pools, self.kinetics, self.diffusivity, self.spacing, self.law

    def advance(self, dt, steps=1, box=None):
        for _ in range(steps):
            front_mask(self.state, *self.around(), box)
            self.booked.append(advance_front(self.state, *self.around(), self.donors, dt, box))
            self.booked.append(
                react(self.c, self.theta, self.pools, self.kinetics, dt, self.exposure, self.volume, box)
            )
        return self

    @property
    def agent(self):
        return agent_held(self.c, self.theta, self.volume, self.state.shielded)

    @property
    def demand(self):
        return float(demand_held(self.pools, self.volume).sum())

    def lost(self, name=""):
        return sum(amount for b in self.booked for key, amount in b.lost.items() if name in key)


@pytest.mark.parametrize("strength", [1e-6, 5.0, 200.0, 3000.0])
def test_agent_and_demand_balance_and_stay_in_bounds(strength):
    blob = Blob(strength)
    agent, demand, top, stores = blob.agent, blob.demand, blob.c.max(), blob.pools.copy()
    for _ in range(30):
        blob.advance(4.0)
        assert blob.c.min() >= 0 and blob.c.max() <= top * (1 + 1e-12)
        assert blob.pools.min() >= 0 and np.all(blob.pools <= stores)
        assert 0 <= blob.state.swept.min() and blob.state.swept.max() <= 1 and blob.state.shielded.min() >= 0
    assert abs(agent - blob.agent - blob.lost()) < 1e-12 * agent
    assert abs(demand - blob.demand - blob.lost("consumed")) < 1e-12 * demand
    assert blob.lost("consumed by thiols") > 0.05 * min(agent, demand) and not blob.state.asked.any()


def test_the_mirrored_subject_has_the_mirrored_answer():
    plain, mirrored = Blob().advance(3.0, 20), Blob(flip=-1).advance(3.0, 20)
    for name in ("c", "pools"):
        there = getattr(mirrored, name)[..., ::-1, :]
        assert np.allclose(getattr(plain, name), there, rtol=1e-9, atol=1e-12 * there.max())
    assert np.allclose(plain.state.swept, mirrored.state.swept[:, ::-1], rtol=1e-9, atol=1e-12)


def test_the_same_case_twice_gives_the_same_bytes():
    first, second = Blob().advance(3.0, 10), Blob().advance(3.0, 10)
    for name in ("swept", "shielded", "dose"):
        assert np.array_equal(getattr(first.state, name), getattr(second.state, name))
    assert np.array_equal(first.c, second.c) and first.booked == second.booked


def test_units_do_not_matter():
    """Millimetres, grams, minutes."""
    length, amount, time = 1e3, 67.45, 1 / 60
    first, other = Blob().advance(3.0, 10), Blob(units=(length, amount, time)).advance(3.0 * time, 10)
    density = amount / length**3
    assert np.allclose(other.c / density, first.c, rtol=1e-10, atol=1e-10 * first.c.max())
    assert np.allclose(other.pools / density, first.pools, rtol=1e-10, atol=1e-10 * first.pools.max())
    assert np.allclose(other.state.swept, first.state.swept, rtol=1e-10, atol=1e-12)


def test_without_agent_or_demand_nothing_happens():
    empty = Blob(0.0).advance(5.0, 3)
    assert not empty.state.swept.any() and empty.lost() == 0
    inert = Blob(kinetics=Kinetics(("inert",), (0.0,), 0.0))
    before = inert.c.copy()
    inert.advance(5.0, 3)
    assert np.array_equal(inert.c, before) and not inert.state.mask.any()


def test_a_box_that_holds_the_agent_changes_nothing():
    """The box must hold every voxel with agent and its neighbours."""
    whole = Blob().advance(2.0, 2)
    boxed = Blob().advance(2.0, 2, np.array([1, 6, 1, 7, 0, 4]))
    assert np.array_equal(whole.c, boxed.c) and np.array_equal(whole.pools, boxed.pools)


def test_behind_the_front_fast_pools_are_gone_in_proportion_and_slow_ones_remain():
    blob = Blob()
    start = blob.pools.copy()
    blob.advance(5.0, 10)
    partly = (blob.state.swept > 0.01) & (blob.state.swept < 0.99) & (blob.c == 0)
    assert partly.sum() > 10
    for fast in (0, 1):
        assert np.allclose(blob.pools[fast][partly], ((1 - blob.state.swept) * start[fast])[partly], rtol=1e-9)
    assert np.all(blob.pools[2][partly] > 0.9 * start[2][partly])
    assert np.all(blob.state.dose[partly] > 0) and np.all(blob.exposure[partly] == 0)


def test_a_donor_that_is_neither_held_nor_rich_is_emptied_and_no_more():
    blob = Blob(1e-3).advance(60.0, 200)
    assert blob.agent < 1e-6 * blob.lost() and blob.c.min() >= 0


def test_demand_that_flow_has_met_releases_what_was_shielded():
    blob = Blob(strength=20.0).advance(2.0, 3)
    at = np.unravel_index(np.argmax(blob.state.shielded), SHAPE)
    held, before = blob.state.shielded[at], blob.agent
    assert held > 0 and blob.state.mask[at]
    blob.pools[(slice(None), *at)] = 0.0
    front_mask(blob.state, *blob.around())
    assert not blob.state.mask[at] and blob.state.shielded[at] == 0
    assert blob.c[at] == pytest.approx(held / blob.theta[at], rel=1e-12) and blob.agent == pytest.approx(
        before, rel=1e-12
    )


def test_held_donors_and_walls_are_not_drawn_and_are_in_the_ledger():
    blob = Blob(0.0)
    blob.c[0] = 80.0
    held = np.zeros(SHAPE, bool)
    held[0] = True
    blob.pools[:, 0] = 0.0
    blob.donors = Donors(held, held, (0.0, 0.0, 0.0, 0.0, 0.0, 40.0))
    front_mask(blob.state, *blob.around())
    before = blob.agent
    booking = advance_front(blob.state, *blob.around(), blob.donors, 5.0)
    assert np.all(blob.c[0] == 80.0) and min(booking.gained["boundary"], booking.gained["held source"]) > 0
    assert blob.agent - before == pytest.approx(booking.net, rel=1e-10)


def test_faces_from_both_sides_share_a_voxel():
    """One voxel between two walls: half the way from each, so twice the uptake of one wall."""
    shape, kinetics = (1, 1, 1), Kinetics(("thiols",), (1e4,), 0.0)
    consumed = []
    for walls in ((10.0, 0.0), (10.0, 10.0)):
        state, pools = FrontState.fresh(shape), np.full((1, *shape), 50.0)
        around = np.zeros(shape), np.full(shape, 0.5), pools, kinetics, np.full(shape, 1e-9), (5e-4,) * 3, SharpFront()
        front_mask(state, *around)
        advance_front(state, *around, Donors(*[np.zeros((1, 1, 1), bool)] * 2, (*walls, 0.0, 0.0, 0.0, 0.0)), 30.0)
        consumed.append(50.0 - pools[0, 0, 0, 0])
    assert consumed[1] == pytest.approx(2 * consumed[0], rel=1e-9)


def test_wide_reaction_zones_are_left_to_ordinary_diffusion():
    """theta D / (k s) against (zone h)^2, at the smallest spacing, just on either side."""
    for factor, expected in ((0.99, False), (1.01, True)):
        h, theta, diffusivity, demand = min(SPACING), 0.3, 1e-9, 20.0
        rate = factor * theta * diffusivity / (demand * h**2)
        state, kinetics = FrontState.fresh(SHAPE), Kinetics(("thiols",), (rate,), 0.0)
        pools = np.full((1, *SHAPE), demand)
        fields = np.zeros(SHAPE), np.full(SHAPE, theta), pools, kinetics, np.full(SHAPE, diffusivity)
        assert np.all(front_mask(state, *fields, SPACING, SharpFront(zone=1.0)) == expected)


def test_the_law_of_a_face():
    """Known numbers: 0.6201 at a ratio of one (Carslaw and Jaeger); the film is the zone at first and nothing later."""
    assert front_number(1.0, 0.0, 0.0, 0.0, 0.0) == pytest.approx(0.6201, abs=5e-5)
    assert front_number(1e-6, 0.0, 0.0, 0.0, 0.0) == pytest.approx(np.sqrt(0.5e-6), rel=1e-6)
    assert film(0.0, 2e-5) == 2e-5 and film(1e-3, 2e-5) == 0.0
    w = 1.7  # the first integral, forwards
    depth = 2e-5 * np.sqrt(2 * (w - 1 + np.exp(-w)))
    assert depth + film(depth, 2e-5) == pytest.approx(depth / (1 - np.exp(-w)), rel=1e-8)


def test_what_cannot_be_is_refused():
    blob = Blob()
    front_mask(blob.state, *blob.around())
    with pytest.raises(BadInput, match="walls"):
        advance_front(blob.state, *blob.around(), Donors(*[np.zeros((1, 1, 1), bool)] * 2, (-1.0,) * 6), 1.0)
    with pytest.raises(BadInput, match="stirred"):
        advance_front(blob.state, *blob.around(), Donors(*[np.zeros((2, 1, 1), bool)] * 2, (0.0,) * 6), 1.0)
    with pytest.raises(BadInput, match="step of"):
        advance_front(blob.state, *blob.around(), blob.donors, float("nan"))
