"""The first laws of death. Each is a small final class with its numbers; absence is `NoInjury`."""

import math
from dataclasses import dataclass

from ...quantities.refusal import BadInput


def _need_positive(law: str, **numbers: float) -> None:
    for name, value in numbers.items():
        if not (math.isfinite(value) and value > 0.0):
            raise BadInput(
                f"{name} of {law} is {value:g}, it must be finite and positive: check the table it comes from"
            )


@dataclass(frozen=True)
class NoInjury:
    """Nothing dies of the agent."""


@dataclass(frozen=True)
class ThiolLossLaw:
    """Cells die by the share of a fast pool that they have lost.

        K = x / (1 + x),   x = ((loss / (1 - loss)) / (sigma L / (1 - L)))^m

    pool: name of the pool; lethal_fraction: loss L at which half the cells die, between 0 and 1 [1]; steepness: m [1];
    selectivity: sigma, factor on the lethal odds outside the tumour [1], 1 for none. Refuses numbers out of range.
    """

    pool: str
    lethal_fraction: float
    steepness: float
    selectivity: float

    def __post_init__(self) -> None:
        _need_positive("the thiol loss law", steepness=self.steepness, selectivity=self.selectivity)
        if not 0.0 < self.lethal_fraction < 1.0:
            raise BadInput(f"lethal_fraction is a share between 0 and 1, both excluded, got {self.lethal_fraction:g}")

    @property
    def lethal_odds(self) -> float:
        """L / (1 - L)."""
        return self.lethal_fraction / (1.0 - self.lethal_fraction)


@dataclass(frozen=True)
class ExposureLaw:
    """Cells die by exposure, the integral of c^n dt.

        K = x / (1 + x),   x = (dose / (sigma lethal dose))^m

    lethal_dose: dose at which half the cells die [(mol/m3)^n s]; toxic_power: n [1]; steepness: m [1]; selectivity:
    sigma, factor on the lethal dose outside the tumour [1], 1 for none. Refuses numbers that are not positive.
    """

    lethal_dose: float
    toxic_power: float
    steepness: float
    selectivity: float

    def __post_init__(self) -> None:
        _need_positive(
            "the exposure law",
            lethal_dose=self.lethal_dose,
            toxic_power=self.toxic_power,
            steepness=self.steepness,
            selectivity=self.selectivity,
        )
