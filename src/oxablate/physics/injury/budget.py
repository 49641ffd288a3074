"""What injury counts: volume killed inside and outside the tumour. A killed volume never shrinks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class KilledVolume:
    """Volume of tissue killed [m3], inside the tumour and outside it."""

    inside: float
    outside: float


def killed_volume(killed: np.ndarray, tumour: np.ndarray, voxel_volume: float) -> KilledVolume:
    """Sum of the killed share over the tumour and over the rest.

    killed: share of the cells dead [1] (nx, ny, nz); tumour: bool, same shape; voxel_volume [m3].
    """
    total, inside = float(np.sum(killed)), float(np.sum(killed, where=tumour))
    return KilledVolume(inside * voxel_volume, max(total - inside, 0.0) * voxel_volume)
