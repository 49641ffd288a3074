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
