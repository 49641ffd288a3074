"""What a run owes: the references of its numbers and methods, and this software."""

from pathlib import Path

from ..protocol.record import Record, open_record
from ..quantities.cite import Reference, bibliography, bibtex, methods, plain, references
from ..quantities.refusal import BadInput
from ..quantities.table import look_up

__all__ = ["bibtex", "cite", "methods_used", "plain", "software", "uncited_sources"]

#: Methods every run uses, and those that depend on the model that was asked for.
_ALWAYS = ("multigrid", "well-index", "starling", "vessel-collapse", "flux-corrected-transport", "array-computing")
_OPENING = ("strain-dependent-conductivity", "opening-pressure")
_REACTIVE = ("moving-front",)


def cite(folder: str | Path | Record) -> list[Reference]:
    """The references a run owes, the software first, then by key.

    folder: what `run` wrote, or an open record. Numbers owe their own source and those they were computed from; a
    source that an agent file brought itself is not among them (see `uncited_sources`). Raises BadInput where there is
    no record.
    """
    record = folder if isinstance(folder, Record) else open_record(folder)
    found = {reference.key: reference for reference in references(sorted(_known_sources(record)))}
    for key in methods_used(record):
        found |= {reference.key: reference for reference in references(methods()[key].sources)}
    return [software(record), *(found[key] for key in sorted(found))]


def software(record: Record) -> Reference:
    """This software, in the version that made the record."""
    fields = {
        "author": "{The oxablate developers}",
        "title": "oxablate: an open in-silico laboratory for intratumoral chemical ablation",
        "note": f"version {record.about['oxablate']}, Apache-2.0; research use only",
    }
    return Reference("oxablate", "software", fields)


def methods_used(record: Record) -> list[str]:
    """Keys of the methods that this run used."""
    used = list(_ALWAYS)
    if record.about["model"]["pores"] == "opening":
        used += _OPENING
    if record.about["model"].get("cracks") == "cubic":
        used += ["cracks"]
    if record.about["model"].get("track") == "gap":
        used += ["backflow"]
    if record.about.get("tracers"):
        used += ["distribution-volume"]
    if any(".rate_constant." in row["key"] for row in record.about["agent_numbers"]):
        used += _REACTIVE
    return [key for key in used if key in methods()]


def _rows(record: Record) -> list[dict]:
    return [*record.about["parameters"], *record.about["agent_numbers"]]


def _known_sources(record: Record) -> set[str]:
    """Keys of the bibliography that the numbers of a record rest on, also those that went into computed numbers."""
    keys = {row["source"] for row in _rows(record) if row["source"] in bibliography()}
    for row in _rows(record):
        try:
            keys |= {reference.key for reference in look_up(row["row"], "citation").references}
        except BadInput:
            continue  # a number of the user, or of an agent file: it owes what its row names
    return keys


def uncited_sources(record: Record) -> list[str]:
    """Sources that a user's own files name and this package does not know."""
    words = {"none", "computed", "convention", "user", "set by the user"}
    return sorted({row["source"] for row in _rows(record)} - words - set(bibliography()))
