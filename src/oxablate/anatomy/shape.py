"""Outlines of synthetic tumours, each a radius as a function of direction, centred on (0, 0, 0)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ..quantities.refusal import BadInput

_DIRECTIONS = 20_000  # points on the sphere for volumes and extents; their error is below 1e-4 for lobes as drawn here
_LOBE_WAVES = 12


def require_positive(name: str, value: float) -> None:
    """`BadInput` unless `value` is a finite number > 0."""
    if not (np.isfinite(value) and value > 0):
        raise BadInput(f"{name} {value!r} came, a finite number > 0 is allowed")


def require_seed(name: str, value: int) -> None:
    """`BadInput` unless `value` is a whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadInput(f"{name} {value!r} came, a whole number from 0 is allowed")


@dataclass(frozen=True)
class Ellipsoid:
    """A smooth tumour: (x/a)^2 + (y/b)^2 + (z/c)^2 = 1.

    semi_axes_mm: (a, b, c) [mm] along x (left), y (back), z (up), as measured from outside, capsule included.
    """

    semi_axes_mm: tuple[float, float, float]
    kind: Literal["ellipsoid"] = "ellipsoid"

    def __post_init__(self) -> None:
        if len(self.semi_axes_mm) != 3:
            raise BadInput(f"semi_axes_mm {self.semi_axes_mm!r} came, three lengths are needed")
        for value in self.semi_axes_mm:
            require_positive("semi_axes_mm", value)

    @property
    def volume_mm3(self) -> float:
        """4/3 pi a b c."""
        a, b, c = self.semi_axes_mm
        return 4.0 / 3.0 * np.pi * a * b * c

    @property
    def extent_mm(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest coordinate per axis [mm]."""
        return tuple((-s, s) for s in self.semi_axes_mm)

    @property
    def thinnest_mm(self) -> float:
        """The smallest radius [mm]."""
        return float(min(self.semi_axes_mm))

    def level(self, x, y, z, inset_mm: float):
        """Scaled radius of positions [mm]: below 1 inside the outline moved inwards by `inset_mm`. Shapes broadcast."""
        a, b, c = (s - inset_mm for s in self.semi_axes_mm)
        return np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)


@dataclass(frozen=True)
class Lobulated:
    """An irregular tumour: a sphere whose radius varies smoothly and at random with direction.

    r(n) = r0 exp(A Y(n)),   Y(n) = sqrt(2/12) sum_m cos(q_m . n + phase_m),   |q_m| = lobes

    n: unit direction. Y: 12 random waves, unit variance. r0 is set so that the volume is that of a sphere of
    radius_mm. radius_mm: that radius [mm], capsule included. amplitude: A, 0 to 0.3. lobes: bulges around the girth, 2
    to 12. seed: whole number.
    """

    radius_mm: float
    amplitude: float
    lobes: int
    seed: int
    kind: Literal["lobulated"] = "lobulated"

    def __post_init__(self) -> None:
        require_positive("radius_mm", self.radius_mm)
        require_seed("seed", self.seed)
        if not 0 <= self.amplitude <= 0.3:
            raise BadInput(f"amplitude {self.amplitude!r} came, 0 to 0.3 is allowed")
        if not 2 <= self.lobes <= 12:
            raise BadInput(f"lobes {self.lobes!r} came, 2 to 12 are allowed")

    @cached_property
    def _waves(self) -> tuple[np.ndarray, np.ndarray, float]:
        random = np.random.default_rng([self.seed, 2])
        vectors = random.normal(size=(_LOBE_WAVES, 3))
        vectors *= self.lobes / np.linalg.norm(vectors, axis=1)[:, None]
        phases = random.uniform(0.0, 2.0 * np.pi, _LOBE_WAVES)
        bumps = np.exp(self.amplitude * _bumps(_directions(), vectors, phases))
        return vectors, phases, self.radius_mm / float(np.mean(bumps**3)) ** (1.0 / 3.0)

    @cached_property
    def _surface(self) -> np.ndarray:
        """Points of the outline [mm] in many directions. Shape (n, 3)."""
        return _directions() * self._radius(_directions())[:, None]

    def _radius(self, directions: np.ndarray) -> np.ndarray:
        vectors, phases, scale = self._waves
        return scale * np.exp(self.amplitude * _bumps(directions, vectors, phases))

    @property
    def volume_mm3(self) -> float:
        """4/3 pi radius_mm^3."""
        return 4.0 / 3.0 * np.pi * self.radius_mm**3

    @property
    def extent_mm(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest coordinate per axis [mm]."""
        return tuple((float(p.min()), float(p.max())) for p in self._surface.T)

    @property
    def thinnest_mm(self) -> float:
        """The smallest radius [mm]."""
        return float(self._radius(_directions()).min())

    def level(self, x, y, z, inset_mm: float):
        """Scaled radius of positions [mm]: below 1 inside the outline moved inwards by `inset_mm`. Shapes broadcast."""
        x, y, z = np.broadcast_arrays(x, y, z)
        points = np.stack([x, y, z], axis=-1).astype(float)
        distance = np.sqrt((points**2).sum(axis=-1))
        directions = points / np.maximum(distance, 1e-12 * self.radius_mm)[..., None]
        return distance / (self._radius(directions) - inset_mm)


Shape = Ellipsoid | Lobulated


def _bumps(directions: np.ndarray, vectors: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Y of `Lobulated`, for directions (..., 3); waves added one by one in fixed order."""
    total = np.zeros(directions.shape[:-1])
    for (kx, ky, kz), phase in zip(vectors, phases, strict=True):
        total += np.cos(kx * directions[..., 0] + ky * directions[..., 1] + kz * directions[..., 2] + phase)
    return np.sqrt(2.0 / len(phases)) * total


def _directions() -> np.ndarray:
    """Points spread evenly over the unit sphere (Fibonacci spiral). Shape (n, 3)."""
    index = np.arange(_DIRECTIONS) + 0.5
    height = 1.0 - 2.0 * index / _DIRECTIONS
    turn = np.pi * (1.0 + np.sqrt(5.0)) * index
    girth = np.sqrt(1.0 - height**2)
    return np.stack([girth * np.cos(turn), girth * np.sin(turn), height], axis=1)
