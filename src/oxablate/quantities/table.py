"""Tables of quantities: TOML rows that are refused unless each says where its number comes from.

A row is `[parameter.what]` with value, unit, spread, source, place, grade, mark and, where there is no reference, a
note; `inputs` lists the references from which a computed number was made.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path

from .cite import Reference, bibliography, references
from .parameter import Parameter, parameter
from .plain_text import read_plain_text, refuse_unwanted
from .prior import read_spread
from .quantity import Evidence, Grade, Mark, Quantity
from .refusal import BadInput, nearest
from .unit import si_factor, to_si

REQUIRED = ("value", "unit", "spread", "source", "place", "grade", "mark")
OPTIONAL = ("note", "inputs")

#: Sources that are no reference: each needs a note that gives the reasoning.
WITHOUT_REFERENCE = ("computed", "convention", "none")

#: Bytes of a TOML file; the largest that comes with the package has 12 kB.
MAX_BYTES = 100_000

_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{20}}")

_MARKS = {mark.value: mark for mark in Mark if mark is not Mark.SET_BY_USER}
_GRADES = {grade.value: grade for grade in Grade}


class Named(Mapping):
    """Things by name, in their order; an unknown name is refused with the nearest one.

    what: what this is, with which a refusal begins. kind: what its entries are called. things: the entries by name.
    """

    def __init__(self, what: str, kind: str, things: Mapping[str, object]) -> None:
        self._what = what
        self._kind = kind
        self._things = dict(things)

    def __getitem__(self, name: str):
        if name not in self._things:
            raise BadInput(f"{self._what} has no {self._kind} {name!r}; {nearest(str(name), self._things)}")
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)


class Table(Named):
    """The quantities of one file, by "parameter.what". name: the file's, without ending."""

    def __init__(self, name: str, rows: Mapping[str, Quantity]) -> None:
        super().__init__(f"the table {name!r}", "row", rows)
        self.name = name


def read_row(row: object, name: str, where: str, known: Mapping[str, Reference]) -> Quantity:
    """One quantity from its table form.

    name: the parameter. where: file and row, with which a refusal begins. known: the bibliography. Raises BadInput,
    naming file, row and field, where a field is missing, unknown, or contradicts another.
    """
    about = parameter(name, where)
    _check_fields(row, where)
    evidence = _evidence(row, where, known)
    si_factor(_text(row, "unit", where), about.dimension, f"{where}, unit")
    value = row["value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise BadInput(
            f"{where}, value: {str(value)[:40]!r} is not a finite number; write a number and put its unit in 'unit'"
        )
    about.check(to_si(value, row["unit"], about.dimension), f"{where}, value")
    try:
        spread = read_spread(row["spread"])
        quantity = Quantity(about, where, float(value), row["unit"], spread, evidence)
        possible = quantity.si_spread
    except BadInput as refusal:
        raise BadInput(f"{where}, spread: {refusal}") from None
    _check_spread(quantity, possible.contains(quantity.si), about, where)
    return quantity


def read_table(path: Path, known: Mapping[str, Reference] | None = None) -> Table:
    """The table in a TOML file.

    known: the bibliography its sources are looked up in (default: the package's). Raises BadInput, naming the file, the
    row and the field, for anything that is not as the module describes.
    """
    known = bibliography() if known is None else known
    rows = {}
    for name, kinds in read_toml(path).items():
        if not isinstance(kinds, dict):
            raise BadInput(f"{path.name}, {name}: a row is written [{name}.what] with its fields below")
        parameter(name, path.name)
        for what, row in kinds.items():
            key = f"{name}.{what}"
            rows[key] = read_row(row, name, f"{path.stem}/{key}", known)
    return Table(path.stem, rows)


def read_toml(path: Path) -> dict:
    """The contents of a TOML file of at most 100 kB; raises BadInput where it is missing, malformed or made to be slow.

    A key of many parts (`a.a.a...`) takes the parser a time that grows with the cube of its length; 20 are allowed.
    """
    path = Path(path)
    text = read_plain_text(path, MAX_BYTES, "TOML file")
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start()) + 1
        raise BadInput(f"{path.name}: line {line}: a key of more than 20 parts; shorten it")
    try:
        found = tomllib.loads(text)
        _refuse_hidden(found, path.name)
        return found
    except BadInput:
        raise
    except (ValueError, RecursionError) as error:
        why = (str(error).splitlines() or ["unknown problem"])[0][:200]
        raise BadInput(f"{path}: cannot be read ({why}); mend the file, or give the path of another") from None


