"""What compressed frames say of themselves before they are unpacked: how large they are, and that they are whole.

Source: DICOM PS3.5 A.4 (items of encapsulated voxels); ITU-T T.81 (JPEG) B.2.2, ITU-T T.87 (JPEG-LS) C.2.2,
ITU-T T.800 (JPEG 2000) A.5.1.
"""

import struct

from ...quantities.refusal import BadInput

_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_RLE = "1.2.840.10008.1.2.5"


def size_in(frame: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a JPEG, JPEG-LS or JPEG 2000 codestream, None where none is stated."""
    if frame[:4] == b"\xff\x4f\xff\x51" and len(frame) >= 24:
        right, bottom, left, top = struct.unpack(">4I", frame[8:24])
        return bottom - top, right - left
    if frame[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _START_OF_FRAME:
            return struct.unpack(">2H", frame[at + 5 : at + 9])
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + struct.unpack(">H", frame[at + 2 : at + 4])[0]
    return None


def whole_items(value: bytes) -> bool:
    """Whether the items of encapsulated voxels follow one another without a gap up to the mark of their end."""
    at = 0
    while at + 8 <= len(value):
        group, element, length = struct.unpack_from("<HHI", value, at)
        if (group, element) != (0xFFFE, 0xE000):
            return (group, element, length) == (0xFFFE, 0xE0DD, 0)
        at += 8 + length
    return False


def require_same_size(frame: bytes, syntax: str, rows: int, columns: int, where: str) -> None:
    """`BadInput` unless a compressed frame says of itself that it has `rows` x `columns` voxels.

    Run lengths say nothing of the sort; the caller bounds them by the number of their bytes.
    """
    if syntax == _RLE:
        return
    found = size_in(frame)
    if found != (rows, columns):
        said = "no size" if found is None else f"{found[0]} x {found[1]} voxels"
        raise BadInput(f"{where} holds a compressed frame of {said}, its header announces {rows} x {columns}")
