"""The laws of cracks with the numbers of a parameter set, and which of its numbers a case does without."""

from ..physics.flow.crack_closures import CubicCracks, NonLocalMemory
from ..quantities.parameter import MECHANICS_PARAMETERS
from ..quantities.parameter_set import MECHANICS, ParameterSet
from ..quantities.refusal import BadInput
from .case import Model
from .elastic import plane_modulus

#: A crack ceiling below this decides the pressure by itself [m2/(Pa s)].
LEAST_CEILING = 1e-9

#: What may be zero among the numbers of cracks and liquid.
_MAY_BE_ZERO = ("fracture_log_variance", "track_damage_radius")

_OF_CRACKS = ("fracture_pressure", "crack_length", "crack_spacing")
_OF_VARIATION = (
    "fracture_log_variance", "fracture_correlation_length", "track_fracture_share", "track_damage_radius",
    "crack_ceiling",
)  # fmt: skip
_OF_MEMORY = ("reopening_share", "full_opening")
_OF_GAP = ("contact_stress", "standing_gap")


def crack_law(parameters: ParameterSet, tissue: str) -> CubicCracks:
    """The law of the cracks of one tissue."""
    section, common = parameters[tissue], parameters[MECHANICS]
    return CubicCracks(
        section["crack_length"].si,
        section["crack_spacing"].si,
        plane_modulus(section),
        common["viscosity"].si,
        common["crack_ceiling"].si,
    )


def memory_law(parameters: ParameterSet) -> NonLocalMemory:
    """What opened paths leave behind, where they do."""
    common = parameters[MECHANICS]
    return NonLocalMemory(common["reopening_share"].si, common["full_opening"].si)


def require_crackable(parameters: ParameterSet, tissues) -> None:
    """Refuse numbers that no cracking tissue and no liquid can have. tissues: their words."""
    for name in MECHANICS_PARAMETERS:
        if name not in _MAY_BE_ZERO and not parameters[MECHANICS][name].si > 0:
            raise BadInput(f"{MECHANICS}.{name}: 0 came, a number above zero is needed; change the override or the set")
    ceiling = parameters[MECHANICS]["crack_ceiling"].si
    if ceiling < LEAST_CEILING:
        raise BadInput(
            f"{MECHANICS}.crack_ceiling: {ceiling:g} m2/(Pa s) would decide the pressure by itself; at least "
            f"{LEAST_CEILING:g} is allowed"
        )
    memory_law(parameters)
    for word in tissues:
        if not parameters[word]["fracture_pressure"].si > 0:
            raise BadInput(
                f"{word}.fracture_pressure: 0 came, a pressure above zero is needed; tissue that cracks by itself "
                "cannot be computed"
            )
        try:
            crack_law(parameters, word)
        except BadInput as refused:
            raise BadInput(f"{word}: {refused}; change the override or the set") from None


def unused_numbers(model: Model, tubes: bool) -> frozenset[str]:
    """Names of the parameters that a case does without. tubes: whether the liquid's way through tubes is followed."""
    cracks, gap = model.cracks == "cubic", model.track == "gap"
    found: set[str] = set()
    found |= set() if cracks else {*_OF_CRACKS, *_OF_VARIATION}
    found |= set() if model.crack_memory == "non_local" else {*_OF_MEMORY}
    found |= set() if gap else {*_OF_GAP}
    found |= set() if cracks or gap else {"poisson_ratio"}
    found |= set() if cracks or tubes else {"viscosity"}
    return frozenset(found)
