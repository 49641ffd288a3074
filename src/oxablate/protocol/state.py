"""The state of one arm: every number a step reads or writes, and nothing else."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass
class Clock:
    """time: simulated [s]; next_step: what the flow controller wants next [s], 0 to start anew; steps: done."""

    time: float = 0.0
    next_step: float = 0.0
    steps: int = 0


@dataclass
class AgentState:
    """What belongs to the agent, float64 on the grid (nx, ny, nz).

    concentration (species, nx, ny, nz) [mol/m3 of fluid]; pools (pools, nx, ny, nz) [mol/m3 of reference tissue, agent
    equivalents]; exposure: integral of the mixed concentration [mol s/m3]; swept: share of a voxel that a diffusive
    front has passed [1]; shielded: agent held behind that front [mol/m3 of reference tissue]; front_dose: exposure
    behind it [mol s/m3].
    """

    concentration: np.ndarray
    pools: np.ndarray
    exposure: np.ndarray
    swept: np.ndarray
    shielded: np.ndarray
    front_dose: np.ndarray


@dataclass
class State:
    """Fields on the grid (nx, ny, nz), float64, and the clock.

    pressure [Pa]; volume_ratio: J [1]; vessel_fraction [1]; fluid_volume (pots, nx, ny, nz) [m3]: fluid per voxel and
    pot, one pot until cracks bring a second; killed: share of the cells that are dead [1].
    """

    clock: Clock
    agent: AgentState
    pressure: np.ndarray
    volume_ratio: np.ndarray
    vessel_fraction: np.ndarray
    fluid_volume: np.ndarray
    killed: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields by name, those of the agent prefixed."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("clock", "agent")}
        return own | {f"agent.{f.name}": getattr(self.agent, f.name) for f in fields(self.agent)}

    @classmethod
    def from_arrays(cls, clock: Clock, arrays: dict[str, np.ndarray]) -> "State":
        """The inverse of `arrays`. Raises KeyError or TypeError where a field is missing or unknown."""
        agent = {name.removeprefix("agent."): a for name, a in arrays.items() if name.startswith("agent.")}
        own = {name: a for name, a in arrays.items() if not name.startswith("agent.")}
        return cls(clock=clock, agent=AgentState(**agent), **own)
