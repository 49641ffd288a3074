"""What acts on the body as right-hand sides: forces on the faces, displacements that are given, fluid that enters."""

import numpy as np

from ...numerics.block_elastic import pull
from ...numerics.elastic import padded
from ...quantities.refusal import BadInput
from ...space.grid import VoxelGrid
from .closures import Fixed, Held, Loads, Medium, Plate, Traction
from .equations import growth_strain


class Loading:
    """Turns `Loads` into the forces [N] of the vectors (4, nx + 3, ny + 3, nz + 3), and into displacements [m]."""

    def __init__(self, grid: VoxelGrid, medium: Medium):
        self.grid, self.medium, self.solid = grid, medium, medium.solid
        self.rates = tuple(np.full(n + 3, 1 / d) for n, d in zip(grid.shape, grid.spacing, strict=True))
        self.outside = padded(np.where(self.solid, 0.0, grid.voxel_volume))
        self.swelling = padded(grid.voxel_volume * (3 * medium.lame + 2 * medium.shear))
        self.share = tuple(self._share(axis) for axis in range(3))

    def _share(self, axis: int) -> np.ndarray:
        """Half the number of solid voxels beside each face across an axis: the part of a voxel that is the face's."""
        edge = [(1, 1) if a == axis else (0, 0) for a in range(3)]
        beside = np.pad(self.solid.astype(float), edge)
        n = beside.shape[axis]
        return (np.take(beside, range(n - 1), axis=axis) + np.take(beside, range(1, n), axis=axis)) / 2

    def faces(self, axis: int) -> tuple[slice, ...]:
        """Index of the faces across an axis in an array with ghosts."""
        return tuple(slice(1, n + 1 + (a == axis)) for a, n in enumerate(self.grid.shape))

    def forces(self, loads: Loads, out: np.ndarray) -> None:
        """Forces on the faces [N] into out[:3]; 0 where nothing is solid."""
        out[:3] = 0.0
        if loads.force is not None:
            for axis, values in enumerate(loads.force):
                out[axis][self.faces(axis)] += values * self.share[axis] * self.grid.voxel_volume
        if loads.stress_free is not None:
            growth = padded(np.where(self.solid, growth_strain(loads.stress_free), 0.0))
            pull(self.swelling, growth, *self.rates, 1.0, out)
        if loads.surface.pressure:
            pressed = padded(np.full(self.grid.shape, float(loads.surface.pressure)))
            pull(self.outside, pressed, *self.rates, 1.0, out)
        for number, support in enumerate(loads.supports):
            if isinstance(support, Traction):
                self._traction(number, support, out)
            elif isinstance(support, Plate):
                self._plate(number, support, out)
        for axis in range(3):
            out[axis][self.faces(axis)][self.share[axis] == 0] = 0.0

    def _traction(self, number: int, traction: Traction, out: np.ndarray) -> None:
        """Add a force per area on an outer face to the displacements normal to it and to those along it, inside it."""
        across, end = divmod(number, 2)
        for axis, value in enumerate(traction.force):
            if np.isscalar(value) and value == 0:
                continue
            faces = list(self.faces(axis))
            last = self.grid.shape[across] + (axis == across)
            faces[across] = last if end else 1
            area = np.ones([n + (a == axis) for a, n in enumerate(self.grid.shape) if a != across])
            area *= self.grid.face_areas[across]
            if axis != across:  # the first and the last face along its own axis stand for half a voxel
                inner = [a for a in range(3) if a != across].index(axis)
                area[tuple(slice(None) if a != inner else [0, -1] for a in range(2))] /= 2
            out[axis][tuple(faces)] += value * area * self._beside(number, axis)

    def _beside(self, number: int, axis: int) -> np.ndarray:
        """1 where the displacements beside an outer face lie between solid voxels only."""
        across, end = divmod(number, 2)
        layer = np.take(self.share[axis], -end, axis=across)
        return (layer > 0).astype(float)

    def _plate(self, number: int, plate: Plate, out: np.ndarray) -> None:
        axis, end = divmod(number, 2)
        faces = list(self.faces(axis))
        faces[axis] = self.grid.shape[axis] + 1 if end else 1
        active = np.take(self.share[axis], -end, axis=axis) > 0
        out[axis][tuple(faces)] += active * (plate.force / max(int(active.sum()), 1))

    def displacements(self, loads: Loads, scale: float, x: np.ndarray) -> None:
        """Write the given displacements, times `scale`, into the faces and ghosts of x."""
        for number, support in enumerate(loads.supports):
            if isinstance(support, Fixed):
                self._hold(number, 0.0, (0.0, 0.0), scale, x)
            elif isinstance(support, Held):
                self._hold(number, support.normal, support.along, scale, x)

    def _hold(self, number: int, normal, along, scale: float, x: np.ndarray) -> None:
        across, end = divmod(number, 2)
        others = iter(along)
        for axis in range(3):
            faces = list(self.faces(axis))
            n = self.grid.shape[across]
            if axis == across:
                faces[across] = n + 1 if end else 1
                x[axis][tuple(faces)] = np.asarray(normal) * scale
            else:
                faces[across] = n + 1 if end else 0
                x[axis][tuple(faces)] = np.asarray(next(others)) * scale


def check_loads(loads: Loads, like: Loads, grid: VoxelGrid) -> None:
    """Raise BadInput when the loads are not of the kind the model was made for, or do not fit the grid."""
    kinds, wanted = ([type(s).__name__ for s in given.supports] for given in (loads, like))
    if kinds != wanted:
        raise BadInput(
            f"the supports are {kinds}, the model was made for {wanted}: make another model for other supports"
        )
    for name in ("source", "stress_free"):
        values = getattr(loads, name)
        if values is not None and (np.shape(values) != grid.shape or not np.all(np.isfinite(values))):
            raise BadInput(
                f"{name} must be finite and have the grid's shape {grid.shape}, it has {np.shape(values)}: mend it"
            )
    if loads.stress_free is not None and np.min(loads.stress_free) <= 0:
        raise BadInput(
            f"stress_free is {np.min(loads.stress_free):g} somewhere; a volume ratio is above 0: correct the field"
        )
