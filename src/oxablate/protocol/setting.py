"""From a checked case to what the processes need: subject, numbers, needle, pump, agents."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..anatomy.phantom import phantom_geometry
from ..anatomy.scan import BodyByBrightness, BodyEverywhere, Scan, painted
from ..anatomy.subject import Subject
from ..anatomy.tissue import Tissue, is_tumour
from ..anatomy.tissue_names import TissueNames, assign
from ..device.agent import Agent, load_agent
from ..device.needle import Needle
from ..device.pump import SyringePump
from ..physics.flow.closures import (
    ConvexStiffening,
    ExponentialConductivity,
    FixedConductivity,
    FluidExchange,
    RigidPores,
    SealedTissue,
    TissueFlow,
)
from ..physics.vessels.closures import CollapsingVessels, RigidVessels
from ..quantities.parameter_set import ParameterSet, load_set
from ..quantities.refusal import BadInput
from ..space.boundary import Dirichlet, NoFlow, OuterFaces
from ..space.files import read_image
from ..space.grid import MM
from ..space.labels import read_segments
from ..space.resample import computing_grid
from ..storage.inside import inside_folder
from .case import Case, ScanSubject, naming
from .label_names import read_tissues
from .memory import require_grid_memory
from .plausible import require_plausible
from .recipe import read_recipe
from .record import NAME

#: Fluid fraction written for air in tables; air takes no part.
AIR_POROSITY = 0.5

#: Stands in the record and in the report wherever the subject is stated.
SYNTHETIC_LESION = (
    "SYNTHETIC LESION: a program put the tumour into the label map; it is not in the image, nobody has it"
)


@dataclass(frozen=True)
class ArmSetting:
    """One arm: the agent and the concentration [mol/m3] at the needle, 0 for plain fluid."""

    name: str
    agent: Agent
    concentration: float


@dataclass(frozen=True)
class Setting:
    """Everything a run depends on, in SI.

    folder: of the case, for its files. tip: LPS [m]. far_pressure: of the tissue beyond the grid [Pa].
    """

    case: Case
    folder: Path
    subject: Subject
    parameters: ParameterSet
    tip: tuple[float, float, float]
    pump: SyringePump
    arms: tuple[ArmSetting, ...]
    far_pressure: float


def prepare(case: Case, folder: Path) -> Setting:
    """Load what the case names and check that its parts fit together. Raises BadInput."""
    with naming("parameters.set"):
        chosen = load_set(_packaged_or_inside(case.parameters.set, folder, "parameters.set"))
    with naming("parameters.override"):
        parameters = chosen.with_overrides(case.parameters.override)
        require_plausible(parameters, case.parameters.override)
    subject = load_subject(case, folder)
    tip = _tip(case, subject)
    with naming("needle"):
        Needle(entry_point(case), tip, case.needle.cavity_radius)  # refuses places that make no needle
    volume = case.injection.volume
    if volume is None:
        volume = case.injection.fraction_of_tumour * float(subject.tumour_mask.sum()) * subject.grid.voxel_volume
    pump = SyringePump(volume, case.injection.flow_rate, case.injection.start)
    arms = tuple(_arm(arm.agent, arm.concentration, folder, f"arms.{n}") for n, arm in enumerate(case.arms))
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        raise BadInput(f"arms: two agents have the same name ({', '.join(names)}); name each agent file's agent apart")
    require_possible(parameters)
    return Setting(case, folder, subject, parameters, tip, pump, arms, far_pressure(parameters))


def _packaged_or_inside(name: str, folder: Path, what: str) -> str:
    return str(inside_folder(name, folder, what)) if name.endswith(".toml") else name


def _arm(name: str, concentration: str | None, folder: Path, key: str) -> ArmSetting:
    with naming(f"{key}.agent"):
        agent = load_agent(_packaged_or_inside(name, folder, f"{key}.agent"))
    if not NAME.fullmatch(agent.name):
        raise BadInput(f"{key}.agent: {agent.name!r} cannot name a folder of results; use letters, digits and _ . + -")
    if agent.dissolved and concentration is None:
        raise BadInput(f"{key}: {agent.name} needs a concentration; add one such as 'concentration: 3 g/L'")
    what = f"{key}.concentration"
    return ArmSetting(agent.name, agent, 0.0 if concentration is None else agent.concentration(concentration, what))


def load_subject(case: Case, folder: Path) -> Subject:
    """The subject of a case: a scan from the case's folder, or a phantom; `BadInput` where the memory is too small."""
    if case.subject.phantom is not None:
        recipe, spacing = read_recipe(case.subject.phantom.recipe), case.subject.phantom.spacing / MM
        require_grid_memory(phantom_geometry(recipe, (spacing,) * 3).shape)
        return Subject.from_phantom(recipe, spacing)
    scan = case.subject.scan
    with naming("subject.scan"):
        read = _read_scan(scan, folder)
        if scan.synthetic_lesion:
            read = replace(read, statement=f"{read.statement}; {SYNTHETIC_LESION}")
        spacing, margin = scan.spacing / MM, scan.margin / MM
        grid, _ = computing_grid(read.image.geometry, is_tumour(read.tissues), spacing, margin)
        require_grid_memory(grid.shape)
        return Subject.of_scan(read, spacing, margin, scan.host)


