"""E18: the coupled arm in millimetres, grams, minutes and micromoles gives the fields it gives in SI.

Every input is restated, the run is made, and every field of the state and every entry of the ledger is brought back.
A tolerance with a hidden unit, a step chosen by an absolute number or a constant of physics in the code would show.
"""

import numpy as np
import pytest
from coupled_arm import UnitSystem, restate_setting, run_arm, setting_of, torn_setting

UNITS = UnitSystem("mm", "g", "min", "umol")

#: Units of the fields of the state; what is not named has none. Doses of an exposure law are at toxic power one.
FIELD_UNITS = {
    "pressure": "Pa",
    "fluid_volume": "m^3",
    "agent.concentration": "mol/m^3",
    "agent.crack_concentration": "mol/m^3",
    "agent.track_amount": "mol",
    "agent.pools": "mol/m^3",
    "agent.exposure": "mol s/m^3",
    "agent.shielded": "mol/m^3",
    "agent.front_dose": "mol s/m^3",
    "injury.doses": "mol s/m^3",
    "injury.seen": "mol s/m^3",
    "injection.track_pressure": "Pa",
    "injection.track_volume": "m^3",
}


#: Fields that hold agent are judged by what the needle brings: a reactive agent leaves only round-off dissolved.
OF_THE_NEEDLE = ("agent.concentration", "agent.crack_concentration", "agent.shielded")


def worst_field(model, other) -> tuple[float, str]:
    """Largest difference of any field, relative to the largest entry of that field, and which."""
    found = []
    for name, field in model.state.arrays().items():
        back = other.state.arrays()[name] / UNITS.factor(FIELD_UNITS.get(name, ""))
        scale = np.abs(field).max(initial=0.0)
        if name in OF_THE_NEEDLE:
            scale = model.arm.concentration
        if scale == 0.0:
            assert np.all(back == 0.0), name
            continue
        found.append((float(np.abs(back - field).max(initial=0.0)) / scale, name))
    return max(found)


@pytest.mark.parametrize("injury", ["thiol_loss", "exposure"])
@pytest.mark.parametrize("pores", ["opening", "rigid"])
@pytest.mark.parametrize("agent", ["inert_tracer", "chlorine_dioxide"])
def test_other_units_same_fields(agent, pores, injury):
    setting = setting_of(agent, pores=pores, injury=injury)
    model, other = run_arm(setting), run_arm(restate_setting(setting, UNITS))
    assert other.state.clock.steps == model.state.clock.steps
    assert other.substeps == model.substeps
    assert other.state.clock.time / UNITS.factor("s") == pytest.approx(model.state.clock.time, rel=1e-12)
    difference, name = worst_field(model, other)
    assert difference <= 1e-10, name
    for name, account in model.ledger.accounts.items():
        restated = other.ledger.accounts[name]
        factor = UNITS.factor("m^3" if name == "fluid" else "mol")
        for side in ("gained", "lost"):
            entries, again = getattr(account, side), getattr(restated, side)
            assert entries.keys() == again.keys()
            for entry, amount in entries.items():
                assert abs(again[entry] / factor - amount) <= 1e-10 * account.scale, (name, entry)
    pressure = other.needle_pressure() / UNITS.factor("Pa")
    assert pressure == pytest.approx(model.needle_pressure(), rel=1e-10)


@pytest.mark.parametrize("contact_stress", ["9 kPa", "12 kPa", "20 kPa"])
def test_other_units_same_cracks_and_backflow(contact_stress):
    setting = torn_setting(contact_stress)
    model, other = run_arm(setting), run_arm(restate_setting(setting, UNITS))
    assert other.state.clock.steps == model.state.clock.steps
    difference, name = worst_field(model, other)
    assert difference <= 1e-10, name
    assert other.needle_pressure() / UNITS.factor("Pa") == pytest.approx(model.needle_pressure(), rel=1e-10)


def test_restating_changes_the_numbers():
    """By hand: 1 Pa = 1 kg/(m s2) = 1000 g / (1000 mm (min/60)^2), and so on."""
    assert UNITS.factor("Pa") == pytest.approx(3600.0, rel=1e-14)
    assert UNITS.factor("m^2/(Pa s)") == pytest.approx(1e6 / (3600.0 / 60.0), rel=1e-14)
    assert UNITS.factor("m^3/(mol s)") == pytest.approx(1e9 / 1e6 * 60.0, rel=1e-14)
    assert UNITS.factor("mol s/m^3") == pytest.approx(1e6 / 60.0 / 1e9, rel=1e-14)
