"""E13, coupled pairs: two processes at a time, put together as a run puts them together, against exact answers.

transport + reaction, transport + wash-out, flow + transport, flow + vessels, reaction + injury; and the whole arm on
finer grids. Each splitting is held to the order it states.
"""

from itertools import pairwise

import numpy as np
import pytest
from coupled_arm import run_arm, setting_on
from scipy.integrate import solve_ivp
from scipy.special import erfc

from oxablate.physics.flow.closures import (
    ConvexStiffening,
    ExponentialConductivity,
    FixedConductivity,
    FluidExchange,
    RigidPores,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.physics.injury.closures import ExposureLaw, ThiolLossLaw
from oxablate.physics.injury.step import Doses, InjuryState, injure
from oxablate.physics.reaction.closures import Kinetics
from oxablate.physics.reaction.step import react
from oxablate.physics.transport.closures import DissolvedSpecies, Stepping
from oxablate.physics.transport.step import StepFluxes, Transport
from oxablate.physics.vessels.closures import CollapsingVessels
from oxablate.physics.vessels.step import VesselBed
from oxablate.protocol.outcomes import outcomes
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

THETA, SPEED, STRENGTH, LENGTH = 0.3, 2e-6, 40.0, 0.02  # fluid fraction, m/s (Darcy), mol/m3, m


class PlugColumn:
    """Fluid of strength STRENGTH pressed through a column, split as `protocol.coupling` splits: carry, then react."""

    def __init__(self, cells: int, demand: float, rate: float, washout: float = 0.0, exchange: float = 0.0):
        shape, h = (cells, 1, 1), LENGTH / cells
        self.h, self.volume = h, h**3
        self.c, self.fluid = np.zeros((1, *shape)), np.full(shape, THETA * h**3)
        faces = np.zeros((cells, 2, 1)), np.zeros((cells, 1, 2))
        self.fluxes = StepFluxes(np.full((cells + 1, 1, 1), SPEED * h * h), *faces, *np.zeros((3, *shape)))
        self.species = [DissolvedSpecies("agent", 0.0, 0.0, STRENGTH, exchange, 0.0, 0.0)]
        self.transport = Transport(shape, (h, h, h), Stepping())
        self.pools, self.kinetics = np.full((1, *shape), demand), Kinetics(("thiols",), (rate,), 0.0)
        self.theta, self.exposure = np.full(shape, THETA), np.zeros(shape)
        self.washout = np.full(shape, washout)
        self.x = (np.arange(cells) + 0.5) * h

    def run(self, duration: float, courant: float = 0.5) -> "PlugColumn":
        steps = int(np.ceil(duration * SPEED / (THETA * self.h * courant)))
        for _ in range(steps):
            assert self.transport.advance(self.c, self.fluid, self.fluxes, self.species, duration / steps, None).ok
            react(
                self.c[0], self.theta, self.pools, self.kinetics, duration / steps, self.exposure, self.volume, None,
                self.washout,
            )  # fmt: skip
        return self


def bohart_adams(x, t, demand, rate):
    """c and R of theta c_t + q c_x = - k c R, R_t = - k c R, with R = R0 at first and c = c0 entering at x = 0.

    c/c0 = B / (A + B), R/R0 = (A + 1) / (A + B), A = exp(k R0 x / q) - 1, B = exp(k c0 tau), tau = t - theta x / q.
    Bohart and Adams, J. Am. Chem. Soc. 42 (1920) 523-544, doi:10.1021/ja01448a018.
    """
    tau = t - THETA * x / SPEED
    a, b = np.expm1(rate * demand * x / SPEED), np.exp(rate * STRENGTH * tau)
    return np.where(tau > 0, STRENGTH * b / (a + b), 0.0), np.where(tau > 0, demand * (a + 1.0) / (a + b), demand)


DEMAND, ZONES = 10.0, 20.0
RATE = ZONES * SPEED / (DEMAND * LENGTH)  # the column is twenty reaction zones long
DURATION = 0.6 * LENGTH * (THETA + DEMAND / STRENGTH) / SPEED  # the front is about two thirds through


def test_the_exact_column_solves_its_equations():
    x, t, dx, dt = 0.31 * LENGTH, DURATION, 1e-5 * LENGTH, 1e-5 * DURATION
    c, left = bohart_adams(np.array([x]), t, DEMAND, RATE)
    c_t, r_t = (
        (b - a) / (2 * dt) for a, b in zip(*(bohart_adams(x, s, DEMAND, RATE) for s in (t - dt, t + dt)), strict=True)
    )
    c_x = (bohart_adams(x + dx, t, DEMAND, RATE)[0] - bohart_adams(x - dx, t, DEMAND, RATE)[0]) / (2 * dx)
    taken = RATE * c * left
    assert r_t == pytest.approx(-taken, rel=1e-6)
    assert THETA * c_t + SPEED * c_x == pytest.approx(-taken, rel=1e-6)


def test_transport_and_reaction_against_bohart_and_adams():
    """First order in h with dt in proportion to h; the amounts balance at any h."""
    errors = []
    for cells in (50, 100, 200, 400):
        column = PlugColumn(cells, DEMAND, RATE).run(DURATION)
        c, left = bohart_adams(column.x, DURATION, DEMAND, RATE)
        errors.append(
            (
                np.abs(column.c[0, :, 0, 0] - c).mean() / STRENGTH,
                np.abs(column.pools[0, :, 0, 0] - left).mean() / DEMAND,
            )
        )
        held = column.c[0].mean() * THETA + (DEMAND - column.pools[0]).mean()
        # what has left at the far end is 1e-10 of it by the exact solution
        assert held * LENGTH == pytest.approx(SPEED * STRENGTH * DURATION, rel=1e-8)
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(rates[1:] > 0.9), (errors, rates)
    assert np.all(np.array(errors[-1]) < 0.004), errors


@pytest.mark.parametrize(("how", "order"), [("washout", 1.0), ("exchange", 2.0)])
def test_transport_and_washout_in_steady_plug_flow(how, order):
    """c = c0 exp(- theta w x / q): wash-out beside the reaction is first order in the step, within transport second.

    In the mean: in the two voxels at the ends of the column, which lack a neighbour, it is first order.
    """
    lifetimes, errors = 2.0, []
    loss = lifetimes * SPEED / (THETA * LENGTH)
    for cells in (20, 40, 80, 160):
        column = PlugColumn(cells, 0.0, 0.0, **{how: loss}).run(3.0 * THETA * LENGTH / SPEED)
        exact = STRENGTH * np.exp(-lifetimes * column.x / LENGTH)
        errors.append(np.abs(column.c[0, :, 0, 0] - exact).mean() / STRENGTH)
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert rates[-1] > order - 0.1, (errors, rates)


# -- flow + transport -------------------------------------------------------------------------------------------------

K, H, RATE_IN = 1e-13, 5e-3, 5e-10  # m2/(Pa s), edge of the box [m], m3/s


def needle_box(cells, pores, conductivity, outer):
    """A cube of uniform tissue with a needle at its centre. Returns the flow at rest."""
    grid = VoxelGrid((cells,) * 3, (H / cells,) * 3, (0.0,) * 3, tuple(map(tuple, np.eye(3))))
    tip = tuple(float(x) for x in grid.index_to_world([(cells - 1) / 2] * 3))
    label, everywhere = np.zeros(grid.shape, np.uint8), np.ones(grid.shape, bool)
    tissues = (TissueFlow(0.2, pores, conductivity, SealedTissue()),)
    needle = EndHole(grid, tip, 1e-4, everywhere)
    flow = FlowModel(grid, tissues, label, np.full(grid.shape, K), everywhere, OuterFaces.uniform(outer), needle)
    assert flow.find_rest(np.ones(grid.shape)).ok
    return flow


def flows_of(flow) -> StepFluxes:
    f = flow.flows
    return StepFluxes(*f.faces, f.needle, f.gained, f.drained + f.lymph)


@pytest.mark.parametrize("cells", [17, 35])
def test_tracer_piston_with_the_flow_of_the_solver(cells):
    """E7 with the solver's own fluxes: V_d / V_i = 1 / phi, V_d counted in voxels above half the strength."""
    flow = needle_box(cells, RigidPores(), FixedConductivity(), Dirichlet(0.0))
    ones = np.ones(flow.grid.shape)
    swept = 4.0 / 3.0 * np.pi * (0.37 * H) ** 3
    duration = swept * 0.2 / RATE_IN
    step = flow.try_step(flow.rest, ones, ones, RATE_IN, duration)
    assert step.outcome.ok
    c, fluid = np.zeros((1, *flow.grid.shape)), np.full(flow.grid.shape, 0.2 * flow.grid.voxel_volume)
    tracer = [DissolvedSpecies("tracer", 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)]
    transport = Transport(flow.grid.shape, flow.grid.spacing, Stepping(most=1000))
    for _ in range(4):
        assert transport.advance(c, fluid, flows_of(flow), tracer, duration / 4, None).ok
    distributed = np.count_nonzero(c > 0.5) * flow.grid.voxel_volume
    assert distributed / (RATE_IN * duration) == pytest.approx(1.0 / 0.2, rel={17: 0.05, 35: 0.02}[cells])
    assert fluid == pytest.approx(0.2 * flow.grid.voxel_volume, rel=1e-9)


def test_a_constant_stays_constant_while_the_pores_open():
    flow = needle_box(12, ConvexStiffening(7000.0, 3.2), ExponentialConductivity(2.5, 500.0), Dirichlet(0.0))
    pressure, ratio, ones = flow.rest.copy(), np.ones(flow.grid.shape), np.ones(flow.grid.shape)
    fluid, c = np.full(flow.grid.shape, 0.2 * flow.grid.voxel_volume), np.full((1, *flow.grid.shape), 3.0)
    same = [DissolvedSpecies("same", 1e-10, 3.0, 3.0, 0.0, 0.0, 0.0)]
    transport = Transport(flow.grid.shape, flow.grid.spacing, Stepping())
    for _ in range(12):
        assert flow.try_step(pressure, ratio, ones, RATE_IN, 0.5).outcome.ok
        assert transport.advance(c, fluid, flows_of(flow), same, 0.5, None).ok
        pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
        assert np.abs(fluid / flow.grid.voxel_volume - (ratio - 1.0 + 0.2)).max() < 1e-13
    assert ratio.max() > 1.2
    assert np.abs(c / 3.0 - 1.0).max() < 1e-13


# -- flow + vessels ---------------------------------------------------------------------------------------------------

BED = CollapsingVessels(2000.0, 4000.0, 1000.0, 30.0)
STARLING = FluidExchange(2e-6, 1500.0, 1e-7, 0.0)
PORES = ConvexStiffening(7000.0, 3.2)
INFLOW = 1.5e-2  # needle's flow per tissue volume [1/s]


def vessel_truth(end):
    """J and f of a sealed voxel: dJ/dt = q + f L_v (p_e - p) - L_l (p - p_l)_+, df/dt = (f_eq(p) - f) / tau."""
    rest = STARLING.vessel_filtration * STARLING.effective_pressure
    rest /= STARLING.vessel_filtration + STARLING.lymph_filtration
    # the deviation of a log-normal law with median m is m sqrt(e (e - 1)), e = exp(spread^2)
    e = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * (BED.collapse_width / BED.collapse_pressure) ** 2))
    spread = np.sqrt(np.log(e))

    def change(_, y):
        p = rest + PORES.aggregate_modulus / PORES.exponent * np.expm1(PORES.exponent * (y[0] - 1.0))
        excess = (p - BED.vascular_pressure) / BED.collapse_pressure
        stands = 0.5 * erfc(np.log(excess) / (np.sqrt(2.0) * spread)) if excess > 0 else 1.0
        vessels = y[1] * STARLING.vessel_filtration * (STARLING.effective_pressure - p)
        return [INFLOW + vessels - STARLING.lymph_filtration * p, (stands - y[1]) / BED.lag]

    return solve_ivp(change, (0, end), [1.0, 1.0], method="LSODA", rtol=1e-11, atol=1e-12).y[:, -1]


