"""One DICOM file: the few elements that are needed, and where its voxels lie. Nothing is read on trust of a length.

Of a header only the elements named here are ever looked at; what says who the patient is, is not among them, nor is
any private element. Source: DICOM PS3.5 (encoding) and PS3.10 (file format), 2024.
"""

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...quantities.refusal import BadInput
from ..inflate import inflate_start
from ..own_slip import is_own_slip
from .encoding import require_tail
from .tags import identifier

#: Elements that can tell two images of one place apart: a series that has them twice is 4-D.
MARKS = (
    "TemporalPositionIdentifier", "TemporalPositionIndex", "EchoNumbers", "EchoTime", "EffectiveEchoTime",
    "InversionTime", "FlipAngle", "DiffusionBValue", "TriggerTime", "StackID", "AcquisitionNumber", "AcquisitionTime",
    "ContentTime", "ImageType",
)  # fmt: skip

_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality",
    "SeriesDescription", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns",
    "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelPaddingValue", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "ModalityLUTSequence", "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)  # fmt: skip

_DEFLATED = "1.2.840.10008.1.2.1.99"
_HEADER_AT_MOST = 1 << 24  # bytes of a deflated header that are unpacked before its size is known
_IMPLICIT = "1.2.840.10008.1.2"
_BIG = "1.2.840.10008.1.2.2"
_PIXEL_DATA = 0x7FE00010
_TAIL_AT_MOST = 1 << 16  # bytes of elements behind the voxels of a deflated file


@dataclass(frozen=True)
class Source:
    """A DICOM file that was opened once.

    path: the file. data: the elements of its header that are needed. syntax: transfer syntax UID. offset, length:
    bytes from the start of the (unpacked) file to the value of PixelData and of that value; length None where it is
    undefined, as in compressed files. big: numbers with the high byte first.
    """

    path: Path
    data: Any
    syntax: str
    offset: int
    length: int | None
    big: bool

    @property
    def name(self) -> str:
        """Name of the file, as messages show it."""
        return str(self.path)


class _Clipped(io.BufferedReader):
    """A file that never makes room for more than it holds, whatever length a header asks for."""

    def read(self, size=-1):
        left = self.size - self.tell()
        return super().read(max(0, left if size is None or size < 0 else min(size, left)))


def _opened(path: Path) -> _Clipped:
    file = _Clipped(io.FileIO(path, "rb"))
    file.size = path.stat().st_size
    return file


def is_dicom(path: Path) -> bool:
    """Whether a file has the four letters that every DICOM file has at byte 128."""
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def open_source(path: Path) -> Source:
    """The header of a DICOM file. `BadInput`, one sentence that names it, for whatever cannot be read."""
    if not is_dicom(path):
        raise BadInput(
            f"{path} is not a DICOM file (the letters DICM are not at byte 128); move it out of the folder, or bring "
            "an old one into form with `dcmconv`"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _opened(path) as file:
                return _read(file, path)
    except BadInput as refusal:
        raise BadInput(_naming(path, refusal)) from None
    except Exception as error:  # the library raises nearly every kind of error on a damaged file
        if is_own_slip(error):
            raise
        raise BadInput(
            f"{path} cannot be read as DICOM ({type(error).__name__}); it is damaged or cut short, copy it again"
        ) from None


def _naming(path: Path, refusal: BadInput) -> str:
    return str(refusal) if str(path) in str(refusal) else f"{path}: {refusal}"


def _syntax(file, path: Path) -> str:
    """The transfer syntax that the file meta information names; leaves the file where the data set begins."""
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    file.seek(132)
    meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != 2, specific_tags=[Tag(0x00020010)])
    syntax = identifier(meta, "TransferSyntaxUID", str(path))
    if not syntax:
        raise BadInput(f"{path} does not say how it is encoded (no TransferSyntaxUID); export it again")
    return syntax


def _read(file, path: Path) -> Source:
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    syntax = _syntax(file, path)
    stream = file
    if syntax == _DEFLATED:
        stream = io.BytesIO(inflate_start(file.read(), _HEADER_AT_MOST, "deflate"))
    implicit, big = syntax == _IMPLICIT, syntax == _BIG
    wanted = [Tag(keyword) for keyword in (*_KEYWORDS, *MARKS)]
    data = read_dataset(stream, implicit, not big, stop_when=_at_pixels, specific_tags=wanted)
    offset, length = _pixel_element(stream, implicit, big, path)
    if length and not big and stream is file:
        file.seek(offset + length)
        _require_end(file.read(_TAIL_AT_MOST + 1), implicit, path)
    return Source(path, data, syntax, offset, length, big)


def _require_end(tail: bytes, implicit: bool, path: Path) -> None:
    """`BadInput` unless what follows the voxels is elements: else bytes slipped in, and the voxels are not in place."""
    try:
        if len(tail) > _TAIL_AT_MOST:
            raise BadInput(f"more than {_TAIL_AT_MOST} bytes follow its voxels")
        require_tail(tail, implicit)
    except BadInput as refusal:
        raise BadInput(f"{path}: behind its voxels, {refusal}") from None


def _at_pixels(tag, *_) -> bool:
    return 0x7FE00008 <= tag <= _PIXEL_DATA


def _pixel_element(stream, implicit: bool, big: bool, path: Path) -> tuple[int, int | None]:
    """Where the value of PixelData begins in the stream and its length, (0, 0) where there is none."""
    order = ">" if big else "<"
    head = stream.read(8)
    if len(head) < 8:
        return 0, 0
    group, element, length = struct.unpack(order + "HHI", head)
    if group << 16 | element != _PIXEL_DATA:
        raise BadInput(f"{path} holds floating-point pixel data; images of whole numbers (PixelData) are allowed")
    if not implicit:
        (length,) = struct.unpack(order + "I", stream.read(4))
    return stream.tell(), None if length == 0xFFFFFFFF else length


def voxel_bytes(source: Source) -> bytes | memoryview:
    """All bytes of the PixelData of a file whose length is defined; `BadInput` where the file ends before."""
    need = source.offset + source.length
    with _opened(source.path) as file:
        if source.syntax == _DEFLATED:
            _syntax(file, source.path)
            try:
                found = inflate_start(file.read(), need + _TAIL_AT_MOST, "deflate")
            except BadInput as refusal:
                raise BadInput(_naming(source.path, refusal)) from None
            if len(found) >= need + _TAIL_AT_MOST:
                raise BadInput(f"{source.name} unpacks to more than the {need} bytes that its header announces")
            found = memoryview(found)[source.offset : need]
        else:
            file.seek(source.offset)
            found = file.read(source.length)
    if len(found) != source.length:
        raise BadInput(
            f"{source.name} is cut short: {len(found)} of {source.length} bytes of voxels are there; copy it again"
        )
    return found
