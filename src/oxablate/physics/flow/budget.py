"""Where the fluid came from and where it went in one step."""

import numpy as np

from ...numerics.jit import plane_sum
from ..process import Booking


def _outer_split(fluxes) -> tuple[float, float]:
    """Total inflow and outflow [m3/s] through the outer faces, both >= 0."""
    qx, qy, qz = fluxes
    outward = np.concatenate(
        [
            -qx[0].ravel(), qx[-1].ravel(),
            -qy[:, 0].ravel(), qy[:, -1].ravel(),
            -qz[:, :, 0].ravel(), qz[:, :, -1].ravel(),
        ]
    )  # fmt: skip
    return float(-outward[outward < 0].sum()), float(outward[outward > 0].sum())


def fluid_booking(flows, duration: float) -> Booking:
    """Booking of the fluid [m3] for step-mean flows held over `duration` [s]. flows: a `StepFlows`.

    It is that of all the fluid there is: in pores, cracks and, with a track, in its gaps.
    """
    booking = Booking()
    entered, left = _outer_split(flows.faces)
    if flows.track is None:
        booking.gain("needle", plane_sum(flows.needle) * duration)
    else:
        _book_track(booking, flows.track, duration)
    booking.gain("vessels", plane_sum(flows.gained) * duration)
    booking.gain("far tissue", entered * duration)
    booking.lose("vessels", plane_sum(flows.drained) * duration)
    booking.lose("lymph", plane_sum(flows.lymph) * duration)
    booking.lose("far tissue", left * duration)
    if flows.seeped.size:
        surface = flows.seeped
        booking.gain("surface", -float(surface[surface < 0].sum()) * duration)
        booking.lose("surface", float(surface[surface > 0].sum()) * duration)
    return booking


def _book_track(booking: Booking, track, duration: float) -> None:
    """What the drives give, and what leaves along the track; what it exchanges with the tissue stays in the account."""
    booking.gain("needle", track.given * duration)
    booking.lose("needle", track.taken * duration)
    booking.lose("track exit", track.lost * duration)
    booking.gain("track exit", track.sucked * duration)


def crack_exchange(flows, before: np.ndarray, after: np.ndarray, volume: float, duration: float) -> np.ndarray:
    """What the pores give to the cracks of their voxel [m3/s] over one step, by the balance of the cracks.

        exchange = (after - before) volume / duration + Div crack_faces - crack_needle + crack_drawn

    before, after: crack volume per reference volume (nx, ny, nz) as `FlowModel.crack_volume` gives it at both ends of
    the step, with the fracture pressure of that step. volume: of a voxel [m3]. Negative where cracks leak into pores.
    """
    qx, qy, qz = flows.crack_faces
    divergence = np.diff(qx, axis=0) + np.diff(qy, axis=1) + np.diff(qz, axis=2)
    found = (after - before) * (volume / duration) + divergence - flows.crack_needle
    return found + flows.crack_drawn if flows.crack_drawn.size else found


def crack_booking(before: np.ndarray, after: np.ndarray, volume: float) -> Booking:
    """Booking of the crack volume [m3]: what opened and what closed in one step.

    before, after: crack volume per reference volume (nx, ny, nz), as `FlowModel.crack_volume` gives it. volume: of a
    voxel [m3]. The cracks' fluid is part of the fluid's account; this one says how much of it stands open.
    """
    change = (after - before) * volume
    booking = Booking()
    booking.gain("opened", plane_sum(np.maximum(change, 0.0)))
    booking.lose("closed", plane_sum(np.maximum(-change, 0.0)))
    return booking
