"""The validity meter of the injection: cracks, the gap along the needle, and the needle against the voxels.

Every check takes the arm at its end and the rows of its series, and asks nothing of an arm without cracks or track.
"""

import numpy as np

from ..device.needles import SideHoleNeedle
from ..device.total import Total
from ..physics.flow.crack_closures import COMPLIANCE, LENGTH, STORAGE
from ..physics.process import Flag
from ..quantities.parameter_set import MECHANICS
from ..quantities.table import look_up
from ..space.grid import MM
from .cracking import RESOLVED
from .cut_off import tissue_at_tip

#: Strain up to which a law that is linear in it stands: there it is 13 % off the logarithmic strain, ln(1 - 0.25).
_SMALL_STRAIN = 0.25
_EDGE_VOXELS = 2
_NOT_THERE = 0.0
_NO_MEMORY = 0.0
_VOXEL_OVER_NEEDLE = 4.0
_FILLED = 1.0
_SPREAD = 1.0
_VOXELS_PER_TRACER = 6.0
VIABLE = "tumour_viable"
_TURBULENT = 2300.0


def worst_of(rows: list[dict], column: str, otherwise: float = 0.0) -> float:
    """Largest value of a column of the series; `otherwise` where there is none."""
    return max((row[column] for row in rows if column in row), default=otherwise)


def crack_excess(model) -> np.ndarray | None:
    """p - p_frac per voxel [Pa], 0 where no crack is open, shape (nx, ny, nz); None where nothing can crack."""
    if not model.cracks_on:
        return None
    cracks = model.flow.joint
    open_ = model.active & (cracks.table[model.label, STORAGE] > 0)
    return np.where(open_, np.maximum(model.state.pressure - cracks.fracture, 0.0), 0.0)


def watched_columns(model) -> dict[str, float]:
    """Columns of the series about cracks and the gap along the needles; none for an arm that has neither."""
    return _crack_columns(model) | _track_columns(model)


def _crack_columns(model) -> dict[str, float]:
    """How wide cracks are now.

    crack_mL: their volume. crack_fraction_max: w / b_c [1], opening over spacing, where they are widest.
    crack_strain_max: (p - p_frac) / E' [1], which is opening over length. crack_reached_edge: 1 where one is open
    within two voxels of the grid's faces, else 0.
    """
    excess = crack_excess(model)
    if excess is None:
        return {}
    row = model.flow.joint.table[model.label]
    strain = np.divide(row[..., COMPLIANCE], row[..., LENGTH], out=np.zeros(excess.shape), where=row[..., LENGTH] > 0)
    fraction = row[..., STORAGE] * excess
    inner = tuple(slice(_EDGE_VOXELS, -_EDGE_VOXELS) for _ in range(3))
    inside = np.zeros(excess.shape, bool)
    inside[inner] = True
    return {
        "crack_mL": 1e6 * model.grid.voxel_volume * float(fraction.sum()),
        "crack_fraction_max": float(fraction.max()),
        "crack_strain_max": float((strain * excess).max()),
        "crack_reached_edge": float(excess[~inside].any()),
    }


def _track_columns(model) -> dict[str, float]:
    """How far the gap along the needles is open now.

    track_open_mm: length of shaft where pressure has lifted the tissue off. track_width_max: x [1], widest gap over the
    needle's radius. hub_pressure_Pa: where the drive enters, the highest of several.
    """
    along = model.flow.along
    if along is None or not model.setting.delivery.gap:
        return {}
    network = along.track.network
    width, pieces = network.wall.width(along.track.pressure), network.length > 0.0
    lifted = pieces & (width > network.wall.standing)
    return {
        "track_open_mm": float(network.length[lifted].sum()) / MM,
        "track_width_max": float(width[pieces].max(initial=0.0)),
        "hub_pressure_Pa": float(np.max(along.track.hub_pressures())),
    }


def _watched(model, rows: list[dict], column: str) -> float:
    """Worst of a column of the series, or of the arm's end where the series lacks it."""
    return worst_of(rows, column, watched_columns(model).get(column, 0.0))


