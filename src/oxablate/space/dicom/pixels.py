"""The voxels of DICOM files: what is stored, in which type, and how it becomes numbers.

value = RescaleSlope * stored + RescaleIntercept, stored being whole numbers of BitsStored bits

Source: DICOM PS3.3 C.7.6.3 (Image Pixel) and C.11.1 (Modality LUT), PS3.5 section 8 and annex A, 2024.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from ...quantities.refusal import BadInput
from ..own_slip import is_own_slip
from ..room import require_room
from .codestream import require_same_size, whole_items
from .source import Source, voxel_bytes
from .tags import numbers, printable, text, value_of, whole

_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
_RLE = "1.2.840.10008.1.2.5"

#: Voxels per byte of compressed data beyond which a header is not believed: for run lengths the most the code can do,
#: for the others more than an empty slice reaches.
_MOST_PER_BYTE = 20_000.0
_RLE_PER_BYTE = 64.0


@dataclass(frozen=True)
class Pixels:
    """How the voxels of one file are stored.

    rows, columns, frames: counts. allocated, stored: bits per voxel, in the file and in use. signed: below zero too.
    padding: stored value that marks voxels outside the measured field, None where there is none. inverted: shown with
    the smallest value brightest (MONOCHROME1); the numbers mean the same.
    """

    rows: int
    columns: int
    frames: int
    allocated: int
    stored: int
    signed: bool
    padding: int | None
    inverted: bool

    @property
    def dtype(self) -> np.dtype:
        """Type of the stored numbers, low byte first."""
        return np.dtype(("<i" if self.signed else "<u") + str(self.allocated // 8))

    @property
    def span(self) -> tuple[int, int]:
        """The least and the greatest number that the bits in use can hold, the padding value among them."""
        low = -(1 << (self.stored - 1)) if self.signed else 0
        high = (1 << (self.stored - 1)) - 1 if self.signed else (1 << self.stored) - 1
        return (low, high) if self.padding is None else (min(low, self.padding), max(high, self.padding))

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame where it is not compressed."""
        return self.rows * self.columns * self.allocated // 8


def pixels_of(source: Source) -> Pixels:
    """The storage of a file's voxels; `BadInput` for colour, packed bits, lookup tables, or contradictory numbers."""
    data, where = source.data, source.name
    colour = text(data, "PhotometricInterpretation", where)
    samples = whole(data, "SamplesPerPixel", where, 1, 65535, absent=1)
    if samples != 1 or colour not in ("MONOCHROME1", "MONOCHROME2"):
        raise BadInput(
            f"{where} holds colours ({colour or 'no PhotometricInterpretation'}, {samples} samples per voxel); "
            "one number per voxel (MONOCHROME2) is allowed, so export the original images"
        )
    if value_of(data, "ModalityLUTSequence", where) is not None:
        raise BadInput(f"{where} turns its numbers by a lookup table; slope and intercept are allowed, export it again")
    allocated = whole(data, "BitsAllocated", where, 1, 64)
    if allocated not in (8, 16, 32):
        raise BadInput(f"{where} has BitsAllocated = {allocated}; 8, 16 or 32 bits per voxel are allowed")
    stored = whole(data, "BitsStored", where, 1, allocated)
    if whole(data, "HighBit", where, 0, 63, absent=stored - 1) != stored - 1:
        raise BadInput(f"{where} has a HighBit that is not BitsStored - 1 = {stored - 1}; export it again")
    padding = numbers(data, "PixelPaddingValue", 1, where)
    signed = bool(whole(data, "PixelRepresentation", where, 0, 1))
    return Pixels(
        whole(data, "Rows", where, 1, 65535),
        whole(data, "Columns", where, 1, 65535),
        whole(data, "NumberOfFrames", where, 1, 10**7, absent=1),
        allocated,
        stored,
        signed,
        None if padding is None else int(padding[0]),
        colour == "MONOCHROME1",
    )


