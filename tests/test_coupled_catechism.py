"""What every coupled arm must keep: amounts, bounds, symmetry, and nothing from nothing.

All balances are recomputed here from the fields and the case, not read from the program's own ledger alone.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from coupled import AGENTS, advance, finish, finished, mirrored, run_arm, setting_of

from oxablate.device.pump import SyringePump
from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.outcomes import fluid_shares, outcomes
from oxablate.quantities.parameter import POOLS

ROUND_OFF = 1e-12

every_arm = pytest.mark.parametrize("agent", AGENTS)
every_model = pytest.mark.parametrize(
    ("pores", "beyond"), [("opening", "tissue"), ("opening", "sealed"), ("rigid", "tissue"), ("rigid", "sealed")]
)


def change_of(account) -> float:
    """Gains minus losses of an account."""
    return sum(account.gained.values()) - sum(account.lost.values())


def start_of_pool(model, number: int) -> np.ndarray:
    """Demand before the injection, from the parameter set [mol/m3]."""
    demand = [model.setting.parameters[t][f"demand_{POOLS[number]}"].si for t in ("host", "tumour_viable")]
    return np.where(model.setting.subject.tumour_mask, demand[1], demand[0])


@every_model
@every_arm
def test_fluid_balance_from_the_fields(agent, pores, beyond):
    model = finished(agent, pores, beyond)
    volume, account = model.grid.voxel_volume, model.ledger.accounts["fluid"]
    porosity = [model.setting.parameters[t]["porosity"].si for t in ("host", "tumour_viable")]
    before = np.where(model.setting.subject.tumour_mask, porosity[1], porosity[0]).sum() * volume
    now = model.state.fluid_volume.sum()
    assert now - before == pytest.approx(change_of(account), abs=1e-11 * (before + sum(account.gained.values())))
    assert account.gained["needle"] == pytest.approx(20e-9, rel=1e-12)
    if beyond == "sealed":
        assert account.gained["far tissue"] == account.lost["far tissue"] == 0.0
    assert sum(fluid_shares(model).values()) == pytest.approx(20e-9, rel=1e-6)


@every_model
@pytest.mark.parametrize("agent", ["inert_tracer", "chlorine_dioxide"])
def test_agent_balance_from_the_fields(agent, pores, beyond):
    model = finished(agent, pores, beyond)
    state, account = model.state, model.ledger.accounts[agent]
    held = (state.fluid_volume[0] * state.agent.concentration[0]).sum()
    held += state.agent.shielded.sum() * model.grid.voxel_volume
    given = 20e-9 * model.arm.concentration
    assert {name: x for name, x in account.gained.items() if x} == {"needle": pytest.approx(given, rel=1e-9)}
    assert held == pytest.approx(change_of(account), abs=1e-11 * given)
    for number in range(state.agent.pools.shape[0]):
        used = (start_of_pool(model, number) - state.agent.pools[number]).sum() * model.grid.voxel_volume
        # the pools are large against what is used of them: their sum carries the round-off
        slack = 1e-13 * start_of_pool(model, number).sum() * model.grid.voxel_volume
        assert used == pytest.approx(account.lost[f"consumed by {POOLS[number]}"], abs=slack, rel=1e-11)


@every_model
@every_arm
def test_bounds_after_every_step(agent, pores, beyond):
    """Nothing negative, nothing above the needle's concentration, pools only fall, deaths only rise."""
    setting = setting_of(agent, model__pores=pores, model__beyond=beyond)
    model = ArmRun(setting, setting.arms[0])
    pools, killed, swept = (
        a.copy() for a in (model.state.agent.pools, model.state.injury.killed, model.state.agent.swept)
    )
    for _ in advance(model):
        state = model.state
        for name, field in state.arrays().items():
            assert np.all(np.isfinite(field)), name
            if name != "pressure":
                assert field.min(initial=0.0) >= 0.0, name
        assert state.agent.concentration.max(initial=0.0) <= model.arm.concentration * (1.0 + ROUND_OFF)
        assert np.all(state.agent.pools <= pools) and np.all(state.injury.killed >= killed)
        assert np.all(state.agent.swept >= swept)
        assert max(state.vessel_fraction.max(), state.injury.killed.max(), state.agent.swept.max()) <= 1.0
        opened = state.volume_ratio - 1.0 + model.porosity[model.label]
        assert np.abs(state.fluid_volume[0] / model.grid.voxel_volume - opened).max() < ROUND_OFF
        pools, killed, swept = state.agent.pools.copy(), state.injury.killed.copy(), state.agent.swept.copy()
    assert model.state.clock.time == setting.case.follow


