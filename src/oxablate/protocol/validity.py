"""The validity meter: where a run left the range in which its models hold, and its dimensionless numbers."""

import numpy as np

from ..physics.process import Flag
from ..space.grid import MM
from . import validity_injection as injection
from .coupling import ArmRun
from .cut_off import cut_off
from .whereabouts import given

_MAX_RATIO = 1.5
_MISJUDGED = 0.1
_RADII_FROM_SKIN = 2.0
_VOXELS_PER_RADIUS = 8.0
_VOXELS_PER_PLUME = 4.0
_VOXELS_PER_EDGE = 10.0
_CELL_PECLET = 2.0
_MISMATCH = 1e-6
_ESCAPED = 0.01
_CUT_SPEED = 0.1


def flags(model: ArmRun, rows: list[dict]) -> list[Flag]:
    """Every place where a model of this arm is outside its range, the gravest kind first."""
    checks = (
        injection.no_cracks, injection.unfilled, injection.steep_leak, injection.crack_edge, injection.crack_strain,
        injection.track_width, injection.turbulence, _dilatation, _moduli, _skin, _resolution, injection.correlation,
        injection.side_holes, injection.tracer_edge, _plume, _blurred, _cut, _edge, injection.crack_memory, _mismatch,
    )  # fmt: skip
    return [flag for check in checks for flag in check(model, rows)]


def _dilatation(model: ArmRun, rows: list[dict]):
    worst = injection.worst_of(rows, "volume_ratio_needle", 1.0)
    if worst > _MAX_RATIO:
        yield Flag(
            "flow", "volume ratio J at the needle", worst, _MAX_RATIO, "1",
            "the irrotational pore law is not exact at such dilatation; pressures and spread near the needle are rough",
        )  # fmt: skip


def misjudged_by_moduli(tumour: float, host: float, poisson: float) -> float:
    """Share by which the irrotational law misjudges the tumour's steady dilatation: g |H_host / H_tumour - 1|.

    g = (2/3) (1 - 2 nu) / (1 - nu). tumour, host: aggregate moduli H [Pa]; poisson: drained nu [1], that of both; 0
    gives the most. Betti's theorem, Eshelby 1957 (doi 10.1098/rspa.1957.0133); docs/physics/irrotational-map.
    """
    return 2.0 / 3.0 * (1.0 - 2.0 * poisson) / (1.0 - poisson) * abs(host / tumour - 1.0)


def _moduli(model: ArmRun, rows: list[dict]):
    parameters = model.setting.parameters
    tumour, host = (parameters[t]["aggregate_modulus"].si for t in ("tumour_viable", "host"))
    share = misjudged_by_moduli(tumour, host, injection.least_poisson(parameters))
    if model.setting.case.model.pores != "rigid" and share > _MISJUDGED:
        yield Flag(
            "flow", "tumour's dilatation misjudged, because its host is stiffer or softer", share, _MISJUDGED, "1",
            "with moduli this different the irrotational law gives the tumour's swelling wrong by up to this share: "
            "too little in a stiff tumour, too much in a soft one; the steady pressure is right all the same",
        )  # fmt: skip


def _skin(model: ArmRun, rows: list[dict]):
    air = np.argwhere(model.air())
    if not len(air):
        return
    centre = model.grid.world_to_index(model.setting.tip)
    nearest = float(np.sqrt((((air - centre) * np.asarray(model.grid.spacing)) ** 2).sum(1).min()))
    radii = nearest / tumour_radius(model)
    if radii < _RADII_FROM_SKIN:
        yield Flag(
            "flow", "distance from the tip to the body's surface, in tumour radii", radii, _RADII_FROM_SKIN, "1",
            "a free skin lets the tissue bulge, which this pore law does not know",
        )  # fmt: skip


def _resolution(model: ArmRun, rows: list[dict]):
    voxels = tumour_radius(model) / max(model.grid.spacing)
    if voxels < _VOXELS_PER_RADIUS:
        yield Flag(
            "grid", "voxels per tumour radius", voxels, _VOXELS_PER_RADIUS, "1",
            "the tumour is coarse on this grid; take a smaller spacing before reading volumes",
        )  # fmt: skip


def _plume(model: ArmRun, rows: list[dict]):
    radius = plume_radius(rows)
    voxels = radius / max(model.grid.spacing)
    if model.chemistry is not None and 0 < voxels < _VOXELS_PER_PLUME:
        yield Flag(
            "grid", "voxels per radius of the plume", voxels, _VOXELS_PER_PLUME, "1",
            "the agent stays in a few voxels: killed and consumed amounts are good to a fifth, shape and reach to less",
        )  # fmt: skip


def _blurred(model: ArmRun, rows: list[dict]):
    cell, radius = cell_peclet(model, rows), plume_radius(rows)
    if cell > _CELL_PECLET and radius < _VOXELS_PER_EDGE * max(model.grid.spacing):
        yield Flag(
            "grid", "flow against diffusion within a voxel (cell Peclet number)", cell, _CELL_PECLET, "1",
            "the voxels and not diffusion set how sharp the plume's edge is, and it is less than ten voxels large: "
            "half of it lies within two voxels of its edge",
        )  # fmt: skip