def vessel_run(end, steps):
    grid = VoxelGrid((2, 2, 2), (1e-3,) * 3, (0.0,) * 3, tuple(map(tuple, np.eye(3))))
    label, everywhere = np.zeros(grid.shape, np.uint8), np.ones(grid.shape, bool)
    needle = EndHole(grid, tuple(float(x) for x in grid.index_to_world([0.5] * 3)), 1e-3, everywhere)
    tissue = TissueFlow(0.2, PORES, FixedConductivity(), STARLING)
    flow = FlowModel(grid, (tissue,), label, np.full(grid.shape, K), everywhere, OuterFaces.uniform(NoFlow()), needle)
    bed = VesselBed(label, (BED,))
    assert flow.find_rest(bed.fraction).ok
    pressure, ratio = flow.rest.copy(), np.ones(grid.shape)
    for _ in range(steps):
        rate = INFLOW * grid.voxel_volume * 8
        assert flow.try_step(pressure, ratio, bed.fraction, rate, end / steps, tolerance=1e-12).outcome.ok
        pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
        bed.advance(pressure, end / steps)
    assert np.ptp(ratio) < 1e-10 and np.ptp(bed.fraction) < 1e-10
    return np.array([ratio[0, 0, 0], bed.fraction[0, 0, 0]])


