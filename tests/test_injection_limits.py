"""Injections at the edge of what can be computed: they end with an outcome or with a remedy, never without a word."""

from pathlib import Path

import numpy as np
from cases import small_data
from needle_cases import HAND, TUBE, ready

from oxablate.protocol.case import parse_case
from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.foresight import foreseen
from oxablate.protocol.run import event_times
from oxablate.protocol.setting import prepare
from oxablate.quantities.refusal import RunFailed

SOFT = {
    f"{tissue}.{name}": value
    for tissue in ("tumour_viable", "host", "skin")
    for name, value in (("fracture_pressure", "12 kPa"), ("contact_stress", "5 kPa"))
}
MODEL = {"pores": "opening", "cracks": "cubic", "track": "gap", "beyond": "tissue", "injury": "thiol_loss"}


def test_fluid_that_a_track_draws_empties_no_voxel():
    """2 mL pushed in seconds into a phantom of 10 mL, then the hand stops: what opened flows back along the needle."""
    hand = dict(injection={"volume": "2 mL", "hand": HAND}, follow="4 s", output={"every": "4 s"}, model=MODEL)
    data = small_data(**TUBE, **hand, parameters={"set": "generic-tumour", "override": SOFT})
    setting = prepare(parse_case(data, "case"), Path())
    model = ArmRun(setting, setting.arms[0])
    try:
        for until in event_times(setting):
            while model.state.clock.time < until:
                model.step(until)
    except RunFailed as failed:
        assert "more fluid leaves a voxel than it holds" in str(failed) and "Remedy: " in str(failed)
    fluid = model.state.fluid_volume[0][model.active]
    assert fluid.min() > 1e-4 * model.grid.voxel_volume and np.isfinite(model.state.agent.concentration).all()
    assert model.state.clock.time > 1.0 and model.ledger.broken() is None


def test_torn_tissue_that_its_own_pressure_keeps_open_is_foreseen():
    """Vessels hold tissue at some 1.5 kPa: torn tissue that opens again below that fills from them."""
    memory = {"model": {"pores": "opening", "crack_memory": "non_local", "beyond": "tissue", "injury": "none"}}
    for share, told in (("1 %", True), ("100 %", False)):
        setting = ready(**memory, parameters__override={"mechanics.reopening_share": share})
        assert any("opens again" in sentence for sentence in foreseen(setting)) == told
