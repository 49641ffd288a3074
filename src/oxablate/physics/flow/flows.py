"""What flowed in one step: the step means that everything which rides on the flow is carried by."""

from dataclasses import dataclass, field

import numpy as np

from ...numerics.outcome import SolveOutcome
from .coupled_track import TrackFlows


@dataclass(frozen=True)
class FlowStep:
    """The outcome of one trial step: how it ended, the volume it misplaces [m3], and the worst |J - P^-1(p)|.

    error: embedded error of the step, the sum over the voxels of |error in J| times their volume. A volume and not
    the largest error of any voxel: that one sits at the needle and grows as the voxels shrink.
    """

    outcome: SolveOutcome
    error: float
    mismatch: float


def _none() -> np.ndarray:
    return np.zeros((0, 0, 0))


@dataclass
class StepFlows:
    """Mean flows [m3/s] over one step: faces (qx, qy, qz), and per voxel needle, gained, drained, lymph, seeped.

    needle: what needle and gap give to the tissue. gained, drained: from and to the vessels. All >= 0 but the faces and
    `seeped`, which is outward positive and has shape (0, 0, 0) where there is no free surface.

    crack_faces: the part of the faces that goes through cracks. crack_needle: the part of `needle` that enters open
    cracks, by their share of the conductivity there. Both of shape (0, 0, 0) where no tissue can crack.
    drawn, crack_drawn: what the track draws out of a voxel, in all and out of its cracks; (0, 0, 0) without a track.
    track: flows between the track and the world, None without one.
    """

    faces: tuple[np.ndarray, np.ndarray, np.ndarray]
    needle: np.ndarray
    gained: np.ndarray
    drained: np.ndarray
    lymph: np.ndarray
    seeped: np.ndarray
    crack_faces: tuple[np.ndarray, np.ndarray, np.ndarray] = field(
        init=False, default_factory=lambda: (_none(), _none(), _none())
    )
    crack_needle: np.ndarray = field(init=False, default_factory=_none)
    drawn: np.ndarray = field(init=False, default_factory=_none)
    crack_drawn: np.ndarray = field(init=False, default_factory=_none)
    track: TrackFlows | None = field(init=False, default=None)


def no_flows(shape: tuple[int, int, int], surface: bool, cracks: bool, track: bool) -> StepFlows:
    """Zero flows with the arrays that are needed: with a free surface, tissue that can crack, a track."""

    def faces():
        nx, ny, nz = shape
        return np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1))

    flows = StepFlows(faces(), *(np.zeros(shape) for _ in range(4)), np.zeros(shape) if surface else _none())
    if cracks:
        flows.crack_faces, flows.crack_needle = faces(), np.zeros(shape)
    if track:
        flows.drawn = np.zeros(shape)
        flows.crack_drawn = np.zeros(shape) if cracks else _none()
    return flows
