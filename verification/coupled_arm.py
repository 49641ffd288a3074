"""A small coupled arm, run in one go, and the same arm written in other units."""

from dataclasses import dataclass, replace
from pathlib import Path

import pint

from oxablate.device.agent import Agent, Reaction, Solute
from oxablate.device.pump import SyringePump
from oxablate.protocol.case import parse_case
from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.run import event_times
from oxablate.protocol.setting import ArmSetting, Setting, prepare

#: A cored, uneven tumour and a needle off its centre; the pump presses hard enough to open it.
CASE = {
    "oxablate": 1,
    "title": "Coupled arm",
    "question": "Does the whole model keep what its parts keep?",
    "subject": {
        "phantom": {
            "spacing": "2 mm",
            "recipe": {
                "shape": {"kind": "ellipsoid", "semi_axes": ["9 mm", "8 mm", "7 mm"]},
                "core": {"kind": "core", "volume_fraction": 0.1},
                "capsule": "none",
                "septa": "none",
                "surroundings": {"host": "liver", "margin": "5 mm", "skin": "none"},
                "heterogeneity": {"kind": "log_normal", "log_variance": 0.3, "correlation_length": "6 mm", "seed": 5},
            },
        }
    },
    "parameters": {
        "set": "generic-tumour",
        "override": {
            "tumour_viable.hydraulic_conductivity": "1e-12 m^2/(Pa s)",
            "necrotic_core.hydraulic_conductivity": "2e-12 m^2/(Pa s)",
            "host.hydraulic_conductivity": "1e-12 m^2/(Pa s)",
        },
    },
    "needle": {"tip": ["2.5 mm", "-1 mm", "1.2 mm"], "frame": "LPS", "cavity_radius": "0.35 mm"},
    "injection": {"volume": "60 uL", "flow_rate": "30 uL/min"},
    "arms": [],
    "follow": "4 min",
    "model": {"pores": "opening", "cracks": "none", "beyond": "tissue", "injury": "thiol_loss"},
    "output": {"every": "1 min"},
    "seed": 1,
}
ARMS = {
    "inert_tracer": {"agent": "inert_tracer", "concentration": "1 g/L"},
    "vehicle": {"agent": "vehicle"},
    "chlorine_dioxide": {"agent": "chlorine_dioxide", "concentration": "3 g/L"},
}


def setting_of(agent: str, **model: str) -> Setting:
    """The case with one agent and other choices of `model`, prepared."""
    changes = {"arms": [ARMS[agent]], "model": CASE["model"] | model}
    return prepare(parse_case(CASE | changes, "coupled arm"), Path())


def torn_setting(contact_stress: str) -> Setting:
    """A fast injection that opens cracks, the gap along the needle, or both, with a tracer in an even tumour."""
    tissues = ("tumour_viable", "host")
    numbers = {"fracture_pressure": "12 kPa", "contact_stress": contact_stress}
    changes = {
        "parameters": {
            "set": "generic-tumour",
            "override": {f"{tissue}.{name}": value for tissue in tissues for name, value in numbers.items()}
            | {"mechanics.fracture_log_variance": "0"},
        },
        "needle": CASE["needle"] | {"entry": ["2.5 mm", "-12 mm", "1.2 mm"], "gauge": 22, "length": "50 mm"},
        "injection": {"volume": "50 uL", "flow_rate": "0.2 mL/min"},
        "follow": "20 s",
        "output": {"every": "10 s"},
        "arms": [ARMS["inert_tracer"]],
        "model": CASE["model"] | {"cracks": "cubic", "track": "gap"},
    }
    return prepare(parse_case(CASE | changes, "torn arm"), Path())


def setting_on(spacing: str, pores: str) -> Setting:
    """An even tumour on voxels of another size, given enough chlorine dioxide to kill several voxels at 2 mm."""
    even = {"kind": "uniform"}
    recipe = CASE["subject"]["phantom"]["recipe"] | {"core": "none", "heterogeneity": even}
    changes = {
        "subject": {"phantom": {"spacing": spacing, "recipe": recipe}},
        "needle": CASE["needle"] | {"tip": "centroid"},
        "injection": {"volume": "300 uL", "flow_rate": "150 uL/min"},
        "follow": "2 min",
        "arms": [ARMS["chlorine_dioxide"]],
        "model": CASE["model"] | {"pores": pores},
    }
    return prepare(parse_case(CASE | changes, "coupled arm"), Path())


