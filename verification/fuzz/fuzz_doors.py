"""The doors that are tried, and what counts as the same.

A door reads what a case would read: an image together with its label map, segments onto their image, a case file, a
record. What it hands back is compared with what it hands back for the sound files.
"""

import ast
import functools
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fuzz_mutate import Files

CORPUS = Path(__file__).parent / "corpus"

#: A voxel centre that moves by more than this share of a voxel has moved; below, it is the rounding of a file.
MOVED = 1e-3

FORMATS = ("dicom", "seg", "nifti", "gz", "nrrd", "segnrrd", "mha", "yaml", "record")


@dataclass
class Found:
    """What a door gave: places of voxels (8 corners, 3), values by name, words, and warnings that a person sees."""

    corners: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)

    def place(self, name: str, geometry) -> None:
        """Note where the voxels of an image lie."""
        edges = [(0, n - 1) for n in geometry.shape]
        index = np.stack(np.meshgrid(*edges, indexing="ij"), -1).reshape(-1, 3)
        self.corners[name] = geometry.index_to_world_mm(index)
        self.words[f"{name} shape"] = str(geometry.shape)

    def difference(self, other: "Found") -> str:
        """What differs, in one word; empty when nothing does."""
        if self.words != other.words:
            return "words"
        for name, here in self.corners.items():
            voxel = np.linalg.norm(here[1] - here[0]) / max(1, json.loads(_list(self.words[f"{name} shape"]))[2] - 1)
            if not np.abs(here - other.corners[name]).max() <= MOVED * voxel:
                return "geometry"
        if self.values.keys() != other.values.keys():
            return "values"
        same = all(
            here.shape == other.values[name].shape and np.array_equal(here, other.values[name], equal_nan=True)
            for name, here in self.values.items()
        )
        return "" if same else "values"

    def warnings(self) -> set[str]:
        """The warnings, without their numbers."""
        return {re.sub(r"[-+.\d]+(e[-+]?\d+)?", "#", text) for text in self.warned}


def _list(shape: str) -> str:
    return "[" + shape.strip("()") + "]"


# --- the doors -----------------------------------------------------------------------------------------------------


def read_pair(folder: Path, image: str, labels: str) -> Found:
    """An image and a label map that must lie on the same voxels, as a case reads them."""
    from oxablate.space.files import read_image, read_labels, require_same_voxels

    found = Found()
    picture, mask = read_image(folder / image), read_labels(folder / labels)
    require_same_voxels(picture, mask, image, labels)
    for name, one in (("image", picture), ("labels", mask)):
        found.place(name, one.geometry)
        found.values[name] = one.data
        found.warned += [f"{name}: {note}" for note in one.notes]
    return found


#: What a case says of the segments of the corpus.
NAMED = {"Tumor": "tumour_viable", "Necrosis": "necrotic_core"}


def read_segmented(folder: Path, image: str, labels: str) -> Found:
    """Segments with the tissues that a case names for them, brought onto the image they belong to."""
    from oxablate.anatomy.tissue_names import TissueNames, assign
    from oxablate.space.files import read_image
    from oxablate.space.labels import read_segments

    found = Found()
    picture = read_image(folder / image)
    found.place("image", picture.geometry)
    found.values["image"] = picture.data
    segments = read_segments(folder / labels, picture)
    found.place("segments", segments.geometry)
    for one, tissue in assign(segments, TissueNames.of(NAMED), labels):
        found.values[f"{tissue.name}"] = one.mask(picture.geometry.shape)
    found.warned += [*picture.notes, *segments.notes]
    return found


def read_case_file(folder: Path, name: str) -> Found:
    """A case file, checked; what was read is kept as the plain leaves of the file."""
    from oxablate.device.agent import load_agent
    from oxablate.protocol.case import load_case
    from oxablate.protocol.recipe import read_recipe
    from oxablate.protocol.yaml_door import read_yaml
    from oxablate.quantities.parameter_set import load_set

    case = load_case(folder / name)
    if case.subject.phantom is not None:
        read_recipe(case.subject.phantom.recipe)
    load_set(case.parameters.set).with_overrides(case.parameters.override)
    for arm in case.arms:
        agent = load_agent(arm.agent)
        if arm.concentration is not None:
            agent.concentration(arm.concentration)
    found = Found()
    for path, leaf in leaves(read_yaml(folder / name)):
        found.words[path] = repr(leaf)
    return found


def leaves(node, path: str = "") -> list[tuple[str, object]]:
    """Every value of plain nested data with its path."""
    if isinstance(node, dict):
        return [pair for key, one in node.items() for pair in leaves(one, f"{path}.{key}")]
    if isinstance(node, list):
        return [pair for n, one in enumerate(node) for pair in leaves(one, f"{path}[{n}]")]
    return [(path, node)]


def read_whole_record(folder: Path) -> Found:
    """All that a record holds: what was asked, outcomes, time series, fields."""
    from oxablate.protocol.record import open_record

    record, found = open_record(folder), Found()
    found.words["about"] = json.dumps(record.about, sort_keys=True)
    for arm in record.arms:
        found.words[f"{arm} summary"] = json.dumps(record.summary(arm), sort_keys=True)
        found.values |= {f"{arm} series {name}": row for name, row in record.series(arm).items()}
        fields = record.fields(arm).load()
        found.values |= {f"{arm} {name}": np.asarray(fields[name]) for name in fields.variables}
        found.words[f"{arm} units"] = str(sorted((n, str(v.attrs)) for n, v in fields.variables.items()))
    return found


