"""How far a number that a person sets may lie from those of the tables: beyond that it is a slip of a unit."""

from collections.abc import Mapping
from functools import lru_cache

from ..quantities.parameter import PARAMETERS, Parameter
from ..quantities.parameter_set import ParameterSet, load_set, set_names
from ..quantities.refusal import BadInput

#: Largest allowed override over the largest number of that parameter in any packaged set; and the smallest number
#: there over the smallest allowed override of what is divided by. Zero is none of these: something is not there.
FACTOR = 1e4

#: Parameters that stand below a fraction line somewhere. Of the others a number near zero means next to nothing of it.
_DIVISORS = (
    *("hydraulic_conductivity", "porosity", "aggregate_modulus", "fracture_pressure", "crack_length", "crack_spacing"),
    *("viscosity", "full_opening", "collapse_width", "collapse_lag", "fracture_correlation_length"),
)

#: Of the smallest allowed override: a number written as that very one is taken.
_ROUNDING = 1e-9


@lru_cache(maxsize=1)
def _largest() -> dict[str, float]:
    """The largest size [SI] of every parameter in the packaged sets, whatever the tissue.

    Where that is 0 everywhere, the size that one draw in a hundred of its spread exceeds.
    """
    numbers = [one for name in set_names() for one in load_set(name).quantities().values()]
    found: dict[str, float] = {}
    for one in numbers:
        found[one.name] = max(found.get(one.name, 0.0), abs(one.si))
    for one in numbers:
        if found[one.name] == 0.0:
            found[one.name] = abs(float(one.si_spread.ppf(0.99)))
    return found


@lru_cache(maxsize=1)
def _smallest() -> dict[str, float]:
    """The smallest size above zero [SI] of every parameter in the packaged sets; none where it is 0 everywhere."""
    found: dict[str, float] = {}
    for one in (one for name in set_names() for one in load_set(name).quantities().values()):
        if one.si != 0.0:
            found[one.name] = min(found.get(one.name, abs(one.si)), abs(one.si))
    return found


def allowed(parameter: Parameter) -> tuple[float, float]:
    """Lowest and highest number [SI] that an override of this parameter may have.

    What is physically possible, and no more than FACTOR times the largest in the packaged sets.
    """
    largest = _largest().get(parameter.name, 0.0)
    most = FACTOR * largest if largest > 0 else parameter.high
    return max(parameter.low, -most), min(parameter.high, most)


def least(parameter: Parameter) -> float:
    """Smallest size [SI] but zero that an override of this parameter may have; 0 where next to nothing will do."""
    return _smallest().get(parameter.name, 0.0) / FACTOR if parameter.name in _DIVISORS else 0.0


def require_plausible(parameters: ParameterSet, overrides: Mapping[str, str]) -> None:
    """Raise BadInput, with the allowed range, for an override far from every number of its kind."""
    for key, one in parameters.quantities().items():
        if key not in overrides:
            continue
        parameter = PARAMETERS[one.name]
        low, high = allowed(parameter)
        unit = "" if parameter.dimension.si_unit == "1" else f" {parameter.dimension.si_unit}"
        if not low <= one.si <= high:
            raise BadInput(
                f"{key}: {str(overrides[key])!r} is outside the allowed range {low:.3g} to {high:.3g}{unit}, which "
                f"ends {FACTOR:g} times above the tables; check the number and its unit"
            )
        if 0.0 < abs(one.si) < least(parameter) * (1.0 - _ROUNDING):
            raise BadInput(
                f"{key}: {str(overrides[key])!r} is less than {least(parameter):.3g}{unit}, {FACTOR:g} times below the "
                "tables; check the number and its unit"
            )
