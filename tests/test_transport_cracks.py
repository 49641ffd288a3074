"""The crack pot alone: closed forms at its walls, and a pot that turns over in milliseconds."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import brentq

from oxablate.physics.transport import walls
from oxablate.physics.transport.cracks import CrackPot, Walls
from oxablate.physics.transport.pots import two_pots, whole_pot

SPACING, THETA, D = 1e-3, 0.3, 6e-10
VOLUME = SPACING**3


def faces(shape):
    nx, ny, nz = shape
    return [np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1))]


def outflow(q):
    return np.diff(q[0], axis=0) + np.diff(q[1], axis=1) + np.diff(q[2], axis=2)


class Network:
    """A crack network with made flows: what is given, drawn, and leaked or seeped follows from the balance."""

    def __init__(self, shape, before, after, duration=1.0):
        self.shape, self.duration = shape, duration
        self.before, self.after = (np.full(shape, v * VOLUME) for v in (before, after))
        self.faces, self.crack_faces = faces(shape), faces(shape)
        self.needle, self.crack_needle, self.drawn, self.crack_drawn = np.zeros((4, *shape))
        self.demand = self.held = 0.0
        self.matrix, self.slab, self.diffusivity = np.zeros(shape), 1.5e-3, D

    def flows(self):
        total = [m + c for m, c in zip(self.faces, self.crack_faces, strict=True)]
        return SimpleNamespace(
            faces=total, crack_faces=self.crack_faces, needle=self.needle, crack_needle=self.crack_needle,
            drawn=self.drawn, crack_drawn=self.crack_drawn,
        )  # fmt: skip

    def begin(self):
        self.pot = CrackPot(self.shape, VOLUME)
        self.pots = two_pots(self.flows(), self.before, self.after, self.duration)
        self.pot.follow(self.pots, self.before, self.after, self.duration)
        return self.pot

    def walls(self):
        cells = self.pot.cells
        ones = np.ones(cells.size)
        return Walls(
            self.slab * ones, THETA * ones, self.matrix.reshape(-1)[cells], self.diffusivity * ones,
            self.demand * ones, self.held * ones,
        )  # fmt: skip

    def solve(self, old, needle, decay=0.0, part=(0.0, 1.0)):
        return self.pot.solve(old, needle, self.walls(), decay, *part)

    def entered(self, old, needle, part=(0.0, 1.0)):
        """All that was there or came in over a part of the step [mol]."""
        dt, (start, _) = (part[1] - part[0]) * self.duration, part
        held = (old * ((1 - start) * self.before + start * self.after)).sum()
        pots = self.pots
        return held + dt * (needle * pots.crack_needle.sum() + (pots.seeping * self.matrix).sum())

    def gone(self, found, part=(0.0, 1.0)):
        """All that is held, was taken, leaked, drawn or went out [mol]."""
        dt, end = (part[1] - part[0]) * self.duration, part[1]
        held = (found.concentration * ((1 - end) * self.before + end * self.after)).sum()
        leaked = dt * (self.pots.leaking * found.concentration).sum()
        return held + leaked + found.taken.sum() * VOLUME + found.drawn + sum(found.booking.lost.values())


def row(cells, through, opened=1e-3, duration=1.0):
    """A straight crack along x, fed by the needle at one end, open at the far end."""
    network = Network((cells, 1, 1), opened, opened, duration)
    network.crack_faces[0][1:] = through
    network.needle[0] = network.crack_needle[0] = through
    return network


def random_network(circling, seed=3):
    """Fluxes of a random potential, or random ones that circulate, with cracks that open and close."""
    rng, shape = np.random.default_rng(seed), (5, 4, 3)
    network = Network(shape, 0.0, 0.0)
    network.before, network.after = VOLUME * 1e-2 * rng.random((2, *shape))
    network.after[0], network.before[1] = 0.0, 0.0
    potential = rng.random(shape)
    for axis, q in enumerate(network.crack_faces):
        inner = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
        q[inner] = -np.diff(potential, axis=axis) * 3.0 * VOLUME
        if circling:
            q[inner] += rng.normal(size=q[inner].shape) * 3.0 * VOLUME
    network.crack_faces[0][-1] = 0.2 * VOLUME
    network.needle[2, 2, 1], network.crack_needle[2, 2, 1] = 5.0 * VOLUME, 4.0 * VOLUME
    network.drawn[3, 1, 1], network.crack_drawn[3, 1, 1] = 2.0 * VOLUME, 1.5 * VOLUME
    network.matrix = rng.random(shape)
    return network


def slab_filling(tau):
    """Mean of a slab of half thickness L whose faces are kept at 1, tau = D t / L^2 (Carslaw and Jaeger 3.4)."""
    n = 2 * np.arange(4000) + 1
    return 1.0 - np.sum(8.0 / (n * np.pi) ** 2 * np.exp(-((n * np.pi) ** 2) * tau / 4.0))


# -- closed forms at the walls -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [1e-4, 1e-2, 0.1, 0.3, 0.5, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("steps", [1, 7])
def test_filling_is_that_of_the_slab(tau, steps):
    """The law is F^2 = tanh(4 tau / pi); against the exact series it is out by at most 0.0139 of a filling."""
    inside, endless = 0.0, 1e12
    for _ in range(steps):
        number = tau / steps
        early, late = math.tanh(4 / math.pi * number), -math.expm1(-8 / math.pi * number)
        inside += walls.exchange(endless, endless, 1.0, inside, early, late)[0]
    assert inside == pytest.approx(math.sqrt(math.tanh(4 * tau / math.pi)), rel=1e-3)
    assert abs(inside - slab_filling(tau)) < 0.015


@pytest.mark.parametrize("ratio", [0.014, 0.139, 1.0])
@pytest.mark.parametrize("steps", [1, 10])
def test_front_at_a_wall_is_neumanns(ratio, steps):
    """p = 2 l sqrt(D t), U = s p exp(l^2), sqrt(pi) l exp(l^2) erf(l) = theta c / s; in one step as in ten."""
    demand, slab, time = 80.0, 1.5e-3, 60.0
    root = brentq(lambda x: math.sqrt(math.pi) * x * math.exp(x * x) * math.erf(x) - ratio, 1e-9, 5.0, xtol=1e-15)
    exact = demand * 2.0 * root * math.sqrt(D * time) / slab * math.exp(root * root)
    held, endless, number = 0.0, 1e9, D * time / steps / slab**2
    for _ in range(steps):
        held += walls.front_uptake(endless, endless * ratio * demand / THETA, demand, THETA, held, number)[0]
    assert held == pytest.approx(exact, rel=1e-9)


def test_a_front_takes_what_is_there_and_no_more_than_the_slab_holds():
    taken, left = walls.front_uptake(1e-3, 0.5, 80.0, THETA, 0.0, 10.0)
    assert taken == pytest.approx(0.5, rel=1e-3) and left >= 0.0
    taken, left = walls.front_uptake(1e3, 1e3 * 50.0, 80.0, THETA, 10.0, 1e4)
    assert taken == pytest.approx(80.0 - 10.0 + THETA * left, rel=1e-12)


@pytest.mark.parametrize("inside", [0.0, 0.4, 2.0])
def test_exchange_stays_between_the_two_pots(inside):
    for capacity in 10.0 ** np.arange(-6, 5):
        for number in 10.0 ** np.arange(-8, 3):
            early, late = math.tanh(4 / math.pi * number), -math.expm1(-8 / math.pi * number)
            taken, left = walls.exchange(capacity, capacity, THETA, inside, early, late)
            after = inside + taken / THETA
            low, high = min(inside, 1.0), max(inside, 1.0)
            assert low - 1e-12 <= left <= high + 1e-12 and low - 1e-12 <= after <= high + 1e-12
            assert (after - left) * (inside - 1.0) >= -1e-12
            assert capacity * left + taken == pytest.approx(capacity, rel=1e-14)


def test_no_difference_no_exchange():
    taken, left = walls.exchange(0.3, 0.3 * 7.0, THETA, 7.0, 0.5, 0.7)
    assert abs(taken) < 1e-14 and left == pytest.approx(7.0, rel=1e-14)


# -- the pot -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("circling", [False, True])
@pytest.mark.parametrize("part", [(0.0, 1.0), (0.25, 0.6)])
def test_a_constant_concentration_stays(circling, part):
    network = random_network(circling)
    network.matrix[...] = 2.5
    pot = network.begin()
    assert (pot.ordered == pot.cells.size) is not circling
    found = network.solve(np.full(network.shape, 2.5), 2.5, part=part)
    assert np.abs(found.concentration.reshape(-1)[pot.cells] - 2.5).max() < 1e-13
    assert np.abs(found.taken).max() < 1e-12


@pytest.mark.parametrize("circling", [False, True])
@pytest.mark.parametrize(("demand", "held"), [(0.0, 0.0), (80.0, 0.0), (80.0, 3.0)])
def test_amounts_add_up_and_stay_in_bounds(circling, demand, held):
    network = random_network(circling)
    network.demand, network.held = demand, held
    network.begin()
    old = np.random.default_rng(5).random(network.shape)
    for part in ((0.0, 0.3), (0.3, 1.0)):
        found = network.solve(old, 4.0, decay=0.2, part=part)
        there = network.entered(old, 4.0, part)
        assert network.gone(found, part) == pytest.approx(there, rel=1e-12)
        assert found.concentration.min() >= 0.0 and found.concentration.max() <= 4.0
        assert demand == 0.0 or found.taken.min() >= 0.0
        old = found.concentration.copy()
    assert there > 0.0 and found.booking.lost["decayed"] > 0.0 and found.booking.lost["boundary"] > 0.0


def test_circling_fluxes_solve_the_same_balance():
    """Every voxel's own balance, written out here, holds with the walls' law at the concentration found."""
    network = random_network(circling=True)
    pot = network.begin()
    old = np.random.default_rng(7).random(network.shape)
    found = network.solve(old, 4.0)
    c, pots = found.concentration, network.pots
    rows = np.full(network.shape, np.nan)
    rows.reshape(-1)[pot.cells] = found.taken
    for at in np.ndindex(network.shape):
        fluid, amount = network.before[at], network.before[at] * old[at]
        for axis in range(3):
            for side, sign in ((0, 1.0), (1, -1.0)):
                face, other = list(at), list(at)
                face[axis] += side
                other[axis] += 2 * side - 1
                q = sign * network.crack_faces[axis][tuple(face)]
                if q > 0.0:
                    fluid, amount = fluid + q, amount + q * c[tuple(other)]
        fluid += pots.crack_needle[at] + pots.seeping[at]
        amount += 4.0 * pots.crack_needle[at] + network.matrix[at] * pots.seeping[at]
        number = D / network.slab**2
        early, late = math.tanh(4 / math.pi * number), -math.expm1(-8 / math.pi * number)
        taken, left = walls.exchange(fluid / VOLUME, amount / VOLUME, THETA, network.matrix[at], early, late)
        assert c[at] == pytest.approx(left, rel=1e-9) and rows[at] == pytest.approx(taken, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(("fillings", "steps"), [(10.0, 4), (0.1, 400)])
def test_a_piston_fills_a_row_of_cracks(fillings, steps):
    """No exchange: V_d = V_i / (crack fraction), in steps of ten fillings a voxel as in steps of a tenth."""
    network = row(100, 1e-3 * VOLUME * fillings)
    network.diffusivity = 0.0
    network.begin()
    c, out = np.zeros(network.shape), 0.0
    for _ in range(steps):
        found = network.solve(c, 1.0)
        c, out = found.concentration.copy(), out + found.booking.lost.get("boundary", 0.0)
    spread = c.sum() + out / (1e-3 * VOLUME)
    assert spread == pytest.approx(steps * fillings, rel=1e-12)
    assert np.all(np.diff(c[:, 0, 0]) <= 0.0) and c.max() <= 1.0
    if fillings < 1.0:
        assert abs(np.count_nonzero(c >= 0.5) - steps * fillings) <= 1.0


def leaking_row(cells):
    """Worst error of a crack that leaks evenly and whose agent decays, steady: q = q0 (1 - z), z = 0.8 x / l,

    d(q c)/dx = - q0 0.8 / l c - lambda w c,   c = (1 - z) ** (lambda w l / (0.8 q0))
    """
    opened, decay = 1e-2, 0.08 / cells
    network = Network((cells, 1, 1), opened, opened, duration=1e9)
    network.diffusivity, through = 0.0, 1e-3 * VOLUME * 0.5
    network.crack_faces[0][1:, 0, 0] = through * (1.0 - 0.8 * np.arange(1, cells + 1) / cells)
    network.needle[0] = network.crack_needle[0] = through
    network.begin()
    found = network.solve(np.zeros(network.shape), 1.0, decay=decay)
    exact = (1.0 - 0.8 * (np.arange(cells) + 0.5) / cells) ** (decay * opened * VOLUME * cells / (0.8 * through))
    assert exact[-1] < 0.1
    return np.abs(found.concentration[:, 0, 0] - exact).max()


def test_a_crack_that_leaks_while_its_agent_decays_converges_to_the_closed_form():
    coarse, fine = leaking_row(100), leaking_row(200)
    assert fine < 0.01 and coarse / fine == pytest.approx(2.0, abs=0.2)


def test_mirrored_fluxes_mirrored_concentrations():
    network, other = random_network(False), random_network(False)
    for name in ("before", "after", "needle", "crack_needle", "drawn", "crack_drawn", "matrix"):
        setattr(other, name, np.ascontiguousarray(np.flip(getattr(network, name), 0)))
    other.crack_faces = [np.ascontiguousarray(np.flip(q, 0)) * (-1 if a == 0 else 1) for a, q in
                         enumerate(network.crack_faces)]  # fmt: skip
    answers = []
    for one in (network, other):
        one.begin()
        answers.append(one.solve(np.zeros(one.shape), 4.0).concentration)
    assert np.flip(answers[1], 0) == pytest.approx(answers[0], rel=1e-12)


@pytest.mark.parametrize("circling", [False, True])
@pytest.mark.parametrize("demand", [0.0, 80.0])
def test_other_units_same_answer(circling, demand):
    """Millimetres, minutes and micromoles: concentrations a thousandth, uptake in them too."""
    length, time, amount = 1e3, 1.0 / 60.0, 1e6
    network, other = random_network(circling), random_network(circling)
    network.demand = demand
    volume, strength = length**3, amount / length**3
    for name in ("before", "after"):
        setattr(other, name, getattr(network, name) * volume)
    for name in ("needle", "crack_needle", "drawn", "crack_drawn"):
        setattr(other, name, getattr(network, name) * volume / time)
    other.crack_faces = [q * volume / time for q in network.crack_faces]
    other.duration, other.demand, other.matrix = time, demand * strength, network.matrix * strength
    other.slab, other.diffusivity = network.slab * length, D * length**2 / time
    network.begin()
    found = network.solve(np.zeros(network.shape), 4.0, decay=0.1)
    other.pot = CrackPot(other.shape, VOLUME * volume)
    other.pots = two_pots(other.flows(), other.before, other.after, other.duration)
    other.pot.follow(other.pots, other.before, other.after, other.duration)
    again = other.solve(np.zeros(network.shape), 4.0 * strength, decay=0.1 / time)
    assert again.concentration == pytest.approx(found.concentration * strength, rel=1e-10, abs=1e-12 * strength)
    assert again.taken == pytest.approx(found.taken * strength, rel=1e-10, abs=1e-12 * strength)


def test_an_opening_crack_begins_with_what_flows_in_and_a_closing_one_gives_all():
    network = row(3, 1e-2 * VOLUME)
    network.before[1], network.after[2] = 0.0, 0.0
    network.diffusivity, network.matrix[...] = 0.0, 7.0
    network.begin()
    found = network.solve(np.full(network.shape, 7.0), 7.0)
    assert found.concentration[:, 0, 0] == pytest.approx(7.0, rel=1e-14)
    assert network.gone(found) == pytest.approx(network.entered(np.full(network.shape, 7.0), 7.0), rel=1e-13)


# -- pots --------------------------------------------------------------------------------------------------------


def test_pots_add_up_to_the_flow():
    network = random_network(False)
    network.faces[1][:] = 0.05 * VOLUME
    pots = two_pots(network.flows(), network.before, network.after, 1.0)
    for total, one, other in zip(network.flows().faces, pots.faces, pots.crack_faces, strict=True):
        assert one + other == pytest.approx(total, rel=1e-14)
    assert pots.needle + pots.crack_needle == pytest.approx(network.needle, rel=1e-12)
    assert pots.drawn + pots.crack_drawn == pytest.approx(network.drawn, rel=1e-12)
    change = pots.seeping - pots.leaking - outflow(pots.crack_faces) + pots.crack_needle - pots.crack_drawn
    assert change == pytest.approx(network.after - network.before, rel=1e-9, abs=1e-14 * VOLUME)
    for name in ("needle", "crack_needle", "drawn", "crack_drawn", "seeping", "leaking"):
        assert getattr(pots, name).min() >= 0.0
    assert not np.any((pots.needle + pots.leaking > 0.0) & (pots.drawn + pots.seeping > 0.0))


def test_what_the_track_gives_and_draws_in_one_voxel_passes_by_the_tissue():
    needle, drawn = np.full((1, 1, 1), 3.0), np.full((1, 1, 1), 1.0)
    pots = whole_pot(faces((1, 1, 1)), needle, drawn)
    assert pots.needle[0, 0, 0] == 2.0 and pots.drawn[0, 0, 0] == 0.0 and not pots.cracked
    assert needle[0, 0, 0] == 3.0
