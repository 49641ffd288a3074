"""What acts on the body as right-hand sides: forces on the faces, displacements that are given, fluid that enters."""

import numpy as np

from ...numerics.block_elastic import pull
from ...numerics.elastic import padded
from ...quantities.refusal import BadInput
from ...space.grid import VoxelGrid
from .closures import Held, Loads, Medium, Plate, Traction
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
            faces[across] = self.grid.shape[across] + (axis == across) if end else 1
            shape = [n + (a == axis) for a, n in enumerate(self.grid.shape) if a != across]
            value = np.broadcast_to(np.asarray(value, float), shape) * self._beside(number, axis)
            area = np.full(shape, self.grid.face_areas[across])
            if axis != across:
                inner = axis - (axis > across)
                # the first and the last face along its own axis stand for half a voxel
                area[tuple(slice(None) if a != inner else [0, -1] for a in range(2))] /= 2
                self._shear_behind(number, axis, np.moveaxis(value, inner, 0), out)
            out[axis][tuple(faces)] += value * area

    def _shear_behind(self, number: int, axis: int, value: np.ndarray, out: np.ndarray) -> None:
        """Add to the displacements normal to an outer face the shear that a traction along it means between them.

        The face's own half voxels pull at each other across the edges between them with the stress that is given there;
        at the rim of the face the neighbouring side says what it is. value: [Pa], (n + 1) along `axis` first.
        """
        across, end = divmod(number, 2)
        half = self.grid.voxel_volume / self.grid.spacing[axis] / 2
        shear = value.copy() * (half if end else -half)
        shear[0] = shear[-1] = 0.0
        pull_apart = np.moveaxis(shear[1:] - shear[:-1], 0, axis - (axis > across))
        faces = list(self.faces(across))
        faces[across] = self.grid.shape[across] + 1 if end else 1
        out[across][tuple(faces)] += pull_apart

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
        held = [(n, s) for n, s in enumerate(loads.supports) if isinstance(s, Held)]
        for number, support in held:
            self._hold_normal(number, support.normal, scale, x)
        for number, support in held:
            self._hold_along(number, support.along, scale, x)

    def _hold_normal(self, number: int, normal, scale: float, x: np.ndarray) -> None:
        """The displacement normal to an outer face, and its linear continuation to the edges of that face.

        The edges matter where a wall meets a free face: the shear there needs the slope of the wall's displacement.
        """
        axis, end = divmod(number, 2)
        shape = tuple(n for a, n in enumerate(self.grid.shape) if a != axis)
        values = np.broadcast_to(np.asarray(normal, float), shape)
        for across, n in enumerate(shape):
            first, last = np.take(values, [0], axis=across), np.take(values, [-1], axis=across)
            if n > 1:
                first = 1.5 * first - 0.5 * np.take(values, [1], axis=across)
                last = 1.5 * last - 0.5 * np.take(values, [-2], axis=across)
            values = np.concatenate([first, values, last], axis=across)
        place = tuple((n + 1 if end else 1) if a == axis else slice(0, n + 2) for a, n in enumerate(self.grid.shape))
        x[axis][place] = values * scale

    def _hold_along(self, number: int, along, scale: float, x: np.ndarray) -> None:
        across, end = divmod(number, 2)
        others = (axis for axis in range(3) if axis != across)
        for axis, value in zip(others, along, strict=True):
            faces = list(self.faces(axis))
            faces[across] = self.grid.shape[across] + 1 if end else 0
            x[axis][tuple(faces)] = np.asarray(value) * scale


def check_loads(loads: Loads, like: Loads, grid: VoxelGrid) -> None:
    """Raise BadInput when the loads are not of the kind the model was made for, or do not fit the grid."""
    kinds, wanted = ([type(s).__name__ for s in given.supports] for given in (loads, like))
    if kinds != wanted:
        raise BadInput(
            f"the supports are {kinds}, the model was made for {wanted}: make another model for other supports"
        )
    if _outlets(loads) != _outlets(like):
        raise BadInput(
            "the drainage is of another kind or another resistance than the model was made for; only its pressures may "
            "change: make another model"
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


def _outlets(loads: Loads) -> list[tuple[str, float | None]]:
    """Kind and transfer coefficient of every condition on the fluid."""
    return [(type(c).__name__, getattr(c, "transfer", None)) for c in (*loads.drainage.faces, loads.surface.fluid)]
