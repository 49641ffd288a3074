"""What a track is made of: how the tissue closes round the shaft, where the gap ends, what the wall takes."""

from dataclasses import dataclass, fields
from functools import cached_property
from math import isfinite

import numpy as np

from ...quantities.refusal import BadInput
from . import kernels
from .equations import annulus_factor, annulus_integral


@dataclass(frozen=True)
class TightTrack:
    """A shaft along which nothing flows: the tissue holds on to it whatever the pressure."""


@dataclass(frozen=True)
class OpenExit:
    """The gap ends at the surface of the skin or organ, at a pressure [Pa] (gauge zero in air)."""

    pressure: float


@dataclass(frozen=True)
class SealedEnd:
    """The gap ends blind, for example under a suture or where nobody knows the entry."""


@dataclass(frozen=True)
class OpenTip:
    """An end hole: fluid enters a spherical cavity of radius [m] at the tip, and from there tissue and gap."""

    cavity_radius: float

    def __post_init__(self) -> None:
        if not (isfinite(self.cavity_radius) and self.cavity_radius > 0):
            raise BadInput(f"the cavity radius {self.cavity_radius!r} m is not above zero; give one such as '0.35 mm'")


@dataclass(frozen=True)
class ClosedTip:
    """A solid tip: fluid comes from side holes only."""


@dataclass(frozen=True)
class GapWall:
    """The wall of the gap at n places: laws x(p), conductance and volume of `equations`.

    radius: r_n [m] > 0. contact_stress: sigma_n [Pa]. shear_modulus: G [Pa] > 0, infinite for a wall that does not
    give. standing: x_0 [1] >= 0, the gap that stands open without pressure over r_n. All (n,). viscosity: mu [Pa s].
    """

    radius: np.ndarray
    contact_stress: np.ndarray
    shear_modulus: np.ndarray
    standing: np.ndarray
    viscosity: float

    def __post_init__(self) -> None:
        sound = (
            np.all(np.isfinite(self.radius) & (self.radius > 0))
            and np.all(np.isfinite(self.contact_stress))
            and np.all(self.shear_modulus > 0)
            and np.all(np.isfinite(self.standing) & (self.standing >= 0))
            and isfinite(self.viscosity)
            and self.viscosity > 0
        )
        if not sound:
            raise BadInput(
                "a track needs radius, shear modulus and viscosity above zero, a finite contact stress, and a standing "
                "gap of zero or more; mend the tissue or needle numbers"
            )

    @classmethod
    def uniform(cls, count: int, radius, contact_stress, shear_modulus, standing, viscosity: float) -> "GapWall":
        """The same wall at `count` places; numbers as in the class, or arrays (count,)."""
        arrays = (
            np.broadcast_to(np.asarray(a, float), (count,)).copy()
            for a in (radius, contact_stress, shear_modulus, standing)
        )
        return cls(*arrays, viscosity)

    def at(self, places) -> "GapWall":
        """The walls at the places of an index array."""
        return GapWall(*(getattr(self, f.name)[places] for f in fields(self)[:4]), self.viscosity)

    def between(self, first, second) -> "GapWall":
        """One wall per face between the places `first` and `second`: means; of G the one that adds compliances."""
        compliance = 0.5 * (1.0 / self.shear_modulus[first] + 1.0 / self.shear_modulus[second])
        modulus = np.divide(1.0, compliance, out=np.full(len(compliance), np.inf), where=compliance > 0)
        mean = (0.5 * (a[first] + a[second]) for a in (self.radius, self.contact_stress, self.standing))
        radius, stress, standing = mean
        return GapWall(radius, stress, modulus, standing, self.viscosity)

    @cached_property
    def scale(self) -> np.ndarray:
        """C = pi r_n^4 / (8 mu) [m4/(Pa s)]."""
        return np.pi * self.radius**4 / (8.0 * self.viscosity)

    @cached_property
    def table(self) -> np.ndarray:
        """The kernels' table, one row per place. Shape (n, 7)."""
        closed, below = annulus_factor(self.standing), annulus_integral(self.standing)
        own = (self.radius, self.contact_stress, self.shear_modulus, self.standing, self.scale, closed, below)
        return np.ascontiguousarray(np.stack(own, axis=-1))

    def width(self, pressure) -> np.ndarray:
        """x [1], width of the gap over r_n."""
        return self.standing + np.maximum(pressure - self.contact_stress, 0.0) / (2.0 * self.shear_modulus)

    def width_slope(self, pressure) -> np.ndarray:
        """dx/dp [1/Pa]; at the contact stress itself that of the side that opens."""
        return np.where(pressure >= self.contact_stress, 0.5 / self.shear_modulus, 0.0)

    def conductance(self, pressure) -> np.ndarray:
        """C f(x) [m4/(Pa s)]: flow per pressure gradient; also the slope of the potential."""
        out = np.empty(len(self.radius))
        kernels.conductances(pressure, self.table, out)
        return out

    def potential(self, pressure) -> np.ndarray:
        """Kirchhoff potential Phi [m4/s]: integral of C f dp from the contact stress on; its slope is `conductance`."""
        out = np.empty(len(self.radius))
        kernels.potentials(pressure, self.table, out)
        return out

    def area(self, pressure) -> np.ndarray:
        """Cross-section of the gap [m2]."""
        x = self.width(pressure)
        return np.pi * self.radius**2 * x * (2.0 + x)

    def area_slope(self, pressure) -> np.ndarray:
        """d(area)/dp [m2/Pa]."""
        return 2.0 * np.pi * self.radius**2 * (1.0 + self.width(pressure)) * self.width_slope(pressure)


