"""What happens at the outer faces of a grid: one small type per kind of boundary."""

from dataclasses import dataclass, field

import numpy as np

from .grid import VoxelGrid


@dataclass(frozen=True)
class Dirichlet:
    """A given value on the face. value: a number or an array of the face's shape."""

    value: float | np.ndarray


@dataclass(frozen=True)
class NoFlow:
    """A sealed face."""


@dataclass(frozen=True)
class Robin:
    """Flux per area = transfer * (value on the face - value outside); transfer >= 0.

    transfer: [conductivity unit / m], for flow m/(Pa s). value: outside value, a number or an array.
    """

    transfer: float
    value: float | np.ndarray


FaceCondition = Dirichlet | NoFlow | Robin


def _sealed() -> tuple[FaceCondition, ...]:
    return (NoFlow(),) * 6


@dataclass(frozen=True)
class OuterFaces:
    """The conditions on the six outer faces, in the order -x, +x, -y, +y, -z, +z (grid axes)."""

    faces: tuple[FaceCondition, ...] = field(default_factory=_sealed)

    @classmethod
    def uniform(cls, condition: FaceCondition) -> "OuterFaces":
        """The same condition on all six faces."""
        return cls((condition,) * 6)


def boundary_conductances(grid: VoxelGrid, conductivity: np.ndarray, outer: OuterFaces):
    """Conductance from a voxel centre through each outer face to the outside, and the outside value.

    Dirichlet: c = K A / (d/2); Robin: c = A / (d/(2 K) + 1/transfer); no flow: 0. conductivity: (nx, ny, nz), 0 in
    inactive voxels. Returns six pairs (c, value) of 2-D float arrays, in the order of `OuterFaces.faces`.
    """
    pairs = []
    for number, condition in enumerate(outer.faces):
        axis, side = divmod(number, 2)
        inner = np.take(conductivity, -1 if side else 0, axis=axis)
        area, half = grid.face_areas[axis], grid.spacing[axis] / 2
        value = np.zeros(inner.shape)
        if isinstance(condition, NoFlow):
            conductance = np.zeros(inner.shape)
        else:
            value = np.ascontiguousarray(np.broadcast_to(np.asarray(condition.value, float), inner.shape))
            conductance = inner * (area / half)
            if isinstance(condition, Robin):
                series = conductance + condition.transfer * area
                safe = np.where(series > 0, series, 1.0)
                conductance = np.where(series > 0, conductance * condition.transfer * area / safe, 0.0)
        pairs.append((np.ascontiguousarray(conductance, dtype=float), value.copy()))
    return tuple(pairs)
