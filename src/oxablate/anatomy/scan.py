"""From an image and its label map to tissues on the voxels of the scan."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..quantities.refusal import BadInput
from ..space.files import read_image, read_labels, require_same_voxels
from ..space.image import Image
from ..space.mask import body_mask
from .tissue import TUMOUR, Tissue, tissue_of


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
    """A scan as tissues. image: intensities. tissues: uint8 `Tissue` labels on its voxels. statement: where from."""

    image: Image
    tissues: np.ndarray
    statement: str


def read_scan(image_path: str | Path, label_path: str | Path, label_names: dict[int, str], body: Body) -> Scan:
    """Read an image and its label map and name the tissue of every voxel.

    label_names: {label: word of `tissue.WORDS`} for every label but 0; several labels may share a word. Voxels labelled
    0 are host inside the body and air outside; a labelled voxel is body unless its word is air. The scan is identified
    by the checksums of its files, never by their names. Fails with `BadInput` for unusable files, a label map
    that does not fit, a label without a name, a word that is no tissue, or a tumour without voxels.
    """
    image, labels = read_image(image_path), read_labels(label_path)
    require_same_voxels(image, labels, str(image_path), str(label_path))
    tissues = tissue_map(labels.data, label_names, body.mask(image), str(label_path))
    sums = [hashlib.sha256(Path(p).read_bytes()).hexdigest()[:16] for p in (image_path, label_path)]
    return Scan(image, tissues, f"scan: image with sha256 {sums[0]}..., label map with sha256 {sums[1]}...")


def tissue_map(labels: np.ndarray, label_names: dict[int, str], body: np.ndarray, name: str) -> np.ndarray:
    """Tissue labels (uint8) from a user's label map (nx, ny, nz), its names, and a body mask; see `read_scan`."""
    tissues = {}
    for label, word in label_names.items():
        if isinstance(label, bool) or not isinstance(label, int) or label < 1:
            raise BadInput(
                f"label {label!r} came with the name {word!r}; whole numbers from 1 are allowed, "
                "since 0 is what nobody outlined"
            )
        tissues[label] = tissue_of(word)
    present = [int(v) for v in np.unique(labels) if v != 0]
    unnamed = [v for v in present if v not in tissues]
    if unnamed:
        raise BadInput(f"label map {name} holds labels {unnamed} without a name; name each by a tissue")
    tumour = {label for label, tissue in tissues.items() if tissue in TUMOUR}
    if not tumour:
        words = ", ".join(t.word for t in TUMOUR)
        raise BadInput(f"no label of {name} is named as tumour; name one {words}")
    for label in sorted(tumour - set(present)):
        raise BadInput(
            f"the tumour label {label} ({tissues[label].word}) is empty in {name}, which holds labels {present}; "
            "correct the number or the label map"
        )
    result = np.where(body, np.uint8(Tissue.HOST), np.uint8(Tissue.AIR))
    for label, tissue in tissues.items():
        result[labels == label] = tissue
    return result