def _refuse_hidden(node: object, where: str) -> None:
    """Refuse texts that hide something behind escapes, anywhere in the contents of a file."""
    if isinstance(node, str):
        refuse_unwanted(node, where)
    elif isinstance(node, dict | list):
        for one in [*node, *node.values()] if isinstance(node, dict) else node:
            _refuse_hidden(one, where)


@lru_cache(maxsize=32)
def load_table(name: str) -> Table:
    """A table that comes with the package ("tissue", "vessels", "clo2", ...)."""
    if name not in table_names():
        raise BadInput(f"there is no table {name!r}; {nearest(name, table_names())}")
    with resources.as_file(resources.files(__package__) / "tables" / f"{name}.toml") as path:
        return read_table(path)


@lru_cache(maxsize=1)
def table_names() -> tuple[str, ...]:
    """Names of the tables that come with the package."""
    folder = resources.files(__package__) / "tables"
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def look_up(reference: str, where: str) -> Quantity:
    """The quantity that "table/parameter.what" names; a refusal begins with `where`."""
    table, slash, row = str(reference).partition("/")
    if not slash:
        raise BadInput(f"{where}: {reference!r} names no row; write it as 'tissue/porosity.brain_grey'")
    try:
        return load_table(table)[row]
    except BadInput as refusal:
        raise BadInput(f"{where}: {refusal}") from None


def _check_fields(row: object, where: str) -> None:
    if not isinstance(row, dict):
        raise BadInput(f"{where}: a row is a table with {', '.join(REQUIRED)}, got {row!r}")
    for field in row:
        if field not in REQUIRED + OPTIONAL:
            raise BadInput(f"{where}: a row has no field {field!r}; {nearest(field, REQUIRED + OPTIONAL)}")
    for field in REQUIRED:
        if field not in row:
            raise BadInput(f"{where}: the field {field!r} is missing; a number needs {', '.join(REQUIRED)}")


def _text(row: dict, field: str, where: str) -> str:
    if not isinstance(row[field], str) or not row[field].strip():
        raise BadInput(f"{where}, {field}: {row[field]!r} is empty or not a text; write what is known, in words")
    return row[field]


def _evidence(row: dict, where: str, known: Mapping[str, Reference]) -> Evidence:
    source, place, note = _text(row, "source", where), _text(row, "place", where), str(row.get("note", "")).strip()
    for field, allowed in (("grade", _GRADES), ("mark", _MARKS)):
        if row[field] not in allowed:
            raise BadInput(f"{where}, {field}: {row[field]!r} is not known; {nearest(str(row[field]), allowed)}")
    grade, mark = _GRADES[row["grade"]], _MARKS[row["mark"]]
    if source in WITHOUT_REFERENCE and not note:
        raise BadInput(f"{where}, note: the source is {source!r}, so a note must give the reasoning; add it")
    if grade is Grade.MEASURED and mark not in (Mark.READ, Mark.SECONDARY):
        raise BadInput(f"{where}, grade: {mark.value} is not a measurement; write 'estimated' or 'unknown'")
    if grade is Grade.ANALOGUE and (mark is Mark.GENERAL_KNOWLEDGE or source == "none"):
        raise BadInput(f"{where}, grade: a number without a read source is no analogue; write 'estimated' or 'unknown'")
    inputs = row.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(key, str) for key in inputs):
        raise BadInput(f"{where}, inputs: {inputs!r} is not a list of sources; write for example ['baxter-jain-1989']")
    keys = list(inputs) if source in WITHOUT_REFERENCE else [source, *inputs]
    try:
        owed = references(keys, known)
    except BadInput as refusal:
        raise BadInput(f"{where}, source: {refusal}") from None
    return Evidence(source, place, grade, mark, note, tuple(owed))


def _finite(value: float) -> bool:
    """Whether a number, which may be a whole one of thousands of digits, is a finite real."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check_spread(quantity: Quantity, inside: bool, about: Parameter, where: str) -> None:
    if not inside:
        raise BadInput(
            f"{where}, value: {quantity.value:g} {quantity.unit} lies outside its own spread "
            f"({quantity.spread.describe()}) within what is possible for {about.name}; correct one of them"
        )
