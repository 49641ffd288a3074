"""A small block of tissue with needles in it, for tests of the track."""

import numpy as np

from oxablate.physics.track.closures import ClosedTip, OpenExit, OpenTip
from oxablate.physics.track.shafts import Hold, Shaft, SideHole, Tube
from oxablate.physics.track.step import TrackNetwork
from oxablate.space.grid import VoxelGrid
from oxablate.space.operators import face_conductances

VISCOSITY, CONDUCTIVITY, MODULUS, STRESS = 0.7e-3, 5e-11, 2e3, 300.0
TUBE = Tube(0.36e-3, 0.2e-3, 0.09)


def block(count=10, edge=0.02):
    """Grid, conductivity field and active voxels of a cube of tissue."""
    grid = VoxelGrid((count,) * 3, (edge / count,) * 3, (0.5 * edge / count,) * 3)
    return grid, np.full(grid.shape, CONDUCTIVITY), np.ones(grid.shape, bool)


def end_hole(**changes) -> Shaft:
    """An end-hole needle from the top face down to near the middle."""
    given = {
        "tip": (0.0103, 0.0098, 0.009),
        "end": (0.0103, 0.0098, 0.02),
        "tube": TUBE,
        "hold": Hold(STRESS, MODULUS, 0.0),
        "opening": OpenTip(0.35e-3),
        "ending": OpenExit(0.0),
        "pieces": 22,
        "holes": (),
    }
    return Shaft(**(given | changes))


def side_holes(**changes) -> Shaft:
    """A closed needle with three side holes."""
    holes = tuple(SideHole(distance, 0.1e-3) for distance in (1e-3, 3e-3, 5e-3))
    return end_hole(**({"opening": ClosedTip(), "holes": holes} | changes))


def track(*groups, conductivity=CONDUCTIVITY, grid=None) -> TrackNetwork:
    """The track of groups of shafts in the block; an end-hole needle alone where none are given."""
    grid, field, active = (
        block() if grid is None else (grid, np.full(grid.shape, conductivity), np.ones(grid.shape, bool))
    )
    return TrackNetwork.in_voxels(
        groups or ((end_hole(),),), VISCOSITY, grid, field * (conductivity / CONDUCTIVITY), active
    )


def tissue_matrix(grid, conductivity, storage=0.0):
    """Sparse matrix of steady Darcy flow with pressure 0 outside all faces, plus `storage` [m3/Pa/s] per voxel."""
    from scipy.sparse import coo_matrix, identity

    tx, ty, tz = face_conductances(grid, conductivity, np.ones(grid.shape, bool))
    index = np.arange(grid.size).reshape(grid.shape)
    rows, columns, values = [], [], []
    for axis, t in enumerate((tx, ty, tz)):
        first = np.take(index, range(grid.shape[axis] - 1), axis).ravel()
        second = np.take(index, range(1, grid.shape[axis]), axis).ravel()
        g = np.take(t, range(grid.shape[axis] - 1), axis).ravel()
        rows += [first, second, first, second]
        columns += [first, second, second, first]
        values += [g, g, -g, -g]
        for side in (0, -1):
            face = np.take(index, side, axis).ravel()
            rows.append(face)
            columns.append(face)
            values.append(2 * conductivity.reshape(-1)[face] * grid.face_areas[axis] / grid.spacing[axis])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return (coo_matrix(entries, shape=(grid.size,) * 2) + storage * identity(grid.size)).tocsr()
