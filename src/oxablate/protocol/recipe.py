"""A phantom recipe as written in a case file, turned into the types of `anatomy.phantom`."""

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from ..anatomy.phantom import PhantomRecipe
from ..quantities import dimension as dim
from ..quantities.refusal import BadInput, nearest
from ..quantities.unit import read, show
from ..space.grid import MM

_MM = "_mm"

#: Longest length [m] in a recipe: no phantom is larger than a person's trunk.
LONGEST = 1.0


def read_recipe(written: dict) -> PhantomRecipe:
    """Build a recipe from plain data: lengths as people write them ("12 mm"), choices by their `kind`.

    A part of a phantom that is absent is written `{kind: none}` (or the bare word). Raises BadInput with the key for a
    misspelt or missing key, an unknown kind, or a value that the part refuses.
    """
    return _build(PhantomRecipe, written, "subject.phantom.recipe")


def _build(wanted: Any, written: Any, where: str):
    """One dataclass, chosen by `kind` among the members of a union."""
    members = members_of(wanted)
    if isinstance(written, str):
        written = {"kind": written}
    if not isinstance(written, dict):
        raise BadInput(f"{where}: {written!r} came where keys and values are needed")
    chosen = members[0]
    if len(members) > 1:
        kinds = {kind_of(one): one for one in members}
        kind = str(written.get("kind", ""))
        if kind not in kinds:
            raise BadInput(f"{where}.kind: {kind!r} is not known here; {nearest(kind, kinds)}")
        chosen = kinds[kind]
    return _fill(chosen, {k: v for k, v in written.items() if k != "kind" or len(members) == 1}, where)


def members_of(hint: Any) -> list[type]:
    """The dataclasses in a type hint such as `NoCore | NecroticCore`; none for a plain value."""
    return [one for one in (get_args(hint) or (hint,)) if is_dataclass(one)]


def kind_of(part: type) -> str:
    """What a recipe writes as `kind` to choose this dataclass."""
    return next(f.default for f in fields(part) if f.name == "kind")


def recipe_fields(part: type) -> dict[str, Field]:
    """The fields of a part of a recipe by the key that a person writes; lengths lose the unit in their name."""
    return {f.name.removesuffix(_MM): f for f in fields(part) if f.name != "kind"}


def is_length(field: Field) -> bool:
    """Whether a field of a recipe is a length, or several."""
    return field.name.endswith(_MM)


def _fill(part, written: dict, where: str):
    """Convert and check the fields of one dataclass."""
    hints = get_type_hints(part)
    keys = recipe_fields(part)
    for key in written:
        if str(key) not in keys:
            raise BadInput(
                f"{where}: the key {key!r} is not known here; {nearest(str(key), keys) if keys else 'remove it'}"
            )
    values = {}
    for key, field in keys.items():
        place = f"{where}.{key}"
        if key not in written:
            if field.default is MISSING:
                raise BadInput(f"{where}: the key {key!r} is missing; add it")
            continue
        values[field.name] = _value(hints[field.name], field.name, written[key], place)
    try:
        return part(**values)
    except BadInput as refused:
        raise BadInput(f"{where}: {str(refused).replace(_MM, '')}") from None
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where}: {str(error).splitlines()[0]}; check the kinds of its values") from None


def _value(hint: Any, name: str, written: Any, where: str):
    if members_of(hint):
        return _build(hint, written, where)
    if name.endswith(_MM):
        if get_origin(hint) is not tuple:
            return _millimetres(written, where)
        if not isinstance(written, list):
            raise BadInput(f"{where}: {written!r} came, a list of lengths is needed such as [9 mm, 8 mm, 7 mm]")
        return tuple(_millimetres(one, where) for one in written)
    if hint is float:
        return read(written, dim.NUMBER, where)
    if hint is int and (isinstance(written, bool) or not isinstance(written, int)):
        raise BadInput(f"{where}: {written!r} came, a whole number is needed")
    return written


def _millimetres(written: Any, where: str) -> float:
    length = read(written, dim.LENGTH, where)
    if length > LONGEST:
        raise BadInput(f"{where}: {written!r} is longer than {show(LONGEST, dim.LENGTH)}, which is allowed; shorten it")
    return length / MM
