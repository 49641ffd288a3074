"""E9 and E10 at crack walls, and a tracer's slab: what a voxel's matrix takes from its crack, against closed forms.

One voxel, or a row of them, run through the crack pot and the fronts as an arm of a run does. What is left of error is
that of the closed forms used, told in the docstrings; steps add little.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from oxablate.physics.reaction.closures import Kinetics, SharpFront
from oxablate.physics.reaction.front import FrontState, front_mask
from oxablate.physics.reaction.walls import WalledMatter, advance_walls, wall_demand
from oxablate.physics.transport.cracks import CrackPot, Walls
from oxablate.physics.transport.pots import two_pots
from oxablate.quantities.parameter_set import load_set

THETA, D, SPACING, SLAB = 0.25, 1e-9, 1e-3, 1.5e-3
VOLUME = SPACING**3


class CrackedRow:
    """A straight crack along x through voxels of matrix: fed at one end, open at the other; through: flow [m3/s]."""

    def __init__(self, cells, opened, through, demand=0.0, rate=1e6, start=0.0):
        shape = (cells, 1, 1)
        self.cracks, self.through = np.full(shape, opened * VOLUME), through
        self.c_cracks, self.c = np.full(shape, start), np.zeros(shape)
        self.theta, self.diffusivity = np.full(shape, THETA), np.full(shape, D)
        self.pools, self.kinetics = np.full((1, *shape), demand), Kinetics(("demand",), (rate,), 0.0)
        self.front, self.law = FrontState.fresh(shape), SharpFront()
        faces = [np.zeros((cells + 1, 1, 1)), np.zeros((cells, 2, 1)), np.zeros((cells, 1, 2))]
        faces[0][1:] = through
        needle, none = np.zeros(shape), np.zeros(shape)
        needle[0] = through
        self.flows = SimpleNamespace(
            faces=faces, crack_faces=faces, needle=needle, crack_needle=needle, drawn=none, crack_drawn=none
        )
        self.pot = CrackPot(shape, VOLUME)

    def matter(self):
        return WalledMatter(self.c, self.theta, self.pools, self.kinetics, self.diffusivity, (SPACING,) * 3)

    def advance(self, needle, dt):
        self.pot.follow(two_pots(self.flows, self.cracks, self.cracks, dt), self.cracks, self.cracks, dt)
        cells, matter = self.pot.cells, self.matter()
        front_mask(self.front, *(getattr(matter, n) for n in ("concentration", "fluid_fraction", "pools", "kinetics",
                   "diffusivity", "spacing")), self.law)  # fmt: skip
        demand, held = wall_demand(self.front, matter, self.law, cells)
        ones = np.ones(cells.size)
        walls = Walls(SLAB * ones, THETA * ones, self.c.reshape(-1)[cells], D * ones, demand, held)
        found = self.pot.solve(self.c_cracks, needle, walls, 0.0, 0.0, 1.0)
        self.c_cracks = found.concentration.copy()
        mixed = demand == 0.0
        self.c.reshape(-1)[cells[mixed]] += found.taken[mixed] / THETA
        advance_walls(self.front, matter, self.law, cells[~mixed], SLAB * ones[~mixed], found.taken[~mixed], dt)


def similarity_root(ratio):
    return brentq(lambda x: math.sqrt(math.pi) * x * math.exp(x * x) * math.erf(x) - ratio, 1e-9, 5.0, xtol=1e-15)


# -- fast demand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 20, 200])
@pytest.mark.parametrize("ratio", [0.014, 0.139, 1.0])
def test_e9_front_from_a_crack_that_is_kept_full(ratio, steps):
    """p = 2 l sqrt(D t): exact at all ratios, in one step as in many (measured: 2e-12)."""
    demand, time = 100.0, 300.0
    voxel = CrackedRow(1, 1e-2, 1.0, demand, rate=1e9)
    concentration = ratio * demand / THETA
    for _ in range(steps):
        voxel.advance(concentration, time / steps)
    exact = 2.0 * similarity_root(ratio) * math.sqrt(D * time)
    assert voxel.front.swept[0, 0, 0] * SLAB == pytest.approx(exact, rel=1e-9)


def drawn_down(fraction, ratio, reserve):
    """Time [s] at which a shrinking core has reached `fraction` while its crack is drawn down, quasi-steady.

    f df/dt = (D / L^2) (theta / s) c,   c = c0 - s f / w, w crack fluid per volume; reserve = w c0 / s.
    """
    law = quad(lambda f: f / (1.0 - f / reserve), 0.0, fraction)[0]
    return law * SLAB**2 / (D * ratio)


@pytest.mark.parametrize(("steps", "allowed"), [(40, 0.01), (160, 0.005)])
def test_e10_shrinking_core_fed_by_a_crack_that_empties(steps, allowed):
    """theta c0 / s0 = 0.014: the share swept when the crack has lost half (measured: 0.4 % at 40 steps, 0.2 % at 160,
    0.14 % at 640, where the quasi-steady law of the truth is itself of that error)."""
    demand, ratio, fraction = 100.0, 0.014, 0.05
    concentration = ratio * demand / THETA
    reserve = 2.0 * fraction
    voxel = CrackedRow(1, reserve * demand / concentration, 0.0, demand, rate=1e9, start=concentration)
    time = drawn_down(fraction, ratio, reserve)
    for _ in range(steps):
        voxel.advance(0.0, time / steps)
    assert voxel.front.swept[0, 0, 0] == pytest.approx(fraction, rel=allowed)


# -- no demand ---------------------------------------------------------------------------------------------------


def stirred_bath(alpha, tau):
    """Share of its final uptake that a slab has taken from a stirred bath of limited volume (J. Crank, The Mathematics
    of Diffusion, 2nd ed., Oxford 1975, equation 4.37); alpha: bath over slab volume, tau = D t / L^2."""
    total = 1.0
    for n in range(1, 400):
        q = brentq(lambda q: math.sin(q) + alpha * q * math.cos(q), (n - 0.5) * math.pi, n * math.pi)
        total -= 2 * alpha * (1 + alpha) / (1 + alpha + (alpha * q) ** 2) * math.exp(-q * q * tau)
    return total


@pytest.mark.parametrize("tau", [0.01, 0.05, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 10.0])
def test_tracer_leaves_a_crack_of_limited_volume(alpha, tau):
    """While the crack is drawn down the matrix remembers only its mean and takes a little too much: worst, in shares of
    the final uptake, 0.07 where it holds ten times what the crack does, 0.023 where as much, 0.009 where a tenth."""
    voxel, steps = CrackedRow(1, alpha * THETA, 0.0, start=1.0), 400
    for _ in range(steps):
        voxel.advance(0.0, tau * SLAB**2 / D / steps)
    taken = voxel.c[0, 0, 0] / (alpha / (1.0 + alpha))
    assert abs(taken - stirred_bath(alpha, tau)) < {0.1: 0.08, 1.0: 0.03, 10.0: 0.015}[alpha]
    assert THETA * voxel.c[0, 0, 0] + alpha * THETA * voxel.c_cracks[0, 0, 0] == pytest.approx(alpha * THETA, rel=1e-12)


# -- what one pot would make of it -------------------------------------------------------------------------------


def tumour():
    """Fluid fraction, demand [mol/m3] and pore diffusivity [m2/s] of the generic tumour for chlorine dioxide."""
    from oxablate.device.agent import load_agent

    p = load_set("generic-tumour")["tumour_viable"]
    agent = load_agent("chlorine_dioxide")
    demand = sum(p[f"demand_{pool}"].si for pool in ("thiols", "tyrosine", "tryptophan"))
    return p["porosity"].si, demand, p["diffusion_hindrance"].si * agent.solute.diffusivity.si


def test_how_far_agent_gets_from_a_crack_wall_in_a_minute():
    """3 g/L: 0.16 mm against 100 mM at the free diffusivity, a ninth of the matrix between cracks 3 mm apart; 0.10 mm,
    7 %, with the demand and the hindered diffusivity of the generic tumour."""
    concentration = 3.0 / 0.06745
    for numbers, depth, share in (((0.3, 100.0, 1.7e-9), 0.16e-3, 0.11), (tumour(), 0.10e-3, 0.07)):
        theta, demand, diffusivity = numbers
        exact = 2.0 * similarity_root(theta * concentration / demand) * math.sqrt(diffusivity * 60.0)
        assert exact == pytest.approx(depth, abs=0.005e-3) and exact / SLAB == pytest.approx(share, abs=0.005)


def test_one_mixed_pot_would_spend_it_all_near_the_inlet():
    """A minute of flow through 40 mm of cracks that hold a hundredth of the tissue. One pot, where whatever comes meets
    the demand of its whole voxel, would sweep given / (s + theta c) and keep the rest fresh: 9.6 mm, wholly. Two pots
    sweep 40 mm, a tenth of it, at the Neumann depth; seven tenths of the agent come out at the far end."""
    cells, opened, demand, concentration, seconds = 40, 1e-2, 100.0, 44.5, 60.0
    through = 40 * opened * VOLUME
    row = CrackedRow(cells, opened, through, demand, rate=1e9)
    for _ in range(60):
        row.advance(concentration, seconds / 60)
    given = through * seconds * concentration
    one_pot = given / (demand + (THETA + opened) * concentration) / VOLUME
    assert one_pot == pytest.approx(9.6, abs=0.1)
    swept, root = row.front.swept[:, 0, 0], similarity_root(THETA * concentration / demand)
    assert swept[0] * SLAB == pytest.approx(2.0 * root * math.sqrt(D * seconds), rel=0.02)
    assert swept[-1] > 0.5 * swept[0] and swept.max() < 0.15
    held = (row.front.shielded.sum() + (row.c_cracks * row.cracks).sum() / VOLUME) * VOLUME
    spent = (demand - row.pools).sum() * VOLUME
    assert (spent + held) / given == pytest.approx(0.29, abs=0.05)
