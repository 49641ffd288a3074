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
    """Booking of the fluid [m3] for step-mean flows held over `duration` [s]. flows: a `StepFlows`."""
    booking = Booking()
    entered, left = _outer_split(flows.faces)
    booking.gain("needle", plane_sum(flows.needle) * duration)
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
