"""Where the fluid in the track came from and where it went in one step."""

import numpy as np

from ..process import Booking


def track_booking(answer, before: np.ndarray) -> Booking:
    """Booking of the fluid [m3] of one step. answer: a `TrackAnswer`; before: volumes (n,) [m3] at its start.

    The gap holds sum(answer.volume); gained from "needle", from "tissue" where it drains into the gap, from the
    "outside" never while the contact stress is above the outside pressure; lost to "tissue" and, at the surface, to
    "track exit". gained - lost is the change of the volume held, to round-off.
    """
    duration, booking = answer.around.duration, Booking()
    given, leak, lost = (flow * duration for flow in (answer.given, answer.leak, answer.lost))
    booking.gain("needle", given[given > 0].sum())
    booking.lose("needle", -given[given < 0].sum())
    booking.gain("tissue", -leak[leak < 0].sum())
    booking.lose("tissue", leak[leak > 0].sum())
    booking.lose("track exit", lost[lost > 0].sum())
    booking.gain("outside", -lost[lost < 0].sum())
    return booking
