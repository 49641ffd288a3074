"""Cracks, matrix, track and a tracer in one arm: made flows through a real carriage with its ledger."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from coupled import setting_of
from scipy.optimize import brentq

from oxablate.device.agent import load_agent
from oxablate.physics.flow.coupled_track import TrackFlows
from oxablate.physics.reaction.closures import Kinetics
from oxablate.protocol.carriage import Carriage
from oxablate.protocol.crossing import Crossing, TrackExchange
from oxablate.protocol.ledger import Ledger
from oxablate.protocol.state import Clock
from oxablate.quantities.parameter import POOLS
from oxablate.quantities.refusal import BadInput

#: The crack: voxels along x through the middle of the tumour, the needle in the first.
FIRST, LAST, ROW = 5, 11, (8, 7)
GIVEN, STEP = 3e-10, 2.0
STILL = {f"{t}.{n}": "0 1/s" for t in ("tumour_viable", "host") for n in ("exchange_rate",)}


class Arm:
    """A carriage with its state and ledger, driven by made flows along one crack."""

    def __init__(self, agent="chlorine_dioxide", tracer=True, track=True, **changes):
        setting = setting_of(agent, **changes)
        arm = setting.arms[0]
        if tracer:
            arm = replace(arm, tracer=(load_agent("inert_tracer"), 2.0))
        self.active = setting.subject.body_mask.copy()
        shape = setting.subject.grid.shape
        self.carriage = Carriage(setting, arm, self.active, np.full(shape, 3e-3))
        self.shape, self.volume, self.track = shape, setting.subject.grid.voxel_volume, track
        self.state = SimpleNamespace(
            clock=Clock(), agent=self.carriage.fresh_agent(), fluid_volume=self.carriage.fresh_fluid(),
            volume_ratio=np.ones(shape), vessel_fraction=np.ones(shape),
        )  # fmt: skip
        self.ledger, self.in_track = Ledger(), 0.0
        self.ledger.open("fluid", "m3", self.carriage.fluid_held(self.state))
        self.carriage.open(self.state, self.ledger)

    def flows(self, backwards=False):
        """Fluid that runs along the crack and leaks out evenly; backwards: seeps in and is drawn up the track."""
        nx, ny, nz = self.shape
        none, n = [np.zeros(self.shape) for _ in range(8)], LAST - FIRST
        faces = [np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1))]
        sign = -1.0 if backwards else 1.0
        faces[0][(slice(FIRST + 1, LAST), *ROW)] = sign * GIVEN * (1.0 - np.arange(1, n) / n)
        needle, crack_needle, drawn, crack_drawn = none[4:]
        if backwards:
            drawn[(FIRST, *ROW)], crack_drawn[(FIRST, *ROW)] = GIVEN, 0.8 * GIVEN
        else:
            needle[(FIRST, *ROW)], crack_needle[(FIRST, *ROW)] = GIVEN, 0.8 * GIVEN
        if not self.track:
            drawn = crack_drawn = np.zeros((0, 0, 0))
        return SimpleNamespace(
            faces=[q.copy() for q in faces], crack_faces=faces, needle=needle, gained=none[0], drained=none[1],
            lymph=none[2], seeped=np.zeros((0, 0, 0)), crack_needle=crack_needle, drawn=drawn, crack_drawn=crack_drawn,
            track=None,
        )  # fmt: skip

    def pass_through(self, steps):
        """Fluid runs along an open crack and is drawn off at its end: nothing but diffusion crosses the walls."""
        cracks, fast = np.zeros(self.shape), 300 * GIVEN
        cracks[(slice(FIRST, LAST), *ROW)] = 1e-3 * self.volume
        self.state.fluid_volume[1] = cracks
        self.ledger.open("fluid", "m3", self.carriage.fluid_held(self.state))
        for _ in range(steps):
            flows = self.flows()
            for faces in (flows.faces, flows.crack_faces):
                faces[0][(slice(FIRST + 1, LAST), *ROW)] = fast
            flows.needle[(FIRST, *ROW)] = flows.crack_needle[(FIRST, *ROW)] = fast
            flows.drawn[(LAST - 1, *ROW)] = flows.crack_drawn[(LAST - 1, *ROW)] = fast
            flows.track = TrackFlows(fast, 0.0, fast, 0.0)
            track = TrackExchange(fast, 0.0, fast, 0.0, 0.0, 0.0)
            self.carriage.ride(self.state, self.ledger, flows, STEP, cracks, track)
        return self

    def step(self, opened, backwards=False, mirror=False):
        """One flow step after which the crack holds `opened` of each of its voxels [1]."""
        flows, cracks = self.flows(backwards), np.zeros(self.shape)
        cracks[(slice(FIRST, LAST), *ROW)] = opened * self.volume
        exchange = None
        if self.track:
            exchange = self.exchange(flows)
        if mirror:
            cracks = self.mirrored(flows, cracks)
        self.carriage.ride(self.state, self.ledger, flows, STEP, cracks, exchange)
        self.state.clock.time += STEP
        return self

    def exchange(self, flows):
        """The track's side: two parts in ten of what is given come out at the surface, its volume follows."""
        given, lost = (0.0, 0.1 * GIVEN) if flows.drawn.any() else (1.3 * GIVEN, 0.2 * GIVEN)
        after = self.in_track + STEP * (given + flows.drawn.sum() - flows.needle.sum() - lost)
        flows.track = TrackFlows(given, 0.0, lost, 0.0)
        found = TrackExchange(given, 0.0, lost, 0.0, self.in_track, after)
        self.in_track = after
        return found

    def mirrored(self, flows, cracks):
        """Flip what flows along x, in place; returns the flipped crack volume."""
        for name in ("faces", "crack_faces"):
            q = getattr(flows, name)
            setattr(flows, name, [np.ascontiguousarray(np.flip(f, 0)) * (-1 if a == 0 else 1) for a, f in enumerate(q)])
        for name in ("needle", "crack_needle", "drawn", "crack_drawn"):
            setattr(flows, name, np.ascontiguousarray(np.flip(getattr(flows, name), 0)))
        return np.ascontiguousarray(np.flip(cracks, 0))

    def history(self, mirror=False):
        """The crack opens, stays, closes in part, is drawn back through the track, closes."""
        for opened, backwards in ((5e-3, False), (1e-2, False), (1e-2, False), (4e-3, True), (0.0, True)):
            self.step(opened, backwards, mirror)
        return self


