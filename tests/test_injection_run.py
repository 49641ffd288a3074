"""Whole runs with cracks, a track, several needles and drives: ledgers, places, resumed to the same bytes."""

from pathlib import Path

import numpy as np
import pytest
from cases import small_data, write_case
from needle_cases import HAND, OTHER, SITES, TUBE
from test_protocol_run import assert_same_bytes

from oxablate.protocol.case import parse_case
from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.record import open_record
from oxablate.protocol.run import Asked, event_times, run
from oxablate.protocol.setting import prepare
from oxablate.protocol.whereabouts import given as brought
from oxablate.protocol.whereabouts import whereabouts

#: Tissue that tears at 12 kPa, softly held needles: cracks, pores and the gap all take part.
SOFT = {
    f"{tissue}.{name}": value
    for tissue in ("tumour_viable", "host", "skin")
    for name, value in (("fracture_pressure", "12 kPa"), ("contact_stress", "5 kPa"))
}
OPEN = {"pores": "opening", "cracks": "cubic", "track": "gap", "beyond": "tissue", "injury": "thiol_loss"}
FAST = {
    "parameters": {"set": "generic-tumour", "override": SOFT},
    "injection": {"volume": "60 uL", "flow_rate": "0.3 mL/min"},
    "follow": "16 s",
    "output": {"every": "8 s"},
    "tracer": {"agent": "inert_tracer", "concentration": "1 g/L"},
}


def fast(**changes) -> dict:
    return {**TUBE, **FAST, "model": OPEN, **changes}


def followed(**changes) -> ArmRun:
    """An arm of such a case, run to its end in memory."""
    setting = prepare(parse_case(small_data(**fast(**changes)), "case"), Path())
    model = ArmRun(setting, setting.arms[0])
    for until in event_times(setting):
        while model.state.clock.time < until:
            model.step(until)
        model.state.clock.next_step = 0.0
    return model


@pytest.fixture(scope="module")
def torn(tmp_path_factory):
    """A record with open cracks, an open gap, memory and a tracer."""
    folder = tmp_path_factory.mktemp("torn")
    case = write_case(folder / "case.yaml", **fast(model=OPEN | {"crack_memory": "non_local"}))
    run(case, folder / "out")
    return case, folder / "out"


def test_cracks_gap_and_tracer_take_part(torn):
    record = open_record(torn[1])
    series = record.series("chlorine_dioxide")
    assert max(series["crack_mL"]) > 1e-4 and max(series["track_width_max"]) > 0.0
    assert max(series["liquid_surface_mL"]) > 0.0 and max(series["tracer_reached_1_mL"]) > 0.0
    # 1 g/L of the tracer of the catalogue, whose numbers are kept with their grades as those of an agent
    rows = {row["key"]: row for row in record.about["agent_numbers"]}
    molar = rows["inert_tracer.molar_mass"]
    assert molar["grade"] and molar["source"] and molar["unit"] == "g/mol"
    assert record.about["tracers"] == {
        "chlorine_dioxide": {"agent": "inert_tracer", "concentration_mol_m3": pytest.approx(1e3 / molar["value"])}
    }


@pytest.mark.parametrize("after", [5, 11])
def test_cut_with_open_cracks_and_resumed_gives_the_same_bytes(torn, tmp_path, after):
    for _ in range(2):
        steps = iter(range(after))
        run(
            torn[0], tmp_path / "cut", resume=(tmp_path / "cut").exists(),
            asked=Asked(stop=lambda steps=steps: next(steps, None) is None),
        )  # fmt: skip
    run(torn[0], tmp_path / "cut", resume=True)
    assert_same_bytes(torn[1], tmp_path / "cut")


WAYS = {
    "tight": dict(model=OPEN | {"track": "tight"}),
    "linear": dict(model=OPEN | {"pores": "linear", "cracks": "none"}),
    "hand": dict(injection={"volume": "60 uL", "hand": HAND}),
    "phases": dict(injection={"phases": [
        {"give": "30 uL", "flow_rate": "0.3 mL/min"}, {"pause": "3 s"}, {"give": "10 uL", "flow_rate": "0.2 mL/min"},
        {"dwell": "2 s"},
    ]}),
    "drawn back": dict(needle=TUBE["needle"] | {"withdrawal": {
        "times": ["0 s", "10 s"], "distances": ["0 mm", "5 mm"],
    }}),
    "side holes": dict(needle=TUBE["needle"] | {"side_holes": {
        "distances": ["1 mm", "4 mm"], "radii": ["0.1 mm", "0.1 mm"],
    }}),
    "in turn": dict(
        needle=TUBE["needle"] | {"others": [OTHER]},
        injection={"volume": "60 uL", "flow_rate": "0.3 mL/min", "needles": "in_turn", "change": "1 s"},
    ),
    "one hub": dict(
        needle=SITES | {"sites": {"count": 2, "approach": [0, -1, 0]}},
        injection={"volume": "60 uL", "flow_rate": "0.3 mL/min", "needles": "one_hub"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_whatever_gives_the_liquid_every_ledger_closes_and_the_places_add_up(way):
    model = followed(**WAYS[way])
    fluid = model.ledger.accounts["fluid"]
    given = fluid.gained["needle"] - fluid.lost.get("needle", 0.0)
    if way == "hand":
        # what was pushed is in the tissue, or still stretches the syringe
        drive, (pressure, pushed) = model.setting.delivery.hubs[0].drive, model.state.injection.drives[0]
        begun = model.supply.begin(model.flow)[0, 0]
        assert given == pytest.approx(pushed - drive.compliance * (pressure - begun), rel=1e-12)
        assert 0.0 < given < 60e-9
    else:
        assert given == pytest.approx(model.setting.pump.volume, rel=1e-12)
    pairs = model.supply.drives(model.state.injection.drives, 0.0, 1.0)
    assert [len(pair) for pair in pairs] == [2] * len(model.setting.delivery.hubs)
    assert model.active[model.supply.tip_voxel]
    assert model.ledger.worst_error < 1e-12
    assert sum(whereabouts(model).values()) == pytest.approx(brought(model), rel=1e-9)
    concentrations = (model.state.agent.concentration, model.state.agent.crack_concentration)
    for number, one in enumerate(model.carriage.species):
        for field in concentrations:
            if field[number].size:
                assert 0.0 <= field[number].min() and field[number].max() <= one.needle * (1.0 + 1e-12)
    assert np.isfinite(model.needle_pressure())
