"""An end-hole needle in voxels: where its fluid enters, and a needle pressure that does not depend on voxel size.

A source spread over voxels with weights w (sum 1) gives voxel pressures that grow without bound as the voxels
shrink. The weighted mean of the voxel pressures minus the lattice's own self-pressure is the smooth part, and the
pressure in a spherical cavity of radius r_c adds its own near field:

    G_needle = sum_i w_i G_i + Q/K (1/(4 pi r_c) - sum_ij w_i w_j g_ij)

with G the Kirchhoff potential of the pore space and g the Green function of the 7-point lattice at K = 1. For one
voxel on a cubic lattice g = 0.2527 / h (Watson's integral), that is an equivalent radius of 0.3149 h.

Limits: K is taken uniform over the few voxels of the well. Source of the idea: Peaceman 1978 (doi 10.2118/6893-PA).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...numerics.lattice import lattice_table
from ...space.grid import VoxelGrid
from .crack_closures import CUBIC, KINK
from .crack_kernels import crack_potential
from .equations import MODULUS, OPENING
from .kernels import kirchhoff_potential, pore_overpressure, pore_strain

_REACH = 8  # voxels: one table serves all offsets up to there
_SUBSAMPLES = 8  # points per voxel edge that decide how much of the cavity lies in which voxel


def lattice_green(offset: tuple[int, int, int], spacing: tuple[float, float, float]) -> float:
    """Pressure at a lattice offset from a unit point source, K = 1, unbounded 7-point lattice [1/m].

    See `numerics.lattice.lattice_table`. spacing: of the voxels [m]. Accurate to about 1e-9.
    """
    n = [abs(int(i)) for i in offset]
    return float(lattice_table(max(_REACH, *n), tuple(float(d) for d in spacing))[tuple(n)])


def _cavity_weights(grid: VoxelGrid, tip, radius: float):
    """Voxels (m, 3) and shares (m,) of a spherical cavity round the tip, by subsampling each voxel it can touch."""
    centre = grid.world_to_index(tip)
    reach = np.asarray(radius) / np.asarray(grid.spacing)
    low = np.maximum(np.floor(centre - reach + 0.5).astype(int), 0)
    high = np.minimum(np.floor(centre + reach + 0.5).astype(int), np.asarray(grid.shape) - 1)
    sub = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5
    offsets = np.stack(np.meshgrid(sub, sub, sub, indexing="ij"), -1).reshape(-1, 3)
    cells, shares = [], []
    for cell in np.ndindex(*(high - low + 1)):
        index = low + np.asarray(cell)
        distance = (index + offsets - centre) * np.asarray(grid.spacing)
        share = np.count_nonzero((distance**2).sum(1) <= radius**2)
        if share:
            cells.append(index)
            shares.append(share)
    if not cells:  # a cavity finer than the subsampling: everything enters the voxel that holds the tip
        cells, shares = [np.clip(np.rint(centre).astype(int), 0, np.asarray(grid.shape) - 1)], [1]
    return np.array(cells), np.array(shares, float) / np.sum(shares)


@dataclass(frozen=True)
class EndHole:
    """A rate-controlled end-hole needle. tip: LPS position [m]; cavity_radius: r_c [m] of the fluid-filled end."""

    grid: VoxelGrid
    tip: tuple[float, float, float]
    cavity_radius: float
    active: np.ndarray | None = None

    @cached_property
    def entry(self):
        """Voxel indices (m, 3) and weights (m,), summing to 1, through which the fluid enters."""
        cells, shares = _cavity_weights(self.grid, self.tip, self.cavity_radius)
        if self.active is not None:
            inside = self.active[tuple(cells.T)]
            if not inside.any():
                raise ValueError("the needle's tip lies in no active voxel")
            cells, shares = cells[inside], shares[inside]
        return cells, shares / shares.sum()

    @cached_property
    def self_energy(self) -> float:
        """sum_ij w_i w_j g_ij [1/m]: the lattice's own pressure at the source, per Q/K."""
        cells, shares = self.entry
        total = 0.0
        for a, w_a in zip(cells, shares, strict=True):
            for b, w_b in zip(cells, shares, strict=True):
                offset = (
                    tuple(int(n) for n in np.sort(np.abs(a - b)))
                    if self._cubic
                    else tuple(int(n) for n in np.abs(a - b))
                )
                total += w_a * w_b * lattice_green(offset, self.grid.spacing)
        return total

    @property
    def _cubic(self) -> bool:
        return len(set(self.grid.spacing)) == 1

    def spread(self, rate: float, out: np.ndarray) -> None:
        """Write the source field of a flow rate [m3/s] into `out` (nx, ny, nz) [m3/s]."""
        out[...] = 0.0
        cells, shares = self.entry
        out[tuple(cells.T)] = rate * shares

    def needle_pressure(self, rate: float, pressure, rest, label, table, conductivity) -> float:
        """Pressure [Pa] in the cavity at a flow rate [m3/s]; the mean voxel pressure when the rate is 0."""
        cells, shares = self.entry
        where = tuple(cells.T)
        k = float(np.exp(np.sum(shares * np.log(conductivity[where]))))
        row = table[label[where][int(np.argmax(shares))]]
        potential = 0.0
        for over, share in zip(pressure[where] - rest[where], shares, strict=True):
            potential += share * kirchhoff_potential(over, pore_strain(over, row), row)
        potential += rate / k * (1.0 / (4.0 * np.pi * self.cavity_radius) - self.self_energy)
        return float(np.sum(shares * rest[where]) + _overpressure_of(potential, row))

    def cracked_pressure(self, rate: float, pressure, flow) -> float:
        """Pressure [Pa] in the cavity at a flow rate [m3/s] where tissue can crack. flow: the `FlowModel`.

        The same well, with the potential of the pores plus that of the cracks [m2/s] in place of G.
        """
        cells, shares = self.entry
        where = tuple(cells.T)
        main = int(np.argmax(shares))
        row, cracks = flow.table[flow.label[where][main]], flow.joint.table[flow.label[where][main]]
        k = float(np.exp(np.sum(shares * np.log(flow.conductivity[where]))))
        rest, fracture = (float(np.sum(shares * field[where])) for field in (flow.rest, flow.joint.fracture))

        def potential(p: float, p_rest: float, p_frac: float) -> float:
            over = p - p_rest
            opened = crack_potential(p - p_frac, cracks[CUBIC], cracks[KINK])
            return k * kirchhoff_potential(over, pore_strain(over, row), row) + opened

        fields = (pressure[where], flow.rest[where], flow.joint.fracture[where], shares)
        goal = sum(share * potential(p, r, f) for p, r, f, share in zip(*fields, strict=True))
        goal += rate * (1.0 / (4.0 * np.pi * self.cavity_radius) - self.self_energy)
        if rate == 0.0:
            return float(np.sum(shares * pressure[where]))
        return _rising_root(lambda p: potential(p, rest, fracture) - goal, rest, float(pressure[where].max()))


def _rising_root(function, low: float, high: float) -> float:
    """Where an increasing function of a pressure passes 0, by bisection to the last bit."""
    width = max(abs(high - low), abs(high), np.finfo(float).tiny)
    while function(low) > 0.0:
        low, width = low - width, 2.0 * width
    while function(high) < 0.0:
        high, width = high + width, 2.0 * width
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)


def _overpressure_of(potential: float, row: np.ndarray) -> float:
    """Overpressure [Pa] at a Kirchhoff potential [Pa]: bisection in J - 1, which tames the exponential."""
    if potential <= row[OPENING] or not np.isfinite(row[MODULUS]):
        return potential
    low, high = 0.0, 1.0
    while kirchhoff_potential(pore_overpressure(high, row), high, row) < potential:
        low, high = high, 2.0 * high
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if kirchhoff_potential(pore_overpressure(middle, row), middle, row) < potential:
            low = middle
        else:
            high = middle
    return float(pore_overpressure(0.5 * (low + high), row))
