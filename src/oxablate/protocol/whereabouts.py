"""Where the injected liquid is, and where the agent it brought: the same places for both.

The liquid is told against an untouched subject: what vessels, lymphatics and far tissue would have exchanged anyway is
taken off. The places add up to what was injected, because the ledger closes:

    injected = sum over pots of (W - W_rest) + (track - track_rest) + sum over counterparts of (lost - gained - rest t)
"""

from math import fsum
from typing import Protocol

import numpy as np

from ..anatomy.tissue import Tissue

#: Places of the liquid, in the order in which they are told and drawn: name in columns, and in words.
PLACES = {
    "cracks_tumour": "cracks in the tumour",
    "pores_tumour": "intact pores of the tumour",
    "cracks_outside": "cracks outside the tumour",
    "pores_outside": "intact pores outside the tumour",
    "track": "needle track",
    "vessels": "blood vessels",
    "lymph": "lymph",
    "far_tissue": "beyond the grid",
    "surface": "out at the surface",
}
#: Places of the agent beside those that it shares with the liquid; lymph takes it with what vessels drain.
FATES = {
    **{name: words for name, words in PLACES.items() if name not in ("vessels", "lymph")},
    "vessels": "blood vessels and lymph",
    "consumed": "consumed by tissue",
    "decayed": "decayed by itself",
}
#: Who gives: needles, and a source held at a wall, which no arm has. Then what the other counterparts stand for.
NEEDLE, HELD = "needle", "held source"
_LIQUID_TO = {
    "vessels": "vessels",
    "lymph": "lymph",
    "far tissue": "far_tissue",
    "track exit": "surface",
    "surface": "surface",
    "outside": "surface",
}
_AGENT_TO = {
    "vessels": "vessels",
    "lymph": "vessels",
    "boundary": "far_tissue",
    "far tissue": "far_tissue",
    "track exit": "surface",
    "surface": "surface",
    "outside": "surface",
    "consumed": "consumed",
    "decayed": "decayed",
}


class ArmModel(Protocol):
    """What is asked of one arm of a run; names as in `coupling.ArmRun`."""

    grid: object
    label: np.ndarray
    active: np.ndarray
    porosity: np.ndarray
    state: object
    ledger: object
    resting: object
    cracks_on: bool
    arm: object
    carriage: object

    def tumour(self) -> np.ndarray:
        """The tumour's mask (nx, ny, nz)."""
        ...


def _net(account, name: str) -> float:
    return account.lost.get(name, 0.0) - account.gained.get(name, 0.0)


def given(model: ArmModel, name: str = "fluid") -> float:
    """What needles have given so far of one account of the ledger, less what they drew back, in the account's unit."""
    return -_net(model.ledger.accounts[name], NEEDLE)


def crack_fluid(model: ArmModel) -> np.ndarray | None:
    """Fluid in cracks per voxel [m3], shape (nx, ny, nz); None where the model has no cracks."""
    return model.state.fluid_volume[1] if model.cracks_on else None


def swollen(model: ArmModel) -> np.ndarray:
    """Fluid in intact pores above that at rest [m3], shape (nx, ny, nz), 0 outside the body."""
    rest = model.porosity[model.label] * model.grid.voxel_volume
    return np.where(model.active, model.state.fluid_volume[0] - rest, 0.0)


def _in_track(model: ArmModel) -> float:
    """Fluid in needle tracks above what stood in them at the start [m3]; the account began with that."""
    held = model.state.track_volume
    if held.size == 0:
        return 0.0
    rest = np.where(model.active, model.porosity[model.label], 0.0).sum() * model.grid.voxel_volume
    return float(held.sum()) - (model.ledger.accounts["fluid"].initial - float(rest))


def _halves(field: np.ndarray | None, tumour: np.ndarray) -> tuple[float, float]:
    """Sums of a field inside and outside the tumour; nothing for no field."""
    return (0.0, 0.0) if field is None else (float(field[tumour].sum()), float(field[~tumour].sum()))


