"""The one writer of derived DICOM objects: whatever oxablate computed is marked so, whichever object carries it.

* Synthetic Data (0008,001C) is YES and the first value of Image Type DERIVED: nothing here was acquired.
* The maker is this program with its version, the series description begins with "RESEARCH ONLY", and Content
  Qualification is RESEARCH.
* No clock is read: the moment of an object is that of the study it was derived from, so the same record gives the same
  bytes. Where that study carries no date (headers are often emptied for research), 1900-01-01 stands for it.
* Identifiers follow from the content: 2.25 followed by a UUID (version 8) made of its sha256.

Sources: DICOM PS3.3 C.12.1 (SOP Common: Synthetic Data), C.7.6.1.1.2 (Image Type), C.8.13.2.1 (Content Qualification);
PS3.5 B.2 (identifiers from UUIDs); RFC 9562, section 5.8 (UUID version 8).
"""

import hashlib
import io
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ...storage.whole_file import write_whole

MAKER = "oxablate"
#: The longest text of a DICOM long string (LO), and of a code string or short string (CS, SH).
LONG, SHORT = 64, 16
#: Stands for the date and time of a study that carries none.
NO_MOMENT = ("19000101", "000000")
_UNSET = "2.25.0"  # an identifier not known before the content is complete


@dataclass(frozen=True)
class Marks:
    """What a derived object says of itself.

    label: short name in capitals (at most 16 of A-Z, 0-9, _). description: what it holds. series_description: what
    viewers list; "RESEARCH ONLY" is put in front. Both are cut to 64 characters.
    """

    label: str
    description: str
    series_description: str


def content_uid(*parts: str | bytes) -> str:
    """The identifier that follows from these parts: equal parts, equal identifier. At most 44 characters."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(raw)}:".encode() + raw)
    bits = int.from_bytes(digest.digest()[:16], "big")
    bits = bits & ~(0xF << 76) | 0x8 << 76  # version 8
    bits = bits & ~(0x3 << 62) | 0x2 << 62  # variant of RFC 9562
    return f"2.25.{uuid.UUID(int=bits).int}"


def equipment() -> dict[str, str]:
    """Maker, model and version as `highdicom` wants them; a program has no serial number, its name stands for it."""
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": MAKER,
        "software_versions": version("oxablate"),
        "device_serial_number": MAKER,
    }


def study_moment(source) -> tuple[str, str]:
    """Date (YYYYMMDD) and time (HHMMSS) of the study of a header; `NO_MOMENT` where it has none."""
    date, time = str(source.get("StudyDate") or ""), str(source.get("StudyTime") or "")
    return date or NO_MOMENT[0], (time if date else "") or NO_MOMENT[1]


def mark_derived(dataset, source, marks: Marks) -> None:
    """Mark a data set as computed by this program from a study, in place.

    dataset: pydicom data set, complete but for these marks. source: header of one of the user's own images, from which
    the moment and the body part come.
    """
    kind = list(dataset.get("ImageType") or ["DERIVED", "PRIMARY"])
    dataset.ImageType = ["DERIVED", *kind[1:]]
    dataset.SyntheticData = "YES"
    dataset.ContentQualification = "RESEARCH"
    made = equipment()
    dataset.Manufacturer, dataset.ManufacturerModelName = made["manufacturer"], made["manufacturer_model_name"]
    dataset.SoftwareVersions, dataset.DeviceSerialNumber = made["software_versions"], made["device_serial_number"]
    dataset.ContentLabel, dataset.ContentDescription = marks.label[:SHORT], marks.description[:LONG]
    dataset.SeriesDescription = f"RESEARCH ONLY {marks.series_description}"[:LONG]
    dataset.ContentDate, dataset.ContentTime = study_moment(source)
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        dataset.pop(keyword, None)
    for item in dataset.get("ContributingEquipmentSequence") or ():
        item.pop("ContributionDateTime", None)  # read from a clock by the library that is named there
    if source.get("BodyPartExamined"):
        dataset.BodyPartExamined = source.BodyPartExamined
    else:
        dataset.Laterality = ""  # unknown, as is the body part


def write_derived(path: str | Path, dataset) -> Path:
    """Give a marked data set the identifiers that follow from its content, and write it whole. Returns the path.

    dataset: see `mark_derived`; its own instance and dimension identifiers are replaced, all others are kept. The same
    data set gives the same bytes. Raises ValueError where the data set is no valid file (`enforce_file_format`).
    """
    import pydicom

    path = Path(path)
    meta = dataset.file_meta
    meta.ImplementationClassUID = content_uid("implementation", MAKER)
    meta.ImplementationVersionName = f"{MAKER.upper()} {version('oxablate')}"[:SHORT]
    _identify(dataset, _UNSET, content_uid("dimensions", dataset.SOPClassUID))
    blank = io.BytesIO()
    pydicom.dcmwrite(blank, dataset, enforce_file_format=True)
    _identify(dataset, content_uid("instance", blank.getvalue()), content_uid("dimensions", dataset.SOPClassUID))
    content = io.BytesIO()
    pydicom.dcmwrite(content, dataset, enforce_file_format=True)
    write_whole(path, content.getvalue())
    return path


def _identify(dataset, instance: str, dimensions: str) -> None:
    """Set the identifiers of an object and of the meaning of its dimensions, wherever they stand."""
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance
    for sequence in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in dataset.get(sequence) or ():
            item.DimensionOrganizationUID = dimensions
