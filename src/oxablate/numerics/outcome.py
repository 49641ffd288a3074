"""How a numerical procedure ended, as a value: failure is an outcome that carries its remedy."""

from dataclasses import dataclass
from enum import Enum


class Ending(Enum):
    """The ways a solve can end. The value is a sentence; the remedy follows the failure."""

    CONVERGED = "converged"
    STALLED = "the residual stopped falling. Remedy: loosen the tolerance, or reduce the contrast of the coefficients"
    TOO_MANY_ITERATIONS = "the iteration limit was reached. Remedy: raise max_iterations or shorten the time step"
    INCOMPATIBLE = (
        "a closed region without outlet receives a net source. Remedy: open a boundary, add an exchange with vessels, "
        "or move the source out of the closed region"
    )
    NOT_FINITE = "a coefficient or source is not finite. Remedy: check the fields for NaN and infinite values"
    NEGATIVE = "a coefficient is negative. Remedy: check conductivities and exchange coefficients for their sign"


@dataclass(frozen=True)
class SolveOutcome:
    """What a linear or nonlinear solve returns beside its solution.

    ending: how it ended; iterations: count; residual: norm at the end, relative to the scale in which the tolerance
    was given; where: voxel (i, j, k) of the largest residual or of the offending value, None when converged.
    """

    ending: Ending
    iterations: int
    residual: float
    where: tuple[int, int, int] | None = None

    @property
    def ok(self) -> bool:
        return self.ending is Ending.CONVERGED

    def __str__(self) -> str:
        at = "" if self.where is None else f" at voxel {self.where}"
        return f"{self.ending.value}{at} ({self.iterations} iterations, residual {self.residual:.2e})"