def whereabouts(model: ArmModel) -> dict[str, float]:
    """The injected volume by place [m3], keys of `PLACES`; they add up to `given` as closely as the ledger closes.

    A place can have lost: vessels that took up less than in an untouched subject, or tissue that was pressed empty,
    have negative numbers. Raises KeyError for a counterpart of the ledger that stands for no place.
    """
    tumour, account, rest = model.tumour(), model.ledger.accounts["fluid"], model.resting
    found = dict.fromkeys(PLACES, 0.0)
    found["pores_tumour"], found["pores_outside"] = _halves(swollen(model), tumour)
    found["cracks_tumour"], found["cracks_outside"] = _halves(crack_fluid(model), tumour)
    found["track"] = _in_track(model)
    time = model.state.clock.time
    for name in sorted({*account.gained, *account.lost, *rest.gained, *rest.lost} - {NEEDLE}):
        found[_LIQUID_TO[name]] += _net(account, name) - time * _net(rest, name)
    return found


def liquid_columns(model: ArmModel) -> dict[str, float]:
    """Columns `liquid_PLACE_mL` of the time series: `whereabouts` in millilitres."""
    return {f"liquid_{place}_mL": 1e6 * volume for place, volume in whereabouts(model).items()}


def _amounts(model: ArmModel, species: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Dissolved amount per voxel [mol] in the matrix and in cracks, the latter None where there are none."""
    agent, held = model.state.agent, model.state.fluid_volume
    matrix = agent.concentration[species] * held[0]
    return matrix, agent.crack_concentration[species] * held[1] if model.cracks_on else None


def amount(model: ArmModel, species: int) -> np.ndarray:
    """Dissolved amount of one species per voxel [mol], matrix and cracks together, shape (nx, ny, nz)."""
    matrix, cracks = _amounts(model, species)
    return matrix if cracks is None else matrix + cracks


def agent_whereabouts(model: ArmModel, name: str, species: int = 0) -> dict[str, float]:
    """The given amount of one dissolved species by place [mol], keys of `FATES`; they add up to what was given.

    name: of its account in the ledger. species: its number in the state; only the first, the agent, is held behind
    fronts, which counts as in pores. Raises KeyError for a counterpart that stands for no place.
    """
    tumour, account = model.tumour(), model.ledger.accounts[name]
    matrix, cracks = _amounts(model, species)
    if species == 0:
        matrix = matrix + model.state.agent.shielded * model.grid.voxel_volume
    found = dict.fromkeys(FATES, 0.0)
    found["pores_tumour"], found["pores_outside"] = _halves(matrix, tumour)
    found["cracks_tumour"], found["cracks_outside"] = _halves(cracks, tumour)
    found["track"] = float(model.state.agent.track_amount[species])
    gone: dict[str, list[float]] = {}
    for other in sorted({*account.gained, *account.lost} - {NEEDLE, HELD}):
        # "consumed by thiols", "vessels: drained": the first word says where
        word = other if other in _AGENT_TO else other.replace(":", " ").split()[0]
        gone.setdefault(_AGENT_TO[word], []).append(_net(account, other))
    return found | {place: fsum(parts) for place, parts in gone.items()}


def agent_columns(model: ArmModel, name: str, species: int = 0, prefix: str = "agent") -> dict[str, float]:
    """Columns `agent_in_PLACE_umol` of the time series: `agent_whereabouts` in micromoles."""
    return {f"{prefix}_in_{k}_umol": 1e6 * v for k, v in agent_whereabouts(model, name, species).items()}


def fluid_shares(model: ArmModel) -> dict[str, float]:
    """Who got the injected volume [m3], tissue by tissue, against an untouched subject; adds up to what was given.

    Cracks and track have entries only where the model has them.
    """
    place, change = whereabouts(model), swollen(model)
    shares = {
        f"in {tissue.word}": float(change[model.label == tissue].sum())
        for tissue in Tissue
        if tissue is not Tissue.AIR and np.any(model.label == tissue)
    }
    if crack_fluid(model) is not None:
        shares |= {f"in {PLACES[name]}": place[name] for name in ("cracks_tumour", "cracks_outside")}
    if model.state.track_volume.size > 0:
        shares["in needle track"] = place["track"]
    shares |= {"to vessels": place["vessels"], "to lymph": place["lymph"], "to far tissue": place["far_tissue"]}
    if place["surface"] != 0.0:
        shares["out at the surface"] = place["surface"]
    return shares
