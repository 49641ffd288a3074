"""Needle tubes by gauge, and what the liquid loses in them."""

import math
from dataclasses import dataclass

from ..quantities.refusal import BadInput
from ..quantities.table import load_table

_OUTER, _INNER = "needle_outer_radius.gauge_", "needle_inner_radius.gauge_"


@dataclass(frozen=True)
class NeedleTube:
    """A straight tube. outer_radius, inner_radius, length [m] from the hub to the tip.

    Raises BadInput unless 0 < inner radius < outer radius < length, all finite.
    """

    outer_radius: float
    inner_radius: float
    length: float

    def __post_init__(self) -> None:
        if not 0 < self.inner_radius < self.outer_radius < self.length < math.inf:
            raise BadInput(
                f"needle tube: inner radius {self.inner_radius!r} m, outer radius {self.outer_radius!r} m, length "
                f"{self.length!r} m; each must be above zero and below the next: check the gauge and the length"
            )

    @property
    def wall(self) -> float:
        """Thickness of the wall [m]."""
        return self.outer_radius - self.inner_radius

    def resistance(self, viscosity: float) -> float:
        """Hagen-Poiseuille resistance of the lumen [Pa s/m3], 8 mu l / (pi r^4); viscosity mu [Pa s]."""
        return 8.0 * viscosity * self.length / (math.pi * self.inner_radius**4)

    def pressure_loss(self, flow_rate: float, viscosity: float) -> float:
        """Pressure [Pa] that the lumen takes at a flow rate [m3/s]: R Q. Holds while the flow is laminar and long."""
        return self.resistance(viscosity) * flow_rate

    def reynolds_number(self, flow_rate: float, density: float, viscosity: float) -> float:
        """Re = 2 rho Q / (pi mu r) [1] of the lumen; turbulence is expected above about 2300 (Reynolds 1883).

        flow_rate: [m3/s]; density: rho [kg/m3]; viscosity: mu [Pa s].
        """
        return 2.0 * density * abs(flow_rate) / (math.pi * viscosity * self.inner_radius)


def gauges() -> tuple[int, ...]:
    """The gauges of which the table gives both radii, widest first."""
    table = load_table("device")
    numbers = (int(key.removeprefix(_INNER)) for key in table if key.startswith(_INNER))
    return tuple(sorted(n for n in numbers if f"{_OUTER}{n}" in table))


def tube_of_gauge(number: int, length: float) -> NeedleTube:
    """The regular-wall tube of a gauge, at its nominal radii. length: [m]. Raises BadInput for a gauge not listed."""
    if number not in gauges():
        listed = ", ".join(map(str, gauges()))
        close = min(gauges(), key=lambda known: abs(known - number)) if isinstance(number, int) else gauges()[0]
        raise BadInput(f"needle gauge {number!r} is not in the table, which has {listed}; did you mean {close}?")
    table = load_table("device")
    return NeedleTube(table[f"{_OUTER}{number}"].si, table[f"{_INNER}{number}"].si, length)
