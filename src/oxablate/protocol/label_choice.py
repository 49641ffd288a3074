"""Which segments a new case has to name, with a first guess where there is a ground for one."""

from pathlib import Path

from ..anatomy.tissue import Tissue
from ..anatomy.tissue_names import guess
from ..space.files import read_image
from ..space.labels import read_segments

#: Stands where only a person can say what a segment is; `inspect` refuses it by name.
FILL_IN = "fill_in"


def tissue_keys(labels: Path, image: Path | None) -> dict[int | str, str]:
    """The segments of a file, by name or number, each with a tissue: a lone one whose name says nothing is the tumour.

    Others are guessed by their name (see `anatomy.tissue_names.guess`) or left to be filled in. image: what they were
    drawn on, needed for a structure set. Raises BadInput for files that cannot be used.
    """
    onto = None if image is None else read_image(image, uneven="resample")
    segments = [one for one in read_segments(labels, onto, str(image)).segments if one.voxels]
    guessed = {_key(one, segments): guess(one.name) for one in segments}
    if len(segments) == 1 and None in guessed.values():
        return dict.fromkeys(guessed, Tissue.TUMOUR_VIABLE.word)
    return {key: FILL_IN if tissue is None else tissue.word for key, tissue in guessed.items()} or {1: FILL_IN}


def _key(segment, segments: list) -> int | str:
    """The name of a segment, or its number where the name is none or stands twice."""
    alone = [one.name for one in segments].count(segment.name) == 1 and not segment.name.isdigit()
    return segment.name if alone else segment.number
