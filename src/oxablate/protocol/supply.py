"""How the liquid of one arm enters the tissue: one end hole with a pump, or needles with drives and gaps."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..physics.flow.step import FlowModel
from ..physics.flow.well import EndHole
from ..physics.track.step import TrackNetwork
from .setting import Setting

#: Of each hub over a step: rate [m3/s], and slope [m3/(Pa s)] with which it gives way to the pressure there.
Drives = tuple[tuple[float, float], ...]


class Supply(Protocol):
    """What an arm asks of what brings the liquid.

    needle: the end hole that the flow has, None with a track; track: the needles' tracks, None without. first_cells:
    voxels at the openings, which the first step fills in part. tip_voxel: of the first needle. `state` (hubs, 2): of
    `Delivery`, what drives remember.
    """

    needle: EndHole | None
    track: TrackNetwork | None

    @property
    def first_cells(self) -> int:
        """Voxels at the openings."""
        ...

    @property
    def tip_voxel(self) -> tuple[int, int, int]:
        """The voxel in which the tip of the first needle acts."""
        ...

    def begin(self, flow: FlowModel) -> np.ndarray:
        """The drives before anything is given (hubs, 2)."""
        ...

    def place(self, flow: FlowModel, time: float) -> None:
        """Put the needles where they stand at a time [s]."""
        ...

    def drives(self, state: np.ndarray, begin: float, until: float) -> Drives:
        """Rate and slope of each hub over a step from `begin` to `until` [s]."""
        ...

    def to_flow(self, drives: Drives) -> Drives | float:
        """The drives as `FlowModel.try_step` takes them."""
        ...

    def misplaced(self, flow: FlowModel) -> float:
        """Volume [m3] that drives misplace in the trial step."""
        ...

    def advanced(self, flow: FlowModel, state: np.ndarray, begin: float, until: float) -> np.ndarray:
        """The drives after an accepted step (hubs, 2)."""
        ...

    def delivered(self, state: np.ndarray, time: float) -> float:
        """Volume [m3] pushed up to a time [s]."""
        ...


@dataclass(frozen=True)
class EndHoleSupply:
    """One end hole whose pump gives a rate whatever pushes back."""

    setting: Setting
    needle: EndHole
    track: None = None

    @property
    def first_cells(self) -> int:
        """Voxels at the needle, which the first step fills in part."""
        return len(self.needle.entry[0])

    @property
    def tip_voxel(self) -> tuple[int, int, int]:
        """The voxel that gets most of the fluid."""
        cells, shares = self.needle.entry
        return tuple(int(n) for n in cells[int(np.argmax(shares))])

    def begin(self, flow: FlowModel) -> np.ndarray:
        """The drives before anything is given, (1, 2)."""
        return np.zeros((1, 2))

    def place(self, flow: FlowModel, time: float) -> None:
        """Nothing moves."""

    def drives(self, state: np.ndarray, begin: float, until: float) -> Drives:
        """The mean rate of the pump over a step; nothing makes it give way."""
        return ((self.setting.pump.mean_flow(begin, until), 0.0),)

    def to_flow(self, drives: Drives) -> float:
        """A flow with an end hole takes its rate [m3/s]."""
        return drives[0][0]

    def misplaced(self, flow: FlowModel) -> float:
        """A pump misplaces nothing."""
        return 0.0

    def advanced(self, flow: FlowModel, state: np.ndarray, begin: float, until: float) -> np.ndarray:
        """The drives after a step: a pump has no memory."""
        return state

    def delivered(self, state: np.ndarray, time: float) -> float:
        """Volume [m3] given up to a time [s]."""
        return self.setting.pump.delivered(time)


class TrackSupply:
    """Needles with drives, and the gaps along their shafts, solved with the flow.

    setting: of the case. conductivity: (nx, ny, nz) at rest [m2/(Pa s)]. active: bool (nx, ny, nz). rest: pressure of
    the tissue before the injection [Pa] (nx, ny, nz). `track` is where the needles stand at the beginning.
    """

    def __init__(self, setting: Setting, conductivity: np.ndarray, active: np.ndarray, rest: np.ndarray):
        self.setting, self.delivery, self.needle = setting, setting.delivery, None
        subject, grid = setting.subject, setting.subject.grid
        groups, viscosity = self.delivery.shaft_groups(subject, setting.parameters, grid, active, rest)
        self.track = TrackNetwork.in_voxels(groups, viscosity, grid, conductivity, active)
        self._groups = groups
        self._back = (0.0,) * len(self.delivery.needles)
        index = np.rint(grid.world_to_index(setting.tip)).astype(int)
        self.tip_voxel = tuple(int(n) for n in np.clip(index, 0, np.asarray(grid.shape) - 1))

    @property
    def first_cells(self) -> int:
        """Voxels at the openings, which the first step fills in part."""
        return len(self.delivery.openings)

    def begin(self, flow: FlowModel) -> np.ndarray:
        """The drives before anything is given, barrels at the tissue's pressure at rest, (hubs, 2)."""
        return self.delivery.begin(float(flow.rest[self.tip_voxel]))

    def place(self, flow: FlowModel, time: float) -> None:
        """Draw the needles back to where they stand at a time [s]; the fluid in the gaps stays."""
        back = self.delivery.withdrawn(time)
        if back == self._back:
            return
        held = flow.along.track
        moved, number = self.track, 0
        for group, shafts in enumerate(self._groups):
            for shaft in range(len(shafts)):
                if back[number] > 0.0:
                    moved = moved.drawn_back(group, shaft, back[number])
                number += 1
        moved.pressure, moved.volume = held.pressure, held.volume
        flow.swap_track(moved)
        self._back = back

    def drives(self, state: np.ndarray, begin: float, until: float) -> Drives:
        """(rate [m3/s], slope [m3/(Pa s)]) of each hub over a step."""
        return self.delivery.drives(state, begin, until)

    def to_flow(self, drives: Drives) -> Drives:
        """A flow with a track takes the drives of its hubs."""
        return drives

    def misplaced(self, flow: FlowModel) -> float:
        """What stretches a hand's syringe by the pressure at the end of the step and not by its mean [m3]."""
        swing = np.abs(flow.along.hub_swing())
        return float(swing @ self.delivery.compliances)

    def advanced(self, flow: FlowModel, state: np.ndarray, begin: float, until: float) -> np.ndarray:
        """The drives after an accepted step: a new array."""
        return self.delivery.advanced(state, flow.along.hub_means, begin, until)

    def delivered(self, state: np.ndarray, time: float) -> float:
        """Volume [m3] pushed up to a time [s]."""
        return self.delivery.delivered(time, state)


def supply_of(setting: Setting, conductivity: np.ndarray, active: np.ndarray, rest: np.ndarray | None) -> Supply:
    """What a case asks for: the plain end hole where that is all, needles with their tracks otherwise.

    Arguments as of `TrackSupply`; rest: None where the plain end hole is all.
    """
    if rest is not None:
        return TrackSupply(setting, conductivity, active, rest)
    grid, radius = setting.subject.grid, setting.case.needle.cavity_radius
    return EndHoleSupply(setting, EndHole(grid, setting.tip, radius, active))