def test_flow_and_collapsing_vessels_against_the_ode():
    """First order in the step: the bed follows the pressure of the step that was taken."""
    truth = vessel_truth(60.0)
    assert 0.05 < truth[1] < 0.95 and truth[0] > 1.2
    errors = np.array([np.abs(vessel_run(60.0, steps) - truth) for steps in (20, 40, 80, 160)])
    rates = np.log2(errors[:-1] / errors[1:])
    assert np.all(rates > 0.85), (errors, rates)
    assert np.all(errors[-1] < 0.01)


# -- reaction + injury ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 7])
def test_thiols_lost_to_one_pool_kill_as_the_closed_form_says(steps):
    """R = R0 d / (theta c0 exp(k d t / theta) - R0), d = theta c0 - R0; killed = x / (1 + x), x = (odds / lethal)^m."""
    demand, rate, strength, duration = 10.0, 0.02, np.linspace(5.0, 60.0, 12), 25.0
    shape = (12, 1, 1)
    c, pools = strength.reshape(shape).copy(), np.full((1, *shape), demand)
    exposure, theta, zeros = np.zeros(shape), np.full(shape, THETA), np.zeros(shape)
    kinetics, law = Kinetics(("thiols",), (rate,), 0.0), ThiolLossLaw("thiols", 0.5, 10.0, 1.0)
    state, start = InjuryState.fresh(shape, law), pools[0].copy()
    for _ in range(steps):
        react(c, theta, pools, kinetics, duration / steps, exposure, 1e-9)
        injure(law, state, Doses(pools[0], start, exposure, zeros, zeros), np.ones(shape, bool), duration / steps)
    excess = THETA * strength - demand
    left = demand * excess / (THETA * strength * np.exp(rate * excess * duration / THETA) - demand)
    odds = demand / left - 1.0
    killed = odds**10 / (1.0 + odds**10)
    assert killed.min() < 0.05 and killed.max() > 0.95
    assert state.killed.ravel() == pytest.approx(killed, abs=2e-5)
    assert -np.log(pools[0] / demand).ravel() / rate == pytest.approx(exposure.ravel(), rel=1e-9)


