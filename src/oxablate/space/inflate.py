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


def _pieces(engine, blob: memoryview, most: int):
    """What comes out of one compressed stream, in parts of at most `most` bytes; then the rest of the input."""
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


def inflate_start(blob: bytes, count: int, kind: str) -> bytearray:
    """The first `count` bytes (or fewer, where there are no more) of what unpacks from `blob`.

    kind: "gzip", "zlib", "deflate" or "bzip2". Fails with `BadInput` for damaged data.
    """
    found = bytearray()
    try:
        for out in _pieces(_engine(kind), memoryview(blob), count):
            found += out
            if len(found) >= count:
                break
    except (zlib.error, OSError, ValueError) as error:
        _refuse(error, kind)
    del found[count:]
    return found


def inflate_exactly(blob: bytes, size: int, kind: str) -> bytearray:
    """The `size` bytes that unpack from `blob`, checksum looked at.

    kind: as in `inflate_start`; gzip data may come in several members. Fails with `BadInput` for damaged data, for more
    or less than `size` bytes, and for bytes behind the end.
    """
    if size > MOST_RATIO[kind] * (len(blob) + 64):
        raise BadInput(f"the header announces {size} bytes, more than {len(blob)} compressed bytes can hold")
    found, filled, view = bytearray(size), 0, memoryview(blob)
    try:
        while True:
            pieces = _pieces(_engine(kind), view, 1 << 20)
            while True:
                try:
                    out = next(pieces)
                except StopIteration as end:
                    rest = end.value
                    break
                if filled + len(out) > size:
                    raise BadInput(f"the compressed part holds more than the {size} bytes that the header announces")
                found[filled : filled + len(out)] = out
                filled += len(out)
            view = view[len(view) - rest :]
            if not rest:
                break
            if kind != "gzip" or bytes(view[:2]) != b"\x1f\x8b":
                raise BadInput(f"{rest} bytes follow after the end of the compressed part; remove them")
    except (zlib.error, OSError, ValueError) as error:
        _refuse(error, kind)
    if filled != size:
        raise BadInput(f"the compressed part holds {filled} bytes where the header announces {size}; copy it again")
    return found


def _refuse(error: Exception, kind: str) -> None:
    if isinstance(error, BadInput):
        raise error
    raise BadInput(f"the {kind} data is damaged (its checksum or structure is wrong); copy the file again") from None
