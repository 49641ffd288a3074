"""What ending the grid around the tumour costs this case, said before the run."""

from dataclasses import dataclass

import numpy as np

from ..anatomy.tissue import Tissue
from ..physics.flow.cut_off import (
    leaving_share,
    pressure_at_source_held,
    pressure_at_source_sealed,
    screening_length,
    speed_at_edge,
)
from ..quantities import dimension as dim
from ..quantities.unit import show
from ..space.grid import MM
from .case import Model
from .setting import Setting, effective_vascular_pressure


@dataclass(frozen=True)
class CutOff:
    """Errors of a finite grid for steady flow in homogeneous host tissue; see `physics.flow.cut_off`.

    distance: from the tip to the nearest face of the grid that lies in tissue [m], infinite where all faces lie in air.
    screening: length over which the host's vessels take pressure up [m]. pressure: at the tip [Pa], and as a share of
    its rise in rigid tissue. edge: radius of the injected liquid [m]. speed: relative change there. leaving: share of
    the fluid that leaves through the faces, at most. model: of the case.
    """

    distance: float
    screening: float
    pressure: float
    pressure_share: float
    edge: float
    speed: float
    leaving: float
    model: Model

    @property
    def sealed(self) -> bool:
        """Whether the faces of the grid are."""
        return self.model.beyond == "sealed"

    def __str__(self) -> str:
        if np.isinf(self.distance):
            return "the grid ends in air on every side; nothing is cut off"
        if self.model.cracks != "cubic":
            return self._intact()
        return f"{self._intact()}. That holds where nothing cracks; cracks may carry the liquid farther"

    def _intact(self) -> str:
        how = "sealed faces" if self.sealed else "faces held at the pressure of undisturbed tissue"
        said = f"the grid ends {show(self.distance, dim.LENGTH)} from the tip with {how}; "
        if np.isinf(self.screening):
            said += "nothing in this host takes pressure up. "
        else:
            said += f"this host takes pressure up over {show(self.screening, dim.LENGTH)}. "
        if np.isinf(self.pressure):
            return said + "In a sealed box without uptake the pressure rises for as long as the pump runs"
        said += (
            "In steady flow this alters the pressure at the tip by at most "
            f"{_at_most(self.pressure_share)} of its rise, and the speed at the liquid's edge, "
            f"{show(self.edge, dim.LENGTH)} from the tip, by {_percent(self.speed)}"
        )
        return said if self.sealed else said + f"; at most {_at_most(self.leaving)} of the fluid leaves through them"


def _at_most(share: float) -> str:
    """A bound in percent, rounded up to a tenth."""
    return f"{np.ceil(1e3 * min(share, 1.0)) / 10:g} %"


def _percent(share: float) -> str:
    return "less than 0.1 %" if share < 1e-3 else f"{100 * share:.2g} %" if share < 0.995 else "100 %"


def cut_off(setting: Setting) -> CutOff:
    """The errors that the size of the grid brings to a case."""
    host, inside = (setting.parameters[name] for name in ("host", tissue_at_tip(setting)))
    conductivity, rate = host["hydraulic_conductivity"].si, setting.pump.flow_rate
    length = screening_length(conductivity, _uptake(host, setting.far_pressure))
    distance, model = _to_faces(setting), setting.case.model
    radius = setting.case.needle.cavity_radius
    rise = rate / (4 * np.pi * inside["hydraulic_conductivity"].si * radius)
    edge = float(np.cbrt(3 * setting.pump.volume / (4 * np.pi * inside["porosity"].si) + radius**3))
    if np.isinf(distance):
        return CutOff(distance, length, 0.0, 0.0, edge, 0.0, 0.0, model)
    sealed = model.beyond == "sealed"
    pressure = (pressure_at_source_sealed if sealed else pressure_at_source_held)(rate, conductivity, length, distance)
    return CutOff(
        distance, length, pressure, pressure / rise, edge, speed_at_edge(length, distance, edge),
        0.0 if sealed else leaving_share(length, distance), model,
    )  # fmt: skip


def tissue_at_tip(setting: Setting) -> str:
    """Name of the tissue that the first needle's tip lies in; the host where its voxel is air."""
    tissue = setting.subject.tissue_at(tuple(x / MM for x in setting.tip))
    return Tissue.HOST.word if tissue is Tissue.AIR else tissue.word


def _uptake(host, far_pressure: float) -> float:
    """Uptake per volume and excess pressure around the state at rest [1/(Pa s)]: vessels, and lymphatics that drain."""
    vessels, lymph = host["vessel_filtration"].si, host["lymph_filtration"].si
    drains = max(far_pressure, effective_vascular_pressure(host)) >= host["lymph_pressure"].si
    return vessels + (lymph if drains else 0.0)


def _to_faces(setting: Setting) -> float:
    """Distance [m] from the tip to the nearest face of the grid whose outermost voxels hold tissue."""
    grid, body = setting.subject.grid, setting.subject.body_mask
    at, found = grid.world_to_index(setting.tip), np.inf
    for axis in range(3):
        for side, index in ((0, 0), (1, -1)):
            if not body.take(index, axis=axis).any():
                continue
            steps = grid.shape[axis] - 0.5 - at[axis] if side else at[axis] + 0.5
            found = min(found, float(steps) * grid.spacing[axis])
    return found
