"""Numbers and names as people read them: units typeset, shares with honest small values, names without underscores."""

import math
import re

from ..quantities import dimension as dim
from ..quantities.unit import show

#: Shares below this are printed as "less than".
SMALLEST_SHARE = 1e-5

_SMALLEST_VOLUME = 1e-15  # m3: one cell

_MICRO = re.compile(r"(?<![A-Za-z])u(?=L|mol|g|m\b|M\b|s\b)")
_POWERS = str.maketrans("0123456789-", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b")


def typeset(text: str) -> str:
    """A text with units as they are printed: uL becomes a micro sign with L, m^2 gets its exponent raised."""
    raised = re.sub(r"\^(-?\d+)", lambda m: m[1].translate(_POWERS), text)
    return _MICRO.sub("\u00b5", raised)


def quantity(value: float, dimension: dim.Dimension, digits: int = 3) -> str:
    """An SI value with the unit that suits it, a thin space between them."""
    if not math.isfinite(value):
        return "not a number"
    number, _, unit = show(value, dimension, digits).partition(" ")
    return f"{power_of_ten(number)}\u202f{typeset(unit)}" if unit else power_of_ten(number)


def volume(value: float) -> str:
    """A volume [m3]; what is smaller than a cell says so, exactly nothing is 0."""
    if 0.0 < value < _SMALLEST_VOLUME:
        return f"less than {quantity(_SMALLEST_VOLUME, dim.VOLUME)}"
    return quantity(value, dim.VOLUME)


def duration(seconds: float) -> str:
    """A time in the unit in which people would say it."""
    for unit, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2.0 * unit:
            return f"{seconds / unit:.3g}\u202f{name}"
    return f"{seconds:.3g}\u202fs"


def numbers_in(text: str) -> str:
    """A text in which numbers such as 1e-07 are typeset."""
    return re.sub(r"-?\d[\d.]*e[+-]\d+", lambda m: power_of_ten(m[0]), text)


def with_unit(text: str, unit: str) -> str:
    """A number as it was written, with its unit, both typeset."""
    return f"{power_of_ten(text)}\u202f{typeset(unit)}" if unit not in ("", "1") else power_of_ten(text)


def number(value: float, digits: int = 3) -> str:
    """A plain number, with a raised power of ten where it is very large or small."""
    return power_of_ten(f"{value:.{digits}g}")


def power_of_ten(text: str) -> str:
    """'1.2e-07' as 1.2 x 10 to the minus 7, typeset; other texts as they are."""
    match = re.fullmatch(r"(-?[\d.]+)e([+-]\d+)", text)
    if not match:
        return text.replace("-", "\u2212") if re.fullmatch(r"-[\d.]+", text) else text
    return f"{match[1]}\u00d710{str(int(match[2])).translate(_POWERS)}".replace("-", "\u2212")


def percent(share: float) -> str:
    """A share in per cent: exactly nothing is "0 %", next to nothing says so."""
    if not math.isfinite(share):
        return "not a number"
    if share == 0.0:
        return "0\u202f%"
    if abs(share) < SMALLEST_SHARE:
        return f"less than {100 * SMALLEST_SHARE:g}\u202f%"
    if abs(share) > 0.9995 and abs(share) < 1.0:
        return f"{math.floor(share * 1e5) / 1e3:g}\u202f%"  # what is not all of it never reads 100 %
    return f"{power_of_ten(f'{100 * share:.3g}')}\u202f%"


def plain_name(identifier: str) -> str:
    """A name from a file as words."""
    return identifier.replace("_", " ").replace(".", ", ")


def unit_of_flag(value: float, unit: str) -> str:
    """The value of a validity flag with its unit."""
    if unit == "Pa":
        return quantity(value, dim.RELATIVE_PRESSURE)
    return number(value) if unit in ("1", "") else f"{number(value)}\u202f{typeset(unit)}"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"
