"""What every part of a case is made of: the strict base, plain texts, and quantities with their ranges."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..quantities import dimension as dim
from ..quantities.refusal import BadInput
from ..space.grid import MM
from ..space.image import SPACING_LIMITS_MM
from .quantified import quantities, quantity

Volume = quantity(dim.VOLUME, 1e-13, 1e-3)
FlowRate = quantity(dim.FLOW_RATE, 1e-15, 1e-5)
Pressure = quantity(dim.PRESSURE, 1.0, 1e8)
Compliance = quantity(dim.VOLUME_COMPLIANCE, 0.0, 1e-6)
Spacing = quantity(dim.LENGTH, *(limit * MM for limit in SPACING_LIMITS_MM))
Margin = quantity(dim.LENGTH, 0.0, 0.5)
CavityRadius = quantity(dim.LENGTH, 5e-5, 1e-2)
TubeLength = quantity(dim.LENGTH, 1e-3, 1.0)
Time = quantity(dim.TIME, 0.0, 3.2e7)
Span = quantity(dim.TIME, 1e-2, 3.2e7)
Share = quantity(dim.FRACTION, 1e-6, 20.0)
Radii = quantities(dim.LENGTH, 1e-6, 1e-2)
Distances = quantities(dim.LENGTH, 0.0, 1.0)
Times = quantities(dim.TIME, 0.0, 3.2e7)


def _plain(text: str) -> str:
    """A text that a terminal only prints: an escape sequence in a title must not reach anyone's screen."""
    if not text.replace("\n", " ").isprintable():
        raise BadInput(f"{text[:40]!r} holds control characters; write plain text")
    return text


Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Question = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_plain)]


class Part(BaseModel):
    """A part of a case: no key that is not known, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def part_of(annotation: Any):
    """The part model inside an annotation such as `ScanSubject | None` or `tuple[Arm, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := part_of(inner)) is not None:
            return found
    return None


def left_out(name: str) -> BadInput:
    """The refusal of a part in which a key is missing that only some of its forms need."""
    return BadInput(f"the key {name!r} is missing; add it")
