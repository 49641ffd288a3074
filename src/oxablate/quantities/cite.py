"""The references that numbers and methods owe, as BibTeX and as plain text."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from .plain_text import read_plain_text
from .refusal import BadInput, nearest

#: Bytes and entries of a BibTeX file; the package's own has 11 kB and about forty.
MAX_BYTES, MAX_ENTRIES = 100_000, 1000

_ENTRY = re.compile(r"@(?P<kind>\w+)\s*\{\s*(?P<key>[^,\s]+)\s*,(?P<body>.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"^\s*(?P<name>\w+)\s*=\s*\{(?P<value>.*)\},?\s*$")


@dataclass(frozen=True)
class Reference:
    """One publication. key: its name in the tables; kind: the BibTeX kind; fields: BibTeX fields by name."""

    key: str
    kind: str
    fields: Mapping[str, str]

    def bibtex(self) -> str:
        """The entry as BibTeX."""
        width = max(len(name) for name in self.fields)
        lines = [f"  {name:<{width}} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])

    def plain(self) -> str:
        """The entry as one line of text; what is not known is left out, nothing is made up."""
        has = self.fields.get
        volume = has("volume", "") + (f"({has('number')})" if has("number") else "")
        place = f"{volume}:{has('pages')}" if volume and has("pages") else volume or has("pages", "")
        journal = " ".join(part for part in (has("journal") or has("publisher", ""), place) if part)
        link = f"doi:{has('doi')}" if has("doi") else has("eprint") or has("url", "")
        authors = has("author", "").replace(" and others", " et al.").replace(" and ", "; ")
        parts = [authors, has("title", ""), journal, has("year", ""), link, has("note", "")]
        text = ". ".join(part.rstrip(".") for part in parts if part) + "."
        return text.replace("{", "").replace("}", "")  # braces group words for BibTeX only


@dataclass(frozen=True)
class Method:
    """A way of computing that owes citations. key; what: one phrase; sources: keys of references."""

    key: str
    what: str
    sources: tuple[str, ...]


def read_bibliography(path: Path) -> dict[str, Reference]:
    """The references of a BibTeX file, by key.

    Read are entries whose fields stand one on a line, `name = {value},`, and whose closing brace stands alone. Raises
    BadInput for a line that is none of these, for an entry without title, and for a key that comes twice.
    """
    references: dict[str, Reference] = {}
    written = read_plain_text(path, MAX_BYTES, "BibTeX file").split("\n")
    text = "\n".join(line for line in written if not line.lstrip().startswith("%"))
    if text.count("@") > MAX_ENTRIES:
        raise BadInput(f"{path.name}: more than {MAX_ENTRIES} entries; keep those that are cited")
    for entry in _ENTRY.finditer(text):
        fields = {}
        for line in filter(str.strip, entry["body"].splitlines()):
            field = _FIELD.match(line)
            if not field:
                raise BadInput(
                    f"{path.name}, {entry['key']}: cannot read {line.strip()!r}; write 'name = {{value}},' on one line"
                )
            fields[field["name"]] = field["value"]
        if "title" not in fields:
            raise BadInput(f"{path.name}, {entry['key']}: the entry has no title; add it")
        if entry["key"] in references:
            raise BadInput(f"{path.name}: the key {entry['key']!r} comes twice; keep one")
        references[entry["key"]] = Reference(entry["key"], entry["kind"], fields)
    rest = _ENTRY.sub("", text).strip()
    if rest:
        raise BadInput(
            f"{path.name}: cannot read {rest.splitlines()[0]!r}; close each entry with a brace on its own line"
        )
    return references


@lru_cache(maxsize=1)
def bibliography() -> Mapping[str, Reference]:
    """Every reference that comes with the package, by key."""
    with resources.as_file(resources.files(__package__) / "sources.bib") as path:
        return read_bibliography(path)


@lru_cache(maxsize=1)
def methods() -> Mapping[str, Method]:
    """Every method that owes citations, by key."""
    written = tomllib.loads((resources.files(__package__) / "methods.toml").read_text("utf-8"))
    return {key: Method(key, row["what"], tuple(row["sources"])) for key, row in written.items()}


def references(keys: Iterable[str], known: Mapping[str, Reference] | None = None) -> list[Reference]:
    """The references with these keys, each once, in the order of their keys.

    known: references to look in (default: those of the package). Raises BadInput for an unknown key.
    """
    known = bibliography() if known is None else known
    wanted = sorted(set(keys))
    for key in wanted:
        if key not in known:
            raise BadInput(f"the source {key!r} is not in the bibliography; {nearest(key, known)}")
    return [known[key] for key in wanted]


def owed(quantities: Iterable, method_keys: Iterable[str] = ()) -> list[Reference]:
    """The references that a set of quantities and methods owes.

    quantities: anything with a `references` property (what was computed or is a convention owes nothing). method_keys:
    keys of `methods()`. Raises BadInput for an unknown method.
    """
    by_key = {reference.key: reference for quantity in quantities for reference in quantity.references}
    for key in method_keys:
        if key not in methods():
            raise BadInput(f"the method {key!r} is not known; {nearest(key, methods())}")
        by_key |= {reference.key: reference for reference in references(methods()[key].sources)}
    return [by_key[key] for key in sorted(by_key)]


def bibtex(owed_references: Iterable[Reference]) -> str:
    """References as a BibTeX file."""
    return "\n\n".join(reference.bibtex() for reference in owed_references) + "\n"


def plain(owed_references: Iterable[Reference]) -> str:
    """References as a numbered list."""
    return "".join(f"{n}. {reference.plain()}\n" for n, reference in enumerate(owed_references, 1))
