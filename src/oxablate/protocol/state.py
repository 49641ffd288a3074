"""The state of one arm: every number a step reads or writes, and nothing else."""

from dataclasses import dataclass, fields

import numpy as np

from ..physics.injury.step import InjuryState

_PARTS = ("agent", "injury", "injection")


@dataclass
class Clock:
    """Where a run stands.

    time: simulated [s]; next_step: what the flow controller wants next [s], 0 to start anew; steps: done; ceiling: the
    longest step it dares [s] after one that found no solution, 0 while none has failed; refused: steps that failed so.
    """

    time: float = 0.0
    next_step: float = 0.0
    steps: int = 0
    ceiling: float = 0.0
    refused: int = 0


@dataclass
class AgentState:
    """What belongs to the agent, float64 on the grid (nx, ny, nz).

    Species are the agent, then a tracer in the same liquid. concentration (species, nx, ny, nz) [mol/m3 of fluid] in
    intact pores; crack_concentration: the same in cracks, (species, 0, 0, 0) where no tissue can crack; track_amount
    (species,) [mol]: what the needle's track holds; pools (pools, nx, ny, nz) [mol/m3 of reference tissue, agent
    equivalents]; exposure: integral of the mixed concentration [mol s/m3]; swept: share of a voxel that a diffusive
    front has passed [1]; shielded: agent held behind that front [mol/m3 of reference tissue]; front_dose: exposure
    behind it [mol s/m3].
    """

    concentration: np.ndarray
    crack_concentration: np.ndarray
    track_amount: np.ndarray
    pools: np.ndarray
    exposure: np.ndarray
    swept: np.ndarray
    shielded: np.ndarray
    front_dose: np.ndarray


@dataclass
class InjectionState:
    """What flow and needles remember beside the fields.

    track_pressure [Pa], track_volume [m3]: of the nodes of the needles' tracks (n,), (0,) without one; crack_greatest:
    greatest opening that cracks remember [m] (nx, ny, nz), (0, 0, 0) where they forget; drives: of `Delivery`,
    (hubs, 2).
    """

    track_pressure: np.ndarray
    track_volume: np.ndarray
    crack_greatest: np.ndarray
    drives: np.ndarray


@dataclass
class State:
    """Fields on the grid (nx, ny, nz), float64, and the clock.

    pressure [Pa]; volume_ratio: J [1]; vessel_fraction [1]; fluid_volume (pots, nx, ny, nz) [m3]: fluid per voxel and
    pot, [0] intact pores, [1] cracks where tissue can crack; injury: killed share of the cells and the doses behind it;
    injection: what tracks, cracks and drives remember.
    """

    clock: Clock
    agent: AgentState
    pressure: np.ndarray
    volume_ratio: np.ndarray
    vessel_fraction: np.ndarray
    fluid_volume: np.ndarray
    injury: InjuryState
    injection: InjectionState

    @property
    def track_volume(self) -> np.ndarray:
        """Fluid in the gaps along the needles by node (n,) [m3]."""
        return self.injection.track_volume

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields by name, those of the agent prefixed."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("clock", *_PARTS)}
        for part in _PARTS:
            held = getattr(self, part)
            own |= {f"{part}.{f.name}": getattr(held, f.name) for f in fields(held)}
        return own

    @classmethod
    def from_arrays(cls, clock: Clock, arrays: dict[str, np.ndarray]) -> "State":
        """The inverse of `arrays`. Raises KeyError or TypeError where a field is missing or unknown."""
        parts: dict[str, dict] = {part: {} for part in _PARTS}
        own = {}
        for name, array in arrays.items():
            part, _, field = name.rpartition(".")
            (parts[part] if part else own)[field] = array
        kinds = (AgentState, InjuryState, InjectionState)
        built = {part: kind(**parts[part]) for part, kind in zip(_PARTS, kinds, strict=True)}
        return cls(clock=clock, **built, **own)