def test_the_pores_open_or_do_not():
    """The cases above mean something: the opening pore space opens by a tenth and more, the rigid one does not."""
    assert finished("vehicle", "opening").state.volume_ratio.max() == pytest.approx(1.0, abs=0.6)
    setting = setting_of("vehicle", follow="40 s")
    pressed = run_arm(setting)
    assert pressed.state.volume_ratio.max() > 1.1
    assert pressed.state.pressure.max() - pressed.flow.rest.max() > 2e3
    assert np.abs(finished("vehicle", "rigid").state.volume_ratio - 1.0).max() < 1e-9


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("agent", ["inert_tracer", "chlorine_dioxide"])
def test_mirrored_subject_mirrored_answer(agent, axis):
    setting = setting_of(agent)
    one, other = finished(agent), run_arm(mirrored(setting, axis))
    assert other.state.clock.steps == one.state.clock.steps
    for name, field in one.state.arrays().items():
        seen = other.state.arrays()[name]
        if field.ndim >= 3:  # what stands beside the grid has no mirror
            seen = np.flip(seen, field.ndim - 3 + axis)
        scale = one.arm.concentration if "concentration" in name else np.abs(field).max(initial=0.0)
        assert np.abs(seen - field).max(initial=0.0) <= 1e-6 * scale, name
    assert other.needle_pressure() == pytest.approx(one.needle_pressure(), rel=1e-6)


@pytest.mark.parametrize("pores", ["opening", "rigid"])
@every_arm
def test_nothing_given_nothing_happens(agent, pores):
    setting = setting_of(agent, model__pores=pores)
    setting = replace(setting, pump=SyringePump(0.0, setting.pump.flow_rate, 0.0))
    model = run_arm(setting)
    state = model.state
    assert np.abs(state.volume_ratio - 1.0).max() < 1e-9
    assert np.abs(state.pressure - model.flow.rest).max() < 1e-9 * np.abs(model.flow.rest).max()
    assert not state.injury.killed.any() and not state.agent.concentration.any() and not state.agent.exposure.any()
    for number in range(state.agent.pools.shape[0]):
        assert np.array_equal(state.agent.pools[number], start_of_pool(model, number))


def test_no_agent_in_the_fluid_kills_nothing():
    """Chlorine dioxide at 0 g/L flows as plain fluid does."""
    model, plain = run_arm(setting_of("chlorine_dioxide", "0 g/L")), finished("vehicle")
    assert not model.state.injury.killed.any() and not model.state.agent.concentration.any()
    for number in range(len(POOLS)):
        assert np.array_equal(model.state.agent.pools[number], start_of_pool(model, number))
    assert np.array_equal(model.state.pressure, plain.state.pressure)
    assert np.array_equal(model.state.volume_ratio, plain.state.volume_ratio)


@pytest.mark.parametrize("injury", ["thiol_loss", "exposure"])
def test_more_agent_never_kills_less(injury):
    strengths = ["0.3 g/L", "1 g/L", "2 g/L", "3 g/L"]
    runs = [run_arm(setting_of("chlorine_dioxide", s, model__injury=injury)) for s in strengths]
    volumes = [outcomes(run)["killed_tumour_m3"] + outcomes(run)["killed_outside_m3"] for run in runs]
    assert volumes == sorted(volumes)
    assert volumes[0] < volumes[-1]
    for less, more in pairwise(runs):
        left_less, left_more = (run.state.agent.pools[0] for run in (less, more))
        assert np.all(left_more <= left_less * (1.0 + 1e-6) + 1e-6 * left_less.max())


