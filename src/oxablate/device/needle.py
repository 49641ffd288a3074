"""An end-hole needle, placed in the patient."""

import math
from dataclasses import dataclass

from ..quantities.refusal import BadInput

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Needle:
    """A straight needle with its opening at the tip.

    entry: LPS position [m] of the point where it enters, None where nobody said it. tip: LPS position [m] of its
    opening. cavity_radius: radius [m] of the fluid cavity at the opening, from which the tissue takes the fluid. Raises
    BadInput for points that coincide or are not finite, and for a radius that is not above zero and below the length.
    """

    entry: Point | None
    tip: Point
    cavity_radius: float

    def __post_init__(self) -> None:
        for name, point in (("tip", self.tip), ("entry", self.tip if self.entry is None else self.entry)):
            if len(point) != 3 or not all(math.isfinite(x) for x in point):
                raise BadInput(f"needle {name}: {point!r} is not a point; give three finite LPS positions")
        if self.entry is not None and not self.length > 0:
            raise BadInput(f"needle: entry and tip are both {self.tip!r}; give two different points")
        if not 0 < self.cavity_radius < (self.length or math.inf):
            raise BadInput(
                f"needle cavity radius: {self.cavity_radius!r} m is not above zero and below the length of the needle; "
                "give the radius of the opening, such as '0.35 mm'"
            )

    @property
    def length(self) -> float | None:
        """Inserted length [m], None without an entry."""
        return None if self.entry is None else math.dist(self.entry, self.tip)

    @property
    def direction(self) -> Point | None:
        """Unit vector from the entry to the tip, LPS; None without an entry."""
        if self.entry is None:
            return None
        return tuple((b - a) / self.length for a, b in zip(self.entry, self.tip, strict=True))
