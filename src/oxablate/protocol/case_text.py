"""A case as YAML text in which every key is explained, also those that are not used."""

import json
import re
import textwrap
from typing import Any

from ..anatomy.phantom import PhantomRecipe
from .case_keys import Key, case_keys
from .quantified import Place, Several, Towards
from .recipe import kind_of, members_of, recipe_fields
from .recipe_keys import hints_of, told

WIDTH = 104

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./%^() +*-]*")
_READS_AS_OTHER = re.compile(r"[0-9.eExXob_+-]+|true|false|null|yes|no|on|off|y|n", re.I)

#: Values that stand behind a '#' for keys whose type says none.
_EXAMPLES: dict[str, Any] = {
    "parameters.override": {"tumour_viable.porosity": "20 %"},
    "subject.scan.label_names": {1: "tumour_viable"},
    "subject.scan.tissues": "tissues.yaml",
    "subject.scan.synthetic_lesion": False,
    "subject.scan.bone": ["Ribs"],
    "subject.phantom": "phantom",
    "subject.scan": "scan",
    "needle.sites.count": 4,
    "needle.gauge": 22,
    "needle.length": "90 mm",
    "needle.side_holes.distances": ["3 mm", "6 mm"],
    "needle.side_holes.radii": ["0.1 mm", "0.1 mm"],
    "needle.withdrawal.times": ["0 min", "5 min"],
    "needle.withdrawal.distances": ["0 mm", "10 mm"],
    "injection.phases.give": "1 mL",
    "injection.hand.free_rate": "1 mL/s",
    "injection.hand.stall_pressure": "300 kPa",
    "tracer.agent": "inert_tracer",
    "tracer.concentration": "1 g/L",
}


def commented(values: dict, head: str) -> str:
    """The text of a case with these values, below a head; keys that the values leave out stand behind a '#'."""
    keys = case_keys()
    top = [key for key in keys if "." not in key.path]
    lines = [f"# {line}".rstrip() for line in _wrapped(head)]
    for key in top:
        lines += ["", *_given(key, values, keys)]
    return "\n".join(lines) + "\n"


def _given(key: Key, values: dict, keys: list[Key]) -> list[str]:
    """The lines of one key: as it is in the values, or behind a '#'."""
    if key.name in values:
        return _block(key, values[key.name], keys)
    return [f"# {line}".rstrip() for line in _block(key, _example(key, keys), keys)]


def _block(key: Key, value: Any, keys: list[Key]) -> list[str]:
    lines = [f"# {line}" for line in _wrapped(f"{key.meaning} {key.allowed}")]
    below = [one for one in keys if one.path.rpartition(".")[0] == key.path]
    if key.path == "subject.phantom.recipe":
        return [*lines, "recipe:", *(f"  {line}" for line in _recipe(value))]
    if key.listed:
        return [*lines, f"{key.name}:", *_items(below, value, keys)]
    if key.part is not None:
        below.sort(key=lambda one: one.part is not None and one.name not in value)  # what is taken stands first
        inner = [line for one in below for line in _given(one, value, keys)]
        return [*lines, f"{key.name}:", *(f"  {line}" for line in inner)]
    return [*lines, f"{key.name}: {flow(value)}"]


def _items(below: list[Key], entries: list[dict], keys: list[Key]) -> list[str]:
    """The entries of a list; the keys are explained at the first one."""
    lines = []
    for number, entry in enumerate(entries):
        inner = [line for key in below if key.name in entry or not number for line in _given(key, entry, keys)]
        inner = [line for line in inner if not number or not line.startswith("#")]
        first = next(n for n, line in enumerate(inner) if not line.startswith("#"))
        lines += [f"  {line}" for line in inner[:first]]
        lines += [f"  - {inner[first]}", *(f"    {line}" for line in inner[first + 1 :])]
    return lines


def _recipe(values: dict) -> list[str]:
    """The parts of a phantom's recipe, with the kinds each may be and the keys of the one that is taken."""
    lines = []
    for key, field in recipe_fields(PhantomRecipe).items():
        lines += [f"# {line}" for line in _wrapped(told(PhantomRecipe, key))]
        for part in _taken(members_of(hints_of(PhantomRecipe)[field.name]), values[key]):
            for name in recipe_fields(part):
                text = f"{name} = {told(part, name) or 'a whole number.'}"
                lines += [f"#   {line}" for line in _wrapped(text)]
        lines.append(f"{key}: {flow(values[key])}")
    return lines


def _taken(members: list[type], value: Any) -> list[type]:
    """The kind of a part that is written here; none for a bare word, which has no keys."""
    if not isinstance(value, dict):
        return []
    return members if len(members) == 1 else [one for one in members if kind_of(one) == value.get("kind")]


def _example(key: Key, keys: list[Key]) -> Any:
    """A value for a key that is not used: an example of its kind, never one that anybody recommends."""
    from .new_case import template

    found = _EXAMPLES.get(key.path)
    if key.part is not None and found in ("phantom", "scan"):
        return template(found)["subject"][found]
    if key.part is not None:
        below = [one for one in keys if one.path.rpartition(".")[0] == key.path]
        first = {one.name: _example(one, keys) for one in below if one.required} or {
            below[0].name: _example(below[0], keys)
        }
        return [first] if key.listed else first
    return _plain_example(key) if found is None else found


def _plain_example(key: Key) -> Any:
    """A value for a key without keys of its own."""
    allowed = key.limits
    if isinstance(allowed, Place):
        return ["12 mm", "-4 mm", "30 mm"]
    if isinstance(allowed, Several):
        return [allowed.each.kind.example]
    if isinstance(allowed, Towards):
        return [0, -1, 0]
    return allowed.kind.example if allowed is not None else (key.choices or ["FILE"])[0]


def flow(value: Any) -> str:
    """A plain value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value == value.rstrip() and not _READS_AS_OTHER.fullmatch(value)
        return value if plain else f'"{"".join(map(_quoted, value))}"'
    return json.dumps(value)


def _quoted(character: str) -> str:
    """A character inside double quotes; YAML takes only printable ones as they are."""
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _wrapped(text: str) -> list[str]:
    lines = [textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in text.splitlines()]
    return [line for part in lines for line in (part or [""])]
