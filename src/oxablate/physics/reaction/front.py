"""One step of the sub-voxel front: diffusive uptake by demand that is faster than a voxel can resolve."""

import math
from dataclasses import dataclass, field

import numpy as np

from ...quantities.refusal import BadInput
from ..process import Booking
from .budget import book_front
from .closures import Kinetics, SharpFront
from .front_kernels import advance_sweep, draw_sweep, list_fronts, mark_sweep, request_sweep
from .step import check_duration, check_fields, whole_box

_SUBSTEP = 0.01  # D dt / h^2 of one inner step: a front that leaves a voxel waits for the next one to go on


@dataclass
class FrontState:
    """What a grid of sub-voxel fronts carries from step to step. All arrays (nx, ny, nz), float64 but for the mask.

    swept: fraction f of a voxel that a front has passed, its fast pools gone [1]; shielded: agent in the swept part on
    its way to the front, not exposed to the demand ahead [mol/m3 of reference tissue]; dose: exposure in the swept
    part, integral of c dt [mol s/m3], beside the exposure of what was mixed; mask: voxels whose uptake by diffusion
    this module does and transport must not; asked: workspace, zero between calls.
    """

    swept: np.ndarray
    shielded: np.ndarray
    dose: np.ndarray
    mask: np.ndarray
    asked: np.ndarray = field(repr=False)

    @classmethod
    def fresh(cls, shape) -> "FrontState":
        """The state before any agent has diffused anywhere."""
        return cls(*(np.zeros(shape) for _ in range(3)), np.zeros(shape, dtype=bool), np.zeros(shape))


@dataclass(frozen=True)
class Donors:
    """How voxels and outer walls offer their agent to a front.

    stirred: voxels whose fluid is mixed up to its faces (a bath, a crack, a needle), bool (nx, ny, nz) or (1, 1, 1);
    held: voxels kept at their concentration from elsewhere, which are not drawn down, same shapes; walls: concentration
    kept at the outer faces -x, +x, -y, +y, -z, +z [mol/m3], zero for a closed face. All other donors are tissue filled
    with agent, which is emptied from the face inwards.
    """

    stirred: np.ndarray
    held: np.ndarray
    walls: tuple[float, float, float, float, float, float]

    @classmethod
    def tissue(cls) -> "Donors":
        """Donors that are all tissue, in a closed box."""
        return cls(np.zeros((1, 1, 1), dtype=bool), np.zeros((1, 1, 1), dtype=bool), (0.0,) * 6)


def front_mask(
    state: FrontState,
    concentration: np.ndarray,
    fluid_fraction: np.ndarray,
    pools: np.ndarray,
    kinetics: Kinetics,
    diffusivity: np.ndarray,
    spacing: tuple[float, float, float],
    law: SharpFront,
    box: np.ndarray | None = None,
) -> np.ndarray:
    """Mark the voxels in which diffusion meets fast demand; hand the mask to transport as closed to diffusion.

        front voxel: theta D / (k_i s_i) <= (zone h)^2 for some pool, s_i = R_i / (1 - f)

    A voxel that is no longer one (its fast demand met agent carried by flow) gives its shielded agent to its fluid, so
    concentration and state.shielded change in place. Arrays and units as in `advance_front`. Returns state.mask, which
    is renewed inside the box and left alone outside.
    """
    check_fields(concentration, pools, kinetics, fluid_fraction=fluid_fraction, diffusivity=diffusivity)
    box = whole_box(concentration.shape) if box is None else np.asarray(box, dtype=np.int64)
    width_square = (law.zone * min(spacing)) ** 2
    mark_sweep(
        concentration, fluid_fraction, pools, kinetics.rate_array, diffusivity, width_square, state.swept,
        state.shielded, box, state.mask,
    )  # fmt: skip
    return state.mask


