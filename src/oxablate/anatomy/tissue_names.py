"""What each segment of a label file is: the tissue named for it, and a guess where nobody has named one yet."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..quantities.refusal import BadInput, nearest
from ..space.segment import Segment, Segments, plain_name
from .tissue import TUMOUR, Tissue, tissue_of

Key = int | str


@dataclass(frozen=True)
class TissueNames:
    """The tissue of every segment, by its number or its name; where segments overlap, the later entry wins.

    entries: (number from 1 or name, tissue), in order. ignored: numbers and names of segments whose voxels count as
    not drawn.
    """

    entries: tuple[tuple[Key, Tissue], ...]
    ignored: tuple[Key, ...] = ()

    @classmethod
    def of(cls, written: dict, ignored=()) -> "TissueNames":
        """From {number or name: word of `tissue.WORDS`}; `BadInput` for another key or word, and for what is both."""
        entries = []
        for key, word in written.items():
            entries.append((_checked(key, word), tissue_of(word)))
        keys = [key for key, _ in entries]
        ignored = tuple(_checked(key, "ignore") for key in ignored)
        for key in ignored:
            if key in keys:
                raise BadInput(f"{key!r} has a tissue and is ignored too; keep one of the two")
        return cls(tuple(entries), ignored)


def _checked(key: object, word: object) -> Key:
    if isinstance(key, str) and key.strip():
        return plain_name(key)
    if isinstance(key, bool) or not isinstance(key, int) or key < 1:
        raise BadInput(
            f"label {key!r} came with the name {word!r}; whole numbers from 1 are allowed, since 0 is what nobody "
            "outlined, and names in quotes"
        )
    return key


def assign(segments: Segments, names: TissueNames, source: str) -> list[tuple[Segment, Tissue]]:
    """The segments that are drawn, each with its tissue, in the order in which they are painted.

    source: name of the label file, for refusals. Fails with `BadInput` for a segment that has neither a tissue nor is
    ignored, a name that two segments share, names without a tumour, and a tumour without voxels.
    """
    entries = [(key, tissue, _meant(key, segments, source)) for key, tissue in names.entries]
    ignored = {id(found) for key in names.ignored if (found := _meant(key, segments, source))}
    told = ignored | {id(found) for _, _, found in entries if found}
    open_ones = [s for s in segments.segments if id(s) not in told and s.voxels]
    if open_ones:
        _refuse_unnamed(open_ones, segments, names, source)
    tumour = [(key, tissue, found) for key, tissue, found in entries if tissue in TUMOUR]
    if not tumour:
        words = ", ".join(t.word for t in TUMOUR)
        raise BadInput(f"no label of {source} is named as tumour; name one {words}")
    for key, tissue, found in tumour:
        if found is None or not found.voxels:
            raise BadInput(
                f"the tumour label {_shown(key)} ({tissue.word}) is empty in {source}, which holds {_held(segments)}; "
                "correct the name or the label map"
            )
    return [(found, tissue) for _, tissue, found in entries if found and id(found) not in ignored]


def marked(keys: Iterable[Key], segments: Segments, shape: tuple[int, int, int], source: str) -> np.ndarray | None:
    """What the named segments mark on an image of this shape, bool; None where no key is given.

    source: name of the label file, for refusals. Fails with `BadInput` for a name that the file does not hold, and for
    one that two segments share.
    """
    mask = None
    for key in keys:
        found = _meant(key, segments, source)
        if found is None:
            raise BadInput(f"{source} has no segment {_shown(key)}; it holds {_held(segments)}: name one of them")
        mask = found.mask(shape) if mask is None else mask | found.mask(shape)
    return mask


def _meant(key: Key, segments: Segments, source: str) -> Segment | None:
    """The segment of a number or name; None where there is none."""
    found = [s for s in segments.segments if (s.number if isinstance(key, int) else s.name) == key]
    if len(found) > 1:
        numbers = " and ".join(str(s.number) for s in found[:3])
        raise BadInput(f"{source} has several segments called {key!r}; name them by their numbers {numbers}")
    return found[0] if found else None


def _refuse_unnamed(open_ones: list[Segment], segments: Segments, names: TissueNames, source: str) -> None:
    first = open_ones[0]
    keys = [key for key, _ in names.entries if isinstance(key, str)] + [k for k in names.ignored if isinstance(k, str)]
    absent = [key for key in keys if _meant(key, segments, source) is None]
    if segments.names_are_numbers:
        numbers = _few([s.number for s in open_ones])
        hint = f"; a label map holds no names such as {absent[0]!r}" if absent else ""
        raise BadInput(
            f"label map {source} holds labels {numbers} without a tissue{hint}; name the tissue of each by its number, "
            f"without quotes, such as '{open_ones[0].number}: {Tissue.TUMOUR_VIABLE.word}'"
        )
    close = f"{nearest(first.name, absent)}; " if absent else ""
    more = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
    raise BadInput(
        f"segment {first.name!r} (number {first.number}){more} of {source} has no tissue; {close}"
        "name each segment by a tissue, or ignore it"
    )


def _held(segments: Segments) -> str:
    drawn = [s for s in segments.segments if s.voxels]
    if not drawn:
        return "nothing at all"
    if segments.names_are_numbers:
        return f"labels {_few([s.number for s in drawn])}"
    return "segments " + _few([s.name for s in drawn])


def _few(things: list) -> str:
    return f"{things}" if len(things) <= 8 else f"[{', '.join(map(repr, things[:8]))}, and {len(things) - 8} more]"


def _shown(key: Key) -> str:
    return str(key) if isinstance(key, int) else repr(key)


#: Parts of names and what they most likely mean, the first that fits; the person who runs the case decides.
_GUESSES = (
    (r"\b(killed|dead|ablated)\b.*\b(outside|host|normal)\b", Tissue.HOST),
    (r"\b(killed|dead|ablated)\b", Tissue.NECROTIC_CORE),
    (r"necro", Tissue.NECROTIC_CORE),
    (r"(tumou?r|lesion|mass|gtv).*capsul|capsul.*(tumou?r|lesion|mass)", Tissue.CAPSULE),
    (r"(tumou?r|lesion|mass).*sept(um|a)\b|\bsept(um|a)\b.*(tumou?r|lesion|mass)", Tissue.SEPTUM),
    (r"tumou?r|lesion|\bmass\b|\bgtv|metasta|carcinoma|cancer|neoplas", Tissue.TUMOUR_VIABLE),
    (r"vessel|\bveins?\b|arter(y|ies|ia)|\baorta|cava\b|\bvena\b|\bvenous|vascul", Tissue.LARGE_VESSEL),
    (r"\bskin\b|cutis|epiderm", Tissue.SKIN),
    (
        r"\bliver|kidney|spleen|pancrea|\bbrain|\blungs?\b|prostat|\bbreast|thyroid|\bmuscle|\bhost\b|parenchym"
        r"|\bbody\b|\btissue\b|\bfat\b",
        Tissue.HOST,
    ),
    (r"background|\bair\b|exterior|outside", Tissue.AIR),
)


def guess(name: str) -> Tissue | None:
    """The tissue that the name of a segment suggests; None where it suggests none. A guess, to be looked at."""
    words = re.sub(r"[\W_]+", " ", name.lower())
    return next((tissue for pattern, tissue in _GUESSES if re.search(pattern, words)), None)