def require_voxels(source: Source, pixels: Pixels) -> None:
    """`BadInput` unless the file holds what its header announces, looked at before anything is decoded."""
    where, need = source.name, pixels.frame_bytes * pixels.frames
    require_room((pixels.columns, pixels.rows, pixels.frames), pixels.allocated // 8, where)
    if source.offset == 0:
        raise BadInput(f"{where} holds no voxels (no PixelData); it is cut short or no image")
    size = source.path.stat().st_size
    if source.syntax in _NATIVE:
        if source.length is None or source.length not in (need, need + need % 2):
            raise BadInput(
                f"{where} holds {source.length} bytes of voxels, its header announces {need} "
                f"({pixels.frames} x {pixels.rows} x {pixels.columns} of {pixels.allocated} bits); it is damaged"
            )
        if source.offset + source.length > size and not source.syntax.endswith(".99"):
            raise BadInput(f"{where} is cut short: {size} bytes, {source.offset + source.length} are needed")
        return
    most = _RLE_PER_BYTE * pixels.allocated / 8 if source.syntax == _RLE else _MOST_PER_BYTE
    if need > most * size:
        raise BadInput(f"{where} announces {need} bytes of voxels, more than its {size} bytes can hold; it is damaged")
    _require_decoder(source)


def _require_decoder(source: Source) -> None:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    name = UID(source.syntax).name
    try:
        ready = get_decoder(source.syntax).is_available
    except NotImplementedError:
        ready = False
    if not ready:
        raise BadInput(
            f"{source.name} is compressed as {printable(name, 80)}, which cannot be read here; decompress the files "
            "first, for example with `gdcmconv --raw IN OUT` or `dcmdjpeg IN OUT`"
        )


def frames_of(source: Source, pixels: Pixels):
    """The stored numbers of each frame in turn, arrays (rows, columns); `BadInput` for damaged or impossible ones."""
    if source.syntax in _NATIVE:
        raw = np.frombuffer(voxel_bytes(source), pixels.dtype.newbyteorder(">" if source.big else "<"))
        frames = iter(raw[: pixels.frames * pixels.rows * pixels.columns].reshape(-1, pixels.rows, pixels.columns))
    else:
        frames = _decoded(source, pixels)
    for number in range(pixels.frames):
        where = source.name if pixels.frames == 1 else f"{source.name}, frame {number + 1}"
        frame = next(frames, None)
        if frame is None:
            raise BadInput(f"{source.name} holds {number} of {pixels.frames} frames; it is cut short, copy it again")
        if frame.shape != (pixels.rows, pixels.columns):
            raise BadInput(f"{where} unpacks to {frame.shape} voxels instead of {(pixels.rows, pixels.columns)}")
        low, high = pixels.span
        if frame.min() < low or frame.max() > high:
            raise BadInput(
                f"{where} holds the numbers {frame.min()} to {frame.max()}, but {pixels.stored} bits hold {low} to "
                f"{high}; it is damaged, or another picture is hidden in the unused bits"
            )
        yield frame


def _decoded(source: Source, pixels: Pixels):
    """Frames of a compressed file, one at a time."""
    from pydicom.encaps import generate_frames
    from pydicom.pixels import get_decoder

    decoder, colour = get_decoder(source.syntax), "MONOCHROME1" if pixels.inverted else "MONOCHROME2"
    options = {
        "rows": pixels.rows, "columns": pixels.columns, "number_of_frames": 1, "samples_per_pixel": 1,
        "photometric_interpretation": colour, "pixel_representation": int(pixels.signed), "pixel_vr": "OB",
        "bits_allocated": pixels.allocated, "bits_stored": pixels.stored, "pixel_keyword": "PixelData",
    }  # fmt: skip
    try:
        with open(source.path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.seek(source.offset)
            value = file.read()
            if not whole_items(value):
                raise BadInput(f"{source.name} is cut short: its compressed voxels have no end; copy it again")
            for frame in generate_frames(value, number_of_frames=pixels.frames):
                require_same_size(frame, source.syntax, pixels.rows, pixels.columns, source.name)
                yield decoder.as_array(_wrapped(frame), raw=True, index=0, **options)[0]
    except BadInput:
        raise
    except Exception as error:
        if is_own_slip(error):
            raise
        raise BadInput(
            f"{source.name} holds compressed voxels that cannot be unpacked here ({type(error).__name__}): it is "
            "damaged, or of a kind to decompress first, for example with `gdcmconv --raw IN OUT` or `dcmdjpeg IN OUT`"
        ) from None


def _wrapped(frame: bytes) -> bytes:
    from pydicom.encaps import encapsulate

    return encapsulate([frame], has_bot=False)
