"""A point source of agent that reacts at once and is washed out: swept volume and consumed share.

Truth from an independent solution of the radial problem, written here: rigid tissue, steady flow, implicit upwind
transport with diffusion and wash-out on 20 um shells, demand spent shell by shell. The voxels of the program are 25 to
50 times coarser than those shells.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import solve_banded

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from cases import small_case

from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.outcomes import outcomes
from oxablate.protocol.run import event_times
from oxablate.protocol.setting import prepare

RATE, VOLUME, CAVITY, FOLLOW = 0.7e-9 / 60, 14e-9, 0.35e-3, 1500.0
K = "1.7e-13 m^2/(Pa s)"


def radial(washout, porosity, diffusivity, inlet, demand, shells=200, radius=4e-3, dt=0.2):
    """Swept volume [m3] and consumed share of the given agent at the end."""
    r = np.linspace(0, radius, shells + 1)
    volume = 4 / 3 * np.pi * np.diff(r**3)
    fluid, source = porosity * volume, np.where(r[1:] <= CAVITY * (1 + 1e-9), volume, 0.0)
    source /= source.sum()
    flow = np.concatenate([[0.0], np.cumsum(RATE * source)])
    spread = porosity * diffusivity * 4 * np.pi * r[:-1] ** 2 / (r[1] - r[0])
    spread = np.concatenate([spread, [0.0]])
    c, left, consumed = np.zeros(shells), np.full(shells, demand), 0.0
    for n in range(round(FOLLOW / dt)):
        on = 1.0 if n * dt < VOLUME / RATE - 1e-9 else 0.0
        sink = np.where(left > 0.01 * demand, 1e9 * fluid * dt, 0.0)
        bands = np.zeros((3, shells))
        bands[0, 1:] = -dt * spread[1:-1]
        bands[1] = fluid * (1 + dt * washout) + dt * (on * flow[1:] + spread[:-1] + spread[1:]) + sink
        bands[2, :-1] = -dt * (on * flow[1:-1] + spread[1:-1])
        c = solve_banded((1, 1), bands, fluid * c + dt * on * RATE * source * inlet)
        taken = sink * c
        left -= taken / volume
        consumed += taken.sum()
    return float(((1 - left / demand) * volume).sum()), consumed / (VOLUME * inlet)


def computed(washout, spacing):
    """The same through the program."""
    override = {f"{t}.hydraulic_conductivity": K for t in ("tumour_viable", "host")}
    override |= {f"{t}.vessel_filtration": "0 1/(Pa s)" for t in ("tumour_viable", "host")}
    override |= {"host.lymph_filtration": "0 1/(Pa s)", "tumour_viable.exchange_rate": f"{washout} 1/s"}
    override |= {"tumour_viable.collapse_pressure": "1000 kPa", "tumour_viable.collapse_width": "1 kPa"}
    case = small_case(
        parameters__override=override, subject__phantom__spacing=spacing, model__pores="rigid",
        subject__phantom__recipe__shape={"kind": "ellipsoid", "semi_axes": ["5 mm"] * 3},
        subject__phantom__recipe__heterogeneity="uniform", subject__phantom__recipe__surroundings__margin="2 mm",
        injection__volume="14 uL", injection__flow_rate="0.7 uL/min", follow="25 min", output__every="25 min",
    )  # fmt: skip
    setting = prepare(case, Path())
    model = ArmRun(setting, setting.arms[0])
    for until in event_times(setting):
        while model.state.clock.time < until:
            model.step(until)
    return model, outcomes(model)


@pytest.mark.parametrize("washout", [0.043, 0.005, 1e-9])
def test_killed_volume_and_consumed_share(washout):
    """Within 8 % once the plume's radius is more than 1.5 voxels; mixing carried agent with its voxel is 40 % and more
    off there. The strongest wash-out keeps the plume within 0.81 mm: there, voxels of 1 and 0.7 mm are 21 and 15 % low
    with the tip at a voxel's corner, 6 and 1 % with the tip at its centre."""
    reference = None
    for spacing in ("0.5 mm", "0.35 mm") if washout > 0.01 else ("1 mm", "0.7 mm", "0.5 mm"):
        model, found = computed(washout, spacing)
        tumour = model.setting.parameters["tumour_viable"]
        if reference is None:
            solute = model.arm.agent.solute
            diffusivity = solute.diffusivity.si * tumour["diffusion_hindrance"].si
            demand = sum(model.setting.parameters.demands("tumour_viable"))
            reference = radial(washout, tumour["porosity"].si, diffusivity, model.arm.concentration, demand)
        assert found["killed_tumour_m3"] == pytest.approx(reference[0], rel=0.08), spacing
        assert found["consumed_fraction"] == pytest.approx(reference[1], rel=0.08), spacing
