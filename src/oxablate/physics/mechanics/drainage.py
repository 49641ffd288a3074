"""How fluid leaves voxels: through faces between them, through the outer faces, and through the body's own surface."""

import numpy as np

from ...numerics.stencil import FaceCoefficients
from ...space.boundary import Dirichlet, NoFlow, boundary_conductances
from ...space.grid import VoxelGrid
from ...space.operators import face_conductances
from .closures import Loads, Medium


class Drainage:
    """Conductances [m3/(Pa s)] of a body, fixed; the pressures they lead to come with each `Loads`."""

    def __init__(self, grid: VoxelGrid, medium: Medium, loads: Loads):
        self.grid, self.solid = grid, medium.solid
        self.permeable = np.where(self.solid, medium.conductivity, 0.0)
        self.inner = face_conductances(grid, self.permeable)
        self.outer = tuple(c for c, _ in boundary_conductances(grid, self.permeable, loads.drainage))
        self.surface = self._surface(loads.surface.fluid)
        self.leak = self.surface.copy()
        for number, conductance in enumerate(self.outer):
            self.leak[self.layer(number)] += conductance

    @staticmethod
    def layer(number: int) -> tuple:
        """Index of the voxels at an outer face."""
        axis, end = divmod(number, 2)
        return tuple(-end if a == axis else slice(None) for a in range(3))

    def _surface(self, condition) -> np.ndarray:
        """Conductance of each voxel through its faces to voxels outside the body."""
        total = np.zeros(self.grid.shape)
        if isinstance(condition, NoFlow):
            return total
        for axis in range(3):
            through = self.permeable * (2 * self.grid.face_areas[axis] / self.grid.spacing[axis])
            if not isinstance(condition, Dirichlet):
                film = condition.transfer * self.grid.face_areas[axis]
                through = np.divide(through * film, through + film, out=np.zeros(total.shape), where=through + film > 0)
            total += through * self._bare(axis)
        return total

    def _bare(self, axis: int) -> np.ndarray:
        """How many of the two faces of a solid voxel across an axis border a voxel of the grid outside the body."""
        solid = np.moveaxis(self.solid, axis, 0)
        bare = np.zeros(solid.shape)
        bare[1:] += solid[1:] & ~solid[:-1]
        bare[:-1] += solid[:-1] & ~solid[1:]
        return np.moveaxis(bare, 0, axis)

    def beyond(self, loads: Loads) -> tuple[tuple[np.ndarray, ...], float]:
        """Pressures [Pa] outside the six outer faces, and at the surface of the body."""
        outer = tuple(value for _, value in boundary_conductances(self.grid, self.permeable, loads.drainage))
        fluid = loads.surface.fluid
        return outer, 0.0 if isinstance(fluid, NoFlow) else float(fluid.value)

    def inflow(self, loads: Loads) -> np.ndarray:
        """What would enter each voxel from outside if its own pressure were 0 [m3/s]."""
        outer, surface = self.beyond(loads)
        total = self.surface * surface
        for number, pressure in enumerate(outer):
            total[self.layer(number)] += self.outer[number] * pressure
        return total

    def coefficients(self, span: float, storage: np.ndarray) -> FaceCoefficients:
        """S of a stage: storage + span (leak - div K grad). storage: (nx, ny, nz); span: in its unit over that of K."""
        faces = tuple(span * t for t in self.inner)
        return FaceCoefficients(*faces, storage + span * self.leak)

    def flows(self, pressure: np.ndarray, loads: Loads):
        """Flows [m3/s] through all faces, (qx, qy, qz) along the axes, and out of the surface per voxel."""
        outer, surface = self.beyond(loads)
        faces = []
        for axis in range(3):
            shape = tuple(n + (a == axis) for a, n in enumerate(self.grid.shape))
            flow, n = np.zeros(shape), self.grid.shape[axis]
            p, t, q = (np.moveaxis(a, axis, 0) for a in (pressure, self.inner[axis], flow))
            np.multiply(t[: n - 1], p[:-1] - p[1:], out=q[1:n])
            q[0] = self.outer[2 * axis] * (outer[2 * axis] - p[0])
            q[n] = self.outer[2 * axis + 1] * (p[-1] - outer[2 * axis + 1])
            faces.append(flow)
        return tuple(faces), self.surface * (pressure - surface)
