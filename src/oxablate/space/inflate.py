"""Compressed bytes, unpacked to the size that was announced and not a byte further.

A few kilobytes can unpack to gigabytes. Here the caller says how much is to come out; more, less, a wrong checksum or
bytes after the end are refused, and no more than the announced size is ever held.
Source: Deutsch, RFC 1950-1952, 1996 (zlib, deflate, gzip).
"""

import bz2
import zlib

from ..quantities.refusal import BadInput

_PIECE = 1 << 16  # of input at a time: what is left of a piece is copied, so pieces are small
_WINDOW = {"gzip": 31, "zlib": 15, "deflate": -15}

#: What each kind of compression can reach at most: bytes out per byte in.
MOST_RATIO = {"gzip": 1100, "zlib": 1100, "deflate": 1100, "bzip2": 100_000}


def _engine(kind: str):
    return bz2.BZ2Decompressor() if kind == "bzip2" else zlib.decompressobj(_WINDOW[kind])


def _member(engine, blob: memoryview, most: int):
    """What comes out of one compressed stream, in parts of `most` bytes; returns the bytes left of the input."""
    for start in range(0, len(blob), _PIECE):
        left = blob[start : start + _PIECE]
        while True:
            out = engine.decompress(left, most)
            if out:
                yield out
            left = getattr(engine, "unconsumed_tail", b"")
            if engine.eof or not (left or len(out) == most):
                break
        if engine.eof:
            return len(blob) - min(start + _PIECE, len(blob)) + len(engine.unused_data)
    raise BadInput("the compressed part ends too early, so the file is cut short; copy it again")


def _unpacked(blob: bytes, kind: str, most: int):
    """All that comes out, gzip member after member; then `BadInput` for bytes behind the end."""
    view = memoryview(blob)
    try:
        while True:
            rest = yield from _member(_engine(kind), view, most)
            view = view[len(view) - rest :]
            if not rest or kind == "deflate":  # which has no frame of its own: what follows is for its user to judge
                return
            if kind != "gzip" or bytes(view[:2]) != b"\x1f\x8b":
                raise BadInput(f"{rest} bytes follow after the end of the compressed part; remove them")
    except BadInput:
        raise
    except (zlib.error, OSError, ValueError):
        raise BadInput(f"the {kind} data is damaged (its checksum or structure is wrong); copy it again") from None


def inflate_start(blob: bytes, count: int, kind: str) -> bytearray:
    """The first `count` bytes of what unpacks from `blob`, fewer where there are no more; the rest is not looked at.

    kind: "gzip", "zlib", "deflate" or "bzip2". Fails with `BadInput` for damaged data.
    """
    found = bytearray()
    for out in _unpacked(blob, kind, count):
        found += out
        if len(found) >= count:
            break
    del found[count:]
    return found


def inflate_exactly(blob: bytes, size: int, kind: str) -> bytearray:
    """The `size` bytes that unpack from `blob`, checksum looked at.

    kind: as in `inflate_start`; gzip data may come in several members. Fails with `BadInput` for damaged data, for more
    or less than `size` bytes, and for bytes behind the end.
    """
    if size > MOST_RATIO[kind] * (len(blob) + 64):
        raise BadInput(f"the header announces {size} bytes, more than {len(blob)} compressed bytes can hold")
    found, filled = bytearray(size), 0
    for out in _unpacked(blob, kind, 1 << 20):
        if filled + len(out) > size:
            raise BadInput(f"the compressed part holds more than the {size} bytes that the header announces")
        found[filled : filled + len(out)] = out
        filled += len(out)
    if filled != size:
        raise BadInput(f"the compressed part holds {filled} bytes where the header announces {size}; copy it again")
    return found
