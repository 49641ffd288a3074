"""Quantities and places in a case file: read from text once, and able to tell a person or an editor what is allowed."""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BeforeValidator

from ..quantities import dimension as dim
from ..quantities.refusal import BadInput
from ..quantities.unit import MAX_LENGTH, read, show

#: A number as `quantities.unit.read` takes it; what follows must not go on with it.
_NUMBER = r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\d.,eE])"
_UNIT = r"\s*[A-Za-z0-9%\u00b5\u03bc][A-Za-z0-9_%\u00b5\u03bc^*/() .-]*"


@dataclass(frozen=True)
class Allowed:
    """What a quantity of a case may be, ends included. kind: its dimension. low, high: in SI units."""

    kind: dim.Dimension
    low: float
    high: float

    @property
    def span(self) -> str:
        """The allowed range as text with units."""
        return f"{show(self.low, self.kind)} to {show(self.high, self.kind)}"

    def __str__(self) -> str:
        return f"{self.kind.name} with its unit, {self.span}, such as {self.kind.example}"

    def __get_pydantic_json_schema__(self, core_schema, handler) -> dict:
        return text_schema(self.kind) | {"description": f"{self}."}


def text_schema(kind: dim.Dimension) -> dict:
    """JSON Schema of a quantity of one kind as people write it; its unit is judged when the case is read."""
    unit = f"({_UNIT})?" if kind.bare else _UNIT
    sign = "[+-]?" if kind.signed else "[+]?"
    text = {"type": "string", "maxLength": MAX_LENGTH, "pattern": rf"^\s*{sign}{_NUMBER}{unit}$"}
    if kind.bare:
        return {"anyOf": [{"type": "number"}, text], "examples": [kind.example]}
    return text | {"examples": [kind.example]}


def quantity(kind: dim.Dimension, low: float, high: float):
    """An annotated float read from text such as "10 mL/h", refused outside [low, high] (SI)."""
    allowed, any_sign = Allowed(kind, low, high), replace(kind, signed=True)

    def convert(text: Any) -> float:
        value = read(text, any_sign)  # what is below zero is refused with the range, as all else outside it
        if not low <= value <= high:
            below = "below zero, " if value < 0 else ""
            raise BadInput(
                f"{kind.name}: {text!r} is {below}outside the allowed range {allowed.span}; write a value inside it"
            )
        return value

    return Annotated[float, BeforeValidator(convert), allowed]


@dataclass(frozen=True)
class Several:
    """A list of quantities of one kind. each: what every one of them may be."""

    each: Allowed

    def __str__(self) -> str:
        return f"a list, each {self.each}"

    def __get_pydantic_json_schema__(self, core_schema, handler) -> dict:
        return {"type": "array", "minItems": 1, "items": text_schema(self.each.kind), "description": f"{self}."}


def quantities(kind: dim.Dimension, low: float, high: float):
    """An annotated tuple of floats read from a list of texts, each refused outside [low, high] (SI)."""
    one = quantity(kind, low, high)
    convert = next(note.func for note in one.__metadata__ if isinstance(note, BeforeValidator))

    def read_all(given: Any) -> tuple[float, ...]:
        if not isinstance(given, list | tuple) or not given:
            raise BadInput(f"{given!r} came, a list is needed such as [{kind.example}]")
        return tuple(convert(text) for text in given)

    return Annotated[Any, BeforeValidator(read_all), Several(Allowed(kind, low, high))]


#: Farthest place from the origin of a scan [m], in each coordinate.
FARTHEST = 2.0


@dataclass(frozen=True)
class Place:
    """Three signed lengths. centroid: whether the word "centroid" will do too."""

    centroid: bool

    def __str__(self) -> str:
        word = "centroid, or " if self.centroid else ""
        return f"{word}three lengths such as ['12 mm', '-4 mm', '30 mm'], each within {FARTHEST:g} m of 0"

    def __get_pydantic_json_schema__(self, core_schema, handler) -> dict:
        three = {"type": "array", "minItems": 3, "maxItems": 3, "items": text_schema(dim.POSITION)}
        if self.centroid:
            return {"anyOf": [{"const": "centroid"}, three], "description": f"{self}."}
        return three | {"description": f"{self}."}


def _point(given: Any):
    """A place as three lengths in patient coordinates, or the word "centroid"."""
    return given if given == "centroid" else _place(given, "'centroid' or ")


def _place(given: Any, words: str):
    """Three lengths [m]; words: what else may be written."""
    if given is None:
        return None
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise BadInput(f"{given!r} is no place; write {words}three lengths such as ['12 mm', '-4 mm', '30 mm']")
    at = tuple(read(part, dim.POSITION) for part in given)
    if max(map(abs, at)) > FARTHEST:
        raise BadInput(f"{given!r} is farther than 2 m from the origin of the scan; give the place in the scan's frame")
    return at


def _coordinates(given: Any):
    """A place that is no word."""
    if given == "centroid":
        raise BadInput("'centroid' is no entry; write three lengths such as ['12 mm', '-4 mm', '30 mm']")
    return _place(given, "")


Point = Annotated[Any, BeforeValidator(_point), Place(True)]
Entry = Annotated[Any, BeforeValidator(_coordinates), Place(False)]


SIGNED = replace(dim.NUMBER, signed=True)


@dataclass(frozen=True)
class Towards:
    """Three numbers, not all zero."""

    def __str__(self) -> str:
        return "three numbers without unit, not all zero, such as [0, -1, 0]"

    def __get_pydantic_json_schema__(self, core_schema, handler) -> dict:
        three = {"type": "array", "minItems": 3, "maxItems": 3, "items": text_schema(SIGNED)}
        return three | {"description": f"{self}."}


def _direction(given: Any) -> tuple[float, float, float]:
    """A direction of length one."""
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise BadInput(f"{given!r} is no direction; write three numbers such as [0, -1, 0]")
    found = tuple(read(part, SIGNED) for part in given)
    size = math.sqrt(sum(x * x for x in found))
    if not (0 < size < math.inf):
        raise BadInput(f"{given!r} points nowhere; write three numbers that are not all zero, such as [0, -1, 0]")
    return tuple(x / size for x in found)


Direction = Annotated[Any, BeforeValidator(_direction), Towards()]
