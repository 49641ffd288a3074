"""What is assumed of the pools, and when a reaction counts as sharp."""

import math
from dataclasses import dataclass

import numpy as np

from ...quantities.refusal import BadInput


@dataclass(frozen=True)
class Kinetics:
    """Second-order rates of one agent against the pools of the tissue, and its own first-order loss.

        rate of pool i = k_i c R_i,      rate of loss = lambda c

    names: one per pool, as in the ledger; rates: k_i [m3 mol-1 s-1], at the temperature and pH of the tissue;
    loss_rate: lambda [1/s]. Pools count in agent equivalents, so that no stoichiometric number appears. Refuses
    negative or non-finite rates, repeated names, and as many names as there are not rates.
    """

    names: tuple[str, ...]
    rates: tuple[float, ...]
    loss_rate: float

    def __post_init__(self) -> None:
        if len(self.names) != len(self.rates) or len(set(self.names)) != len(self.names):
            raise BadInput(
                f"kinetics got {len(self.rates)} rates for the pools {', '.join(self.names) or '(none)'}: give each "
                "pool one name of its own and one rate"
            )
        for name, rate in [*zip(self.names, self.rates, strict=True), ("loss", self.loss_rate)]:
            if not (math.isfinite(rate) and rate >= 0.0):
                raise BadInput(
                    f"the rate of {name} is {rate:g}, it must be finite and not negative: check the agent's table"
                )

    @property
    def rate_array(self) -> np.ndarray:
        """k_i as an array (n,)."""
        return np.array(self.rates, dtype=np.float64)


@dataclass(frozen=True)
class SharpFront:
    """When diffusion into fresh demand is followed as a sub-voxel front: a number of the method, none of physics.

        reaction zone l = sqrt(theta D / (k_i s_i)) <= zone * h

    zone: widest reaction zone, in voxels (smallest spacing h), that still counts as a front [1]; k_i and s_i: rate
    [m3 mol-1 s-1] and demand [mol/m3] of a pool where no front has passed; theta D: fluid fraction times pore
    diffusivity [m2/s]. Wider zones are left to ordinary diffusion and reaction, which resolve them. The preset is where
    both branches were measured to agree (docs/decisions/0003-subvoxel-front.md).
    """

    zone: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.zone) and self.zone > 0.0):
            raise BadInput(f"the widest reaction zone of a front is a positive number of voxels, got {self.zone:g}")
