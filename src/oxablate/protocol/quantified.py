"""Quantities and places in a case file: read from text once, and able to tell a person or an editor what is allowed."""

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


#: Farthest place from the origin of a scan [m], in each coordinate.
FARTHEST = 2.0


@dataclass(frozen=True)
class Place:
    """The word "centroid", or three signed lengths."""

    def __str__(self) -> str:
        return f"centroid, or three lengths such as ['12 mm', '-4 mm', '30 mm'], each within {FARTHEST:g} m of 0"

    def __get_pydantic_json_schema__(self, core_schema, handler) -> dict:
        three = {"type": "array", "minItems": 3, "maxItems": 3, "items": text_schema(dim.POSITION)}
        return {"anyOf": [{"const": "centroid"}, three], "description": f"{self}."}


def _point(given: Any):
    """A place as three lengths in patient coordinates, or the word "centroid"."""
    if given is None or given == "centroid":
        return given
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise BadInput(f"{given!r} is no place; write 'centroid' or three lengths such as ['12 mm', '-4 mm', '30 mm']")
    at = tuple(read(part, dim.POSITION) for part in given)
    if max(map(abs, at)) > FARTHEST:
        raise BadInput(f"{given!r} is farther than 2 m from the origin of the scan; give the place in the scan's frame")
    return at


Point = Annotated[Any, BeforeValidator(_point), Place()]