def _read_scan(scan: ScanSubject, folder: Path) -> Scan:
    image_path = inside_folder(scan.image, folder, "subject.scan.image")
    label_path = inside_folder(scan.labels, folder, "subject.scan.labels")
    names_key = "subject.scan.label_names" if scan.tissues is None else "subject.scan.tissues"
    with naming(names_key):
        names = TissueNames.of(scan.label_names) if scan.tissues is None else _read_names(scan.tissues, folder)
    with naming("subject.scan.image"):
        image = read_image(image_path, scan.uneven_slices)
    with naming("subject.scan.labels"):
        segments = read_segments(label_path, image, str(image_path))
    with naming(names_key):
        drawn = assign(segments, names, str(label_path))
    body = BodyByBrightness() if scan.body == "threshold" else BodyEverywhere()
    with naming("subject.scan.body"):
        return painted(image, segments, drawn, body, (image_path, label_path))


def _read_names(tissues: str, folder: Path) -> TissueNames:
    return read_tissues(inside_folder(tissues, folder, "subject.scan.tissues"))


def _tip(case: Case, subject: Subject) -> tuple[float, float, float]:
    """The needle's tip in LPS [m]."""
    if case.needle.tip == "centroid":
        return tuple(x * MM for x in subject.tumour_centre_mm())
    sign = np.array([-1.0, -1.0, 1.0]) if case.needle.frame == "RAS" else np.ones(3)
    tip = tuple(float(x) for x in sign * np.asarray(case.needle.tip))
    with naming("needle.tip"):
        subject.require_inside_body(tuple(x / MM for x in tip), "needle tip")
    return tip


def entry_point(case: Case) -> tuple[float, float, float] | None:
    """Where the needle enters the body, LPS [m]; None where the case does not say. Nothing is computed from it yet."""
    if case.needle.entry is None:
        return None
    sign = (-1.0, -1.0, 1.0) if case.needle.frame == "RAS" else (1.0, 1.0, 1.0)
    return tuple(s * x for s, x in zip(sign, case.needle.entry, strict=True))


def far_pressure(parameters: ParameterSet) -> float:
    """Pressure of undisturbed host [Pa], where vessels give what lymphatics take: L_v (p_e - p) = L_l (p - p_l)_+."""
    host = parameters["host"]
    vessels, lymph = host["vessel_filtration"].si, host["lymph_filtration"].si
    p_e, p_l = effective_vascular_pressure(host), host["lymph_pressure"].si
    if vessels == 0.0:
        return p_l if lymph > 0 else 0.0
    return p_e if p_e <= p_l else (vessels * p_e + lymph * p_l) / (vessels + lymph)


def effective_vascular_pressure(section) -> float:
    """p_e = p_v - sigma (pi_v - pi_i) [Pa] of one tissue."""
    return section["vascular_pressure"].si - section["reflection_coefficient"].si * section["oncotic_difference"].si


def per_label(parameters: ParameterSet, name: str, air: float) -> np.ndarray:
    """One number per tissue label, SI. Shape (8,)."""
    return np.array([air if t is Tissue.AIR else parameters[t.word][name].si for t in Tissue])


def require_possible(parameters: ParameterSet) -> None:
    """Refuse numbers that no tissue can have, naming the tissue, before anything is written."""
    for tissue in Tissue:
        if tissue is Tissue.AIR:
            continue
        p = parameters[tissue.word]
        if not p["hydraulic_conductivity"].si > 0:
            raise BadInput(
                f"{tissue.word}.hydraulic_conductivity: 0 came, a number above zero is needed; give tissue "
                "that conducts almost nothing a small number such as '1e-18 m^2/(Pa s)'"
            )
        try:
            _tissue_flow(p, opening=True)
            _vessel_bed(p)
        except BadInput as refused:
            raise BadInput(f"{tissue.word}: {refused}; change the override or the set") from None


def tissue_flows(setting: Setting) -> tuple[TissueFlow, ...]:
    """The flow properties of every label, air first."""
    opening = setting.case.model.pores == "opening"
    air = TissueFlow(AIR_POROSITY, RigidPores(), FixedConductivity(), SealedTissue())
    return tuple(
        air if tissue is Tissue.AIR else _tissue_flow(setting.parameters[tissue.word], opening) for tissue in Tissue
    )


def _tissue_flow(p, opening: bool) -> TissueFlow:
    """The flow properties of one tissue from its section `p` of the parameter set."""
    pores, conductivity = RigidPores(), FixedConductivity()
    if opening:
        pores = ConvexStiffening(p["aggregate_modulus"].si, p["stiffening_exponent"].si)
        conductivity = ExponentialConductivity(p["conductivity_strain_exponent"].si, p["opening_pressure"].si)
    exchange = FluidExchange(
        p["vessel_filtration"].si, effective_vascular_pressure(p), p["lymph_filtration"].si, p["lymph_pressure"].si
    )
    return TissueFlow(p["porosity"].si, pores, conductivity, exchange)


def vessel_beds(setting: Setting) -> tuple:
    """The collapse law of every label, air first."""
    return tuple(
        RigidVessels() if tissue is Tissue.AIR else _vessel_bed(setting.parameters[tissue.word]) for tissue in Tissue
    )


def _vessel_bed(p) -> CollapsingVessels:
    return CollapsingVessels(
        p["vascular_pressure"].si, p["collapse_pressure"].si, p["collapse_width"].si, p["collapse_lag"].si
    )


def outer_faces(setting: Setting) -> OuterFaces:
    """The faces of the grid: tissue at its own pressure beyond, or sealed."""
    beyond = NoFlow() if setting.case.model.beyond == "sealed" else Dirichlet(setting.far_pressure)
    return OuterFaces.uniform(beyond)
