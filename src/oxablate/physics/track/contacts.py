"""Where a shaft touches the voxels: a line source whose leak does not depend on the size of the voxels.

A piece of shaft gives its fluid to the voxels of a cylinder of radius rho round it, which must not be thinner than a
voxel nor close to the needle. The voxels' mean pressure over that cylinder is what a line source of the same strength
makes it on the lattice; the pressure at the needle's surface is what it makes it there. Their difference is the
resistance between them,

    R_i = 1/K ( sum_j 1/(4 pi l) integral over piece j of dz' / |x_i - x'|  -  sum_j S_ij )      conductance = 1/R_i

with |x_i - x'| taken at the needle's radius, j the pieces near i, l the length of a piece, and S_ij the lattice's own
mean. For voxels much smaller than rho, in the middle of a long shaft, this is ln(rho / r_n) - 1/4 = 2 pi K l R.
The cavity at the tip is treated alike with a ball: R = 1/K (1/(4 pi r_c) - S).

Limits: K is the geometric mean over the voxels of the contact; the leak of neighbouring pieces is taken alike; needles
closer together than rho feel each other through the voxels only. Source of the idea: Koch, Helmig and Schneider 2020
(doi 10.1016/j.jcp.2020.109369), not read in full; Peaceman 1978 (doi 10.2118/6893-PA).
"""

import numpy as np

from ...numerics.lattice import lattice_energy
from ...quantities.refusal import BadInput
from ...space.grid import VoxelGrid
from .closures import Contacts

_WIDE = 2.5  # needle radii that the cylinder must at least be wide, so that its resistance is above zero
_WIDE_BALL = 2.0  # the same for the ball at the tip, in cavity radii
_FINE = 4.0  # voxels per radius from which the voxels count as a continuum
_EDGE = 1.0 + 1e-9  # a point on the border lies inside, whatever the units and the round-off
_NUDGE = 1e-9  # of a voxel: what is nearer to a border lies on it
_PER_VOXEL = 4.0  # points per voxel edge that decide how much of a cylinder lies in which voxel
_SUBSAMPLES = 6  # points per voxel edge the same for the ball at the tip


def _inside(grid: VoxelGrid, centre, reach: float, keep):
    """Voxels near a point and the share of each where `keep(position)` holds; position (..., 3) from the point [m]."""
    index = grid.world_to_index(centre)
    half = reach / np.asarray(grid.spacing)
    low = np.maximum(np.floor(index - half + 0.5).astype(int), 0)
    high = np.minimum(np.floor(index + half + 0.5).astype(int), np.asarray(grid.shape) - 1)
    sub = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5
    offsets = np.stack(np.meshgrid(sub, sub, sub, indexing="ij"), -1).reshape(-1, 3)
    ranges = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    cells = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3)
    points = ((cells[:, None, :] + offsets) - index) * np.asarray(grid.spacing)
    shares = np.count_nonzero(keep(points @ np.asarray(grid.direction).T), axis=1).astype(float)
    return cells[shares > 0], shares[shares > 0]


def _only_active(cells, shares, active, what: str):
    inside = active[tuple(cells.T)] if len(cells) else np.zeros(0, bool)
    if not inside.any():
        raise BadInput(f"{what} touches no tissue inside the body; end the shaft where it leaves the body")
    return cells[inside], shares[inside] / shares[inside].sum()


def _cylinder(axis, length: float, wide: float, spacing: float) -> np.ndarray:
    """Points that fill a cylinder evenly, relative to its centre (n, 3) [m]; a mirrored one has mirrored points."""
    axis = np.asarray(axis)
    least = np.zeros(3)
    least[int(np.argmin(np.round(np.abs(axis), 9)))] = 1.0
    first = least - axis * (axis @ least)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    rings = int(np.ceil(_PER_VOXEL * wide / spacing)) + 1
    around = 4 * int(np.ceil(0.5 * np.pi * _PER_VOXEL * wide / spacing)) + 4
    along = 2 * (int(np.ceil(0.5 * _PER_VOXEL * length / spacing)) + 1)
    r = wide * np.sqrt((np.arange(rings) + 0.5) / rings)
    angle = 2.0 * np.pi * (np.arange(around) + 0.5) / around
    z = length * ((np.arange(along) + 0.5) / along - 0.5)
    disc = (np.cos(angle)[:, None, None] * first + np.sin(angle)[:, None, None] * second) * r[:, None]
    return (disc[:, :, None, :] + z[:, None] * axis).reshape(-1, 3)