@dataclass(frozen=True)
class Contacts:
    """How the nodes of a track touch the tissue: what they leak, and into which voxels.

        q_leak = lambda D span / ln_x,   ln_x = 1/2 ln(1 + (E^2 - 1) / (1 + x)^2)

    D [Pa] is p - p_wall, p_wall = sum_c w_c p_c, in tissue at rest; `tissue.py` has the laws. conductance: lambda (n,)
    [m3/(Pa s)] of the closed wall, 0 for a node that touches no tissue. span: ln E (n,), E = r_e / r_n, infinite where
    a widening gap brings the wall no nearer (the tip's cavity). ln_x is what becomes of span when the wall moves out
    and pushes the tissue before it without changing its volume, r^2 -> r^2 + r_n^2 (2 x + x^2). cells: flat voxel
    indices (m,), ascending. weights: sparse (n, m), every touching row sums to 1. What leaves a node enters the voxels
    with the same weights, so exchange is reciprocal.
    """

    conductance: np.ndarray
    span: np.ndarray
    cells: np.ndarray
    weights: object

    def wall_pressure(self, field: np.ndarray) -> np.ndarray:
        """Mean of a voxel field over the voxels of each contact (n,); 0 for a node that touches none."""
        return self.weights @ field.reshape(-1)[self.cells]

    def spread(self, leak: np.ndarray, out: np.ndarray) -> None:
        """Add flows of the nodes [m3/s] to a voxel field (nx, ny, nz) [m3/s]."""
        out.reshape(-1)[self.cells] += self.weights.T @ leak

    @cached_property
    def _ring(self) -> np.ndarray:
        return np.expm1(2.0 * np.where(np.isfinite(self.span), self.span, 0.0))

    def leak(self, pressure, uptake, wall: GapWall):
        """Flow into the tissue [m3/s], its slope by the node's pressure, and that by D; each (n,).

        pressure: of the nodes (n,) [Pa]. uptake: what the tissue takes, as a law of `tissue` gives it.
        """
        difference, by_node = uptake.difference(pressure)
        flow, slope, rate = (np.empty(len(pressure)) for _ in range(3))
        kernels.leaks(
            pressure, wall.table, self.span, self._ring, self.conductance, difference, by_node, flow, slope, rate
        )
        return flow, slope, rate
