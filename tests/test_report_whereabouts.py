"""Where liquid and agent are: the places add up to what was given, in a real run and with cracks and a track."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from coupled import finished, setting_of

from oxablate.physics.process import Booking
from oxablate.protocol import whereabouts as told
from oxablate.protocol.contrast import contrast, reached_columns, tracer_columns, tracer_fields
from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.ledger import Account
from oxablate.protocol.outcomes import fluid_shares, outcomes, series_row
from oxablate.protocol.validity_injection import watched_columns

SHAPE = (4, 3, 2)
VOXEL = 8e-9


@pytest.mark.parametrize("agent", ["vehicle", "inert_tracer", "chlorine_dioxide"])
def test_the_places_of_a_run_add_up_to_what_was_injected(agent):
    model = finished(agent)
    found = told.whereabouts(model)
    given = told.given(model)
    assert given == pytest.approx(model.setting.pump.volume, rel=1e-9)
    assert list(found) == list(told.PLACES)
    assert sum(found.values()) == pytest.approx(given, rel=1e-9)
    assert found["pores_tumour"] > 0.1 * given  # it is somewhere, and not left to one place
    assert found["cracks_tumour"] == found["track"] == found["surface"] == 0.0
    shares = fluid_shares(model)
    for place, name in (("to vessels", "vessels"), ("to lymph", "lymph"), ("to far tissue", "far_tissue")):
        assert found[name] == pytest.approx(shares[place], abs=1e-12 * given)
    assert told.fluid_shares(model) == pytest.approx(shares, rel=1e-12)
    columns = told.liquid_columns(model)
    assert columns["liquid_pores_tumour_mL"] == 1e6 * found["pores_tumour"]
    assert len(columns) == len(told.PLACES)


@pytest.mark.parametrize("agent", ["inert_tracer", "chlorine_dioxide"])
def test_the_agent_of_a_run_is_in_the_same_places(agent):
    model = finished(agent)
    account = model.ledger.accounts[agent]
    found = told.agent_whereabouts(model, agent)
    assert sum(found.values()) == pytest.approx(account.gained["needle"], rel=1e-9)
    assert (found["consumed"] > 0) == (agent == "chlorine_dioxide")
    held = sum(found[k] for k in ("pores_tumour", "pores_outside", "cracks_tumour", "cracks_outside", "track"))
    assert held == pytest.approx(account.held, rel=1e-12)
    assert told.agent_columns(model, agent)["agent_in_consumed_umol"] == 1e6 * found["consumed"]


def test_what_a_needle_drew_back_is_taken_off_everywhere(monkeypatch):
    model = finished("chlorine_dioxide")
    accounts, before = model.ledger.accounts, outcomes(model)
    for name in ("fluid", "chlorine_dioxide"):
        monkeypatch.setitem(accounts[name].lost, "needle", 0.25 * accounts[name].gained["needle"])
    row, found = series_row(model, 1.0), outcomes(model)
    assert found["injected_m3"] == told.given(model) == pytest.approx(0.75 * before["injected_m3"], rel=1e-12)
    assert found["agent_given_mol"] == pytest.approx(0.75 * before["agent_given_mol"], rel=1e-12)
    assert found["consumed_fraction"] == pytest.approx(before["consumed_fraction"] / 0.75, rel=1e-12)
    assert found["agent_lost_mol"] == before["agent_lost_mol"]
    assert row["injected_mL"] == pytest.approx(1e6 * found["injected_m3"], rel=1e-12)
    assert row["agent_given_umol"] == pytest.approx(1e6 * found["agent_given_mol"], rel=1e-12)
    assert sum(row[f"agent_in_{place}_umol"] for place in told.FATES) == pytest.approx(
        row["agent_given_umol"] + 1e6 * accounts["chlorine_dioxide"].lost["needle"], rel=1e-9
    )  # what is in the places did not change: nothing was drawn back in truth


def torn() -> SimpleNamespace:
    """An arm with cracks and a track, made by hand: every place holds an amount of its own."""
    label = np.full(SHAPE, 1, np.uint8)
    label[0] = 0  # air
    label[1:3, :2] = 2
    tumour, active = label == 2, label > 0
    porosity = np.array([0.5, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1])
    rest = np.where(active, porosity[label], 0.0) * VOXEL
    fluid = np.stack([rest, np.zeros(SHAPE)])
    fluid[0][tumour] += 1e-10
    fluid[0][active & ~tumour] -= 2e-11  # pressed empty
    fluid[1][2, 1, :] = 3e-10
    fluid[1][3, 1, 0] = 5e-10
    standing = 4e-10
    account = Account("fluid", "m3", float(rest.sum()) + standing)
    account.lost = {"vessels": 7e-10, "lymph": 2e-10, "far tissue": 1e-10, "track exit": 6e-10, "surface": 5e-11}
    account.gained = {"vessels": 3e-10, "far tissue": 4e-11}
    track = np.array([3e-10, 4e-10])
    held = float(fluid.sum() + track.sum())
    gone = sum(account.lost.values()) - sum(account.gained.values())
    account.gained["needle"] = held - account.initial + gone + 1e-11
    account.lost["needle"] = 1e-11
    account.held = held
    solute = Account("tracer", "mol", 0.0)
    agent = SimpleNamespace(
        concentration=np.full((1, *SHAPE), 2.0), crack_concentration=np.full((1, *SHAPE), 5.0),
        shielded=np.zeros(SHAPE), track_amount=np.array([3e-9]),
    )  # fmt: skip
    solute.lost = {"vessels: drained": 1e-10, "vessels: washed out": 2e-10, "boundary": 3e-10, "track exit": 4e-10}
    solute.lost |= {"consumed by thiols": 5e-10, "decayed": 6e-10}
    state = SimpleNamespace(
        fluid_volume=fluid, track_volume=track, agent=agent, clock=SimpleNamespace(time=20.0),
    )  # fmt: skip
    return SimpleNamespace(
        grid=SimpleNamespace(voxel_volume=VOXEL, shape=SHAPE), label=label, active=active, porosity=porosity,
        state=state, ledger=SimpleNamespace(accounts={"fluid": account, "tracer": solute}),
        resting=Booking({"vessels": 2e-11}, {"vessels": 1e-12, "lymph": 5e-12, "far tissue": 1.4e-11}),
        tumour=lambda: tumour, cracks_on=True,
    )  # fmt: skip


def test_cracks_and_track_have_their_places():
    model = torn()
    found = told.whereabouts(model)
    assert found == pytest.approx(
        {
            "cracks_tumour": 2 * 3e-10, "pores_tumour": 8 * 1e-10, "cracks_outside": 5e-10,
            "pores_outside": -10 * 2e-11, "track": 3e-10, "vessels": 4e-10 + 20 * 1.9e-11, "lymph": 2e-10 - 1e-10,
            "far_tissue": 6e-11 - 2.8e-10, "surface": 6.5e-10,
        },
        rel=1e-9,
    )  # fmt: skip
    # the resting subject is in balance, so that its own exchange leaves nothing over
    assert sum(found.values()) == pytest.approx(told.given(model), rel=1e-9)
    shares = told.fluid_shares(model)
    assert sum(shares.values()) == pytest.approx(told.given(model), rel=1e-9)
    assert shares["in needle track"] == found["track"] and shares["out at the surface"] == found["surface"]


def test_the_agent_in_cracks_and_track_is_told_apart():
    model = torn()
    found = told.agent_whereabouts(model, "tracer")
    fluid, tumour = model.state.fluid_volume, model.tumour()
    assert found["cracks_outside"] == pytest.approx(5.0 * 5e-10)
    assert found["pores_tumour"] == pytest.approx(2.0 * fluid[0][tumour].sum())
    assert found["track"] == pytest.approx(3e-9)
    gone = {k: found[k] for k in ("vessels", "far_tissue", "surface", "consumed", "decayed")}
    assert gone == pytest.approx(
        {"vessels": 3e-10, "far_tissue": 3e-10, "surface": 4e-10, "consumed": 5e-10, "decayed": 6e-10}
    )
    assert told.amount(model, 0).sum() == pytest.approx(2.0 * fluid[0].sum() + 5.0 * fluid[1].sum())


def test_a_counterpart_without_a_place_is_not_passed_over():
    model = torn()
    model.ledger.accounts["fluid"].lost["somewhere"] = 1e-12
    with pytest.raises(KeyError, match="somewhere"):
        told.whereabouts(model)


def test_a_tracer_is_seen_at_its_levels():
    model = torn()
    fluid, agent, account = model.state.fluid_volume, model.state.agent, model.ledger.accounts["tracer"]
    injected, dilute = 10.0, 0.1
    agent.concentration[...] = dilute  # intact pores hold less than 1 % of it
    agent.crack_concentration[...] = injected
    account.gained = {"needle": 1e-7}
    fluid[1][2, 1, 0] = 0.6 * VOXEL
    found = reached_columns(model, "tracer", 0, injected)
    assert (model.tumour() == (model.label == 2)).all() and model.tumour()[2, 1, 0]
    levels = [found[f"tracer_reached_{n}_mL"] for n in (1, 10, 50)]
    assert levels == pytest.approx([3e6 * VOXEL, 1e6 * VOXEL, 1e6 * VOXEL])
    pores = dilute * fluid[0]
    inside = injected * (0.6 * VOXEL + 3e-10) + pores[2, 1].sum()
    assert found["tracer_seen_tumour"] == pytest.approx(inside / 1e-7)
    assert found["tracer_seen_outside"] == pytest.approx((injected * 5e-10 + pores[3, 1, 0]) / 1e-7)
    assert found["tracer_in_track"] == pytest.approx(3e-9 / 1e-7)


def test_seen_is_what_a_scanner_shows_and_not_what_is_in_the_fluid():
    model = finished("inert_tracer")
    injected = model.arm.concentration
    seen = contrast(model, 0, injected)
    ratio = model.state.fluid_volume[0] / model.grid.voxel_volume
    assert seen == pytest.approx(model.state.agent.concentration[0] * ratio / injected)
    assert 0.0 < seen.max() < model.state.agent.concentration.max() / injected
    columns = reached_columns(model, "inert_tracer", 0, injected)
    assert columns["tracer_reached_1_mL"] > columns["tracer_reached_10_mL"] >= columns["tracer_reached_50_mL"]
    assert columns["tracer_seen_tumour"] + columns["tracer_seen_outside"] + columns["tracer_unseen"] == pytest.approx(
        model.ledger.accounts["inert_tracer"].held / model.ledger.accounts["inert_tracer"].gained["needle"], rel=1e-9
    )


TORN = {
    "tumour_viable.hydraulic_conductivity": "1e-14 m^2/(Pa s)", "host.hydraulic_conductivity": "1e-13 m^2/(Pa s)",
    "tumour_viable.fracture_pressure": "10 kPa", "host.fracture_pressure": "12 kPa",
}  # fmt: skip


@cache
def torn_run(stress: str) -> ArmRun:
    """300 uL in 36 s through a needle with a gap into tissue that cracks, with a tracer; half a minute of it."""
    setting = setting_of(
        "chlorine_dioxide",
        numbers=TORN | {f"{tissue}.contact_stress": stress for tissue in ("tumour_viable", "host")},
        model__cracks="cubic", model__track="gap", needle__gauge=22, needle__length="15 cm",
        needle__entry=["2 mm", "-30 mm", "5 mm"], tracer={"agent": "inert_tracer", "concentration": "1 g/L"},
        injection__flow_rate="0.5 mL/min", injection__volume="300 uL",
    )  # fmt: skip
    model = ArmRun(setting, setting.arms[0])
    while model.state.clock.time < 20.0:
        model.step(20.0)
    return model


def test_the_open_gap_is_measured_where_pressure_exceeds_the_stress():
    """The width is (p - sigma - p_rest) / 2 G where that is highest; sigma is the case's, p_rest the tissue's own."""
    model = torn_run("1 kPa")
    found, track = watched_columns(model), model.flow.along.track
    walls, pieces = track.network.wall, track.network.length > 0
    closing, rest = walls.contact_stress[pieces], np.maximum(model.flow.rest[model.active], 0.0)
    assert 1e3 + rest.min() * (1 - 1e-9) <= closing.min() and closing.max() <= 1e3 + rest.max() * (1 + 1e-9)
    above = model.state.injection.track_pressure[pieces] - closing
    by_hand = (above / (2 * walls.shear_modulus[pieces])).max()
    assert found["track_width_max"] == pytest.approx(by_hand, rel=1e-9) and by_hand > 0
    inserted = track.network.length[pieces].sum() * 1e3
    assert found["track_open_mm"] == pytest.approx(inserted * (above > 0).sum() / pieces.sum())
    assert found["hub_pressure_Pa"] >= model.state.injection.track_pressure[pieces].max()
    assert watched_columns(finished("vehicle")) == {}
    held = torn_run("9 kPa")
    cracks = held.state.fluid_volume[1].sum() * 1e6
    assert watched_columns(held)["crack_mL"] == pytest.approx(cracks, rel=1e-9) and cracks > 0


@pytest.mark.parametrize(("stress", "where"), [("1 kPa", "surface"), ("9 kPa", "cracks_tumour")])
def test_the_places_add_up_with_real_cracks_and_a_real_track(stress, where):
    """Held loosely, the needle's track takes the liquid to the surface; held tightly, the tissue cracks."""
    model = torn_run(stress)
    found, given = told.whereabouts(model), told.given(model)
    assert given == pytest.approx(0.5e-6 / 60 * 20, rel=1e-6)
    assert abs(sum(found.values()) - given) < 1e-9 * given
    assert found[where] > 0.03 * given
    assert sum(told.fluid_shares(model).values()) == pytest.approx(given, rel=1e-9)
    for number, one in enumerate(model.carriage.species):
        account = model.ledger.accounts[one.name]
        brought = account.gained["needle"] - account.lost.get("needle", 0.0)
        assert sum(told.agent_whereabouts(model, one.name, number).values()) == pytest.approx(brought, rel=1e-9)


def test_the_tracer_of_an_arm_has_its_field_and_columns():
    model = torn_run("9 kPa")
    agent, tracer = model.carriage.species
    assert (agent.name, tracer.name) == ("chlorine_dioxide", "inert_tracer")
    field = tracer_fields(model)["tracer"]
    held = told.agent_whereabouts(model, "inert_tracer", 1)
    inside = sum(held[k] for k in ("pores_tumour", "pores_outside", "cracks_tumour", "cracks_outside"))
    assert field.sum() * model.grid.voxel_volume * tracer.needle == pytest.approx(inside, rel=1e-12)
    columns = tracer_columns(model)
    assert columns["tracer_reached_1_mL"] == pytest.approx((field >= 0.01).sum() * model.grid.voxel_volume * 1e6)
    assert columns["tracer_in_track"] == pytest.approx(
        held["track"] / model.ledger.accounts["inert_tracer"].gained["needle"]
    )
    plain = finished("vehicle")
    assert tracer_fields(plain) == tracer_columns(plain) == {}
