"""What the body is made of, and what acts on it: small final types."""

from dataclasses import dataclass, field

import numpy as np

from ...quantities.refusal import BadInput
from ...space.boundary import FaceCondition, NoFlow, OuterFaces


@dataclass(frozen=True)
class Medium:
    """Drained isotropic poroelastic fields, each (nx, ny, nz); see `equations`. Voxels with shear = 0 are outside.

    lame: lambda [Pa], > -2 G / 3. shear: G [Pa]. biot: alpha in (0, 1]. storage: 1/M [1/Pa], >= 0. conductivity: K
    [m2/(Pa s)], >= 0. Raises BadInput where a field is none of this.
    """

    lame: np.ndarray
    shear: np.ndarray
    biot: np.ndarray
    storage: np.ndarray
    conductivity: np.ndarray

    def __post_init__(self) -> None:
        shape = np.shape(self.shear)
        for name in ("lame", "shear", "biot", "storage", "conductivity"):
            values = np.ascontiguousarray(getattr(self, name), float)
            if values.shape != shape or len(shape) != 3:
                raise BadInput(
                    f"the field {name} has shape {values.shape}, that of shear is {shape}: give both per voxel"
                )
            if not np.all(np.isfinite(values)):
                raise BadInput(f"the field {name} holds values that are not finite: check how it was made")
            object.__setattr__(self, name, values)
        self._refuse("shear", self.shear < 0, "not negative, and 0 only outside the body")
        self._refuse("lame", self.solid & (3 * self.lame + 2 * self.shear <= 0), "above -2/3 of the shear modulus")
        self._refuse("biot", self.solid & ((self.biot <= 0) | (self.biot > 1)), "above 0 and at most 1")
        self._refuse("storage", self.storage < 0, "not negative")
        self._refuse("conductivity", self.conductivity < 0, "not negative")
        if not self.solid.any():
            raise BadInput("no voxel has a shear modulus above 0: give the body its stiffness")

    def _refuse(self, name: str, wrong: np.ndarray, allowed: str) -> None:
        if wrong.any():
            at = tuple(int(n) for n in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
            raise BadInput(
                f"{name} is {getattr(self, name)[at]:g} at voxel {at}; it must be {allowed}: correct the field"
            )

    @property
    def solid(self) -> np.ndarray:
        """Voxels of the body."""
        return self.shear > 0

    @property
    def aggregate(self) -> np.ndarray:
        """lambda + 2 G [Pa]: stiffness of a column that cannot bulge."""
        return self.lame + 2 * self.shear


def lame_from_poisson(shear: np.ndarray, poisson: float) -> np.ndarray:
    """lambda = 2 G nu / (1 - 2 nu) [Pa]. shear: G [Pa]; poisson: drained nu in (-1, 1/2)."""
    if not -1 < poisson < 0.5:
        raise BadInput(
            f"Poisson's ratio of the drained body is {poisson:g}; it must lie between -1 and 0.5: correct it"
        )
    return 2 * np.asarray(shear, float) * poisson / (1 - 2 * poisson)


@dataclass(frozen=True)
class Fixed:
    """A rough wall: no displacement at the face."""


@dataclass(frozen=True)
class Held:
    """A displacement given at the face.

    normal: along the face's axis [m], a number or an array of the face's shape. along: the two others [m], in the order
    of the axes, numbers or arrays; each array at the same places of the face as the unknowns: (n + 1) points along its
    own axis, n along the other.
    """

    normal: float | np.ndarray
    along: tuple[float | np.ndarray, float | np.ndarray]


@dataclass(frozen=True)
class Roller:
    """A smooth wall, or a plane of symmetry: no displacement through it, no friction along it."""


@dataclass(frozen=True)
class Traction:
    """A force per area on the face [Pa], along the grid axes x, y, z: numbers or arrays.

    The normal one has the face's shape, the others (n + 1) points along their own axis.
    """

    force: tuple[float | np.ndarray, float | np.ndarray, float | np.ndarray]

    @classmethod
    def free(cls) -> "Traction":
        """No force at all."""
        return cls((0, 0, 0))


@dataclass(frozen=True)
class Plate:
    """A rigid smooth plate that stays parallel to the face. force: on the body along the grid axis [N]."""

    force: float


Support = Fixed | Held | Roller | Traction | Plate


@dataclass(frozen=True)
class OpenSurface:
    """What is at the faces of the body that border voxels outside it.

    pressure: on the surface [Pa], pushing inwards. fluid: what the fluid meets there.
    """

    pressure: float
    fluid: FaceCondition


def _at_rest() -> OpenSurface:
    return OpenSurface(0, NoFlow())


@dataclass(frozen=True)
class Loads:
    """Everything that acts on the body at one time.

    supports: on the six outer faces, in the order -x, +x, -y, +y, -z, +z. drainage: what the fluid meets there.
    surface: what is outside the body within the grid. source: s [1/s] (nx, ny, nz). force: f [N/m3], three arrays on
    the faces they are normal to. stress_free: J_ref (nx, ny, nz). None stands for none (J_ref: 1).
    """

    supports: tuple[Support, ...]
    drainage: OuterFaces
    surface: OpenSurface = field(default_factory=_at_rest)
    source: np.ndarray | None = None
    force: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    stress_free: np.ndarray | None = None


@dataclass(frozen=True)
class ImplicitEuler:
    """One implicit stage: first order, no overshoot whatever the step."""

    def stages(self) -> tuple[tuple[float, float], ...]:
        """(share of the step solved implicitly, share taken from the rate of the stage before), per stage."""
        return ((1, 0),)


@dataclass(frozen=True)
class Alexander:
    """Two implicit stages: second order, L-stable, stiffly accurate (doi 10.1137/0714068)."""

    def stages(self) -> tuple[tuple[float, float], ...]:
        """(share of the step solved implicitly, share taken from the rate of the stage before), per stage."""
        gamma = 1 - 1 / float(np.sqrt(2))
        return ((gamma, 0), (gamma, 1 - gamma))


Scheme = ImplicitEuler | Alexander
