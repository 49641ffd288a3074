"""A number as this project knows it: value, unit, spread, source, place, grade."""

from dataclasses import dataclass
from enum import Enum

from .cite import Reference
from .parameter import Parameter
from .prior import Discrete, Spread
from .unit import read, si_factor, to_si

#: The source of a number that a person set in a case.
USER = "user"


class Grade(Enum):
    """How firm a number is; a verdict may not be firmer than its weakest decisive number."""

    MEASURED = "measured"
    ANALOGUE = "analogue"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


class Mark(Enum):
    """How a number reached its table."""

    READ = "read"
    SECONDARY = "secondary"
    GENERAL_KNOWLEDGE = "general knowledge"
    COMPUTED = "computed"
    SET_BY_USER = "set by the user"


@dataclass(frozen=True)
class Evidence:
    """What a number rests on.

    source: key of a reference, or "computed", "convention", "none", "user". place: where in the source. grade and mark:
    how firm, how it got here. note: caveats; the reasoning where there is no reference. references: what it owes, also
    the inputs of a computed number.
    """

    source: str
    place: str
    grade: Grade
    mark: Mark
    note: str = ""
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Quantity:
    """A value with unit, spread and evidence.

    parameter: which one it is. row: where it is kept ("tissue/porosity.brain_grey"). value and spread: as written, in
    `unit`. evidence: what it rests on.
    """

    parameter: Parameter
    row: str
    value: float
    unit: str
    spread: Spread
    evidence: Evidence

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self.parameter.name

    @property
    def si(self) -> float:
        """The value in SI units, rounded once."""
        return to_si(self.value, self.unit, self.parameter.dimension, self.row)

    @property
    def si_spread(self) -> Spread:
        """The spread in SI units, cut to what is physically possible."""
        factor = float(si_factor(self.unit, self.parameter.dimension, self.row))
        return self.spread.scaled(factor).truncated(self.parameter.low, self.parameter.high)

    @property
    def grade(self) -> Grade:
        """How firm the number is."""
        return self.evidence.grade

    @property
    def source(self) -> str:
        """Key of the reference, or "computed", "convention", "none", "user"."""
        return self.evidence.source

    @property
    def references(self) -> tuple[Reference, ...]:
        """What the number owes."""
        return self.evidence.references

    def __str__(self) -> str:
        unit = "" if self.unit in ("", "1") else f" {self.unit}"
        return f"{self.name} = {self.value:.4g}{unit} ({self.spread.describe()}; {self.grade.value}; {self.source})"


def set_by_user(parameter: Parameter, text: str | float, what: str) -> Quantity:
    """The quantity that a person set in place of a table's: no spread, evidence unknown to the program.

    text: such as "1e-12 m^2/(Pa s)". Raises BadInput for a wrong unit or an impossible value.
    """
    value = read(text, parameter.dimension, what)
    parameter.check(value, what)
    evidence = Evidence(USER, "case", Grade.UNKNOWN, Mark.SET_BY_USER, f"written as {str(text).strip()!r}")
    return Quantity(parameter, what, value, parameter.dimension.si_unit, Discrete((value,), (1.0,)), evidence)
