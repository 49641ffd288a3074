"""What the reaction conserves: agent equivalents; and under which names they went."""

import numpy as np

from ..process import Booking
from .closures import Kinetics


def book_reaction(taken: np.ndarray, kinetics: Kinetics, voxel_volume: float) -> Booking:
    """The booking of one step from the sums of each plane.

    taken: (nx, n + 1), consumed by pool i and, last, decayed, in mol per m3 summed over the voxels of a plane;
    voxel_volume [m3]. Planes are added in order, so the amounts do not depend on the number of threads.
    """
    totals = taken.sum(axis=0) * voxel_volume
    booking = Booking()
    for name, amount in zip(kinetics.names, totals[:-1], strict=True):
        booking.lose(f"consumed by {name}", amount)
    booking.lose("decayed", totals[-1])
    return booking


def agent_held(concentration, fluid_fraction, voxel_volume: float, shielded=None) -> float:
    """Agent in a grid [mol]: sum of (theta c + shielded) V.

    concentration [mol/m3 of fluid], fluid_fraction [1], shielded [mol/m3 of reference tissue] or None: (nx, ny, nz).
    """
    held = float(np.sum(concentration * fluid_fraction))
    if shielded is not None:
        held += float(np.sum(shielded))
    return held * voxel_volume


def demand_held(pools, voxel_volume: float) -> np.ndarray:
    """Demand left in each pool [mol, agent equivalents], shape (n,); pools (n, nx, ny, nz) [mol/m3]."""
    return pools.reshape(pools.shape[0], -1).sum(axis=1) * voxel_volume


def book_front(taken: np.ndarray, gained: np.ndarray, kinetics: Kinetics, voxel_volume: float) -> Booking:
    """The booking of the fronts: taken (n + 1,) [mol per m3 of voxel], gained (2,) from walls and held donors [mol]."""
    booking = book_reaction(taken[np.newaxis], kinetics, voxel_volume)
    booking.gain("boundary", gained[0])
    booking.gain("held source", gained[1])
    return booking
