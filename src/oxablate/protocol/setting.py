"""From a checked case to what the processes need: subject, numbers, needle, pump, agents."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..anatomy.phantom import phantom_geometry
from ..anatomy.scan import BodyByBrightness, BodyEverywhere, Scan, painted
from ..anatomy.subject import Subject
from ..anatomy.tissue import Tissue, is_tumour
from ..anatomy.tissue_names import TissueNames, assign, marked
from ..device.agent import Agent, load_agent
from ..device.pump import SyringePump
from ..device.total import Total
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
from .case import Case, ScanSubject, Tracer, naming
from .crack_numbers import require_crackable
from .delivery import Delivery
from .label_names import read_tissues
from .memory import require_grid_memory
from .placing import deliver, lps
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
    """One arm: the agent and the concentration [mol/m3] at the needle, 0 for plain fluid.

    tracer: a solute that reacts with nothing in the same liquid, with its concentration [mol/m3]; None without one.
    """

    name: str
    agent: Agent
    concentration: float
    tracer: tuple[Agent, float] | None = None


@dataclass(frozen=True)
class Setting:
    """Everything a run depends on, in SI.

    folder: of the case, for its files. tip: LPS [m], of the first needle. pump: what all needles give together.
    delivery: needles and drives one by one.
    """

    case: Case
    folder: Path
    subject: Subject
    parameters: ParameterSet
    tip: tuple[float, float, float]
    pump: SyringePump | Total
    arms: tuple[ArmSetting, ...]
    delivery: Delivery

    @property
    def far_pressure(self) -> float:
        """Pressure of the tissue beyond the grid [Pa]."""
        return far_pressure(self.parameters)


def prepare(case: Case, folder: Path) -> Setting:
    """Load what the case names and check that its parts fit together. Raises BadInput."""
    with naming("parameters.set"):
        chosen = load_set(_packaged_or_inside(case.parameters.set, folder, "parameters.set"))
    with naming("parameters.override"):
        parameters = chosen.with_overrides(case.parameters.override)
        require_plausible(parameters, case.parameters.override)
    subject = load_subject(case, folder)
    delivery, warnings = deliver(case, subject)
    subject = _noted(subject, warnings)
    tracer = _tracer(case.tracer, folder)
    arms = tuple(_arm(arm.agent, arm.concentration, folder, f"arms.{n}") for n, arm in enumerate(case.arms))
    arms = tuple(arm if tracer is None or arm.name == tracer[0].name else replace(arm, tracer=tracer) for arm in arms)
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        raise BadInput(f"arms: two agents have the same name ({', '.join(names)}); name each agent file's agent apart")
    require_possible(parameters)
    return Setting(case, folder, subject, parameters, delivery.tips[0], delivery.pump, arms, delivery)


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


def _tracer(tracer: Tracer | None, folder: Path) -> tuple[Agent, float] | None:
    """The tracer of all arms with its concentration [mol/m3]. Raises BadInput for one that reacts or decays."""
    if tracer is None:
        return None
    with naming("tracer"):
        found = _arm(tracer.agent, tracer.concentration, folder, "tracer")
        if found.agent.reactive or found.agent.solute.decay_rate.si > 0:
            raise BadInput(
                f"tracer.agent: {found.name} reacts or decays, a tracer may do neither; take one such as inert_tracer, "
                "or make it an arm"
            )
    return found.agent, found.concentration


def _noted(subject: Subject, warnings: tuple[str, ...]) -> Subject:
    """The subject with what is to be looked at among its notes, so that record and report say it."""
    if not warnings:
        return subject
    return replace(subject, origin=replace(subject.origin, notes=(*subject.origin.notes, *warnings)))


def load_subject(case: Case, folder: Path) -> Subject:
    """The subject of a case: a scan from the case's folder, or a phantom; `BadInput` where the memory is too small."""
    if case.subject.phantom is not None:
        recipe, spacing = read_recipe(case.subject.phantom.recipe), case.subject.phantom.spacing / MM
        require_grid_memory(phantom_geometry(recipe, (spacing,) * 3).shape, case)
        return Subject.from_phantom(recipe, spacing)
    scan = case.subject.scan
    with naming("subject.scan"):
        read = _read_scan(scan, folder)
        if scan.synthetic_lesion:
            read = replace(read, statement=f"{read.statement}; {SYNTHETIC_LESION}")
        spacing, margin = scan.spacing / MM, scan.margin / MM
        grid, _ = computing_grid(read.image.geometry, is_tumour(read.tissues), spacing, margin)
        require_grid_memory(grid.shape, case)
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
    with naming("subject.scan.bone"):
        bone = marked(scan.bone, segments, image.data.shape, str(label_path))
    body = BodyByBrightness() if scan.body == "threshold" else BodyEverywhere()
    with naming("subject.scan.body"):
        return replace(painted(image, segments, drawn, body, (image_path, label_path)), bone=bone)


def _read_names(tissues: str, folder: Path) -> TissueNames:
    return read_tissues(inside_folder(tissues, folder, "subject.scan.tissues"))


def entry_point(case: Case) -> tuple[float, float, float] | None:
    """Where the first needle enters the body, LPS [m]; None where the case does not say."""
    return lps(case.needle.entry, case.needle.frame)


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
    """One number per tissue label, SI; `air` is the one of air. Shape (number of tissues,), in their order."""
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
            _tissue_flow(p, "opening")
            _vessel_bed(p)
        except BadInput as refused:
            raise BadInput(f"{tissue.word}: {refused}; change the override or the set") from None
    require_crackable(parameters, (tissue.word for tissue in Tissue if tissue is not Tissue.AIR))


def tissue_flows(setting: Setting) -> tuple[TissueFlow, ...]:
    """The flow properties of every label while nothing cracks, air first; see `cracking.cracked_tissues`."""
    pores = setting.case.model.pores
    air = TissueFlow(AIR_POROSITY, RigidPores(), FixedConductivity(), SealedTissue())
    return tuple(
        air if tissue is Tissue.AIR else _tissue_flow(setting.parameters[tissue.word], pores) for tissue in Tissue
    )


def _tissue_flow(p, model: str) -> TissueFlow:
    """The flow properties of one tissue from its section `p` of the parameter set. model: how its pores answer."""
    pores, conductivity = RigidPores(), FixedConductivity()
    if model == "linear":  # p - p_rest = H (J - 1), K as at rest
        pores = ConvexStiffening(p["aggregate_modulus"].si, 0.0)
    if model == "opening":
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