def test_decay_alone_kills_by_its_exposure():
    """c = c0 exp(- lambda t): the dose at toxic power one is c0 (1 - exp(- lambda t)) / lambda, in ten steps."""
    shape, strength, loss, duration = (8, 1, 1), np.linspace(1.0, 40.0, 8), 0.01, 200.0
    c, exposure, zeros = strength.reshape(shape).copy(), np.zeros(shape), np.zeros(shape)
    kinetics, law = Kinetics((), (), loss), ExposureLaw(600.0, 1.0, 2.0, 1.0)
    state = InjuryState.fresh(shape, law)
    for _ in range(10):
        react(c, np.full(shape, THETA), np.zeros((0, *shape)), kinetics, duration / 10, exposure, 1e-9)
        injure(law, state, Doses(zeros, zeros, exposure, zeros, zeros), np.ones(shape, bool), duration / 10)
    dose = strength * -np.expm1(-loss * duration) / loss
    assert exposure.ravel() == pytest.approx(dose, rel=1e-9)
    assert state.killed.ravel() == pytest.approx(1.0 / (1.0 + (600.0 / dose) ** 2), rel=1e-9)


# -- the whole arm on finer grids -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pores", ["opening", "rigid"])
def test_finer_grid_closer_answer(pores):
    """Half the voxel, closer to the finest: consumed share; needle pressure to 2 %; killed radius to half a voxel."""
    found, edges = [], (2.0, 1.0, 0.5)
    for edge in edges:
        model = run_arm(setting_on(f"{edge} mm", pores))
        result = outcomes(model)
        killed = result["killed_tumour_m3"] + result["killed_outside_m3"]
        found.append((model.needle_pressure(), result["consumed_fraction"], (3 * killed / (4 * np.pi)) ** (1 / 3)))
    pressures, consumed, radii = np.array(found).T
    steps = [abs(a - b) for a, b in pairwise(consumed)]
    assert steps[1] < 0.5 * steps[0], consumed
    assert pressures == pytest.approx(pressures[-1], rel=0.02)
    assert np.all(np.abs(radii[:-1] - radii[-1]) < 0.5e-3 * np.array(edges[:-1])), radii
