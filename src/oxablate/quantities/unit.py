"""Units at the door: what people write becomes an SI number once, and SI numbers become readable again."""

import math
import re
from fractions import Fraction

from .dimension import AMOUNT_CONCENTRATION, DIMENSIONS, MASS_CONCENTRATION, Dimension
from .refusal import BadInput
from .unit_grammar import Exponents, UnitTrouble, worth

#: Longest text that is looked at: the longest honest one has about 40 characters.
MAX_LENGTH = 80

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\d.,])")


def read(text: str | float, dimension: Dimension, what: str | None = None) -> float:
    """Turn what a person wrote into an SI number, rounded once.

    text: such as "10 mL/h"; a plain number is allowed only for fractions and numbers without unit. dimension: the kind
    of quantity that is wanted. what: the name of the input in a refusal (default: the name of the dimension).
    Returns the value in `dimension.si_unit`. Raises BadInput for a wrong dimension, an unknown or missing unit, a
    number that is not finite, and one below zero unless the dimension is signed.
    """
    what = what or dimension.name
    number, unit = _split(text, dimension, what)
    exact = Fraction(number) * _factor(unit, dimension, what, str(text).strip())
    value = _float(exact)
    if not math.isfinite(value) or (value == 0.0 and exact != 0):
        raise _bad(what, f"{text!r} is too large or too small for a number", dimension)
    if value < 0 and not dimension.signed:
        raise _bad(what, f"{text!r} is below zero, allowed is zero or more", dimension)
    return value


def si_factor(unit: str, dimension: Dimension, what: str | None = None) -> Fraction:
    """How many SI units one `unit` is, exactly. Raises BadInput where it is unknown or not of this dimension."""
    return _factor(unit, dimension, what or dimension.name, unit)


def to_si(value: float, unit: str, dimension: Dimension, what: str | None = None) -> float:
    """A number written in `unit`, in SI, rounded once. Raises BadInput as `si_factor` does."""
    return _float(Fraction(repr(float(value))) * si_factor(unit, dimension, what))


def show(value: float, dimension: Dimension, digits: int = 3) -> str:
    """Write an SI value for people, in the listed unit in which it takes the fewest digits.

    value: in `dimension.si_unit`. digits: significant digits kept. Example: 2.7778e-9 m3/s becomes "10 mL/h".
    """
    units = dimension.shown_in or (dimension.si_unit,)
    if value == 0.0:
        units = (dimension.zero_in or units[0],)
    texts = [(f"{value / float(worth(unit)[0]):.{digits}g}", unit) for unit in units]
    readable = [pair for pair in texts if 0.1 <= abs(float(pair[0])) < 1000.0]
    number, unit = min(readable, key=lambda pair: _digits_of(pair[0])) if readable else _least_extreme(texts)
    return number if unit == "1" else f"{number} {unit}"


def amount_concentration(mass_concentration: float, molar_mass: float) -> float:
    """Amount concentration [mol/m3] of a mass concentration [kg/m3].

    c = rho / M, with molar mass M [kg/mol]. Raises BadInput unless M is above zero.
    """
    if not (math.isfinite(molar_mass) and molar_mass > 0):
        raise BadInput(f"molar mass: {molar_mass!r} kg/mol is not above zero; give the molar mass of the agent")
    return mass_concentration / molar_mass


def read_concentration(text: str, molar_mass: float, what: str = "concentration") -> float:
    """Read a concentration written as mass ("3 g/L") or as amount ("45 mmol/L") per volume, in mol/m3.

    molar_mass: [kg/mol], used for mass concentrations. Raises BadInput as `read` does.
    """
    _, unit = _split(text, MASS_CONCENTRATION, what)
    try:
        by_amount = worth(unit)[1] == worth(AMOUNT_CONCENTRATION.si_unit)[1]
    except UnitTrouble as trouble:
        raise _bad(what, str(trouble), MASS_CONCENTRATION) from None
    if by_amount:
        return read(text, AMOUNT_CONCENTRATION, what)
    return amount_concentration(read(text, MASS_CONCENTRATION, what), molar_mass)


def _split(text: str | float, dimension: Dimension, what: str) -> tuple[str, str]:
    """Number, as text, and unit of what was written; the unit of a bare fraction is "1"."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise _bad(what, f"{str(text)[:40]!r} is not a quantity", dimension)
    text = text if isinstance(text, str) else repr(float(text))
    if len(text) > MAX_LENGTH:
        raise _bad(what, f"{text[:20]!r}... is longer than the {MAX_LENGTH} characters allowed", dimension)
    match = _NUMBER.match(text)
    if not match:
        raise _bad(
            what, f"{text!r} does not begin with a finite number (decimal point, no thousands separator)", dimension
        )
    number, unit = match[1], text[match.end() :].strip()
    size = abs(float(number))  # looked at before the exact fraction is made, which takes memory like its exponent
    if size == math.inf or (size == 0.0 and re.search("[1-9]", re.split("[eE]", number)[0])):
        raise _bad(what, f"{text!r} is too large or too small for a number", dimension)
    number = number if size > 0.0 else "0"
    if not unit and not dimension.bare:
        raise _bad(what, f"{text!r} has no unit", dimension)
    return number, unit or "1"


def _factor(unit: str, dimension: Dimension, what: str, written: str) -> Fraction:
    """SI factor of a unit that must have the dimension wanted; `written` is quoted when it has not."""
    if len(unit) > MAX_LENGTH:
        raise _bad(what, f"{unit[:20]!r}... is longer than the {MAX_LENGTH} characters allowed", dimension)
    try:
        factor, exponents = worth(unit)
    except UnitTrouble as trouble:
        raise _bad(what, str(trouble), dimension) from None
    if exponents != worth(dimension.si_unit)[1]:
        raise BadInput(
            f"{what}: {written!r} {_kind_of(exponents)}; {_with_article(dimension.name)} such as {dimension.example!r} "
            "is needed"
        )
    return factor


def _kind_of(exponents: Exponents) -> str:
    for other in DIMENSIONS.values():
        if worth(other.si_unit)[1] == exponents:
            return f"is {_with_article(other.name)}"
    return "is of another kind"


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _bad(what: str, clause: str, dimension: Dimension) -> BadInput:
    return BadInput(f"{what}: {clause}; write for example {dimension.example!r}")


def _float(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf


def _digits_of(number: str) -> int:
    """Significant digits in a printed number: 2 for "0.35", 1 for "300"."""
    return len(number.lstrip("-").replace(".", "").strip("0"))


def _least_extreme(texts: list[tuple[str, str]]) -> tuple[str, str]:
    def distance(pair: tuple[str, str]) -> float:
        size = abs(float(pair[0]))
        return abs(math.log10(size) - 1.0) if 0 < size < math.inf else 0.0

    return min(texts, key=distance)
