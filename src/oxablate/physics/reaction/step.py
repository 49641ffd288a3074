"""One step of the reaction: what is dissolved in a voxel meets the pools of that voxel, exactly."""

import math

import numpy as np

from ...quantities.refusal import BadInput
from ..process import Booking
from .budget import book_reaction
from .closures import Kinetics
from .kernels import react_sweep


def react(
    concentration: np.ndarray,
    fluid_fraction: np.ndarray,
    pools: np.ndarray,
    kinetics: Kinetics,
    dt: float,
    exposure: np.ndarray,
    voxel_volume: float,
    box: np.ndarray | None = None,
    washout: np.ndarray | None = None,
) -> Booking:
    """Let the dissolved agent react with all pools of its voxel for a time dt, in place.

        theta dc/dt = - sum k_i c R_i - theta (lambda + w) c,      dR_i/dt = - k_i c R_i

    solved by the exposure E = integral of c dt, R_i = R_i0 exp(-k_i E), to 1e-6 of what is consumed at any k c dt.

    concentration: c [mol/m3 of fluid] (nx, ny, nz), in place; fluid_fraction: theta, fluid per reference volume [1],
    same shape; pools: R_i [mol/m3 of reference tissue, agent equivalents] (n, nx, ny, nz), in place; exposure: E
    [mol s/m3], added to in place; voxel_volume [m3]; dt [s]; box: (i0, i1, j0, j1, k0, k1), half open, outside which
    nothing is touched; washout: w, loss to vessels and lymph [1/s], same shape, or None. All arrays float64 and
    C-contiguous. Voxels without agent or fluid are left as they are.
    Returns the booking [mol]: lost "consumed by NAME" for each pool, "decayed", and, with a washout, "vessels: washed
    out". Refuses arrays that do not fit.
    """
    check_fields(concentration, pools, kinetics, fluid_fraction=fluid_fraction, exposure=exposure)
    check_duration(dt)
    box = whole_box(concentration.shape) if box is None else np.asarray(box, dtype=np.int64)
    taken = np.zeros((concentration.shape[0], len(kinetics.names) + 2))
    washout = np.zeros((0, 0, 0)) if washout is None else washout
    react_sweep(
        concentration,
        fluid_fraction,
        pools,
        kinetics.rate_array,
        kinetics.loss_rate,
        washout,
        dt,
        exposure,
        box,
        taken,
    )
    booking = book_reaction(taken[:, :-1], kinetics, voxel_volume)
    if washout.size:
        booking.lose("vessels: washed out", taken[:, -1].sum() * voxel_volume)
    return booking


def whole_box(shape) -> np.ndarray:
    """The box that holds the grid."""
    return np.array([0, shape[0], 0, shape[1], 0, shape[2]], dtype=np.int64)


def check_duration(dt: float) -> None:
    """Refuse a step that is not a finite time from zero up."""
    if not (math.isfinite(dt) and dt >= 0.0):
        raise BadInput(f"a step of {dt} s cannot be taken: give a finite time that is not negative")


def check_fields(concentration, pools, kinetics: Kinetics, **fields) -> None:
    """Refuse fields whose shape, type or layout the kernels cannot use, naming the first that does not fit."""
    shape = concentration.shape
    if pools.shape != (len(kinetics.names), *shape):
        raise BadInput(
            f"pools have shape {pools.shape}, the kinetics name {len(kinetics.names)} pools on a grid of {shape}: "
            f"give an array of shape {(len(kinetics.names), *shape)}"
        )
    for name, field in {"concentration": concentration, "pools": pools, **fields}.items():
        if field.dtype != np.float64 or not field.flags.c_contiguous:
            raise BadInput(
                f"{name} is {field.dtype}, it must be float64 in C order: use np.ascontiguousarray(field, float)"
            )
        if name != "pools" and field.shape != shape:
            raise BadInput(f"{name} has shape {field.shape}, the grid has {shape}: give one value per voxel")
