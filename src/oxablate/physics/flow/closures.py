"""Constitutive laws of the pore space: how it opens under pressure, how its conductivity follows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from scipy.optimize import brentq

from ...quantities.refusal import BadInput
from .crack_closures import CubicCracks, NoCracks, NoMemory, NonLocalMemory
from .equations import (
    COLUMNS,
    LYMPH_FILTRATION,
    LYMPH_PRESSURE,
    MODULUS,
    OPENING,
    POROSITY,
    STIFFENING,
    STRAIN_BOUND,
    STRAIN_EXPONENT,
    STRAIN_OPEN,
    VESSEL_FILTRATION,
    VESSEL_PRESSURE,
)


@dataclass(frozen=True)
class RigidPores:
    """A pore space that never opens: J = 1 whatever the pressure."""

    def strain(self, overpressure: float) -> float:
        """J - 1 at an overpressure p - p_rest [Pa]."""
        return 0.0


@dataclass(frozen=True)
class ConvexStiffening:
    """A pore space that opens and stiffens: p - p_rest = (H/b)(exp(b (J - 1)) - 1) for J > 1, H (J - 1) below.

    aggregate_modulus: H [Pa] > 0. exponent: b [1] >= 0; b = 0 is linear theory.
    A softening law (for example H ln J) is not offered: with it one voxel swallows any injection.
    """

    aggregate_modulus: float
    exponent: float

    def __post_init__(self) -> None:
        if not (self.aggregate_modulus > 0 and self.exponent >= 0):
            raise BadInput(f"the modulus must be > 0 and the stiffening exponent >= 0, got {self}")

    def strain(self, overpressure: float) -> float:
        """J - 1 at an overpressure p - p_rest [Pa]."""
        u = overpressure / self.aggregate_modulus
        return u if u <= 0 or self.exponent == 0 else float(np.log1p(self.exponent * u)) / self.exponent


@dataclass(frozen=True)
class FixedConductivity:
    """A hydraulic conductivity that does not notice the opening of the pores."""


@dataclass(frozen=True)
class ExponentialConductivity:
    """K = K0 exp(M (J - J_open)) above the opening pressure, never more than Kozeny-Carman allows.

    exponent: M [1] >= 0 (Lai and Mow 1980). opening_pressure: overpressure [Pa] >= 0 at which the rise starts.
    The bound is (K/K0)_max = (1 + (J - 1)/phi0)^3 / J, Kozeny-Carman for solids of constant volume.
    """

    exponent: float
    opening_pressure: float

    def __post_init__(self) -> None:
        if not (self.exponent >= 0 and self.opening_pressure >= 0):
            raise BadInput(f"the exponent and the opening pressure must be >= 0, got {self}")


@dataclass(frozen=True)
class FluidExchange:
    """Starling exchange with vessels and drainage by lymphatics.

    vessel_filtration: L_p S/V [1/(Pa s)]. effective_pressure: p_v - sigma (pi_v - pi_i) [Pa].
    lymph_filtration: [1/(Pa s)]. lymph_pressure: [Pa].
    """

    vessel_filtration: float
    effective_pressure: float
    lymph_filtration: float
    lymph_pressure: float

    def __post_init__(self) -> None:
        if self.vessel_filtration < 0 or self.lymph_filtration < 0:
            raise BadInput(f"filtration coefficients must be >= 0, got {self}")


@dataclass(frozen=True)
class SealedTissue:
    """Tissue that exchanges no fluid with vessels or lymphatics."""


@dataclass(frozen=True)
class TissueFlow:
    """What the flow needs to know of one tissue. porosity: phi0, fluid volume fraction at rest, in (0, 1).

    Tissue with `CubicCracks` needs a fracture pressure per voxel: see `CrackedTissues`.
    """

    porosity: float
    pores: RigidPores | ConvexStiffening
    conductivity: FixedConductivity | ExponentialConductivity
    exchange: FluidExchange | SealedTissue
    cracks: NoCracks | CubicCracks = field(default_factory=NoCracks)

    def __post_init__(self) -> None:
        if not 0 < self.porosity < 1:
            raise BadInput(f"a porosity must lie between 0 and 1, got {self.porosity}")
        if isinstance(self.cracks, CubicCracks) and isinstance(self.pores, RigidPores):
            raise BadInput("cracks came with rigid pores; tissue that cracks needs pores that open (ConvexStiffening)")

    def row(self) -> np.ndarray:
        """The row of the kernels' table. Shape (11,)."""
        row = np.zeros(COLUMNS)
        row[POROSITY] = self.porosity
        row[MODULUS], row[STIFFENING] = inf, 0.0
        if isinstance(self.pores, ConvexStiffening):
            row[MODULUS], row[STIFFENING] = self.pores.aggregate_modulus, self.pores.exponent
        row[OPENING] = row[STRAIN_OPEN] = row[STRAIN_BOUND] = inf
        if isinstance(self.conductivity, ExponentialConductivity) and isinstance(self.pores, ConvexStiffening):
            row[STRAIN_EXPONENT] = self.conductivity.exponent
            row[OPENING] = self.conductivity.opening_pressure
            row[STRAIN_OPEN] = self.pores.strain(self.conductivity.opening_pressure)
            row[STRAIN_BOUND] = _kozeny_carman_strain(self.conductivity.exponent, row[STRAIN_OPEN], self.porosity)
        if isinstance(self.exchange, FluidExchange):
            row[VESSEL_FILTRATION] = self.exchange.vessel_filtration
            row[VESSEL_PRESSURE] = self.exchange.effective_pressure
            row[LYMPH_FILTRATION] = self.exchange.lymph_filtration
            row[LYMPH_PRESSURE] = self.exchange.lymph_pressure
        return row


