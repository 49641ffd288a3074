"""Which DICOM objects an image came from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DicomReference:
    """The DICOM objects that hold the slices of an image: identifiers only, nothing else of a header.

    study, series, frame_of_reference: instance UIDs. sop_class: of the objects. instances: SOP instance UID per slice
    k of the image, in its order; one for all slices of a multi-frame object. frames: frame number from 1 per slice k
    of a multi-frame object, empty otherwise. With these a derived object can say what it was derived from.
    """

    study: str
    series: str
    frame_of_reference: str
    sop_class: str
    instances: tuple[str, ...]
    frames: tuple[int, ...] = ()
