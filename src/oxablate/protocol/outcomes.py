"""What is kept of a run: fields, a row per flow step, and the outcomes with their ledger and flags."""

from math import fsum

import numpy as np

from ..anatomy.phantom import phantom_images
from ..quantities.parameter import POOLS
from ..space.files import read_image
from ..space.grid import MM
from ..space.resample import resample_image
from ..storage.inside import inside_folder
from .contrast import tracer_columns, tracer_fields
from .coupling import ArmRun
from .recipe import read_recipe
from .setting import Setting
from .validity import dimensionless_numbers, flags
from .validity_injection import watched_columns
from .whereabouts import NEEDLE, agent_columns, amount, fluid_shares, given, liquid_columns

#: A voxel counts as reached where the concentration is above this share of the needle's.
REACHED = 0.01


def picture(setting: Setting) -> np.ndarray:
    """Grey values on the grid for the background of figures: the input image, or a phantom's drawn one."""
    grid, subject = setting.subject.grid, setting.case.subject
    if subject.scan is not None:
        path = inside_folder(subject.scan.image, setting.folder, "subject.scan.image")
        image = read_image(path, subject.scan.uneven_slices)
        return resample_image(image, grid).astype(np.float32)
    spacing = (subject.phantom.spacing / MM,) * 3
    drawn, _ = phantom_images(read_recipe(subject.phantom.recipe), spacing, 0.04, setting.case.seed)
    return drawn.data.astype(np.float32)


def statics(model: ArmRun, image: np.ndarray) -> dict[str, np.ndarray]:
    """Fields that do not change with time. image: of `picture`."""
    fields = {
        "tissue": model.label,
        "hydraulic_conductivity": model.conductivity.astype(np.float32),
        "image": image,
    }
    if model.cracks_on:
        fields["fracture_pressure"] = np.where(model.active, model.flow.joint.fracture, 0.0).astype(np.float32)
    return fields


def kept_fields(model: ArmRun) -> dict[str, np.ndarray]:
    """The fields of the record at the state's time."""
    state = model.state
    fields = {
        "pressure": state.pressure,
        "volume_ratio": state.volume_ratio,
        "vessel_fraction": state.vessel_fraction,
        "fluid_fraction": state.fluid_volume / model.grid.voxel_volume,
    }
    if model.chemistry is not None:
        fields["concentration"] = state.agent.concentration[0]
        if model.cracks_on:
            fields["crack_concentration"] = state.agent.crack_concentration[0]
    fields |= tracer_fields(model)
    if state.agent.pools.shape[0]:
        fields |= {"exposure": state.agent.exposure, "swept": state.agent.swept, "killed": state.injury.killed}
        fields |= {f"pool_{name}": state.agent.pools[n] for n, name in enumerate(POOLS)}
    return fields


def series_row(model: ArmRun, duration: float) -> dict:
    """One row of the time series; the unit stands in the column's name."""
    state = model.state
    row = {
        "time_s": state.clock.time,
        "step_s": duration,
        "injected_mL": given(model) * 1e6,
        "needle_pressure_Pa": model.needle_pressure(),
        "pressure_max_Pa": float(state.pressure.max()),
        "volume_ratio_max": float(state.volume_ratio.max()),
        "volume_ratio_needle": model.needle_ratio(),
        "vessel_fraction_min": float(state.vessel_fraction.min()),
        "killed_tumour_mL": _volume(model, state.injury.killed, model.tumour()) * 1e6,
        "killed_outside_mL": _volume(model, state.injury.killed, ~model.tumour()) * 1e6,
        "ledger_error": model.ledger.worst_error,
        "flow_mismatch": model.mismatch,
    }
    row |= liquid_columns(model) | watched_columns(model)
    if model.chemistry is not None:
        row |= _agent_columns(model) | agent_columns(model, model.chemistry.name)
    return row | tracer_columns(model)


def _agent_columns(model: ArmRun) -> dict:
    state, account = model.state, model.ledger.accounts[model.chemistry.name]
    concentration = state.agent.concentration[0]
    if model.cracks_on:
        concentration = np.maximum(concentration, state.agent.crack_concentration[0])
    reached = concentration > REACHED * model.chemistry.needle if model.chemistry.needle > 0 else concentration > 0
    # fsum: the entries of a resumed run stand in another order
    consumed = fsum(v for k, v in account.lost.items() if k.startswith("consumed by"))
    vessels = fsum(v for k, v in account.lost.items() if k.startswith("vessels"))
    return {
        "agent_given_umol": given(model, model.chemistry.name) * 1e6,
        "agent_held_umol": account.held * 1e6,
        "agent_consumed_umol": consumed * 1e6,
        "agent_to_vessels_umol": vessels * 1e6,
        "reached_mL": float(np.count_nonzero(reached)) * model.grid.voxel_volume * 1e6,
        "reached_tumour_mL": float(np.count_nonzero(reached & model.tumour())) * model.grid.voxel_volume * 1e6,
    }


def _volume(model: ArmRun, share: np.ndarray, mask: np.ndarray) -> float:
    """Volume [m3] of a share field inside a mask."""
    return float(share[mask].sum()) * model.grid.voxel_volume


def summary(model: ArmRun, rows: list[dict]) -> dict:
    """Outcomes, ledger, flags and dimensionless numbers of an arm: plain data."""
    return {
        "arm": model.arm.name,
        "time_s": model.state.clock.time,
        "flow_steps": model.state.clock.steps,
        "refused_steps": model.state.clock.refused,
        "outcomes": outcomes(model),
        "fluid_shares": fluid_shares(model),
        "ledger": model.ledger.as_dict(),
        "flags": [vars(flag) for flag in flags(model, rows)],
        "numbers": dimensionless_numbers(model, rows),
    }


def outcomes(model: ArmRun) -> dict:
    """The figures a reader asks for first, SI."""
    state, tumour = model.state, model.tumour()
    body = model.active & ~tumour
    tumour_volume = float(tumour.sum()) * model.grid.voxel_volume
    found = {
        "tumour_volume_m3": tumour_volume,
        "injected_m3": given(model),
        "killed_tumour_m3": _volume(model, state.injury.killed, tumour),
        "killed_outside_m3": _volume(model, state.injury.killed, body),
        "killed_share_of_tumour": _volume(model, state.injury.killed, tumour) / tumour_volume,
    }
    if model.chemistry is not None:
        found |= _agent_outcomes(model)
    return found


def _agent_outcomes(model: ArmRun) -> dict:
    state, account = model.state, model.ledger.accounts[model.chemistry.name]
    brought, tumour = given(model, model.chemistry.name), model.tumour()
    lost = {name: gone for name, gone in sorted(account.lost.items()) if name != NEEDLE}  # `brought` is less that
    inside = float(amount(model, 0)[tumour].sum())
    return {
        "agent_given_mol": brought,
        "agent_lost_mol": lost,
        "agent_in_tumour_fluid_mol": inside,
        "agent_held_mol": model.carriage.agent_held(state),
        "consumed_fraction": sum(v for k, v in lost.items() if k.startswith("consumed")) / brought if brought else 0.0,
        "demand_of_tumour_mol": float(
            sum(model.demand_at_start(n)[tumour].sum() for n in range(state.agent.pools.shape[0]))
        ) * model.grid.voxel_volume,
    }  # fmt: skip