def tissue_table(tissues: Sequence[TissueFlow]) -> np.ndarray:
    """The kernels' table, one row per tissue in the order given. Shape (n, 11)."""
    return np.array([tissue.row() for tissue in tissues])


@dataclass(frozen=True)
class CrackedTissues:
    """Tissues, some of which can crack, with the pressure at which they do.

    tissues: one per label. fracture_pressure: intact p_frac per voxel [Pa], (nx, ny, nz): the tissue's value times a
    correlated field fixed in space (`crack_closures.fracture_field`). memory: what opened paths leave behind.
    """

    tissues: tuple[TissueFlow, ...]
    fracture_pressure: np.ndarray
    memory: NoMemory | NonLocalMemory

    def __post_init__(self) -> None:
        if not np.all(self.fracture_pressure > 0):
            raise BadInput(
                "the fracture pressure must be > 0 everywhere; give tissue that cannot crack the law NoCracks()"
            )

    def table(self) -> np.ndarray:
        """The crack kernels' table, one row per tissue. Shape (n, 5)."""
        return np.array([tissue.cracks.row() for tissue in self.tissues])


def can_crack(tissues: Sequence[TissueFlow]) -> bool:
    """Whether any of the tissues can crack."""
    return any(isinstance(tissue.cracks, CubicCracks) for tissue in tissues)


def _kozeny_carman_strain(exponent: float, opened: float, porosity: float) -> float:
    """J - 1 at which the exponential law meets the Kozeny-Carman bound; infinite when it never does.

    The exponential starts below the bound (1 < bound(J_open)) and grows faster than any power in the end, so for
    M > 0 exactly one crossing lies beyond the last point where the difference of logarithms is positive.
    """
    if exponent == 0.0:
        return inf

    def excess(x: float) -> float:
        return exponent * (x - opened) - 3 * np.log1p(x / porosity) + np.log1p(x)

    steps = opened + np.geomspace(1e-4, 1e4, 400)
    above = next((i for i, x in enumerate(steps) if excess(x) > 0), None)
    if above is None:
        return inf
    return opened if above == 0 else float(brentq(excess, steps[above - 1], steps[above], xtol=1e-14))
