"""The case file: what a person asks for, checked and converted to SI once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from ..quantities import dimension as dim
from ..quantities.parameter import PARAMETERS
from ..quantities.refusal import BadInput, nearest
from ..quantities.unit import show
from .case_needle import Injection, NeedlePlace, Tracer
from .case_part import Margin, Part, Question, Spacing, Span, Word, part_of
from .record_views import CaseViews
from .yaml_door import read_yaml

#: Most kept times of a run; more is a slip of a unit.
MOST_OUTPUTS = 10_000


def _label(given: Any) -> int | str:
    """The number or the name of a segment."""
    if isinstance(given, bool) or not isinstance(given, int | str) or (isinstance(given, int) and given < 1):
        raise BadInput(
            f"{given!r} is no label; write whole numbers from 1, or names of segments in quotes (0 is what nobody drew)"
        )
    return given


Label = Annotated[int | str, BeforeValidator(_label)]


class ScanSubject(Part):
    """A scan and what was drawn on it, and what each label is: in the case itself, or in a file of its own."""

    image: Word
    labels: Word
    label_names: dict[Label, str] | None = None
    tissues: Word | None = None
    bone: tuple[Label, ...] = ()
    host: Word
    spacing: Spacing
    margin: Margin
    body: Literal["threshold", "everything"]
    uneven_slices: Literal["refuse", "resample"] = "refuse"
    synthetic_lesion: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _named_once(self):
        if (self.label_names is None) == (self.tissues is None):
            raise BadInput(
                "what each label is stands either under 'label_names' or in the file named by 'tissues'; "
                "give exactly one of the two (`oxablate labels` writes such a file)"
            )
        return self


class PhantomSubject(Part):
    """A procedural phantom: its recipe and the voxel size it is computed on."""

    recipe: dict[str, Any]
    spacing: Spacing


class Subject(Part):
    """Exactly one of a scan and a phantom."""

    scan: ScanSubject | None = None
    phantom: PhantomSubject | None = None

    @model_validator(mode="after")
    def _one(self):
        if (self.scan is None) == (self.phantom is None):
            raise BadInput("a subject is either a 'scan' or a 'phantom'; give exactly one of the two")
        return self


class Parameters(Part):
    """The named parameter set and the numbers the user puts in place of its rows."""

    set: Word
    override: dict[str, str] = Field({})


class Arm(Part):
    """One agent of a side-by-side comparison. agent: a catalogue name or the path of an agent file."""

    agent: Word
    concentration: Word | None = None


class Model(Part):
    """Which physics: how the pores answer, what cracks, what lies beyond the grid, by which dose cells die.

    cracks and track are None only where a part is made by hand: a case that is read says which they are.
    """

    pores: Literal["opening", "linear", "rigid"]
    cracks: Literal["cubic", "none"] | None = None
    crack_memory: Literal["none", "non_local"] = "none"
    track: Literal["gap", "tight"] | None = None
    beyond: Literal["tissue", "sealed"]
    injury: Literal["thiol_loss", "exposure", "none"]

    @model_validator(mode="after")
    def _crackable(self):
        if self.cracks == "cubic" and self.pores == "rigid":
            raise BadInput("rigid pores cannot crack; write 'cracks: none', or 'pores: opening'")
        if self.crack_memory != "none" and self.cracks != "cubic":
            raise BadInput("without cracks there is nothing to remember; remove 'crack_memory', or add 'cracks: cubic'")
        return self


class Output(Part):
    """When fields are kept: every so often, plus the end of the injection and of the run."""

    every: Span


class Case(CaseViews, Part):
    """A whole case. All quantities in SI after reading."""

    oxablate: Literal[1]
    title: Word
    question: Question
    subject: Subject
    parameters: Parameters
    needle: NeedlePlace
    injection: Injection
    arms: Annotated[tuple[Arm, ...], Field(min_length=1, max_length=12)]
    tracer: Tracer | None = None
    follow: Span
    model: Model
    output: Output
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)]

    @model_validator(mode="before")
    @classmethod
    def _chosen(cls, data: Any) -> Any:
        return _with_choices(data)

    @model_validator(mode="after")
    def _needles_fit(self):
        needle, injection = self.needle, self.injection
        if needle.several and injection.needles is None:
            raise BadInput(
                "several needles came; say under 'injection' whether they give 'needles: one_hub', 'at_once' or "
                "'in_turn'"
            )
        if not needle.several and injection.needles is not None:
            raise BadInput(
                f"'needles: {injection.needles}' came with one needle; add 'others' or 'sites' to the needle, or "
                "remove it"
            )
        if injection.hand is not None and not needle.followed:
            raise BadInput("a hand feels the tube it pushes through; add 'gauge', 'length' and 'entry' to the needle")
        if needle.withdrawal is not None and injection.needles == "in_turn":
            raise BadInput("needles in turn stay in place while they give; leave out 'withdrawal', or 'in_turn'")
        if self.model.track == "gap" and not needle.followed:
            raise BadInput("'track: gap' follows the tube; add 'gauge', 'length' and 'entry' to the needle")
        return self

    @model_validator(mode="after")
    def _pores_give_way(self):
        """The flow along needles is solved with pores that give way."""
        needle, gap, by_hand = self.needle, self.model.track == "gap", self.injection.hand is not None
        ways = {"'track: gap'": gap, "several needles": needle.several, "a hand": by_hand}
        ways |= {"side holes": needle.side_holes is not None, "a withdrawal": needle.withdrawal is not None}
        if self.model.pores == "rigid" and any(ways.values()):
            asked = next(way for way, came in ways.items() if came)
            raise BadInput(
                f"{asked} came with rigid pores, which go with one end hole, a pump and 'track: tight' alone; write "
                "'pores: opening' or 'linear'"
            )
        return self

    @model_validator(mode="after")
    def _distinct(self):
        names = [Path(arm.agent).stem for arm in self.arms]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise BadInput(f"the agent {twice[0]!r} stands twice among the arms; compare each agent once per case")
        return self

    @model_validator(mode="after")
    def _few_outputs(self):
        if self.follow > MOST_OUTPUTS * self.output.every:
            raise BadInput(
                f"following for {show(self.follow, dim.TIME)} and keeping fields every "
                f"{show(self.output.every, dim.TIME)} makes more than {MOST_OUTPUTS} kept times; raise 'output.every'"
            )
        return self


def _with_choices(data: Any) -> Any:
    """The data of a case with what its model leaves to the rest of the case: cracks and track.

    Tissue whose pores open cracks; a tube whose way is known has a gap along it, unless pores are rigid.
    """
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        return data
    model, needle = dict(data["model"]), data.get("needle")
    if model.get("cracks") is None:
        model["cracks"] = "cubic" if model.get("pores") == "opening" else "none"
    if model.get("track") is None:
        known = isinstance(needle, dict) and needle.get("gauge") is not None
        known = known and (needle.get("entry") is not None or needle.get("sites") is not None)
        known = known and model.get("pores") != "rigid"
        model["track"] = "gap" if known else "tight"
    return data | {"model": model}


def load_case(path: str | Path) -> Case:
    """Read and check a case file. Raises BadInput with the file, the key and what to do."""
    path = Path(path)
    return parse_case(read_yaml(path), path.name)


def parse_case(data: dict, source: str) -> Case:
    """Check a mapping as a case; `source` names it in refusals."""
    try:
        return Case.model_validate(data)
    except ValidationError as error:
        raise BadInput(_sentence(error, source)) from None


@contextmanager
def naming(source: str) -> Iterator[None]:
    """Put the name of the case file before whatever its parts refuse, unless it stands there already."""
    try:
        yield
    except BadInput as refused:
        if str(refused).startswith(source):
            raise
        raise BadInput(f"{source}: {refused}") from None


#: What pydantic calls the kinds of plain data, and how it is said here.
_WANTED = {
    "string_type": "a text is needed; put it in quotes",
    "int_type": "a whole number is needed; write it without quotes or point",
    "int_from_float": "a whole number is needed; write it without a point",
    "tuple_type": "a list is needed; begin each entry with '- '",
    "dict_type": "keys with values are needed",
    "model_type": "keys with values are needed",
    "model_attributes_type": "keys with values are needed",
    "too_short": "at least one is needed; add it",
    "invalid_key": "keys must be text; put it in quotes",
}


#: What pydantic calls the bounds of plain data, and how it is said here.
_BOUNDS = {
    "too_long": "{actual_length} entries came, at most {max_length} are allowed; leave some out",
    "greater_than_equal": "{came} came, at least {ge} is allowed; write another",
    "less_than": "{came} came, less than {lt} is allowed; write another",
}


def _sentence(error: ValidationError, source: str) -> str:
    """The first thing wrong as one sentence with file and key."""
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda p: p["type"] != "extra_forbidden")
    where = [str(part) for part in first["loc"] if not str(part).startswith(("function-", "literal[", "tuple["))]
    key = ".".join(where) or "the case"
    kind, message = first["type"], first["msg"]
    if kind == "extra_forbidden":
        message = f"the key {where[-1]!r} is not known here; {nearest(where[-1], _known_keys(where[:-1]))}"
    elif kind == "missing":
        message = f"the key {where[-1]!r} is missing; add it"
    elif kind == "literal_error":
        allowed = first["ctx"]["expected"]
        remedy = nearest(str(first["input"]), _words(allowed))
        remedy = f"write {allowed} without quotes" if str(first["input"]) == allowed else remedy
        message = f"{first['input']!r} is not one of {allowed}; {remedy}"
        if len(_words(allowed)) == 1:
            message = f"{first['input']!r} came, only {allowed} is allowed; write that"
    elif kind == "string_type" and where[:2] == ["parameters", "override"]:
        message = f"{str(first['input'])[:60]!r} came, a number with its unit in quotes is needed; {_example(where)}"
    elif kind in _BOUNDS:
        message = _BOUNDS[kind].format(came=first["input"], **first["ctx"])
    elif kind in _WANTED:
        message = f"{str(first['input'])[:60]!r} came, {_WANTED[kind]}"
    else:
        message = message.removeprefix("Value error, ")
        if not kind.startswith("value_error"):
            message = f"{message[0].lower()}{message[1:]}, got {str(first['input'])[:60]!r}; write another"
    return f"{source}: {key}: {message}"


def _example(where: list[str]) -> str:
    """How an override is written, for the parameter that the last part of its key names."""
    known = PARAMETERS.get(where[-1].rpartition(".")[2])
    return f"write for example {known.dimension.example!r}" if known else "write such as '20 %'"


def _words(expected: str) -> list[str]:
    return [w.strip(" '\"") for w in expected.replace(" or ", ",").split(",")]


def _known_keys(where: list[str]) -> list[str]:
    """The keys that the part of the case at `where` may hold."""
    model: Any = Case
    for part in where:
        if part.isdigit() or model is None:
            continue
        model = part_of(model.model_fields[part].annotation) if part in model.model_fields else None
    return list(model.model_fields) if model is not None else []
