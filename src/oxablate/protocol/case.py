"""The case file: what a person asks for, checked and converted to SI once."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ..quantities import dimension as dim
from ..quantities.refusal import BadInput, nearest
from ..quantities.unit import read, show
from .yaml_door import read_yaml


def _quantity(kind: dim.Dimension, low: float, high: float):
    """An annotated float read from text such as "10 mL/h", refused outside [low, high] (SI)."""

    def convert(text: Any) -> float:
        value = read(text, kind)
        if not low <= value <= high:
            raise BadInput(
                f"{kind.name}: {text!r} is outside the allowed range {show(low, kind)} to {show(high, kind)}; "
                f"write a value inside it"
            )
        return value

    return Annotated[float, BeforeValidator(convert)]


Volume = _quantity(dim.VOLUME, 1e-13, 1e-3)
FlowRate = _quantity(dim.FLOW_RATE, 1e-15, 1e-5)
Length = _quantity(dim.LENGTH, 5e-5, 0.5)
Time = _quantity(dim.TIME, 0.0, 3.2e7)
Span = _quantity(dim.TIME, 1e-2, 3.2e7)
Share = _quantity(dim.FRACTION, 1e-6, 20.0)


def _point(given: Any):
    """A place as three lengths in patient coordinates, or the word "centroid"."""
    if given is None or given == "centroid":
        return given
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise BadInput(f"{given!r} is no place; write 'centroid' or three lengths such as ['12 mm', '-4 mm', '30 mm']")
    at = tuple(read(part, dim.POSITION) for part in given)
    if max(map(abs, at)) > 2.0:
        raise BadInput(f"{given!r} is farther than 2 m from the origin of the scan; give the place in the scan's frame")
    return at


Point = Annotated[Any, BeforeValidator(_point)]
Word = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScanSubject(_Part):
    """A segmented scan: image and label map (NIfTI or NRRD), and what each label is."""

    image: Word
    labels: Word
    label_names: dict[int, str]
    host: Word
    spacing: Length
    margin: Length
    body: Literal["threshold", "everything"]


class PhantomSubject(_Part):
    """A procedural phantom: its recipe and the voxel size it is computed on."""

    recipe: dict[str, Any]
    spacing: Length


class Subject(_Part):
    """Exactly one of a scan and a phantom."""

    scan: ScanSubject | None = None
    phantom: PhantomSubject | None = None

    @model_validator(mode="after")
    def _one(self):
        if (self.scan is None) == (self.phantom is None):
            raise BadInput("a subject is either a 'scan' or a 'phantom'; give exactly one of the two")
        return self


class Parameters(_Part):
    """The named parameter set and the numbers the user puts in place of its rows."""

    set: Word
    override: dict[str, str] = {}


class NeedlePlace(_Part):
    """Where the needle's end hole lies: the tumour's centroid, or a tip (and entry) in patient coordinates."""

    tip: Point
    entry: Point = None
    frame: Literal["LPS", "RAS"] | None = None
    cavity_radius: Length

    @model_validator(mode="after")
    def _framed(self):
        if (self.tip != "centroid" or self.entry is not None) and self.frame is None:
            raise BadInput("coordinates need a frame; add 'frame: LPS' (DICOM, ITK) or 'frame: RAS' (3D Slicer, NIfTI)")
        return self


class Injection(_Part):
    """What the pump does: a volume, or a share of the tumour's volume, at a flow rate from a start time on."""

    volume: Volume | None = None
    fraction_of_tumour: Share | None = None
    flow_rate: FlowRate
    start: Time = 0.0

    @model_validator(mode="after")
    def _one(self):
        if (self.volume is None) == (self.fraction_of_tumour is None):
            raise BadInput("an injection has either a 'volume' or a 'fraction_of_tumour'; give exactly one of the two")
        return self


class Arm(_Part):
    """One agent of a side-by-side comparison. agent: a catalogue name or the path of an agent file."""

    agent: Word
    concentration: Word | None = None


class Model(_Part):
    """Which physics: how the pores answer, what lies beyond the grid, by which dose cells die."""

    pores: Literal["opening", "rigid"]
    beyond: Literal["tissue", "sealed"]
    injury: Literal["thiol_loss", "exposure", "none"]


class Output(_Part):
    """When fields are kept: every so often, plus the end of the injection and of the run."""

    every: Span


class Case(_Part):
    """A whole case. All quantities in SI after reading."""

    oxablate: Literal[1]
    title: Word
    question: Annotated[str, Field(min_length=1, max_length=2000)]
    subject: Subject
    parameters: Parameters
    needle: NeedlePlace
    injection: Injection
    arms: Annotated[tuple[Arm, ...], Field(min_length=1, max_length=12)]
    follow: Span
    model: Model
    output: Output
    seed: Annotated[int, Field(ge=0, lt=2**32)]

    @model_validator(mode="after")
    def _distinct(self):
        names = [Path(arm.agent).stem for arm in self.arms]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise BadInput(f"the agent {twice[0]!r} stands twice among the arms; compare each agent once per case")
        return self


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
        message = f"{first['input']!r} is not one of {allowed}; {nearest(str(first['input']), _words(allowed))}"
    else:
        message = message.removeprefix("Value error, ")
        if not kind.startswith("value_error"):
            message = f"{message[0].lower()}{message[1:]}, got {str(first['input'])[:60]!r}"
    return f"{source}: {key}: {message}"


def _words(expected: str) -> list[str]:
    return [w.strip(" '\"") for w in expected.replace(" or ", ",").split(",")]


def _known_keys(where: list[str]) -> list[str]:
    """The keys that the part of the case at `where` may hold."""
    model: Any = Case
    for part in where:
        if part.isdigit() or model is None:
            continue
        model = _part_of(model.model_fields[part].annotation) if part in model.model_fields else None
    return list(model.model_fields) if model is not None else []


def _part_of(annotation: Any):
    """The part model inside an annotation such as `ScanSubject | None` or `tuple[Arm, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, _Part):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := _part_of(inner)) is not None:
            return found
    return None