def least_poisson(parameters) -> float:
    """Least drained Poisson ratio [1] of tumour and host, where the set has it; 0, which misjudges most, elsewhere."""
    sections = [parameters[tissue] for tissue in ("tumour_viable", "host")]
    return min((s["poisson_ratio"].si for s in sections if "poisson_ratio" in s), default=0.0)


def no_cracks(model, rows: list[dict]):
    """A pressure that tissue would not bear, in a model that has no cracks to let it go."""
    if model.cracks_on:
        return
    fracture_pressure = model.setting.parameters[tissue_at_tip(model.setting)]["fracture_pressure"].si
    worst = worst_of(rows, "needle_pressure_Pa")
    if worst > fracture_pressure:
        yield Flag(
            "flow", "needle pressure", worst, fracture_pressure, "Pa",
            "tissue would crack at such a pressure and cracks are not in this model: the fluid would go elsewhere",
        )  # fmt: skip


def crack_strain(model, rows: list[dict]):
    """Cracks so wide that a law linear in the opening no longer holds."""
    strain = _watched(model, rows, "crack_strain_max")
    if strain > _SMALL_STRAIN:
        yield Flag(
            "cracks", "pressure above that of fracture, over the plane modulus", strain, _SMALL_STRAIN, "1",
            "a crack's opening is taken as proportional to that pressure; so far from small strain it is not",
        )  # fmt: skip
    fraction = _watched(model, rows, "crack_fraction_max")
    if fraction > _SMALL_STRAIN:
        yield Flag(
            "cracks", "opening of a crack over the distance to the next", fraction, _SMALL_STRAIN, "1",
            "cracks this wide press on the tissue between them, which this model leaves out: it opens too much of them",
        )  # fmt: skip


def crack_edge(model, rows: list[dict]):
    """Cracks that ran up to where the grid ends."""
    reached = _watched(model, rows, "crack_reached_edge")
    if reached > _NOT_THERE:
        yield Flag(
            "cracks", "a crack within two voxels of the grid's faces (1: there is)", reached, _NOT_THERE, "1",
            "a crack ends where the grid ends, and would have run on; take a larger margin",
        )  # fmt: skip


def crack_memory(model, rows: list[dict]):
    """Memory of cracks, with which results do not converge as the voxels shrink."""
    torn = float(np.count_nonzero(model.state.injection.crack_greatest))
    if torn > _NO_MEMORY:
        yield Flag(
            "cracks", "voxels torn by cracks that are remembered", torn, _NO_MEMORY, "1",
            "with memory the result depends on the voxel: halving it changed peak pressure and torn volume "
            "by 1 to 11 %",
        )  # fmt: skip


def track_width(model, rows: list[dict]):
    """A gap so wide that the wall's linear law does not hold."""
    worst = worst_of(rows, "track_width_max")
    if worst > _SMALL_STRAIN:
        yield Flag(
            "track", "gap along the needle over the needle's radius", worst, _SMALL_STRAIN, "1",
            "the wall of the track is taken as elastic at small strain; beyond it the gap may tear or stiffen",
        )  # fmt: skip


def turbulence(model, rows: list[dict]):
    """A flow in the needle's lumen that need not be laminar."""
    worst = needle_reynolds(model.setting)
    if worst > _TURBULENT:
        yield Flag(
            "needle", "Reynolds number in the needle", worst, _TURBULENT, "1",
            "flow in the needle may be turbulent: it loses more pressure than is computed, and leaves as a jet",
        )  # fmt: skip


def needle_reynolds(setting) -> float:
    """Largest Re [1] in a needle's lumen, a hand at its rate without load; 0 where the tube is not known."""
    viscosity = setting.parameters[MECHANICS]["viscosity"].si
    density = look_up("mechanics/density.water_37c", "validity").si
    worst = 0.0
    for hub in setting.delivery.hubs:
        pumps = (hub.drive,) if hasattr(hub.drive, "free_rate") else Total((hub.drive,)).pumps()
        rate = max((getattr(pump, "free_rate", 0.0) or pump.flow_rate for pump in pumps), default=0.0)
        for needle in hub.needles:
            if hasattr(needle, "tube"):
                worst = max(worst, needle.tube.reynolds_number(rate / len(hub.needles), density, viscosity))
    return worst


