"""From an image and what was drawn on it to tissues on the voxels of the scan."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..quantities.refusal import BadInput
from ..space.files import Uneven, read_image
from ..space.image import Image
from ..space.labels import read_segments
from ..space.mask import body_mask
from ..space.segment import Segment, Segments
from .tissue import Tissue, is_tumour
from .tissue_names import TissueNames, assign

_MOST_NAMED = 12

#: Share of the tumour that may lie in what a body mask takes for air, as a dark core does before holes are filled.
_MOST_IN_AIR = 0.5


@dataclass(frozen=True)
class BodyEverywhere:
    """All of the image is body: for crops that show no air."""

    kind: Literal["everywhere"] = "everywhere"

    def mask(self, image: Image) -> np.ndarray:
        """True everywhere. Shape of the image."""
        return np.ones(image.data.shape, bool)


@dataclass(frozen=True)
class BodyByBrightness:
    """The body is what is brighter than air (see `space.mask.body_mask`); look at the result before using it."""

    kind: Literal["by_brightness"] = "by_brightness"

    def mask(self, image: Image) -> np.ndarray:
        """Bool mask of the shape of the image."""
        return body_mask(image.data)


Body = BodyEverywhere | BodyByBrightness


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan as tissues.

    image: intensities. tissues: uint8 `Tissue` labels on its voxels. statement: where from. notes: sentences on what
    was taken for what, and on what the files leave open. bone: bool on its voxels, None where nobody drew any.
    """

    image: Image
    tissues: np.ndarray
    statement: str
    notes: tuple[str, ...] = ()
    bone: np.ndarray | None = None


def read_scan(
    image_path: str | Path,
    label_path: str | Path,
    names: TissueNames | dict[int | str, str],
    body: Body,
    uneven: Uneven = "refuse",
) -> Scan:
    """Read an image and what was drawn on it, and name the tissue of every voxel.

    image_path: a file or the folder of a DICOM series, see `space.files.read_image`, which `uneven` is for. label_path:
    see `space.labels.read_segments`. names: the tissue of every segment, by number or name; several may share one.
    Voxels that nobody drew are host inside the body and air outside; a drawn voxel is body unless its tissue is air.
    The scan is identified by the checksums of its files, never by their names. Fails with `BadInput` for unusable
    files, segments that do not fit the image, a segment without a tissue, a tumour without voxels or mostly in air.
    """
    image = read_image(image_path, uneven)
    segments = read_segments(label_path, image, str(image_path))
    names = names if isinstance(names, TissueNames) else TissueNames.of(names)
    drawn = assign(segments, names, str(label_path))
    return painted(image, segments, drawn, body, (image_path, label_path))


def painted(
    image: Image,
    segments: Segments,
    drawn: list[tuple[Segment, Tissue]],
    body: Body,
    paths: tuple[str | Path, str | Path],
) -> Scan:
    """The scan of an image and of its segments with a tissue each; see `read_scan`, of which this is the last part.

    drawn: as from `tissue_names.assign`. paths: of the image and of the label file. Fails with `BadInput` where most of
    the tumour lies in what `body` takes for air: then the body mask is wrong, and with it what lies round the tumour.
    """
    inside = body.mask(image)
    tissues = np.where(inside, np.uint8(Tissue.HOST), np.uint8(Tissue.AIR))
    for segment, tissue in drawn:
        segment.paint(tissues, tissue)
    tumour = is_tumour(tissues)
    lost = np.count_nonzero(tumour & ~inside) / max(1, np.count_nonzero(tumour))
    if lost > _MOST_IN_AIR:
        raise BadInput(
            f"{100 * lost:.0f} % of the tumour lies in what is taken for air by its brightness, as in a crop that "
            "shows no air; take all of the image as body ('body: everything'), or check image and labels"
        )
    statement = (
        f"scan: image with sha256 {checksum(Path(paths[0]))[:16]}..., "
        f"{segments.kind} with sha256 {checksum(Path(paths[1]))[:16]}..."
    )
    return Scan(image, tissues, statement, (*image.notes, *_naming_notes(segments, drawn), *segments.notes))


def checksum(path: Path) -> str:
    """sha256 (hex) of a file; of a folder, of the sorted checksums of the files in it, whatever their names.

    Hidden files and folders inside do not count. Only the bytes count, so a renamed series stays the same.
    """
    if not path.is_dir():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    sums = sorted(checksum(p) for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def _naming_notes(segments: Segments, drawn: list[tuple[Segment, Tissue]]) -> list[str]:
    """What each named segment was taken for; nothing for a label map, whose names stand in the case."""
    if segments.names_are_numbers:
        return []
    listed = "; ".join(f"{segment.name!r} is {tissue.word}" for segment, tissue in drawn[:_MOST_NAMED])
    more = f"; and {len(drawn) - _MOST_NAMED} more" if len(drawn) > _MOST_NAMED else ""
    left = sum(1 for s in segments.segments if s.voxels) - len(drawn)
    return [f"drawn: {listed}{more}" + (f"; {left} segments ignored" if left else "")]
