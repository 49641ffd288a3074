"""Where the fluid in the track came from and where it went in one step."""

from collections.abc import Sequence

from ..process import Booking


def track_booking(stages: Sequence[tuple]) -> Booking:
    """Booking of the fluid [m3] of one step. stages: of (answer, seconds for which its flows count).

    The gap holds sum(answer.volume) of the last; gained from "needle", from "tissue" where it drains into the
    gap, from the "outside" never while the contact stress is above the outside pressure; lost to "tissue" and, at the
    surface, to "track exit". gained - lost is the change of the volume held, to round-off.
    """
    booking = Booking()
    given, leak, lost = (sum(s * getattr(a, f) for a, s in stages) for f in ("given", "leak", "lost"))
    booking.gain("needle", given[given > 0].sum())
    booking.lose("needle", -given[given < 0].sum())
    booking.gain("tissue", -leak[leak < 0].sum())
    booking.lose("tissue", leak[leak > 0].sum())
    booking.lose("track exit", lost[lost > 0].sum())
    booking.gain("outside", -lost[lost < 0].sum())
    return booking
