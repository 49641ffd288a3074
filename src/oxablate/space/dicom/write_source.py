"""The headers of the user's own series, read when a derived object is written and kept nowhere else.

A derived object belongs to a patient and a study. Records hold identifiers of objects only, so names and dates are
read from the series at the moment of writing, and only what the object needs: patient and study, place, and what says
which image is meant.
"""

from pathlib import Path

import numpy as np

from ...quantities.refusal import BadInput
from ..image import ImageGeometry
from .reference import DicomReference

#: Of the patient and the study. The first two are carried over as they are, or not at all.
_WHO = ("PatientID", "PatientName")
_REQUIRED = (
    *("PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime", "AccessionNumber"),
    "ReferringPhysicianName",
)
_OPTIONAL = (
    *("IssuerOfPatientID", "PatientSpeciesDescription", "PatientSpeciesCodeSequence", "PatientBreedDescription"),
    *("PatientBreedCodeSequence", "BreedRegistrationSequence", "ResponsiblePerson", "ResponsiblePersonRole"),
    *("ResponsibleOrganization", "PatientIdentityRemoved", "DeidentificationMethod", "StudyDescription"),
    *("DeidentificationMethodCodeSequence", "PositionReferenceIndicator", "BodyPartExamined"),
)
_WHICH = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality")
_PLACE = ("Rows", "Columns", "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness")
_GROUPS = ("NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_LOSS = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
_READ = ("SpecificCharacterSet", *_WHICH, *_WHO, *_REQUIRED, *_OPTIONAL, *_PLACE, *_GROUPS, *_LOSS)
#: Sexes that DICOM knows; anything else is left empty, as for an unknown one.
_SEXES = ("M", "F", "O")
#: A slice is where the record says when no part of it is off by more than this share of a voxel.
_SAME_PLACE = 0.05


def read_source(folder: str | Path, reference: DicomReference) -> tuple:
    """The headers of the images that `reference` names: one per slice in its order, or one of a multi-frame object.

    folder: holds the series and may hold other files, or is the one file of a multi-frame object. Each header has
    patient, study and place only. Fails with `BadInput` where the folder holds another series, lacks slices of it, or
    tells another study or frame of reference, and where the series has no frame of reference at all.
    """
    folder = Path(folder)
    if not folder.exists():
        raise BadInput(f"--dicom: {_printable(folder)}: no such folder; give the folder of the series the run read")
    if not reference.frame_of_reference:
        raise BadInput(
            f"--form dicom-seg: series {_uid(reference.series)} names no frame of reference, and a segmentation needs "
            "one to lie in; export the NIfTI files instead"
        )
    wanted = dict.fromkeys(reference.instances)
    found, series = {}, {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else [folder]:
        header = _header(path)
        if header is None:
            continue
        name = str(header.get("SeriesInstanceUID", ""))
        series[name] = series.get(name, 0) + 1
        if header.SOPInstanceUID in wanted:
            found[str(header.SOPInstanceUID)] = header
    _require_all(folder, reference, wanted, found, series)
    headers = [found[name] for name in wanted]
    for keyword, expected in (
        ("StudyInstanceUID", reference.study),
        ("SeriesInstanceUID", reference.series),
        ("FrameOfReferenceUID", reference.frame_of_reference),
    ):
        for header in headers:
            if str(header.get(keyword, "")) != expected:
                raise BadInput(
                    f"--dicom: {_printable(folder)} has {keyword} {_uid(header.get(keyword))} where the record has "
                    f"{_uid(expected)}; give the series as it was when the run read it"
                )
    return tuple(_cleaned(header, folder) for header in headers)


def source_planes(headers: tuple, reference: DicomReference, geometry: ImageGeometry) -> np.ndarray | None:
    """Which plane of the source each slice k of an image is, by number from 0 among its images or frames. Shape (nz,).

    headers: of `read_source`. geometry: of the image of the record. None for an image that was resampled when it was
    read, since the planes of its source are tilted or unevenly spaced. Fails with `BadInput` where the planes make a
    regular stack that lies elsewhere than the record says: then the series is not what the run read.
    """
    multi = bool(reference.frames)
    numbers = np.asarray(reference.frames) - 1 if multi else np.arange(len(headers))
    try:
        planes = [_plane(headers, int(n), multi) for n in numbers]
    except (AttributeError, IndexError, TypeError, ValueError, KeyError):
        raise BadInput(
            f"--dicom: an image of series {_uid(reference.series)} does not say where it lies (position, orientation, "
            "pixel spacing); give the series as it was when the run read it"
        ) from None
    allowed = _SAME_PLACE * min(geometry.spacing)
    off = [_off(plane, geometry, k) for k, plane in enumerate(planes)]
    if len(planes) == geometry.shape[2] and max(off) <= allowed:
        return numbers
    if _is_stack(planes, allowed):
        raise BadInput(
            f"--dicom: series {_uid(reference.series)} lies elsewhere than when the run read it (record: {geometry}, "
            f"series: {len(planes)} planes, off by up to {max(off):.3g} mm); give the series as it was then"
        )
    return None


def _plane(headers, number: int, multi_frame: bool) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Position [mm] of the first pixel of a plane, steps [mm] along i and j as columns (3, 2), and (columns, rows)."""
    header = headers[0 if multi_frame else number]
    at, orientation, spacing = header, header, header
    if multi_frame:
        shared = header.SharedFunctionalGroupsSequence[0]
        at = header.PerFrameFunctionalGroupsSequence[number].PlanePositionSequence[0]
        orientation, spacing = shared.PlaneOrientationSequence[0], shared.PixelMeasuresSequence[0]
    along = np.asarray(orientation.ImageOrientationPatient, float).reshape(2, 3).T
    steps = along * [float(spacing.PixelSpacing[1]), float(spacing.PixelSpacing[0])]
    return np.asarray(at.ImagePositionPatient, float).reshape(3), steps, (int(header.Columns), int(header.Rows))


def _off(plane, geometry: ImageGeometry, k: int) -> float:
    """How far [mm] the corners of a plane are from those of slice k of an image."""
    first, steps, shape = plane
    if shape != geometry.shape[:2]:
        return float("inf")
    corners = np.array([[0, 0], [shape[0] - 1, 0], [0, shape[1] - 1]])
    there = geometry.index_to_world_mm(np.column_stack([corners, np.full(3, k)]))
    return float(np.abs(first + corners @ steps.T - there).max())


def _is_stack(planes: list, allowed: float) -> bool:
    """Whether planes are one regular stack along their normal, to the length [mm] that is allowed."""
    firsts = np.array([first for first, _, _ in planes])
    if any(np.abs(steps - planes[0][1]).max() * max(shape) > allowed for _, steps, shape in planes):
        return False
    if len(planes) < 2:
        return True
    way = firsts[-1] - firsts[0]
    even = firsts[0] + np.linspace(0.0, 1.0, len(planes))[:, None] * way
    along = planes[0][1] / np.linalg.norm(planes[0][1], axis=0)
    return bool(np.abs(firsts - even).max() <= allowed and np.abs(along.T @ way).max() <= allowed)


def _header(path: Path):
    """What is needed of one file; None for a file that is no DICOM image."""
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_READ))
        return header if header.get("SOPInstanceUID") and header.get("SeriesInstanceUID") else None
    except Exception:  # pydicom raises nearly every kind of error on a damaged file; it is then no image of the series
        return None


def _require_all(folder: Path, reference: DicomReference, wanted: dict, found: dict, series: dict) -> None:
    where = _printable(folder)
    if not series:
        raise BadInput(f"--dicom: {where} holds no DICOM image; give the folder of the series that the run read")
    if not found:
        there = ", ".join(_uid(name) for name in sorted(series)[:3]) + (", ..." if len(series) > 3 else "")
        raise BadInput(
            f"--dicom: {where} holds series {there}, the run read series {_uid(reference.series)}; "
            "give the folder of that series"
        )
    if missing := [name for name in wanted if name not in found]:
        raise BadInput(
            f"--dicom: {where} lacks {len(missing)} of the {len(wanted)} images of series {_uid(reference.series)}, "
            f"such as {_uid(missing[0])}; give the folder with the whole series"
        )


def _cleaned(header, folder: Path):
    """A header with what a derived object takes over, valid; names of people as they are or not at all."""
    from pydicom.dataset import Dataset

    made = Dataset()
    _take(made, header, "SpecificCharacterSet")
    for keyword in (*_WHICH, *_OPTIONAL, *_LOSS, *_PLACE):
        _take(made, header, keyword)
    for keyword in _REQUIRED:
        if not _take(made, header, keyword):
            setattr(made, keyword, "")
    if made.PatientSex not in _SEXES:
        made.PatientSex = ""
    for keyword in _WHO:
        if not _take(made, header, keyword):
            if header.get(keyword):
                raise BadInput(
                    f"--dicom: {keyword} of the series in {_printable(folder)} is no valid DICOM value and cannot be "
                    "carried over; correct it there"
                )
            setattr(made, keyword, "")
    if "NumberOfFrames" in header:
        _take(made, header, "NumberOfFrames")
        _take_groups(made, header, folder)
    return made


def _take(made, header, keyword: str) -> bool:
    """Carry an element over if it is there, holds something and is valid; whether it was."""
    from pydicom import config
    from pydicom.dataelem import DataElement

    try:
        element = header[keyword]
        if element.is_empty:
            return False
        made[keyword] = DataElement(element.tag, element.VR, element.value, validation_mode=config.RAISE)
        return True
    except Exception:  # absent, or a value that cannot be read or written
        return False


def _take_groups(made, header, folder: Path) -> None:
    """The place of each frame, and orientation and pixel spacing of all: what is needed of functional groups."""
    from pydicom.dataset import Dataset

    try:
        shared, frames = header.SharedFunctionalGroupsSequence[0], list(header.PerFrameFunctionalGroupsSequence)
        common, positions = Dataset(), []
        for keyword in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
            holder = shared if keyword in shared else frames[0]
            setattr(common, keyword, holder[keyword].value)
        for frame in frames:
            one = Dataset()
            one.PlanePositionSequence = frame.PlanePositionSequence
            positions.append(one)
    except Exception:
        raise BadInput(
            f"--dicom: the multi-frame object in {_printable(folder)} does not say where its frames lie; "
            "give the series as it was when the run read it"
        ) from None
    made.SharedFunctionalGroupsSequence, made.PerFrameFunctionalGroupsSequence = [common], positions


def _uid(value) -> str:
    """An identifier from a file, fit to be printed."""
    return "".join(c for c in str(value) if c in "0123456789.")[:64] or "(none)"


def _printable(text) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in str(text))
    return shown if len(shown) <= 200 else shown[:200] + "..."