def advance_front(
    state: FrontState,
    concentration: np.ndarray,
    fluid_fraction: np.ndarray,
    pools: np.ndarray,
    kinetics: Kinetics,
    diffusivity: np.ndarray,
    spacing: tuple[float, float, float],
    law: SharpFront,
    donors: Donors,
    dt: float,
    box: np.ndarray | None = None,
    fed: np.ndarray | None = None,
) -> Booking:
    """Let agent diffuse for a time dt into the voxels of state.mask, consume what their fronts pass, in place.

        d(p^2)/dt = 4 D ln(U / (s p)),   dU/dt = theta D (c_d - c_f) / delta,   p = f V / A

    concentration: c [mol/m3 of fluid] (nx, ny, nz): donors are drawn down, never below zero; fluid_fraction: theta [1];
    pools: R_i [mol/m3 of reference tissue] (n, nx, ny, nz): fast pools are gone behind the front, others react with the
    shielded agent; diffusivity: pore diffusivity D [m2/s], flux density - theta D grad c (theta is NOT inside D: the
    similarity ratio is theta c / s); spacing [m]; box: (i0, i1, j0, j1, k0, k1), it must hold every voxel with agent
    and its neighbours; fed: voxels whose front is fed through crack walls and advances there (`walls`), bool, or None.
    state.mask is as `front_mask` left it; voxels swept during the step leave it and become donors.
    Returns the booking [mol] of concentration and shielded agent together: lost "consumed by NAME" and "decayed",
    gained "boundary" (outer walls) and "held source". Refuses fields that do not fit. Source: see `equations`;
    measured errors: docs/decisions/0003-subvoxel-front.md.
    """
    check_fields(concentration, pools, kinetics, fluid_fraction=fluid_fraction, diffusivity=diffusivity)
    check_duration(dt)
    check_donors(donors, concentration.shape)
    box = whole_box(concentration.shape) if box is None else np.asarray(box, dtype=np.int64)
    taken, gained = np.zeros(len(kinetics.names) + 1), np.zeros(2)
    fields = (concentration, fluid_fraction, diffusivity, pools)
    steps = _inner_steps(diffusivity, spacing, box, dt)
    for _ in range(steps):
        _inner_step(state, fields, kinetics, spacing, law, donors, dt / steps, box, fed, taken, gained)
    return book_front(taken, gained, kinetics, math.prod(spacing))


def _inner_steps(diffusivity, spacing, box, dt) -> int:
    """How many inner steps keep the diffusion number of a front voxel small."""
    inner = diffusivity[box[0] : box[1], box[2] : box[3], box[4] : box[5]]
    if inner.size == 0 or dt == 0.0:
        return 1
    return max(1, math.ceil(float(inner.max()) * dt / (_SUBSTEP * min(spacing) ** 2)))


def _inner_step(state, fields, kinetics, spacing, law, donors, dt, box, fed, taken, gained) -> None:
    """Ask, draw, advance, once."""
    concentration, fluid, diffusivity, pools = fields
    rates, walls = kinetics.rate_array, np.array(donors.walls, dtype=np.float64)
    rows = _fronts(concentration, state, walls, box)
    if fed is not None:
        rows = np.ascontiguousarray(rows[~fed[tuple(rows.T)]])
    if rows.shape[0] == 0:
        return
    dx, dy, dz = spacing
    volume, areas = dx * dy * dz, (dy * dz, dx * dz, dx * dy)
    width_square = (law.zone * min(spacing)) ** 2
    requests, shape_of = np.empty((rows.shape[0], 6)), np.empty((rows.shape[0], 2))
    request_sweep(
        rows, (concentration, fluid, diffusivity, state.swept, state.shielded), pools, rates, width_square, spacing,
        areas, state.mask, donors.stirred, walls, box, dt, requests, shape_of,
    )  # fmt: skip
    draw_sweep(rows, requests, concentration, fluid, donors.held, box, volume, state.asked, gained)
    advance_sweep(
        rows, requests, shape_of, (fluid, diffusivity, state.swept, state.shielded, state.dose), concentration, pools,
        rates, kinetics.loss_rate, width_square, volume, dt, state.mask, taken,
    )  # fmt: skip


def _fronts(concentration, state, walls, box) -> np.ndarray:
    """Indices (m, 3) of the front voxels at work: in one pass unless their surface is very ragged."""
    a, b, c = (int(box[2 * axis + 1] - box[2 * axis]) for axis in range(3))
    rows = np.empty((4 * (a * b + b * c + a * c), 3), dtype=np.int64)
    count = list_fronts(concentration, state.shielded, state.mask, walls, box, rows)
    if count > rows.shape[0]:
        rows = np.empty((count, 3), dtype=np.int64)
        list_fronts(concentration, state.shielded, state.mask, walls, box, rows)
    return rows[:count]


def check_donors(donors: Donors, shape) -> None:
    """Refuse donor marks that are neither of the grid's shape nor a single value, and walls that are negative."""
    for name, marks in (("stirred", donors.stirred), ("held", donors.held)):
        if marks.dtype != np.bool_ or marks.shape not in (tuple(shape), (1, 1, 1)):
            raise BadInput(
                f"{name} is {marks.dtype} of shape {marks.shape}: give booleans of shape {tuple(shape)} or (1, 1, 1)"
            )
    if len(donors.walls) != 6 or not all(math.isfinite(c) and c >= 0.0 for c in donors.walls):
        raise BadInput(f"walls are {donors.walls}: give six concentrations in mol/m3, zero for a closed face")
