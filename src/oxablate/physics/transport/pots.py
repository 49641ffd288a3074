"""The fluid of a flow step shared between two pots: intact pores (the matrix) and cracks.

The flow gives one pressure and the totals; per voxel, with X the fluid that passes from the matrix into the cracks,

    dW_c/dt = - sum of crack face fluxes + q_c,needle + X - q_c,drawn       known: X follows
    dW_m/dt = - sum of the other face fluxes + q_m,needle + q_gained - q_lost - q_m,drawn - X

Fluid that would enter the matrix of a voxel only to leave it at once for another pot passes by it: the needle gives to
the cracks what they would draw from the matrix, the track draws from the cracks what they would leak into it. So the
matrix of a voxel has sources or sinks of this kind, never both.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PotFlows:
    """The fluid motion of one flow step, by pot; all [m3/s], (nx, ny, nz), not negative, unless said otherwise.

    faces, crack_faces: (x, y, z) of matrix and cracks, signed; needle, crack_needle: what needle and track give;
    drawn, crack_drawn: what the track draws; seeping: matrix to cracks; leaking: cracks to matrix. Without cracks the
    arrays of the cracks have size 0.
    """

    faces: tuple[np.ndarray, np.ndarray, np.ndarray]
    crack_faces: tuple[np.ndarray, np.ndarray, np.ndarray]
    needle: np.ndarray
    crack_needle: np.ndarray
    drawn: np.ndarray
    crack_drawn: np.ndarray
    seeping: np.ndarray
    leaking: np.ndarray

    @property
    def cracked(self) -> bool:
        return self.leaking.size > 0

    def drained_of_matrix(self) -> np.ndarray | None:
        """What leaves the matrix for cracks and track [m3/s]; None where nothing can."""
        parts = [part for part in (self.seeping, self.drawn) if part.size]
        return sum(parts[1:], parts[0]) if parts else None


_NONE = np.zeros((0, 0, 0))


def _outflow(faces) -> np.ndarray:
    """Fluid leaving each voxel through its faces, less what enters [m3/s]."""
    qx, qy, qz = faces
    return (qx[1:] - qx[:-1]) + (qy[:, 1:] - qy[:, :-1]) + (qz[:, :, 1:] - qz[:, :, :-1])


def whole_pot(faces, needle: np.ndarray, drawn: np.ndarray) -> PotFlows:
    """The flows of a step where there is one pot. drawn: of size 0 without a track."""
    if drawn.size:
        passed = np.minimum(needle, drawn)
        needle, drawn = needle - passed, drawn - passed
    return PotFlows(faces, (_NONE,) * 3, needle, _NONE, drawn, _NONE, _NONE, _NONE)


def two_pots(flows, before: np.ndarray, after: np.ndarray, duration: float) -> PotFlows:
    """Share the flows of a step between matrix and cracks.

    flows: of the flow model, with faces, crack_faces, needle, crack_needle, drawn and crack_drawn; before, after: crack
    volume per voxel [m3]; duration [s].
    """
    faces = tuple(total - crack for total, crack in zip(flows.faces, flows.crack_faces, strict=True))
    needle = np.maximum(flows.needle - flows.crack_needle, 0.0)
    crack_needle = flows.needle - needle
    drawn = np.maximum(flows.drawn - flows.crack_drawn, 0.0) if flows.drawn.size else np.zeros_like(needle)
    crack_drawn = flows.drawn - drawn if flows.drawn.size else np.zeros_like(needle)
    into = (after - before) / duration + _outflow(flows.crack_faces) - crack_needle + crack_drawn
    seeping, leaking = np.maximum(into, 0.0), np.maximum(-into, 0.0)
    for given, taken, more in ((needle, seeping, crack_needle), (leaking, drawn, crack_drawn)):
        passed = np.minimum(given, taken)
        given -= passed
        taken -= passed
        more += passed
    passed = np.minimum(needle, drawn)
    return PotFlows(
        faces, flows.crack_faces, needle - passed, crack_needle, drawn - passed, crack_drawn, seeping, leaking
    )
