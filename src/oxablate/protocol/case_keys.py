"""The keys of a case as the model has them: path, meaning, what is allowed. Templates and the schema come from this."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from ..anatomy.tissue import WORDS as TISSUE_WORDS
from ..device.agent import agent_names, load_agent
from ..device.gauge import gauges
from ..quantities import dimension as dim
from ..quantities.parameter_set import set_names
from ..quantities.unit import show
from .case import Case
from .case_part import part_of
from .case_words import WORDS
from .quantified import Allowed, Place, Several, Towards

#: Keys whose choices are names that come with the package; a file beside the case may be named instead.
NAMES = {"parameters.set": set_names, "arms.agent": agent_names, "tracer.agent": agent_names}


def _concentrations() -> str:
    """What an arm's concentration may be, with the range of each agent that comes with the package."""
    found = []
    for agent in map(load_agent, agent_names()):
        if agent.solute is not None:
            low, high = (
                show(c * agent.solute.molar_mass.si, dim.MASS_CONCENTRATION)
                for c in (agent.solute.least, agent.solute.most)
            )
            found.append(f"{agent.name} {low} to {high}")
    return f"Allowed: a concentration with its unit, such as 3 g/L or 45 mmol/L; {'; '.join(found)}."


#: Keys whose allowed values are told by more than their type.
_TOLD = {
    "arms.concentration": _concentrations,
    "tracer.concentration": _concentrations,
    "needle.gauge": lambda: f"Allowed: {', '.join(map(str, gauges()))}.",
    "model.cracks": lambda: "Allowed: cubic, none. Left out: cubic where pores open, none otherwise.",
    "model.track": lambda: (
        "Allowed: gap, tight. Left out: gap where the needle's gauge and entry are given and pores give way, or tight."
    ),
    "subject.scan.label_names": lambda: f"Tissues: {', '.join(TISSUE_WORDS)}.",
}


@dataclass(frozen=True)
class Key:
    """One key of a case.

    path: as "subject.scan.image". name: its last part. model: the pydantic model that holds it. field: its own. part:
    the model of its value where that has keys itself. listed: whether the value is a list of parts.
    """

    path: str
    name: str
    model: type
    field: FieldInfo
    part: type | None
    listed: bool

    @property
    def required(self) -> bool:
        """Whether a case must have it, where the part that holds it is there."""
        return self.field.is_required()

    @property
    def meaning(self) -> str:
        """What it is, in a sentence."""
        return WORDS[self.path]

    @property
    def allowed(self) -> str:
        """What may be written, with ranges, choices and units; empty for what has keys of its own."""
        if self.path in NAMES:
            return f"Allowed: {', '.join(NAMES[self.path]())}, or FILE.toml."
        if self.path in _TOLD:
            return _TOLD[self.path]()
        found = _allowed(self)
        default = "" if self.required or self.field.default in (None, {}, ()) else f" Left out: {_shown(self)}."
        return f"Allowed: {found}.{default}" if found else ""

    @property
    def limits(self) -> Allowed | Place | Several | Towards | None:
        """What a quantity, several of them, a place or direction may be; None for other kinds of value."""
        for _, about in _parts(self.field.annotation, tuple(self.field.metadata)):
            for note in about:
                if isinstance(note, Allowed | Place | Several | Towards):
                    return note
        return None

    @property
    def choices(self) -> list:
        """The words or numbers it is one of; empty where it is free."""
        for one, _ in _parts(self.field.annotation, ()):
            if get_origin(one) is Literal:
                return list(get_args(one))
        return []


def case_keys() -> list[Key]:
    """Every key of a case, parents before children, in the order of the model."""
    return list(_keys_of(Case, ""))


def _keys_of(model: type, above: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        part = part_of(field.annotation)
        path = f"{above}{name}"
        yield Key(path, name, model, field, part, part is not None and get_origin(field.annotation) is tuple)
        if part is not None:
            yield from _keys_of(part, f"{path}.")


def _parts(annotation: Any, metadata: tuple) -> Iterator[tuple[Any, tuple]]:
    """The types in an annotation, each with its metadata."""
    if hasattr(annotation, "__metadata__"):
        yield from _parts(annotation.__origin__, metadata + annotation.__metadata__)
    elif get_origin(annotation) is not None and get_origin(annotation) not in (Literal, dict, tuple):
        for inner in get_args(annotation):
            yield from _parts(inner, metadata)
    else:
        yield annotation, metadata


def _allowed(key: Key) -> str:
    """The clause on what may be written for a key."""
    if key.limits is not None:
        return str(key.limits)
    if key.choices:
        return ", ".join(map(str, key.choices))
    for one, about in _parts(key.field.annotation, tuple(key.field.metadata)):
        if one is int:
            low, high = _limit(about, "ge"), _limit(about, "lt")
            return f"a whole number from {low}" + (f", below {high}" if high is not None else "")
        if one is bool:
            return "true, false"
        if one is str:
            return f"text, at most {_limit(about, 'max_length')} characters"
    return ""


def _limit(metadata: tuple, name: str):
    """The named limit among the metadata of a field."""
    for note in metadata:
        for inner in (note, *getattr(note, "metadata", ())):
            if getattr(inner, name, None) is not None:
                return getattr(inner, name)
    return None


def _shown(key: Key) -> str:
    """The value of a key that is left out, as a person would write it."""
    limits = key.limits
    if isinstance(limits, Allowed):
        return show(key.field.default, limits.kind)
    return str(key.field.default).lower() if isinstance(key.field.default, bool) else str(key.field.default)