# --- the seeds -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seed:
    """Sound files and the door for them. mutable: names that may change. voxels: how many values it declares."""

    files: Files
    mutable: list[str]
    read: object
    voxels: int


def seeds(name: str) -> list[Seed]:
    """The sound inputs of a format."""
    if name == "yaml":
        texts = [path.read_bytes() for path in sorted((CORPUS / "yaml").glob("*.seed"))]
        return [Seed({"case.yaml": t}, ["case.yaml"], lambda at: read_case_file(at, "case.yaml"), 0) for t in texts]
    if name == "record":
        return [_record_seed()]
    return [_scan_seed(folder, name == "seg") for folder in sorted((CORPUS / name).iterdir()) if folder.name != "found"]


def files_of(folder: Path) -> Files:
    """The files of a folder of the corpus, by the names they have as inputs."""
    paths = [path for path in sorted(folder.rglob("*.seed")) if path.is_file()]
    return {path.relative_to(folder).as_posix().removesuffix(".seed"): path.read_bytes() for path in paths}


def _scan_seed(folder: Path, onto: bool) -> Seed:
    files = files_of(folder)
    image = next((name for name in files if name.startswith("image.")), "image")
    labels = next(name for name in files if name.startswith("labels."))
    read = read_segmented if onto or labels.endswith(".seg.nrrd") else read_pair
    if read is read_segmented:
        mutable = [labels]
    elif any(name.endswith(".dcm") for name in files):
        mutable = [name for name in files if name.endswith(".dcm")]
    else:
        mutable = [image, labels]
    return Seed(files, mutable, functools.partial(_call, read, image, labels), 12 * 10 * 6)


def _call(read, image: str, labels: str, folder: Path) -> Found:
    return read(folder, image, labels)


@functools.cache
def _record_seed() -> Seed:
    """A run of the small case on a coarse grid; its files are whatever a record consists of today."""
    import sys
    import tempfile

    sys.path.insert(0, str(CORPUS.parents[2] / "tests"))
    from cases import write_case

    from oxablate.protocol.run import run

    with tempfile.TemporaryDirectory() as home:
        case = write_case(Path(home) / "case.yaml", subject__phantom__spacing="4 mm", follow="2 min")
        run(case, Path(home) / "out")
        out = Path(home) / "out"
        files = {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
    return Seed(files, [name for name in files if files[name]], read_whole_record, 8**3 * 60)


# --- what nobody can see ---------------------------------------------------------------------------------------------


def bare_voxels(name: str, data: bytes) -> tuple[int, int]:
    """First and last+1 byte of the voxels of a file that carries no checksum over them; (0, 0) where it does."""
    if name.endswith(".nii"):
        return 352, len(data)
    if name.endswith(".dcm"):
        at = data.rfind(b"OW\0\0") if b"OW\0\0" in data else data.rfind(b"OB\0\0")
        return (at + 8, len(data)) if at > 0 else (0, 0)
    if name.endswith(".nrrd"):
        return (data.find(b"\n\n") + 2, len(data)) if b"encoding: raw" in data else (0, 0)
    if name.endswith(".mha"):
        return (data.find(b"LOCAL\n") + 6, len(data)) if b"CompressedData = False" in data else (0, 0)
    return 0, 0


def with_sound_voxels(name: str, before: bytes, after: bytes) -> bytes | None:
    """The mutant with the voxels of the sound file; None where its voxels are under a checksum, or are not the change.

    If this is read as the sound file is, nothing but voxels made the difference, and no reader could have known.
    """
    first, last = bare_voxels(name, before)
    if len(before) != len(after) or before[first:last] == after[first:last]:
        return None
    return after[:first] + before[first:last] + after[last:]


def stands_as_read(text: bytes, found: Found) -> bool:
    """Whether what was read of a case is what stands in it, letter for letter, every key of it and every value.

    Then the file says so, as it would had its owner typed it: no reader could know better. Written without a YAML
    library: a key is a word before a colon, counted in the text without its comments.
    """
    plain = re.sub(r"(^|\s)#.*", " ", text.decode("utf-8", "replace"))
    flat = " ".join(plain.split())
    values = [str(ast.literal_eval(word)) for word in found.words.values()]
    if not all(
        " ".join(value.split()) in flat for value in values if value not in ("True", "False", "None", "[]", "{}")
    ):
        return False
    paths = {path.rsplit("[", 1)[0] if path.endswith("]") else path for path in found.words}
    nodes = {path[: m.start()] for path in paths for m in re.finditer(r"[.\[]|$", path)} - {""}
    read = Counter(re.split(r"[.\]]", node)[-1] for node in nodes if not node.endswith("]"))
    return all(len(re.findall(rf"(?<![\w.-]){re.escape(key)}[\"']?\s*:", plain)) <= n for key, n in read.items() if key)