def run_arm(setting: Setting) -> ArmRun:
    """Run the only arm to its end, landing on the events as a record would."""
    model = ArmRun(setting, setting.arms[0])
    for until in event_times(setting):
        while model.state.clock.time < until:
            model.step(until)
        if until in (setting.pump.start, setting.pump.end):
            model.state.clock.next_step = 0.0
    return model


class UnitSystem:
    """Units of length, mass, time and amount, such as UnitSystem("mm", "g", "min", "umol")."""

    def __init__(self, length: str, mass: str, time: str, amount: str):
        self._registry = pint.UnitRegistry()
        self._base = {"[length]": length, "[mass]": mass, "[time]": time, "[substance]": amount}

    def factor(self, si_unit: str) -> float:
        """How many units of this system one SI unit is."""
        given = self._registry.Quantity(1.0, si_unit)
        wanted = self._registry.Unit("dimensionless")
        for kind, exponent in given.dimensionality.items():
            wanted = wanted * self._registry.Unit(self._base[kind]) ** exponent
        return float(given.to(wanted).magnitude)


@dataclass(frozen=True)
class Restated:
    """A quantity whose `si` is in another system of units."""

    si: float


def restate_setting(setting: Setting, units: UnitSystem) -> Setting:
    """The same case with every number that has a unit written in another system."""
    metre, second, litre = units.factor("m"), units.factor("s"), units.factor("m^3")
    grid = setting.subject.grid
    grid = replace(grid, spacing=_times(grid.spacing, metre), origin=_times(grid.origin, metre))
    case = setting.case
    case = case.model_copy(
        update={
            "needle": case.needle.model_copy(update={"cavity_radius": case.needle.cavity_radius * metre}),
            "follow": case.follow * second,
            "output": case.output.model_copy(update={"every": case.output.every * second}),
        }
    )
    pump = setting.pump
    pump = SyringePump(pump.volume * litre, pump.flow_rate * units.factor("m^3/s"), pump.start * second)
    parameters = {
        label: {name: _restated(quantity, units) for name, quantity in section.items()}
        for label, section in setting.parameters.items()
    }
    return replace(
        setting,
        case=case,
        subject=replace(setting.subject, grid=grid),
        parameters=parameters,
        tip=_times(setting.tip, metre),
        pump=pump,
        arms=tuple(_restated_arm(arm, units) for arm in setting.arms),
        delivery=_restated_delivery(setting.delivery, units),
    )


def _restated_delivery(delivery, units: UnitSystem):
    """Hubs with pumps, and their needles, in another system."""
    metre, second, litre = units.factor("m"), units.factor("s"), units.factor("m^3")
    hubs = []
    for hub in delivery.hubs:
        pump = SyringePump(hub.drive.volume * litre, hub.drive.flow_rate * litre / second, hub.drive.start * second)
        hubs.append(replace(hub, drive=pump, needles=tuple(_restated_needle(one, metre) for one in hub.needles)))
    return replace(delivery, hubs=tuple(hubs), stride=delivery.stride * metre)


def _restated_needle(needle, metre: float):
    """An end hole in another unit of length, with its tube where it has one."""
    radius = needle.cavity_radius * metre
    if not hasattr(needle, "course"):
        entry = None if needle.entry is None else _times(needle.entry, metre)
        return replace(needle, entry=entry, tip=_times(needle.tip, metre), cavity_radius=radius)
    course, tube = needle.course, needle.tube
    return replace(
        needle,
        course=replace(course, entry=_times(course.entry, metre), tip=_times(course.tip, metre)),
        tube=replace(
            tube, outer_radius=tube.outer_radius * metre, inner_radius=tube.inner_radius * metre,
            length=tube.length * metre,
        ),
        cavity_radius=radius,
    )  # fmt: skip


def _times(values, factor: float) -> tuple[float, ...]:
    return tuple(value * factor for value in values)


def _restated(quantity, units: UnitSystem) -> Restated:
    return Restated(quantity.si * units.factor(quantity.parameter.dimension.si_unit))


def _restated_arm(arm: ArmSetting, units: UnitSystem) -> ArmSetting:
    agent, per_volume = arm.agent, units.factor("mol/m^3")
    solute = agent.solute
    if solute is not None:
        numbers = (_restated(q, units) for q in (solute.molar_mass, solute.diffusivity, solute.decay_rate))
        solute = Solute(*numbers, solute.least * per_volume, solute.most * per_volume)
    reactions = tuple(
        Reaction(r.pool, _restated(r.rate_constant, units), _restated(r.stoichiometry, units)) for r in agent.reactions
    )
    return ArmSetting(arm.name, Agent(agent.name, agent.description, solute, reactions), arm.concentration * per_volume)