def log_logistic(dose, lethal, steepness):
    """Share killed by a dose >= 0, one half at the lethal one."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1.0 / (1.0 + (lethal / dose) ** steepness)


def expected_kill(model, selectivity: np.ndarray) -> np.ndarray:
    """The dose law of the case from the final fields, written out; doses only rise, so the last one counts."""
    numbers, agent = model.setting.parameters["injury"], model.state.agent
    swept = agent.swept
    if model.setting.case.model.injury == "exposure":
        law = selectivity * numbers["lethal_exposure"].si, numbers["exposure_steepness"].si
        ahead, behind = agent.exposure, agent.exposure + agent.front_dose
        return swept * log_logistic(behind, *law) + (1.0 - swept) * log_logistic(ahead, *law)
    start, lethal = start_of_pool(model, 0), numbers["lethal_thiol_loss"].si
    rest = np.where(swept < 1.0, agent.pools[0] / np.where(swept < 1.0, 1.0 - swept, 1.0), start)
    odds = np.divide(np.maximum(start - rest, 0.0), rest, out=np.full_like(rest, np.inf), where=rest > 0.0)
    law = selectivity * lethal / (1.0 - lethal), numbers["thiol_loss_steepness"].si
    return swept + (1.0 - swept) * log_logistic(odds, *law)


@pytest.mark.parametrize("injury", ["thiol_loss", "exposure"])
def test_selectivity_one_is_no_selectivity(injury):
    """Deaths follow from the doses alone, by one law inside and outside the tumour (a tip at its edge reaches both)."""
    chosen = {"needle__tip": ["8 mm", "-1 mm", "1.2 mm"], "model__injury": injury}
    model = run_arm(setting_of("chlorine_dioxide", **chosen))
    killed, outside = model.state.injury.killed, ~model.tumour()
    assert killed[outside].sum() > 0.05 and killed[~outside].sum() > 0.05
    assert killed == pytest.approx(expected_kill(model, np.ones(model.grid.shape)), abs=1e-9)
    spared = run_arm(setting_of("chlorine_dioxide", numbers={"injury.selectivity": "5"}, **chosen)).state.injury.killed
    assert spared == pytest.approx(expected_kill(model, np.where(outside, 5.0, 1.0)), abs=1e-9)
    assert np.array_equal(spared[~outside], killed[~outside]) and np.all(spared <= killed)
    if injury == "exposure":  # behind a front every thiol is gone, whatever the lethal loss
        assert spared[outside].sum() < 0.9 * killed[outside].sum()


@pytest.mark.parametrize("agent", ["vehicle", "inert_tracer"])
def test_what_reacts_with_nothing_kills_and_consumes_nothing(agent):
    model = finished(agent)
    assert not model.state.injury.killed.any()
    assert model.state.agent.pools.size == 0 and set(model.ledger.accounts) <= {"fluid", agent}
    if agent == "inert_tracer":
        assert set(model.ledger.accounts[agent].lost) <= {"boundary", "vessels: drained", "vessels: exchanged"}


@pytest.mark.parametrize("pores", ["opening", "rigid"])
def test_a_trace_of_agent_far_away_changes_nothing(pores):
    """1e-30 of the needle's concentration, at both ends of the tumour, is no agent: the answer stays."""
    setting = setting_of("chlorine_dioxide", model__pores=pores)
    clean, traced = ArmRun(setting, setting.arms[0]), ArmRun(setting, setting.arms[0])
    for end in np.argwhere(clean.tumour())[[0, -1]]:
        traced.state.agent.concentration[0][tuple(end)] = 1e-30 * clean.arm.concentration
    finish(clean), finish(traced)
    for name, field in clean.state.arrays().items():
        scale = clean.arm.concentration if "concentration" in name else np.abs(field).max(initial=0.0)
        assert np.abs(traced.state.arrays()[name] - field).max(initial=0.0) <= 1e-10 * scale, name
