"""Which numbers of a case are uncertain, and the same case with other values of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata

from ..anatomy.tissue import WORDS
from ..device.agent import Agent
from ..protocol.crack_numbers import unused_numbers
from ..protocol.injury import dose_law
from ..protocol.setting import ArmSetting, Setting, require_possible
from ..quantities.parameter_set import MECHANICS, ParameterSet, Section
from ..quantities.prior import Discrete, Spread
from ..quantities.quantity import USER, Quantity

#: Tissues whose numbers count even where no voxel has them: the far pressure and the validity meter read them.
ALWAYS_USED = ("host", "tumour_viable")


@dataclass(frozen=True)
class Uncertain:
    """One uncertain number: a row of a table, wherever the case uses it.

    row: where it is kept ("tissue/porosity.brain_grey"). quantity: the row itself. used_for: every place of the case
    that takes its value from this row ("tumour_viable.porosity", "chlorine_dioxide.diffusivity"); they move together.
    """

    row: str
    quantity: Quantity
    used_for: tuple[str, ...]

    @property
    def spread(self) -> Spread:
        """The spread in SI units, cut to what is physically possible."""
        return self.quantity.si_spread

    @property
    def unit(self) -> str:
        """SI unit of the values that are drawn."""
        return self.quantity.parameter.dimension.si_unit

    def about(self) -> dict:
        """What a sweep says of the number: plain data."""
        one = self.quantity
        return {
            "row": self.row,
            "unit": self.unit,
            "table_value": one.si,
            "prior": self.spread.describe(6),
            "grade": one.grade.value,
            "source": one.source,
            "note": one.evidence.note,
            "used_for": list(self.used_for),
        }


@dataclass(frozen=True)
class Numbers:
    """The numbers of a case by what a sweep does with them.

    varied: drawn from their spread, in the order of their row. set_by_user, without_spread, absent: places of the case
    that keep their value because a person set it, because its table gives one value only, and because the subject has
    no such tissue or the case's model does without.
    """

    varied: tuple[Uncertain, ...]
    set_by_user: tuple[str, ...]
    without_spread: tuple[str, ...]
    absent: tuple[str, ...]


def places_of(setting: Setting) -> dict[str, Quantity]:
    """Every number of a case by the place that takes it: "tumour_viable.porosity", "chlorine_dioxide.diffusivity"."""
    places = setting.parameters.quantities()
    for arm in setting.arms:
        places |= {f"{arm.name}.{name}": one for name, one in arm.agent.quantities().items()}
    return places


def numbers_of(setting: Setting) -> Numbers:
    """Sort the numbers of a case: one uncertain number for each row of a table that the case uses and that varies."""
    rows: dict[str, tuple[Quantity, list[str]]] = {}
    kept: dict[str, list[str]] = {"user": [], "fixed": [], "absent": []}
    present = {*setting.subject.volumes(), *ALWAYS_USED}
    unused = unused_numbers(setting.case.model, not setting.delivery.simple)
    for place, one in places_of(setting).items():
        label, _, name = place.partition(".")
        if one.source == USER:
            kept["user"].append(place)
        elif (label in WORDS and label not in present) or (label in (*WORDS, MECHANICS) and name in unused):
            kept["absent"].append(place)
        elif _is_fixed(one.si_spread):
            kept["fixed"].append(place)
        else:
            rows.setdefault(one.row, (one, []))[1].append(place)
    varied = tuple(Uncertain(row, one, tuple(used)) for row, (one, used) in sorted(rows.items()))
    return Numbers(varied, *(tuple(kept[why]) for why in ("user", "fixed", "absent")))


def numbers_key(setting: Setting) -> str:
    """Checksum of what the members of a sweep have in common: case, subject, numbers with their spreads, version."""
    parts = [
        setting.case.model_dump_json(),
        setting.subject.fingerprint(),
        *(f"{place} {one.row} {one.si!r} {one.si_spread!r}" for place, one in places_of(setting).items()),
        *(f"{arm.name} {arm.concentration!r}" for arm in setting.arms),
        metadata.version("oxablate"),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _is_fixed(spread: Spread) -> bool:
    return isinstance(spread, Discrete) and len(spread.values) == 1


def with_numbers(setting: Setting, numbers: tuple[Uncertain, ...], values: tuple[float, ...]) -> Setting:
    """The same case with other values of its uncertain numbers.

    numbers: as from `numbers_of`. values: one for each, SI. Everything that follows from them (amounts at the needle,
    the pressure of the far tissue) is worked out anew; subject and pump stay. Raises BadInput for values that no tissue
    can have together.
    """
    drawn = {
        place: _drawn(one.quantity, value) for one, value in zip(numbers, values, strict=True) for place in one.used_for
    }
    chosen = setting.parameters
    sections = {
        label: Section(label, {name: drawn.get(f"{label}.{name}", one) for name, one in section.items()})
        for label, section in chosen.items()
    }
    parameters = ParameterSet(chosen.name, chosen.description, sections)
    require_possible(parameters)
    arms = tuple(
        _arm_with(arm, written.concentration, drawn)
        for arm, written in zip(setting.arms, setting.case.arms, strict=True)
    )
    changed = replace(setting, parameters=parameters, arms=arms)
    for arm in arms:
        dose_law(changed, arm)  # refuses impossible numbers
    return changed


def _drawn(one: Quantity, value: float) -> Quantity:
    """The row with a drawn value: what it is and what it rests on stay, the spread is spent."""
    unit = one.parameter.dimension.si_unit
    return replace(one, value=float(value), unit=unit, spread=Discrete((float(value),), (1.0,)))


def _arm_with(arm: ArmSetting, concentration: str | None, drawn: Mapping[str, Quantity]) -> ArmSetting:
    numbers = {name: drawn.get(f"{arm.name}.{name}", one) for name, one in arm.agent.quantities().items()}
    agent = _agent_with(arm.agent, numbers)
    amount = 0.0 if concentration is None else agent.concentration(concentration, f"{arm.name}, concentration")
    return replace(arm, agent=agent, concentration=amount)


def _agent_with(agent: Agent, numbers: Mapping[str, Quantity]) -> Agent:
    """The agent with other numbers, by the names that `Agent.quantities` gives them."""
    if agent.solute is None:
        return agent
    solute = replace(agent.solute, **{name: numbers[name] for name in ("molar_mass", "diffusivity", "decay_rate")})
    reactions = tuple(
        replace(
            one,
            rate_constant=numbers[f"rate_constant.{one.pool}"],
            stoichiometry=numbers[f"stoichiometry.{one.pool}"],
        )
        for one in agent.reactions
    )
    return replace(agent, solute=solute, reactions=reactions)
