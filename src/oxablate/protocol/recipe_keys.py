"""The keys of a phantom's recipe as its dataclasses have them: in words, and as JSON Schema."""

import re
from dataclasses import MISSING
from typing import get_args, get_origin, get_type_hints

from ..anatomy.phantom import PhantomRecipe
from ..quantities import dimension as dim
from ..quantities.unit import show
from .quantified import text_schema
from .recipe import LONGEST, is_length, kind_of, members_of, recipe_fields


def hints_of(part: type) -> dict:
    """The types of the fields of a part of a recipe, by field name."""
    return get_type_hints(part)


def told(part: type, key: str) -> str:
    """The kinds a key of a recipe may be, or what the docstring of its part says of it; empty where it says nothing."""
    field = recipe_fields(part)[key]
    members = members_of(hints_of(part)[field.name])
    if len(members) > 1:
        return f"Kinds: {'; '.join(_kind_told(member) for member in members)}."
    sentence = _docstring_of(part, field.name)
    length = f"Lengths up to {show(LONGEST, dim.LENGTH)}." if is_length(field) else ""
    return " ".join(text for text in (sentence, length) if text)


def _docstring_of(part: type, name: str) -> str:
    """The first sentence after "name: " in a docstring."""
    text = " ".join((part.__doc__ or "").split())
    found = re.search(rf"\b{name}: (.*?)(?:\. |\.?$)", text)
    return f"{found[1].replace(' [mm]', '').replace('_mm', '')}." if found else ""


def _kind_told(member: type) -> str:
    """A kind with its keys and the first clause of its docstring: "ellipsoid (semi_axes), a smooth tumour"."""
    keys = ", ".join(recipe_fields(member))
    first = re.split("[.:;]", (member.__doc__ or "").strip(), maxsplit=1)[0]
    return f"{kind_of(member)}{f' ({keys})' if keys else ''}, {first[0].lower()}{first[1:]}"


def recipe_schema(part: type = PhantomRecipe) -> dict:
    """JSON Schema of one part of a recipe, by default of the whole."""
    hints, keys = hints_of(part), recipe_fields(part)
    properties = {key: _value_schema(hints[f.name], f) | _described(part, key) for key, f in keys.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key, field in keys.items() if field.default is MISSING],
        "additionalProperties": False,
    }


def _described(part: type, key: str) -> dict:
    text = told(part, key)
    return {"description": text} if text else {}


def _value_schema(hint, field) -> dict:
    members = members_of(hint)
    if len(members) == 1:
        return recipe_schema(members[0])
    if members:
        return {"anyOf": [_kind_schema(one) for one in members]}
    if is_length(field):
        length = text_schema(dim.LENGTH)
        if get_origin(hint) is not tuple:
            return length
        count = len(get_args(hint))
        return {"type": "array", "items": length, "minItems": count, "maxItems": count}
    if hint is float:
        return text_schema(dim.NUMBER)
    return {"type": "integer"} if hint is int else {"type": "string", "minLength": 1}


def _kind_schema(member: type) -> dict:
    """A kind: keys and values, or the bare word where it needs none."""
    schema = recipe_schema(member)
    schema["properties"] = {"kind": {"const": kind_of(member)}} | schema["properties"]
    bare = [{"const": kind_of(member)}] if not schema["required"] else []
    schema["required"] = ["kind", *schema["required"]]
    return {"anyOf": [*bare, schema]} if bare else schema
