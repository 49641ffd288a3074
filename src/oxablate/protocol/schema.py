"""The JSON Schema of a case file, for editors that complete and check while one writes.

It is made from the model that reads cases, so it knows the same keys, choices and ranges; ranges of quantities stand in
the descriptions, since a schema cannot compare "10 mL/h" with "0.1 mL/min". What `inspect` accepts the schema accepts.
"""

import json
from pathlib import Path

from ..anatomy.tissue import WORDS as TISSUE_WORDS
from ..device.gauge import gauges
from ..quantities import dimension as dim
from ..quantities.parameter import PARAMETERS, Parameter
from ..quantities.parameter_set import load_set, set_names
from ..quantities.refusal import BadInput
from ..quantities.research_only import RESEARCH_ONLY
from ..storage.whole_file import write_whole
from .case import Case
from .case_keys import NAMES, Key, case_keys
from .plausible import allowed
from .quantified import text_schema
from .recipe_keys import recipe_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OWN_FILE = {"type": "string", "pattern": r"\.toml$", "description": "A TOML file beside the case."}

#: Parts in which exactly one of these keys stands.
_ONE_OF = {
    "Subject": ("scan", "phantom"),
    "ScanSubject": ("label_names", "tissues"),
    "NeedlePlace": ("tip", "sites"),
    "Injection": ("volume", "fraction_of_tumour", "phases"),
    "Phase": ("give", "pause", "dwell"),
}


def schema() -> dict:
    """The JSON Schema (2020-12) of a case file as plain data."""
    made = Case.model_json_schema(mode="validation")
    parts = {Case.__name__: made, **made.get("$defs", {})}
    for part in parts.values():
        for about in part.get("properties", {}).values():
            about.pop("title", None)
            about.pop("default", None)  # in SI; what is left out is said in words
    for key in case_keys():
        properties = parts[key.model.__name__]["properties"]
        properties[key.name] = _of_key(key, properties[key.name])
    for name, names in _ONE_OF.items():
        parts[name]["oneOf"] = [{"required": [one]} for one in names]
    parts["Injection"]["anyOf"] = [{"required": [one]} for one in ("flow_rate", "hand", "phases")]
    made.update(title="A case of oxablate", description=RESEARCH_ONLY)
    return {"$schema": DIALECT} | made


def schema_text() -> str:
    """The schema as a file holds it: the same version of oxablate, the same bytes."""
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


def write_schema(path: str | Path) -> Path:
    """Write the schema into a new file and return its path. Raises BadInput where something else lies there."""
    path, text = Path(path), schema_text()
    if path.exists() and not _is_this(path, text.encode()):
        raise BadInput(f"--out: {path} exists and is no schema of this version; name a new file, or remove that one")
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise BadInput(f"--out: {path} cannot be written ({error.strerror}); choose another place") from error
    return path


def _is_this(path: Path, wanted: bytes) -> bool:
    """Whether a file has just these bytes; no more is read of it, and nothing of what is no file (a device, a pipe)."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(wanted) + 1) == wanted


def _of_key(key: Key, found: dict) -> dict:
    """The schema of one key: what pydantic made of it, or more where the case is stricter than its type."""
    if key.path in _RICHER:
        found = _RICHER[key.path]()
    found.pop("description", None)
    return found | {"description": f"{key.meaning} {key.allowed}".strip()}


def _names(path: str) -> dict:
    return {"anyOf": [{"enum": list(NAMES[path]())}, _OWN_FILE]}


def _overrides() -> dict:
    """Every parameter of every tissue; all sets have the same ones."""
    keys = load_set(set_names()[0]).quantities()
    properties = {key: _of_parameter(PARAMETERS[one.name]) for key, one in keys.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _of_parameter(parameter: Parameter) -> dict:
    unit = "" if parameter.dimension.si_unit == "1" else f" {parameter.dimension.si_unit}"
    written = text_schema(parameter.dimension)
    low, high = allowed(parameter)
    told = f"{parameter.meaning}; allowed are {low:g} to {high:g}{unit}"
    # an override is text also where a bare number would do elsewhere
    return (written["anyOf"][1] if "anyOf" in written else written) | {"description": told}


def _label_names() -> dict:
    tissue = {"enum": list(TISSUE_WORDS)}
    return {"type": "object", "minProperties": 1, "propertyNames": {"minLength": 1}, "additionalProperties": tissue}


def _concentration() -> dict:
    return {"anyOf": [text_schema(dim.MASS_CONCENTRATION), {"type": "null"}]}


#: Keys for which the case is stricter than the type of its field.
_RICHER = {
    "subject.phantom.recipe": recipe_schema,
    "subject.scan.label_names": _label_names,
    "parameters.set": lambda: _names("parameters.set"),
    "parameters.override": _overrides,
    "arms.agent": lambda: _names("arms.agent"),
    "tracer.agent": lambda: _names("tracer.agent"),
    "arms.concentration": _concentration,
    "needle.gauge": lambda: {"enum": [*gauges(), None]},
}