@pytest.mark.parametrize("track", [True, False])
def test_every_account_closes(track):
    arm = Arm(track=track)
    for opened, backwards in ((5e-3, False), (1e-2, False), (4e-3, track), (0.0, track)):
        arm.step(opened, backwards)
        for account in arm.ledger.accounts.values():
            assert account.error < 1e-13, account.name
    agent, tracer = arm.ledger.accounts["chlorine_dioxide"], arm.ledger.accounts["inert_tracer"]
    assert sum(v for k, v in agent.lost.items() if k.startswith("consumed")) > 0.1 * agent.gained["needle"]
    assert arm.state.agent.concentration.min() >= 0.0 and arm.state.agent.crack_concentration.min() == 0.0
    assert (tracer.lost.get("track exit", 0.0) > 0.0) is track
    assert not arm.state.agent.crack_concentration.any()
    assert not track or min(arm.carriage.crossing.pots.drawn.max(), arm.carriage.crossing.pots.seeping.max()) > 0.0


def test_walls_of_an_open_crack_are_swept_as_neumann_says():
    """p = 2 l sqrt(D t), sqrt(pi) l exp(l^2) erf(l) = theta c / s, with all demand."""
    arm, steps = Arm(tracer=False), 60
    at, carriage = (FIRST + 2, *ROW), arm.carriage
    demand = sum(carriage.demand_at_start(n)[at] for n in range(len(POOLS)))
    theta = arm.state.fluid_volume[0][at] / arm.volume
    arm.pass_through(steps)
    ratio = theta * arm.state.agent.crack_concentration[0][at] / demand
    root = brentq(lambda x: math.sqrt(math.pi) * x * math.exp(x * x) * math.erf(x) - ratio, 1e-9, 5.0, xtol=1e-15)
    exact = 2.0 * root * math.sqrt(carriage.chemistry.diffusivity[at] * steps * STEP) / carriage.slab[at]
    assert arm.state.agent.swept[at] == pytest.approx(exact, rel=0.01)
    assert arm.ledger.worst_error < 1e-13


def test_a_constant_concentration_stays_in_all_pots():
    arm = Arm("inert_tracer", tracer=False, numbers=STILL)
    c = arm.carriage.species[0].needle
    agent = arm.state.agent
    agent.concentration[0][arm.active] = c
    for opened, backwards in ((5e-3, False), (1e-2, False), (4e-3, True), (1e-3, True)):
        arm.step(opened, backwards)
        open_ = arm.state.fluid_volume[1] > 0.0
        assert np.abs(agent.concentration[0][arm.active] / c - 1.0).max() < 1e-12
        assert np.abs(agent.crack_concentration[0][open_] / c - 1.0).max() < 1e-12
        assert agent.track_amount[0] == pytest.approx(c * arm.in_track, rel=1e-9)


