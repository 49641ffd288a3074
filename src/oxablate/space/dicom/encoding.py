"""Whether a DICOM data set is encoded as it should be, from its first byte to its last.

The library that reads values forgives: where a file is cut short or a length is wrong it gives what it found before.
Here every element is visited without being read: tags rise, every length stays within what holds it, every sequence and
item ends where it says, and the last element ends with the file.
Source: DICOM PS3.5, chapter 7 (data set, nesting of data sets), 2024.
"""

import struct
from dataclasses import dataclass

from ...quantities.refusal import BadInput

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_SHORT = {
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"),
    *(b"ST", b"TM", b"UI", b"UL", b"US"),
}
_ITEM, _ITEM_END, _SEQUENCE_END, _PIXELS = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x7FE00010
_OPEN = 0xFFFFFFFF
_DEEPEST = 16

_BROKEN = "its encoding is broken at byte {at} ({why}), so it is damaged or cut short; copy it again"


def require_whole(blob: bytes, start: int, implicit: bool) -> None:
    """`BadInput` unless the data set from byte `start` to the end of `blob` is encoded as it should be.

    implicit: without the kinds of values, as transfer syntax 1.2.840.10008.1.2 has it; otherwise explicit, both with
    the low byte first. Zeros behind the last element are let pass.
    """
    end = len(blob.rstrip(b"\0"))
    walk = _Walk(blob)
    at = walk.elements(start, len(blob), 0, implicit, closed=True, tail=end)
    if at < end:
        walk.refuse(at, "bytes follow after the last element")


def require_tail(blob: bytes, implicit: bool) -> None:
    """`BadInput` unless `blob`, all that follows the voxels of a file, is elements with higher tags, or zeros.

    Bytes that slipped into the voxels push the last of them behind the length that was announced: there they show.
    """
    end = len(blob.rstrip(b"\0"))
    walk = _Walk(blob)
    if end and walk.tag(0, len(blob)) <= _PIXELS:
        walk.refuse(0, "what follows the voxels is no element")
    if walk.elements(0, len(blob), 0, implicit, closed=True, tail=end) < end:
        walk.refuse(0, "what follows the voxels is no element")


@dataclass(frozen=True)
class _Walk:
    """A visit of the elements of one file. blob: all of it."""

    blob: bytes

    def refuse(self, at: int, why: str):
        raise BadInput(_BROKEN.format(at=at, why=why))

    def tag(self, at: int, end: int) -> int:
        if at + 8 > end:
            self.refuse(at, "it ends inside an element")
        group, element = struct.unpack_from("<HH", self.blob, at)
        return group << 16 | element

    def elements(self, at: int, end: int, depth: int, implicit: bool, closed: bool, tail: int | None = None) -> int:
        """Visit a data set; returns where it ends. closed: it ends at `end`, otherwise at the mark of an item's end."""
        last = -1
        while at < end:
            if tail is not None and at >= tail and not any(self.blob[at : at + 8]):
                return at
            tag = self.tag(at, end)
            if tag == _ITEM_END and not closed:
                return at + 8
            if tag <= last or tag >> 16 == 0xFFFE:
                self.refuse(at, "its elements do not rise")
            last = tag
            at = self._element(tag, at, end, depth, implicit)
        if not closed:
            self.refuse(at, "an item does not end")
        return at

    def _element(self, tag: int, at: int, end: int, depth: int, implicit: bool) -> int:
        """Visit one element; returns where it ends."""
        kind, at, length = self._head(tag, at, end, implicit)
        if length != _OPEN and at + length > end:
            self.refuse(at, "a value is longer than what holds it")
        if tag == _PIXELS and length == _OPEN:
            return self._items(at, end, depth, implicit, fragments=True)
        if length == _OPEN:
            if kind not in (b"SQ", b"UN"):
                self.refuse(at, "a value has no length")
            return self._items(at, end, depth, implicit or kind == b"UN", fragments=False)
        if kind == b"SQ":
            return self._items(at, at + length, depth, implicit, fragments=False, closed=True)
        return at + length

    def _head(self, tag: int, at: int, end: int, implicit: bool) -> tuple[bytes, int, int]:
        """Kind of value, where it begins, and its length."""
        if implicit:
            (length,) = struct.unpack_from("<I", self.blob, at + 4)
            return _kind(tag), at + 8, length
        kind = self.blob[at + 4 : at + 6]
        if kind in _SHORT:
            return kind, at + 8, struct.unpack_from("<H", self.blob, at + 6)[0]
        if kind not in _LONG or at + 12 > end:
            self.refuse(at, "a value is of no known kind")
        return kind, at + 12, struct.unpack_from("<I", self.blob, at + 8)[0]

    def _items(self, at: int, end: int, depth: int, implicit: bool, fragments: bool, closed: bool = False) -> int:
        """Visit the items of a sequence, or the fragments of compressed pixels; returns where they end."""
        if depth >= _DEEPEST:
            self.refuse(at, f"sequences lie deeper than {_DEEPEST} in each other")
        while at < end or not closed:
            tag = self.tag(at, end)
            (length,) = struct.unpack_from("<I", self.blob, at + 4)
            at += 8
            if tag == _SEQUENCE_END and not closed and length == 0:
                return at
            if tag != _ITEM or (fragments and length == _OPEN):
                self.refuse(at - 8, "a sequence holds what is no item")
            if length != _OPEN and at + length > end:
                self.refuse(at, "an item is longer than what holds it")
            if fragments:
                at += length
            elif length == _OPEN:
                at = self.elements(at, end, depth + 1, implicit, closed=False)
            else:
                at = self.elements(at, at + length, depth + 1, implicit, closed=True)
        return at


def _kind(tag: int) -> bytes:
    """The kind of value that the standard has for a tag; UN for what it does not know."""
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag)[:2].encode()
    except KeyError:
        return b"UN"
