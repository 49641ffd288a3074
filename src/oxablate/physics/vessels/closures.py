"""Laws of vessel collapse."""

from dataclasses import dataclass
from math import inf, log, sqrt

import numpy as np

from ...quantities.refusal import BadInput
from .equations import COLLAPSE_MEDIAN, COLLAPSE_SPREAD, COLUMNS, LAG, VASCULAR_PRESSURE


@dataclass(frozen=True)
class CollapsingVessels:
    """Vessels whose collapse pressures are log-normally distributed.

    vascular_pressure: p_v [Pa]. collapse_pressure: median excess p - p_v at which half have closed [Pa] > 0.
    collapse_width: standard deviation of that excess [Pa] > 0. lag: tau [s] > 0.
    """

    vascular_pressure: float
    collapse_pressure: float
    collapse_width: float
    lag: float

    def __post_init__(self) -> None:
        if not (self.collapse_pressure > 0 and self.collapse_width > 0 and self.lag > 0):
            raise BadInput(f"collapse pressure, width and lag must be > 0, got {self}")

    def row(self) -> np.ndarray:
        """The row of the kernels' table. Shape (4,)."""
        row = np.zeros(COLUMNS)
        row[VASCULAR_PRESSURE], row[COLLAPSE_MEDIAN] = self.vascular_pressure, self.collapse_pressure
        # of a log-normal law with this median and standard deviation
        relative = self.collapse_width / self.collapse_pressure
        row[COLLAPSE_SPREAD] = sqrt(log((1 + sqrt(1 + 4 * relative**2)) / 2))
        row[LAG] = self.lag
        return row


@dataclass(frozen=True)
class RigidVessels:
    """Vessels that never close."""

    def row(self) -> np.ndarray:
        """The row of the kernels' table: an infinite collapse pressure. Shape (4,)."""
        row = np.zeros(COLUMNS)
        row[COLLAPSE_MEDIAN], row[COLLAPSE_SPREAD], row[LAG] = inf, 1.0, inf
        return row


def vessel_table(beds) -> np.ndarray:
    """The kernels' table, one row per tissue. Shape (n, 4)."""
    return np.array([bed.row() for bed in beds])
