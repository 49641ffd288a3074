"""A new case file, every key of it explained: what a person starts from."""

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from ..quantities.refusal import BadInput, nearest
from ..quantities.research_only import RESEARCH_ONLY
from ..storage.whole_file import write_whole
from .case_text import commented
from .label_choice import tissue_keys
from .yaml_door import read_yaml

#: What a case can start from -> the template with its values.
SOURCES = {"phantom": "phantom", "scan": "scan", "dicom": "scan"}
_PLACEHOLDERS = {"scan": {}, "dicom": {"image": "series", "labels": "segmentation.dcm"}}

_HEAD = """\
A case for oxablate, written by `oxablate new`. {research_only}

{numbers} They are no recommendation of any dose, volume, rate or place. Change what you need. {next}

Every key stands below its explanation. A key behind a '#' is a choice that is not taken; remove the '#' to take it. \
Every quantity needs its unit. An editor completes and checks this file with the schema that `oxablate schema` \
writes; 'Getting started' in the documentation says how.
"""
_NUMBERS = "The numbers below are those of a bundled demonstration, there so that the file can be run."
_FILL_IN = (
    "Name your own image and segmentation below, and the tissues in it; then `oxablate inspect` says what is left."
)


def new_case(
    path: str | Path, source: str = "phantom", image: str | Path | None = None, labels: str | Path | None = None
) -> Path:
    """Write a commented case file that `inspect` reads, and return its path. Nothing is overwritten.

    path: of the new file, ending in .yaml or .yml. source: one of SOURCES. image, labels: the scan and its
    segmentation, in the folder of the new file or below it; without them the file has placeholders. Raises BadInput
    for a file that exists, another ending, an unknown source, and scan files that are missing or lie elsewhere.
    """
    path = _free(Path(path))
    if source not in SOURCES:
        raise BadInput(f"--from: {source!r} is not one of {', '.join(SOURCES)}; {nearest(source, SOURCES)}")
    if source == "phantom" and (image or labels):
        raise BadInput("--image and --labels belong to a scan; add '--from scan' or '--from dicom', or leave them out")
    values = template(SOURCES[source])
    if source != "phantom":
        _take_files(values, path.parent, image, labels, source)
    text = commented(values, head(_NUMBERS, _FILL_IN if source != "phantom" else ""))
    return write_new(path, text)


def template(name: str) -> dict:
    """The values of a template that comes with the package."""
    with resources.as_file(resources.files(__package__) / "templates" / f"{name}.yaml") as path:
        return read_yaml(path)


def head(numbers: str, what_next: str) -> str:
    """The lines at the top of a written case: what it is, where its numbers are from, what to do with it."""
    return _HEAD.format(research_only=RESEARCH_ONLY, numbers=numbers, next=what_next)


def write_new(path: Path, text: str) -> Path:
    """Write a text file that is not there yet; its folder is made where it is missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); choose another place") from error
    return path


def _free(path: Path) -> Path:
    """The path of a case file that is not there yet."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file in it, such as {path / 'case.yaml'}")
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise BadInput(f"{path}: the name of a case ends in .yaml or .yml; write {path.name}.yaml")
    if os.path.lexists(path):
        raise BadInput(f"{path} exists and is never overwritten; name a new file")
    return path


def _take_files(values: dict, folder: Path, image, labels, source: str) -> None:
    """Put the names of the user's files into the values of a scan, and their labels where they can be read."""
    scan = values["subject"]["scan"]
    scan.update(_PLACEHOLDERS[source])
    wanted: dict[str, tuple[object, Callable[[Path], bool]]] = {
        "image": (image, Path.exists if source == "dicom" else Path.is_file),
        "labels": (labels, Path.is_file),
    }
    for key, (given, there) in wanted.items():
        if given is not None:
            scan[key] = _name_inside(Path(given), folder, f"--{key}", there)
    if labels is not None:
        scan["label_names"] = tissue_keys(Path(labels), None if image is None else Path(image))


def _name_inside(given: Path, folder: Path, what: str, there: Callable[[Path], bool]) -> str:
    """The name of a file as a case in `folder` writes it."""
    if not there(given):
        found = "exists, but is no file" if given.exists() else "does not exist"
        raise BadInput(f"{what}: {given} {found}; check the path")
    real, home = given.resolve(), folder.resolve()
    if not real.is_relative_to(home):
        raise BadInput(f"{what}: {given} lies outside {folder}, the folder of the new case; copy it there, or below it")
    return real.relative_to(home).as_posix()
