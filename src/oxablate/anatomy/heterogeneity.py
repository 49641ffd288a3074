"""Spatially correlated log-normal variation of tissue, fixed in space and not per voxel.

    factor(x) = exp(s g(x)),   g(x) = sqrt(2/M) sum_m cos(k_m . x + phase_m)

g: unit Gaussian field with correlation exp(-(r/l)^2), made of M random waves, k_m drawn from its spectrum (normal with
variance 2/l^2 per component), phases uniform. s^2: variance of the logarithm. l: correlation length, where the
correlation has fallen to 1/e. The factor has geometric mean one (arithmetic mean exp(s^2/2)), so that a tabled value is
the middle of the field. Waves are evaluated at positions: a finer grid samples the same field.
Source: Shinozuka and Deodatis, Appl Mech Rev 44 (1991) 191, doi 10.1115/1.3119501 (spectral representation).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..quantities.refusal import BadInput
from ..space.grid import MM, VoxelGrid

#: Largest variance of the logarithm: five standard deviations then span nine decades, more than any tissue does.
_MOST_VARIANCE = 16.0
_WAVES = 512  # the distribution of g is then normal to about 1/1024 in its fourth cumulant (-3/(2M))


@dataclass(frozen=True)
class Uniform:
    """No variation inside a label: the factor is one everywhere."""

    kind: Literal["uniform"] = "uniform"

    def factor(self, grid: VoxelGrid) -> np.ndarray:
        """Ones of grid.shape."""
        return np.ones(grid.shape)


@dataclass(frozen=True)
class LogNormal:
    """Log-normal variation; see the head of this file.

    log_variance: s^2, variance of the natural logarithm, > 0, <= 16. correlation_length_mm: l [mm], > 0. seed: whole
    number.
    """

    log_variance: float
    correlation_length_mm: float
    seed: int
    kind: Literal["log_normal"] = "log_normal"

    def __post_init__(self) -> None:
        for name in ("log_variance", "correlation_length_mm"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise BadInput(
                    f"{name} {value!r} came, a finite number > 0 is allowed; without variation take 'uniform'"
                )
        if self.log_variance > _MOST_VARIANCE:
            raise BadInput(f"log_variance {self.log_variance!r} came, at most {_MOST_VARIANCE:g} is allowed")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise BadInput(f"seed {self.seed!r} came, a whole number from 0 is allowed")

    def factor(self, grid: VoxelGrid) -> np.ndarray:
        """The factor at the voxel centres, positions taken in the patient. Shape grid.shape, float64, > 0."""
        from .waves import sum_of_waves  # compiled code: reading a scan without variation does not wait for it

        random = np.random.default_rng([self.seed, 1])
        waves = random.normal(0.0, np.sqrt(2.0) / (self.correlation_length_mm * MM), (_WAVES, 3))
        phases = random.uniform(0.0, 2.0 * np.pi, _WAVES)
        along = waves @ np.asarray(grid.direction)  # wave numbers along the grid axes
        start = waves @ np.asarray(grid.origin) + phases
        x, y, z = (np.outer(grid.axis_centres(a), along[:, a]) for a in range(3))
        z = np.ascontiguousarray((z + start).T)
        field = sum_of_waves(np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z))
        field *= np.sqrt(2.0 * self.log_variance / _WAVES)
        return np.exp(field, out=field)


Heterogeneity = Uniform | LogNormal
