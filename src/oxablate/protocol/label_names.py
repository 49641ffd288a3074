"""The file in which a person says what each segment is: read, and written with a first guess."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..anatomy.tissue import WORDS, Tissue
from ..anatomy.tissue_names import TissueNames, guess
from ..quantities.refusal import BadInput, nearest
from ..space.files import read_image
from ..space.labels import read_segments
from ..space.segment import Segment, Segments
from ..storage.whole_file import write_whole
from .case import naming
from .yaml_door import read_yaml

_KEYS = ("tissues", "ignore")

#: Order in which guesses are written, so that what lies inside something else is painted after it.
_PAINTED = (
    Tissue.AIR, Tissue.HOST, Tissue.SKIN, Tissue.LARGE_VESSEL, Tissue.TUMOUR_VIABLE, Tissue.CAPSULE, Tissue.SEPTUM,
    Tissue.NECROTIC_CORE,
)  # fmt: skip


def read_tissues(path: str | Path) -> TissueNames:
    """What each segment is, from a YAML file with `tissues` ({name or number: tissue}) and `ignore` (a list of them).

    Later entries of `tissues` win where segments overlap. Fails with `BadInput`, with file and key, for another key,
    a word that is no tissue, and names that are neither text nor whole numbers.
    """
    path = Path(path)
    written = read_yaml(path)
    with naming(path.name):
        for key in written:
            if key not in _KEYS:
                raise BadInput(f"the key {key!r} is not known here; {nearest(str(key), _KEYS)}")
        tissues, ignored = written.get("tissues"), written.get("ignore") or []
        if not isinstance(tissues, dict):
            raise BadInput("tissues: names with tissues are needed; write lines such as '\"Tumour\": tumour_viable'")
        if not isinstance(ignored, list):
            raise BadInput(f"ignore: {str(ignored)[:60]!r} came, a list is needed; begin each entry with '- '")
        return TissueNames.of(tissues, ignored)


@dataclass(frozen=True)
class LabelsFound:
    """What a label file holds. segments: all of it. written: the file of guesses, None where none was asked for."""

    segments: Segments
    written: Path | None

    def __str__(self) -> str:
        geometry = self.segments.geometry
        lines = [f"{self.segments.kind} on {geometry}", f"{'number':>8} {'voxels':>10} {'mL':>10}  name"]
        for s in self.segments.segments:
            lines.append(f"{s.number:>8} {s.voxels:>10} {_millilitres(s, self.segments):>10.3f}  {s.name}")
        lines += [f"note: {note}" for note in self.segments.notes]
        if self.written is not None:
            lines.append(f"guesses written to {self.written}: look at every line before you use it")
        return "\n".join(lines)


def labels_file(path: str | Path, image: str | Path | None = None, out: str | Path | None = None) -> LabelsFound:
    """What a label file holds, and (out) a file of guesses to edit and to name under `subject.scan.tissues`.

    image: what the segments were drawn on; needed for a structure set, otherwise only to see whether they fit. Raises
    BadInput for files that cannot be used and for an `out` that exists.
    """
    onto = None if image is None else read_image(image, uneven="resample")
    segments = read_segments(path, onto, str(image))
    if out is None:
        return LabelsFound(segments, None)
    out = Path(out)
    if out.exists():
        raise BadInput(f"--out: {out} exists; name a new file")
    if out.suffix.lower() not in (".yaml", ".yml"):
        raise BadInput(f"--out: {out.name!r} came, a name that ends in .yaml is allowed")
    try:
        write_whole(out, tissues_text(segments).encode())
    except OSError as error:
        raise BadInput(f"--out: {out} cannot be written ({error.strerror}); choose another place") from error
    return LabelsFound(segments, out)


def tissues_text(segments: Segments) -> str:
    """A commented YAML file with a guess for every segment, which `read_tissues` reads."""
    names = [segment.name for segment in segments.segments]
    guessed: list[tuple[Segment, Tissue]] = []
    unknown = []
    for segment in segments.segments:
        tissue = guess(segment.name) if segment.voxels else None
        if tissue is None:
            unknown.append(segment)
        else:
            guessed.append((segment, tissue))
    guessed.sort(key=lambda pair: _PAINTED.index(pair[1]))

    def line(segment: Segment, text: str) -> str:
        size = f"number {segment.number}, {segment.voxels} voxels, {_millilitres(segment, segments):.3f} mL"
        return f"{text}  # {size}"

    def key(segment: Segment) -> str:
        alone = names.count(segment.name) == 1 and segment.name != str(segment.number)
        return json.dumps(segment.name, ensure_ascii=False) if alone else str(segment.number)

    lines = [_HEADER.format(kind=segments.kind, words=", ".join(WORDS))]
    lines.append("tissues:" if guessed else "tissues: {}  # nothing was recognised; name at least the tumour")
    lines += [line(s, f"  {key(s)}: {tissue.word}") for s, tissue in guessed]
    lines += ["", "# Not drawn, as far as a run is concerned; their voxels are what lies around them."]
    lines.append("ignore:" if unknown else "ignore: []")
    lines += [line(s, f"  - {key(s)}") for s in unknown]
    return "\n".join(lines) + "\n"


_HEADER = """\
# What each segment of a {kind} is. The tissues below are guesses from names alone: look at every line.
#
# A line is `name: tissue`, or `number: tissue`; names stand in quotes. Where segments overlap, the LATER line wins, so
# that a necrotic core stands after the tumour it lies in. Tissues are
#   {words}.
# A segment must stand under `tissues` or under `ignore`. Voxels that no segment marks are host inside the body, air
# outside. `host` has the properties of one organ, the `host` of the case: other organs are not told apart from it.
# Name this file in the case, in place of label_names:
#
#   subject:
#     scan:
#       tissues: THIS_FILE.yaml
"""


def _millilitres(segment: Segment, segments: Segments) -> float:
    return segment.voxels * segments.geometry.voxel_volume_mm3 / 1e3
