"""The virtual contrast study: what an experimenter who put a tracer into the liquid would see of it.

    s = (c_m W_m + c_c W_c) / (V c_injected)         what a scanner shows of a voxel, over the injected concentration

c_m, c_c: concentration [mol/m3] in the fluid of the matrix and of cracks; W_m, W_c: their fluid [m3]; V: voxel [m3],
as it was before the injection. The distribution volume V_d is that of the voxels with s at or above a level; 1 % is
that of Bobo et al. 1994 (doi 10.1073/pnas.91.6.2076), who reported V_d over the infused volume V_i. Intact pores hold
a few tenths of a voxel, so the upper levels are met only where tissue has swollen or torn.
"""

from math import fsum

import numpy as np

from .whereabouts import ArmModel, agent_whereabouts, amount, given

#: Shares of the injected concentration at which a contour is drawn and a volume counted; the first means "seen".
LEVELS = (0.01, 0.10, 0.50)


def contrast(model: ArmModel, species: int, injected: float) -> np.ndarray:
    """s [1] of one species per voxel (nx, ny, nz). injected: its concentration at the needle [mol/m3], above zero."""
    return amount(model, species) / (model.grid.voxel_volume * injected)


def reached_columns(model: ArmModel, name: str, species: int, injected: float) -> dict[str, float]:
    """Columns of the series about a tracer: volumes within its levels [mL], and where what was given is [1].

    name: of its account in the ledger. `tracer_seen_tumour` and `tracer_seen_outside`: share of the amount given that
    lies in voxels at or above the lowest level; `tracer_in_track`: in needle tracks; `tracer_lost`: no longer in the
    body on the grid; `tracer_unseen`: the rest, too thin to be seen.
    """
    seen, tumour = contrast(model, species, injected), model.tumour()
    found = {
        f"tracer_reached_{100 * level:g}_mL": 1e6 * model.grid.voxel_volume * float(np.count_nonzero(seen >= level))
        for level in LEVELS
    }
    brought = given(model, name)
    bright = np.where(seen >= LEVELS[0], amount(model, species), 0.0)
    place = agent_whereabouts(model, name, species)
    inside, outside, track = float(bright[tumour].sum()), float(bright[~tumour].sum()), place["track"]
    lost = fsum(place[k] for k in ("vessels", "far_tissue", "surface", "consumed", "decayed"))
    shares = {"seen_tumour": inside, "seen_outside": outside, "in_track": track, "lost": lost}
    shares["unseen"] = brought - fsum(shares.values())
    return found | {f"tracer_{k}": v / brought if brought > 0 else 0.0 for k, v in shares.items()}


def _tracer(model: ArmModel) -> tuple[str, int, float] | None:
    """Account, number among the species, and injected concentration of the tracer of an arm; None without one."""
    if model.arm.tracer is None:
        return None
    species = model.carriage.species
    return species[-1].name, len(species) - 1, species[-1].needle


def tracer_fields(model: ArmModel) -> dict[str, np.ndarray]:
    """The field `tracer` of the record, s [1]; none for an arm without a tracer."""
    found = _tracer(model)
    return {} if found is None else {"tracer": contrast(model, *found[1:])}


def tracer_columns(model: ArmModel) -> dict[str, float]:
    """The columns `reached_columns` of an arm's tracer; none for an arm without one."""
    found = _tracer(model)
    return {} if found is None else reached_columns(model, *found)