def side_holes(model, rows: list[dict]):
    """Voxels too wide to tell what flows along a needle from hole to hole."""
    widest = max(model.grid.spacing)
    found = [n.tube.outer_radius for n in model.setting.delivery.needles if isinstance(n, SideHoleNeedle)]
    ratio = max((widest / radius for radius in found), default=0.0)
    if ratio > _VOXEL_OVER_NEEDLE:
        yield Flag(
            "needle", "voxel over the radius of a needle with side holes", ratio, _VOXEL_OVER_NEEDLE, "1",
            "the tissue between two holes is a voxel or two wide: how they share the liquid is rough",
        )  # fmt: skip


def correlation(model, rows: list[dict]):
    """A fracture pressure that varies over too few voxels."""
    common = model.setting.parameters[MECHANICS]
    voxels = common["fracture_correlation_length"].si / max(model.grid.spacing)
    varies = model.cracks_on and common["fracture_log_variance"].si > 0.0
    if varies and voxels < RESOLVED:
        yield Flag(
            "cracks", "voxels per correlation length of the fracture pressure", voxels, RESOLVED, "1",
            "the paths of cracks follow the voxels as well as the tissue; read no statistics of them",
        )  # fmt: skip


def crack_filling(setting) -> float:
    """Fo = D t / L^2 [1] of the tumour's pores between cracks: their filling by pressure against the injection's time.

        D = K (H + b p_frac),   L = b_c / 2

    The slope of the pore law at the fracture pressure, K at rest; t from the first to the last fluid given.
    """
    tumour = setting.parameters[VIABLE]
    stiffness = tumour["aggregate_modulus"].si + tumour["stiffening_exponent"].si * tumour["fracture_pressure"].si
    half = 0.5 * tumour["crack_spacing"].si
    return tumour["hydraulic_conductivity"].si * stiffness * setting.pump.duration / half**2


def unfilled(model, rows: list[dict]):
    """Cracks beside pores that share their pressure sooner than it could get there."""
    if not model.cracks_on or worst_of(rows, "crack_mL") == 0.0:
        return
    filling = crack_filling(model.setting)
    if filling < _FILLED:
        yield Flag(
            "cracks", "time of the injection over that in which pores between cracks fill", filling, _FILLED, "1",
            "pores are taken to fill as soon as a crack opens beside them: too much liquid is said to be in intact "
            "pores, and cracks open too small a volume, several times too small where this number is far below 1",
        )  # fmt: skip


def steep_leak(model, rows: list[dict]):
    """A gap that leaks into tissue in which pressure has not spread over a voxel."""
    if worst_of(rows, "track_open_mm") == 0.0:
        return
    tumour = model.setting.parameters[VIABLE]
    diffusivity = tumour["hydraulic_conductivity"].si * tumour["aggregate_modulus"].si
    spread = float(np.sqrt(diffusivity * model.state.clock.time)) / max(model.grid.spacing)
    if spread < _SPREAD:
        yield Flag(
            "track", "way of the pressure into the tissue, in voxels", spread, _SPREAD, "1",
            "the gap's leak into the tissue is taken as steady over a voxel: it is too small until pressure has spread "
            "that far, and with it what the tissue gets of a liquid that runs back",
        )  # fmt: skip


def tracer_edge(model, rows: list[dict]):
    """A tracer's volume whose edge is as wide as it is."""
    volume = 1e-6 * worst_of(rows, "tracer_reached_1_mL")
    voxels = float(np.cbrt(3.0 * volume / (4.0 * np.pi))) / max(model.grid.spacing)
    if 0.0 < voxels < _VOXELS_PER_TRACER:
        yield Flag(
            "grid", "voxels per radius of the tracer's volume at 1 %", voxels, _VOXELS_PER_TRACER, "1",
            "a rim of one voxel counts as seen: the distribution volume is too large, up to threefold",
        )  # fmt: skip
