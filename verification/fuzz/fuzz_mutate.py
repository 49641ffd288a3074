"""Mutations of files: each is made from a seed number alone, so that any of them can be made again by its number.

A mutant is a list of changed files of a seed. Generic mutations know bytes only; `edits` of a format know its header
and write well-formed but altered values there.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

Files = dict[str, bytes]
Edit = Callable[[bytes, random.Random], bytes]

#: Values that break programs: edges of whole numbers, of reals, and nothing.
NASTY = ("0", "-1", "1", "2147483647", "-2147483648", "4294967295", "1e308", "1e-308", "nan", "inf", "-0.0", "")


@dataclass(frozen=True)
class Mutant:
    """One altered input. files: all of it, by name. name: the file that was changed. kind: how. at: first byte."""

    files: Files
    name: str
    kind: str
    at: int


def _flip_byte(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :], at


def _flip_bit(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :], at


def _flip_several(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    changed, places = bytearray(data), sorted(rng.randrange(len(data)) for _ in range(rng.randrange(2, 9)))
    for at in places:
        changed[at] ^= rng.randrange(1, 256)
    return bytes(changed), places[0]


def _truncate(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    at = rng.randrange(len(data))
    return data[:at], at


def _insert(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    at, count = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 17, 256))
    return data[:at] + rng.randbytes(count) + data[at:], at


def _delete(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    at, count = rng.randrange(len(data)), rng.choice((1, 2, 4, 17, 256))
    return data[:at] + data[at + count :], at


def _swap(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    size = rng.choice((1, 4, 16, 128))
    one, two = sorted(rng.randrange(max(1, len(data) - size)) for _ in range(2))
    changed = bytearray(data)
    changed[one : one + size], changed[two : two + size] = data[two : two + size], data[one : one + size]
    return bytes(changed), one


def _blank(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    at, size = rng.randrange(len(data)), rng.choice((1, 4, 16, 512))
    size = min(size, len(data) - at)
    return data[:at] + bytes([rng.choice((0, 0xFF))]) * size + data[at + size :], at


def _repeat(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    at, size = rng.randrange(len(data)), rng.choice((8, 64, 512))
    return data[:at] + data[at : at + size] * 2 + data[at + size :], at


GENERIC = {
    "byte": _flip_byte,
    "bit": _flip_bit,
    "bytes": _flip_several,
    "truncate": _truncate,
    "insert": _insert,
    "delete": _delete,
    "swap": _swap,
    "blank": _blank,
    "repeat": _repeat,
}

#: How often each kind comes; "edit" is the format's own.
WEIGHTS = {
    "byte": 24, "bit": 20, "bytes": 8, "truncate": 8, "insert": 8, "delete": 6, "swap": 6, "blank": 5, "repeat": 3,
    "edit": 12,
}  # fmt: skip


def mutant(seed: Files, edits: list[Edit], mutable: list[str], number: str) -> Mutant:
    """The mutant with this number: a pure function of its arguments.

    seed: the sound files. edits: what the format can do to its own header. mutable: names of files that may change.
    Always differs from the seed.
    """
    rng = random.Random(number)
    while True:
        kinds = [kind for kind in WEIGHTS if edits or kind != "edit"]
        kind = rng.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
        name = rng.choice(mutable)
        if kind == "edit":
            chosen = rng.choice(edits)
            changed = chosen(seed[name], rng)
            at, kind = 0, f"edit {chosen.__name__.strip('_')}"
        elif not seed[name]:
            continue
        else:
            changed, at = GENERIC[kind](seed[name], rng)
        if changed != seed[name]:
            return Mutant({**seed, name: changed}, name, kind, at)
