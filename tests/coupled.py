"""Coupled arms of the small case, run in one go for the tests that look at their fields."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from cases import small_case

from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.run import event_times
from oxablate.protocol.setting import Setting, prepare

#: Flow fast enough that the pores open, and host that lets it through.
OPENING = {
    "tumour_viable.hydraulic_conductivity": "1e-12 m^2/(Pa s)",
    "host.hydraulic_conductivity": "1e-12 m^2/(Pa s)",
}
STRENGTH = {"inert_tracer": "1 g/L", "chlorine_dioxide": "3 g/L"}
AGENTS = ("inert_tracer", "vehicle", "chlorine_dioxide")


def setting_of(agent: str, strength: str | None = None, numbers: dict | None = None, **changes) -> Setting:
    """The small case with one agent, a tip off the centre, and other numbers; see `cases.small_data`."""
    arm = {"agent": agent}
    if agent in STRENGTH:
        arm["concentration"] = strength or STRENGTH[agent]
    wanted = {"needle__tip": ["2.3 mm", "-1 mm", "1.2 mm"], "needle__frame": "LPS", "injection__flow_rate": "30 uL/min"}
    case = small_case(arms=[arm], parameters__override=OPENING | (numbers or {}), **(wanted | changes))
    return prepare(case, Path())


def advance(model: ArmRun):
    """Go on to the end, landing on the events as a record would; yields after every step."""
    pump = model.setting.pump
    for until in event_times(model.setting):
        while model.state.clock.time < until:
            model.step(until)
            yield model
        if until in (pump.start, pump.end):
            model.state.clock.next_step = 0.0


def finish(model: ArmRun) -> ArmRun:
    """Run to the end."""
    for _ in advance(model):
        pass
    return model


def run_arm(setting: Setting) -> ArmRun:
    """The only arm of a setting at its end."""
    return finish(ArmRun(setting, setting.arms[0]))


@cache
def finished(agent: str, pores: str = "opening", beyond: str = "tissue") -> ArmRun:
    """A finished arm, shared by the tests that only look at it."""
    return run_arm(setting_of(agent, model__pores=pores, model__beyond=beyond))


def mirrored(setting: Setting, axis: int) -> Setting:
    """The same subject and needle seen in a mirror across the middle of the grid."""
    subject, grid = setting.subject, setting.subject.grid
    index = grid.world_to_index(setting.tip)
    index[axis] = grid.shape[axis] - 1 - index[axis]
    flipped = replace(
        subject,
        labels=np.ascontiguousarray(np.flip(subject.labels, axis)),
        heterogeneity=np.ascontiguousarray(np.flip(subject.heterogeneity, axis)),
    )
    return replace(setting, subject=flipped, tip=tuple(float(x) for x in grid.index_to_world(index)))
