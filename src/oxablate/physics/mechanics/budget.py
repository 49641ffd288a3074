"""What is conserved in a deforming body: its fluid."""

import numpy as np

from ...numerics.jit import plane_sum
from ..process import Booking


def fluid_booking(flows, duration: float) -> Booking:
    """Booking of the fluid [m3] for step-mean flows held over `duration` [s]. flows: a `BiotFlows`.

    The change of sum(V zeta) over the step equals its net, to round-off, whatever the tolerance of the solver.
    """
    booking = Booking()
    qx, qy, qz = flows.faces
    outer = (-qx[0], qx[-1], -qy[:, 0], qy[:, -1], -qz[:, :, 0], qz[:, :, -1])
    outward = np.concatenate([plane.ravel() for plane in outer])
    booking.gain("far tissue", -outward[outward < 0].sum() * duration)
    booking.lose("far tissue", outward[outward > 0].sum() * duration)
    seeped = flows.seeped
    booking.gain("surface", -seeped[seeped < 0].sum() * duration)
    booking.lose("surface", seeped[seeped > 0].sum() * duration)
    booking.gain("source", plane_sum(np.maximum(flows.source, 0.0)) * duration)
    booking.lose("source", -plane_sum(np.minimum(flows.source, 0.0)) * duration)
    return booking
