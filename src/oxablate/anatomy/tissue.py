"""The closed list of tissues a voxel can be, and which of them belong to the tumour."""

from enum import IntEnum

import numpy as np

from ..quantities.refusal import BadInput, nearest


class Tissue(IntEnum):
    """What a voxel is; the value is its label in every label map of this program (uint8)."""

    AIR = 0
    HOST = 1
    TUMOUR_VIABLE = 2
    NECROTIC_CORE = 3
    CAPSULE = 4
    SEPTUM = 5
    SKIN = 6
    LARGE_VESSEL = 7

    @property
    def word(self) -> str:
        """The name used in case files, tables and figures."""
        return self.name.lower()


WORDS = tuple(tissue.word for tissue in Tissue)

#: What a radiologist outlines as the mass: its capsule counts (as for hepatocellular carcinoma in LI-RADS v2018).
TUMOUR = (Tissue.TUMOUR_VIABLE, Tissue.NECROTIC_CORE, Tissue.CAPSULE, Tissue.SEPTUM)


def tissue_of(word: str) -> Tissue:
    """The tissue of a name such as "tumour_viable"; `BadInput` with the nearest name for any other word."""
    if isinstance(word, str) and word in WORDS:
        return Tissue[word.upper()]
    near = nearest(str(word), WORDS)
    near = f"{near}; " if near.startswith("did") else ""
    raise BadInput(f"{word!r} is no tissue; {near}use one of {', '.join(WORDS)}")


def is_tumour(labels: np.ndarray) -> np.ndarray:
    """Bool mask of the mass (viable, necrotic, capsule, septum) in an array of tissue labels of any shape."""
    return np.isin(labels, np.asarray(TUMOUR, np.uint8))
