"""What a unit such as "m^2/(Pa s)" is worth in SI: a small grammar of our own, single unit names looked up in pint.

    product = power ((" " | "*" | "/") power)*        after a "/" nothing may be multiplied: "a/b c" reads two ways
    power   = (name | "1" | "(" product ")") [["^" | "**"] whole number]

Worth is an exact fraction, so that "0.35 mm" is the double nearest to 0.00035 m. Nothing is ever evaluated.
"""

import difflib
import re
from fractions import Fraction
from functools import lru_cache

MAX_EXPONENT = 9
MAX_DEPTH = 2

_TOKEN = re.compile(
    r"\s*(?:(?P<name>cmH2O|[A-Za-z_%\u00b5\u03bc]+)|(?P<sign>\*\*|[\^*/()])|(?P<int>-?\d{1,9})(?![\d.]))|\s*(?P<other>\S)"
)
_NUMBER_UNITS = {
    "%": Fraction(1, 100),
    "percent": Fraction(1, 100),
    "ppm": Fraction(1, 10**6),
    "dimensionless": Fraction(1),
}
_BASE = ("[length]", "[mass]", "[time]", "[substance]")
_POWER_SIGNS = ("^", "**")

#: Units (pint's names) that may carry a prefix. Pint would also read "hh" as hecto-hour and "pct" as pico-carat.
_PREFIXED = frozenset(
    "meter gram second liter mole molar pascal bar newton joule dalton poise meter_H2O meter_Hg".split()
)

#: Names offered when a unit is not known; any unit that pint knows is read.
COMMON_UNITS = (
    *("m cm mm um nm L dL mL uL nL cc s ms us min h hour d day week mmHg cmH2O bar atm Pa kPa MPa").split(),
    *("kg g mg ug mol mmol umol nmol M mM uM N J Da kDa % percent").split(),
)

Exponents = tuple[int, ...]
ONE: Exponents = (0,) * len(_BASE)


class UnitTrouble(ValueError):
    """Why a unit cannot be read, as a clause without its end: the caller knows what it was for."""


@lru_cache(maxsize=1024)
def worth(unit: str) -> tuple[Fraction, Exponents]:
    """SI factor, exact, and whole exponents of (length, mass, time, substance) of a unit.

    Raises UnitTrouble where the unit is unknown, ambiguous, has an offset (degrees) or does not follow the grammar.
    """
    tokens = _tokens(unit)
    factor, exponents = _product(tokens, unit, 0)
    if tokens:
        raise UnitTrouble(f"the unit {unit!r} has an unpaired bracket")
    return factor, exponents


def _tokens(unit: str) -> list[tuple[str, str]]:
    """The unit cut into (kind, text), first token last so that `pop` reads forward."""
    found, at = [], 0
    text = unit.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match.lastgroup == "other":
            raise UnitTrouble(f"{match['other']!r} cannot stand in the unit {unit!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found[::-1]


def _product(tokens: list, unit: str, depth: int) -> tuple[Fraction, Exponents]:
    """A product of powers, up to the closing bracket that belongs to it."""
    factor, exponents, sign, divided, complete = Fraction(1), ONE, 1, False, False
    while tokens and tokens[-1][1] != ")":
        if complete:
            joint = tokens.pop()[1] if tokens[-1][1] in ("*", "/") else " "
            if divided and joint != "/":
                raise UnitTrouble(
                    f"the unit {unit!r} can be read two ways, so put what is divided by in brackets as in 'm^2/(Pa s)'"
                )
            sign = -1 if joint == "/" else 1
            divided, complete = divided or joint == "/", False
            if joint != " ":
                continue
        one_factor, one_exponents = _power(tokens, unit, depth)
        factor *= one_factor**sign
        exponents = tuple(a + sign * b for a, b in zip(exponents, one_exponents, strict=True))
        complete = True
    if not complete:
        raise UnitTrouble(f"the unit {unit!r} is not complete")
    return factor, exponents


def _power(tokens: list, unit: str, depth: int) -> tuple[Fraction, Exponents]:
    """A unit name, a 1 or a bracket, with its whole exponent if there is one."""
    kind, text = tokens.pop()
    if text == "(" and depth < MAX_DEPTH:
        factor, exponents = _product(tokens, unit, depth + 1)
        if not tokens:
            raise UnitTrouble(f"the unit {unit!r} has an unpaired bracket")
        tokens.pop()
    elif text == "1":
        return Fraction(1), ONE
    elif kind == "name":
        factor, exponents = _named(text)
    else:
        raise UnitTrouble(f"{text!r} cannot stand there in the unit {unit!r}")
    caret = bool(tokens) and tokens[-1][1] in _POWER_SIGNS and bool(tokens.pop())
    if not tokens or tokens[-1][0] != "int":
        if caret:
            raise UnitTrouble(f"an exponent in the unit {unit!r} is not a whole number")
        return factor, exponents
    power = int(tokens.pop()[1])
    if abs(power) > MAX_EXPONENT:
        raise UnitTrouble(f"the exponent {power} in the unit {unit!r} is beyond {MAX_EXPONENT}")
    return factor**power, tuple(power * e for e in exponents)


@lru_cache(maxsize=256)
def _named(name: str) -> tuple[Fraction, Exponents]:
    """SI factor and exponents of one unit name, from pint."""
    if name in _NUMBER_UNITS:
        return _NUMBER_UNITS[name], ONE
    import pint

    try:
        unit = _registry().parse_units(name)
        one, two = (_registry().Quantity(Fraction(n), unit).to_root_units() for n in (1, 2))
        dimensionality = dict(unit.dimensionality)
    except (pint.errors.PintError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
        raise UnitTrouble(f"the unit {name!r} is not known{_suggestion(name)}") from None
    exponents = tuple(dimensionality.pop(base, 0) for base in _BASE)
    proportional = isinstance(one.magnitude, Fraction) and two.magnitude == 2 * one.magnitude > 0  # degrees are not
    whole = all(e == int(e) for e in exponents)
    parts = _registry().parse_unit_name(name)
    mistyped = all(prefix and stem not in _PREFIXED for prefix, stem, _ in parts)
    if mistyped or dimensionality or not any(exponents) or not proportional or not whole:
        raise UnitTrouble(f"the unit {name!r} cannot be used here{_suggestion(name)}")
    grams = Fraction(1, 1000) ** int(exponents[1])  # pint's root unit of mass is the gram
    return one.magnitude * grams, tuple(int(e) for e in exponents)


def _suggestion(name: str) -> str:
    folded = {unit.casefold(): unit for unit in COMMON_UNITS}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""


@lru_cache(maxsize=1)
def _registry():
    import pint  # 0.6 s: only when a unit is first read

    return pint.UnitRegistry(non_int_type=Fraction)