def line_cells(grid: VoxelGrid, active, middle, axis, length: float, radius: float):
    """Voxels (m, 3) and shares (m,) of the cylinder round one piece of shaft; its radius [m] too.

    middle: centre of the piece (LPS, m); axis: unit vector; length: of the piece [m]; radius: r_n [m]. Raises BadInput
    where the piece lies outside the active voxels.
    """
    wide = max(_WIDE * radius, max(grid.spacing))
    index = grid.world_to_index(np.asarray(middle) + _cylinder(axis, length, wide, min(grid.spacing)))
    # a point on the border of two voxels counts half for each
    both = np.concatenate([np.rint(index - _NUDGE), np.rint(index + _NUDGE)]).astype(int)
    both = both[((both >= 0) & (both < np.asarray(grid.shape))).all(-1)]
    flat, counts = np.unique(np.ravel_multi_index(tuple(both.T), grid.shape), return_counts=True)
    cells = np.stack(np.unravel_index(flat, grid.shape), -1)
    return *_only_active(cells, counts.astype(float), active, "a piece of the needle's shaft"), wide


def ball_cells(grid: VoxelGrid, active, tip, radius: float):
    """Voxels (m, 3) and shares (m,) of the ball round an end hole; its radius [m] too. radius: of the cavity [m]."""
    wide = max(_WIDE_BALL * radius, max(grid.spacing))
    cells, shares = _inside(grid, tip, wide, lambda points: (points**2).sum(-1) <= wide**2 * _EDGE)
    return *_only_active(cells, shares, active, "the needle's tip"), wide


def _line_mean(first: float, last: float, radius: float) -> float:
    """Mean of 1/(4 pi |x|) over a piece of line from z = first to last, seen from a distance `radius` beside it."""
    return (np.arcsinh(last / radius) - np.arcsinh(first / radius)) / (4.0 * np.pi * (last - first))


def line_resistance(grid: VoxelGrid, pieces, length: float, radius: float, wide: float) -> np.ndarray:
    """K R_i [1/m] of every piece of one shaft (see the head of this file). pieces: of (cells, shares), tip first."""
    count = len(pieces)
    if wide >= _FINE * max(grid.spacing):
        return np.full(count, (np.log(wide / radius) - 0.25) / (2.0 * np.pi * length))
    reach = int(np.ceil((wide + 2.0 * max(grid.spacing)) / length))
    found = np.zeros(count)
    for i in range(count):
        for j in range(max(i - reach, 0), min(i + reach + 1, count)):
            found[i] += _line_mean((j - i - 0.5) * length, (j - i + 0.5) * length, radius)
            found[i] -= lattice_energy(*pieces[i], *pieces[j], grid.spacing)
    return found


def ball_resistance(grid: VoxelGrid, cells, shares, radius: float, wide: float) -> float:
    """K R [1/m] of the cavity at the tip."""
    fine = wide >= _FINE * max(grid.spacing)
    own = 1.2 / (4.0 * np.pi * wide) if fine else lattice_energy(cells, shares, cells, shares, grid.spacing)
    return 1.0 / (4.0 * np.pi * radius) - own


def voxel_contacts(grid: VoxelGrid, conductivity: np.ndarray, touching, size: int) -> Contacts:
    """Contacts of all nodes. touching: of (node, cells, shares, K R, length) with length None at a tip; size: nodes."""
    from scipy.sparse import csr_matrix

    conductance, span = np.zeros(size), np.full(size, np.inf)
    rows, columns, values = [], [], []
    for node, cells, shares, resistance, length in touching:
        flat = np.ravel_multi_index(tuple(cells.T), grid.shape)
        k = float(np.exp(np.sum(shares * np.log(conductivity.reshape(-1)[flat]))))
        conductance[node] = k / resistance
        if length is not None:
            span[node] = 2.0 * np.pi * length * resistance
        rows.append(np.full(len(flat), node))
        columns.append(flat)
        values.append(shares)
    cells, place = np.unique(np.concatenate(columns), return_inverse=True)
    entries = (np.concatenate(values), (np.concatenate(rows), place))
    return Contacts(conductance, span, cells, csr_matrix(entries, shape=(size, len(cells))))
