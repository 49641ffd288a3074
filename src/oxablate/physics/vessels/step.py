"""The discrete update of the vessel bed."""

import numpy as np

from .closures import vessel_table
from .kernels import relax_vessels


class VesselBed:
    """The functional vessel fraction of every voxel.

    label: (nx, ny, nz) uint8, row of `beds` per voxel. beds: one law per tissue. `fraction` (nx, ny, nz) starts at 1.
    """

    def __init__(self, label: np.ndarray, beds):
        self.label = label
        self.table = vessel_table(beds)
        self.fraction = np.ones(label.shape)

    def advance(self, pressure: np.ndarray, duration: float) -> float:
        """Let the bed follow a pressure [Pa] for `duration` [s]; first order in time, bounded in [0, 1].

        Returns the largest change of the fraction in any voxel.
        """
        change = np.zeros(self.fraction.shape[0])
        relax_vessels(self.fraction, pressure, self.label, self.table, duration, change)
        return float(change.max())