def cell_peclet(model: ArmRun, rows: list[dict]) -> float:
    """u h / D [1] at the plume's edge, u: speed of the fluid there; 0 without agent, or where it does not diffuse."""
    plume = plume_radius(rows)
    if plume == 0.0 or model.arm.agent.solute is None:
        return 0.0
    return peclet(model, plume) * max(model.grid.spacing) / plume


def peclet(model: ArmRun, radius: float) -> float:
    """u R / D [1] of the flow that the pump sends through a sphere [m] in the tumour; 0 where nothing diffuses."""
    tumour = model.setting.parameters["tumour_viable"]
    diffusivity = model.arm.agent.solute.diffusivity.si * tumour["diffusion_hindrance"].si
    area = 4 * np.pi * radius * tumour["porosity"].si
    return model.setting.pump.flow_rate / (area * diffusivity) if diffusivity > 0 else 0.0


def plume_radius(rows: list[dict]) -> float:
    """Radius of a sphere of the largest volume that agent reached or killed [m]; 0 without agent."""
    volume = max(
        max((row.get("reached_mL", 0.0) for row in rows), default=0.0),
        max((row["killed_tumour_mL"] + row["killed_outside_mL"] for row in rows), default=0.0),
    )
    return float(np.cbrt(3 * volume * 1e-6 / (4 * np.pi)))


def _cut(model: ArmRun, rows: list[dict]):
    changed = cut_off(model.setting).speed
    if changed > _CUT_SPEED:
        yield Flag(
            "grid", "change of the speed at the liquid's edge by the grid's faces", changed, _CUT_SPEED, "1",
            "the grid ends too near: flow towards its faces is too fast, or too slow where they are sealed",
        )  # fmt: skip


def _edge(model: ArmRun, rows: list[dict]):
    if model.chemistry is None:
        return
    account, brought = model.ledger.accounts[model.chemistry.name], given(model, model.chemistry.name)
    share = account.lost.get("boundary", 0.0) / brought if brought > 0 else 0.0
    if share > _ESCAPED:
        yield Flag(
            "grid", "share of the agent that left the grid", share, _ESCAPED, "1",
            "the grid is too small for this plume; take a larger margin",
        )  # fmt: skip


def _mismatch(model: ArmRun, rows: list[dict]):
    worst = injection.worst_of(rows, "flow_mismatch", 0.0)
    if worst > _MISMATCH:
        yield Flag(
            "flow", "pore volume against pressure", worst, _MISMATCH, "1",
            "the nonlinear solve was not tight; distrust small differences between arms",
        )  # fmt: skip


def tumour_radius(model: ArmRun) -> float:
    """Radius of the sphere of the tumour's volume [m]."""
    volume = float(model.tumour().sum()) * model.grid.voxel_volume
    return float(np.cbrt(3 * volume / (4 * np.pi)))


def dimensionless_numbers(model: ArmRun, rows: list[dict]) -> dict[str, float]:
    """Numbers that explain the result before any picture: ratios of what competes; one without meaning is left out.

    fill: injected volume over tumour fluid volume; starling: tumour radius over the length in which vessels take up
    pressure; voxel_over_cavity; crack_filling: time of the injection over that in which pores between cracks fill;
    plume_radius_mm: of the largest volume reached or killed; peclet: flow against diffusion at that radius;
    cell_peclet: within a voxel there; washout: lives of the agent against wash-out during the injection; damkoehler:
    reaction of the slowest pool that reacts against the passage of one voxel at the plume's radius; dose: agent given
    over demand.
    """
    setting = model.setting
    tumour = setting.parameters["tumour_viable"]
    radius, rate, porosity = tumour_radius(model), setting.pump.flow_rate, tumour["porosity"].si
    volume, plume = 4 / 3 * np.pi * radius**3, plume_radius(rows)
    numbers = {
        "fill": setting.pump.volume / (volume * porosity),
        "starling": radius * float(np.sqrt(tumour["vessel_filtration"].si / tumour["hydraulic_conductivity"].si)),
        "voxel_over_cavity": max(model.grid.spacing) / setting.case.needle.cavity_radius,
        "tumour_radius_mm": radius / MM,
    }
    if model.cracks_on and injection.worst_of(rows, "crack_mL") > 0.0:
        numbers["crack_filling"] = injection.crack_filling(setting)
    if model.arm.agent.solute is None or plume == 0.0:
        return numbers
    numbers["plume_radius_mm"] = plume / MM
    numbers["washout"] = tumour["exchange_rate"].si * setting.pump.duration
    if peclet(model, plume) > 0:
        numbers["peclet"], numbers["cell_peclet"] = peclet(model, plume), cell_peclet(model, rows)
    demands = setting.parameters.demands("tumour_viable")
    speeds = [k * r for k, r in zip(model.arm.agent.rate_constants(), demands, strict=True) if k * r > 0]
    if model.state.agent.pools.shape[0] and speeds:
        passage = max(model.grid.spacing) * 4 * np.pi * plume**2 / rate
        numbers["damkoehler"] = min(speeds) * passage
        numbers["dose"] = setting.pump.volume * model.arm.concentration / (sum(demands) * volume)
    return numbers