def test_nothing_leaves_the_bounds():
    arm = Arm()
    for opened, backwards in ((5e-3, False), (1e-2, False), (4e-3, True)):
        arm.step(opened, backwards)
        for number, one in enumerate(arm.carriage.species):
            for field in (arm.state.agent.concentration, arm.state.agent.crack_concentration):
                assert field[number].min() >= 0.0 and field[number].max() <= one.needle * (1 + 1e-12)
        assert arm.state.agent.swept.max() <= 1.0 and arm.state.agent.shielded.min() >= 0.0


def test_same_again_same_bytes_and_mirrored():
    one, again, other = Arm().history(), Arm().history(), Arm(needle__tip="centroid").history(mirror=True)
    plain = Arm(needle__tip="centroid").history()
    for name, field in vars(one.state.agent).items():
        assert field.tobytes() == vars(again.state.agent)[name].tobytes(), name
    assert one.state.fluid_volume.tobytes() == again.state.fluid_volume.tobytes()
    labels = plain.carriage.label
    assert np.array_equal(np.flip(labels, 0), labels)
    for name in ("concentration", "crack_concentration", "swept", "shielded"):
        field, seen = getattr(plain.state.agent, name), getattr(other.state.agent, name)
        assert np.abs(np.flip(seen, field.ndim - 3) - field).max() <= 1e-9 * np.abs(field).max(initial=0.0), name


def test_a_tracer_does_not_touch_the_agent():
    clean, traced = Arm(tracer=False).history(), Arm().history()
    for name in ("swept", "shielded", "front_dose", "exposure", "pools"):
        a, b = getattr(clean.state.agent, name), getattr(traced.state.agent, name)
        assert np.abs(a - b).max() <= 1e-12 * np.abs(a).max(initial=0.0), name
    given = traced.ledger.accounts["inert_tracer"].gained["needle"]
    assert given / 2.0 == pytest.approx(traced.ledger.accounts["fluid"].gained["needle"], rel=1e-12)
    assert np.count_nonzero(traced.state.agent.concentration[1]) > np.count_nonzero(traced.state.agent.concentration[0])


def test_a_tracer_spreads_where_the_agent_meets_a_front():
    beside = (FIRST + 2, ROW[0] + 1, ROW[1])
    arm = Arm().history()
    assert arm.state.agent.concentration[0][beside] == 0.0 < arm.state.agent.concentration[1][beside]


def test_agent_that_leaks_out_meets_demand_slower_than_the_leak_and_stays_mixed():
    """k s = 1e-2 / s is a front to diffusion, but not ten times faster than the leak renews the voxel."""
    arm, at = Arm(tracer=False, track=False), (FIRST + 2, *ROW)
    demand = arm.carriage.demand_at_start(0)[at]
    slow = Kinetics(POOLS, (1e-2 / demand, *(0.0 for _ in POOLS[1:])), 0.0)
    arm.carriage.kinetics = arm.carriage.chemistry.kinetics = slow
    arm.step(1e-2)
    assert arm.carriage.front.mask[at] and arm.state.agent.concentration[0][at] > 0.0


def test_nothing_dissolved_still_shares_the_fluid():
    arm = Arm("vehicle", tracer=False, track=False)
    before = arm.carriage.fluid_held(arm.state)
    arm.state.volume_ratio[(FIRST, *ROW)] += 0.2
    arm.step(1e-2)
    assert arm.state.fluid_volume[1].sum() == pytest.approx(6 * 1e-2 * arm.volume, rel=1e-12)
    assert arm.carriage.fluid_held(arm.state) == pytest.approx(before + 0.2 * arm.volume, rel=1e-12)


def test_agent_and_tracer_of_one_name_are_refused():
    with pytest.raises(BadInput, match="both the agent and the tracer"):
        Arm("inert_tracer")


def test_the_track_fills_as_a_stirred_pot():
    """Constant volume, given = leaked: c_t after n steps of backward Euler is 1 - (1 + dt q / V)^-n."""
    crossing, shape, q, volume = Crossing((1, 1, 1), 1e-9, False), (1, 1, 1), 2e-9, 1e-8
    faces = [np.zeros((2, 1, 1)), np.zeros((1, 2, 1)), np.zeros((1, 1, 2))]
    flows = SimpleNamespace(faces=faces, needle=np.full(shape, q), drawn=np.zeros((0, 0, 0)))
    crossing.begin(flows, None, None, 1.0, TrackExchange(q, 0.0, 0.0, 0.0, volume, volume))
    held = 0.0
    for n in range(1, 6):
        crossed = crossing.cross(3.0, np.zeros(shape), None, held, None, 0.0, (0.0, 1.0))
        held = crossed.in_track
        assert crossed.source == pytest.approx(3.0 * (1.0 - (1.0 + q / volume) ** -n), rel=1e-13)
        assert held == pytest.approx(crossed.source * volume, rel=1e-13)
