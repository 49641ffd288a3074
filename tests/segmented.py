"""What tests of DICOM segmentations share: small series with a name in their headers, masks on them, and a reader."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dicom_files import EYE, ct_series, mr_series, multiframe_ct, slices_of

from oxablate.space.dicom.reference import DicomReference
from oxablate.space.dicom.seg_write import NECROSIS, NEOPLASM, Numbering, Place, Segment, write_segmentation
from oxablate.space.dicom.write import Marks
from oxablate.space.dicom.write_source import read_source
from oxablate.space.image import ImageGeometry

NAME = "Mustermann^Erika"
SHAPE, SPACING, ORIGIN = (12, 10, 6), (0.8, 0.9, 2.5), (-10.0, -20.0, 30.0)
OBLIQUE = tuple(map(tuple, np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0].tolist()))
MARKS, NUMBERING = Marks("KILLED_VIABLE", "what it holds", "an arm"), Numbering(("key", "arm"), 9001, 1)


@dataclass(frozen=True)
class Series:
    """A series on disk and what a record says of it."""

    folder: Path
    geometry: ImageGeometry
    reference: DicomReference


def made(folder: Path, kind: str = "ct", direction=EYE, **tags) -> Series:
    """A small series with a name in its headers."""
    frames = ()
    if kind == "multi-frame":
        multiframe_ct(folder / "object.dcm", SHAPE, SPACING, ORIGIN, direction, PatientName=NAME, **tags)
        frames = tuple(range(SHAPE[2], 0, -1))  # its first frame is the last slice
        headers = slices_of(folder / "object.dcm")
    else:
        maker = mr_series if kind == "mr" else ct_series
        maker(folder, SHAPE, SPACING, ORIGIN, direction, PatientName=NAME, **tags)
        headers = slices_of(folder)
        normal = np.cross(*np.reshape(np.asarray(headers[0].ImageOrientationPatient, float), (2, 3)))
        headers = headers if normal @ np.asarray(direction)[:, 2] > 0 else headers[::-1]
    one = headers[0]
    names = tuple(str(header.SOPInstanceUID) for header in headers)
    reference = DicomReference(
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID, one.SOPClassUID, names, frames
    )
    return Series(folder, ImageGeometry(SHAPE, SPACING, ORIGIN, direction), reference)


def masks() -> dict[str, np.ndarray]:
    """Two masks that fill no simple shape, with empty planes between, and an empty one."""
    random = np.random.default_rng(0)
    first = random.random(SHAPE) > 0.7
    second = (random.random(SHAPE) > 0.5) & ~first
    first[:, :, 0] = second[:, :, 3] = False
    return {"Killed tumour": first, "Viable tumour": second, "Killed outside tumour": np.zeros(SHAPE, bool)}


def written(path: Path, series: Series, marks: Marks = MARKS, **replaced) -> Path:
    """The masks as a segmentation on a series."""
    meaning = {"Viable tumour": NEOPLASM}
    segments = {
        name: Segment(mask, meaning.get(name, NECROSIS), f"about {name}", (200, 80, 60))
        for name, mask in (masks() | replaced).items()
    }
    place = Place(series.geometry, series.reference, read_source(series.folder, series.reference))
    return write_segmentation(path, segments, place, marks, NUMBERING)


def frames_of(data) -> list[tuple[str, np.ndarray, np.ndarray, str]]:
    """Label, position of the first pixel [mm], pixels (rows, columns), image referred to: of every frame."""
    labels = {item.SegmentNumber: item.SegmentLabel for item in data.SegmentSequence}
    pixels = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")
    pixels = pixels[: data.NumberOfFrames * data.Rows * data.Columns].reshape(-1, data.Rows, data.Columns)
    found = []
    for group, values in zip(data.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        label = labels[group.SegmentIdentificationSequence[0].ReferencedSegmentNumber]
        first = np.asarray(group.PlanePositionSequence[0].ImagePositionPatient, float)
        source = group.DerivationImageSequence[0].SourceImageSequence[0] if "DerivationImageSequence" in group else None
        found.append((label, first, values, source))
    return found


def as_masks(data, geometry: ImageGeometry) -> dict[str, np.ndarray]:
    """Masks of an object on an image, each plane put where it says it lies; it must lie on a slice to 1e-6 mm."""
    result = {}
    for label, first, values, _ in frames_of(data):
        index = geometry.world_mm_to_index(first)
        assert np.abs((index - np.rint(index)) * geometry.spacing).max() < 1e-6
        assert np.abs(index[:2]).max() * max(geometry.spacing) < 1e-6
        mask = result.setdefault(label, np.zeros(geometry.shape, bool))
        mask[:, :, int(np.rint(index[2]))] = values.T
    return result


KINDS = {
    "ct": ("ct", EYE), "mr": ("mr", EYE), "multi-frame": ("multi-frame", EYE), "oblique": ("ct", OBLIQUE),
    "feet first": ("ct", ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))),
    "oblique multi-frame": ("multi-frame", OBLIQUE),
}  # fmt: skip
