"""Constitutive laws of cracks: when tissue opens, how well the opening conducts, what it remembers.

    w   = l_c (p - p_frac)_+ / E'                     opening of a crack
    c   = w / b_c                                     crack volume per reference volume
    K_c = min(w^3 / (12 mu b_c), ceiling)             conductivity of a set of parallel cracks (cubic law)

l_c, b_c are lengths of the material, never of the voxel. Sources: Witherspoon et al. 1980
(doi 10.1029/WR016i006p01016) for the cubic law; Snow 1965 for parallel sets; Sneddon 1946
(doi 10.1098/rspa.1946.0018) for an opening proportional to l_c / E'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from ...quantities.refusal import BadInput

# Columns of the crack table, one row per label.
CUBIC, KINK, STORAGE, COMPLIANCE, LENGTH = range(5)
CRACK_COLUMNS = 5


@dataclass(frozen=True)
class NoCracks:
    """Tissue that bears any pressure without cracking."""

    def row(self) -> np.ndarray:
        """The row of the crack table: nothing opens. Shape (5,)."""
        row = np.zeros(CRACK_COLUMNS)
        row[KINK] = inf
        return row


@dataclass(frozen=True)
class CubicCracks:
    """Tissue that cracks above its fracture pressure; laws at the head of this file.

    length: l_c [m]. spacing: b_c [m]. plane_modulus: E' = E / (1 - nu^2) [Pa]. viscosity: mu [Pa s] of the liquid in
    the crack. ceiling: largest crack conductivity [m2/(Pa s)], infinite where none is wanted; too low a ceiling
    decides the pressure by itself.
    """

    length: float
    spacing: float
    plane_modulus: float
    viscosity: float
    ceiling: float

    def __post_init__(self) -> None:
        finite = (self.length, self.spacing, self.plane_modulus, self.viscosity)
        if not (all(isfinite(value) and value > 0 for value in finite) and self.ceiling > 0):
            raise BadInput(f"every number of a crack law must be > 0, and finite but for the ceiling; got {self}")

    @property
    def cubic(self) -> float:
        """A in K_c = A (p - p_frac)^3 [m2/(Pa4 s)]."""
        return (self.length / self.plane_modulus) ** 3 / (12.0 * self.viscosity * self.spacing)

    @property
    def kink(self) -> float:
        """p - p_frac [Pa] at which the ceiling is reached."""
        return (self.ceiling / self.cubic) ** (1.0 / 3.0)

    def opening(self, excess: float) -> float:
        """w [m] at an excess pressure p - p_frac [Pa]."""
        return self.length * max(excess, 0.0) / self.plane_modulus

    def conductivity(self, excess: float) -> float:
        """K_c [m2/(Pa s)] at an excess pressure p - p_frac [Pa]."""
        return min(self.cubic * max(excess, 0.0) ** 3, self.ceiling)

    def row(self) -> np.ndarray:
        """The row of the crack table. Shape (5,)."""
        row = np.zeros(CRACK_COLUMNS)
        row[CUBIC], row[KINK] = self.cubic, self.kink
        row[COMPLIANCE] = self.length / self.plane_modulus
        row[STORAGE] = row[COMPLIANCE] / self.spacing
        row[LENGTH] = self.length
        return row


@dataclass(frozen=True)
class NoMemory:
    """Cracks that heal at once: the fracture pressure stays what it was."""


@dataclass(frozen=True)
class NonLocalMemory:
    """Opened paths re-open more easily, and so do their surroundings within one crack length.

        p_frac = p_intact (1 - (1 - share) min(W / full, 1)),   W(x) = max of w over |y - x| <= l_c and over the past

    reopening_share: share [1] in (0, 1] of the intact fracture pressure at which torn tissue re-opens. full_opening:
    w [m] > 0 at which tissue is fully torn. The maximum is taken over a ball of the material's l_c: memory of single
    voxels would let the crack follow the grid.
    """

    reopening_share: float
    full_opening: float

    def __post_init__(self) -> None:
        if not (0.0 < self.reopening_share <= 1.0 and self.full_opening > 0.0):
            raise BadInput(f"the re-opening share must lie in (0, 1] and the full opening be > 0, got {self}")


def fracture_field(value: float, factors: Sequence[float], label: np.ndarray, variation: np.ndarray) -> np.ndarray:
    """Intact fracture pressure per voxel [Pa] = value x factor of the label x variation. Shape (nx, ny, nz).

    value: of the tissue [Pa]. factors: one per label [1], below 1 where tissue tears more easily (capsule, septa, the
    needle's track). variation: correlated log-normal field [1] with geometric mean 1, fixed in space.
    """
    factors = np.asarray(factors, float)
    if not (value > 0 and np.all(factors > 0)):
        raise BadInput(f"a fracture pressure and its factors must be > 0, got {value} Pa and {factors.tolist()}")
    return np.ascontiguousarray(value * factors[label] * variation)
