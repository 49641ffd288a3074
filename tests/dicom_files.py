"""DICOM files for tests: series of CT and MR, multi-frame CT, segmentations and structure sets, all made up.

Arrays are (nx, ny, nz): i along a row, j down a column, k from slice to slice; `direction` holds the unit vectors of
the three axes in its columns, as `ImageGeometry` does. Every identifier follows from the name of the folder or file, so
the same call gives the same files. Keyword arguments named as DICOM keywords set that element in every slice: a list
gives one value per slice, a function is called with k, and None takes the element out.
"""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

EYE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
ENHANCED = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def uid(*parts) -> str:
    """The identifier that follows from these words."""
    return generate_uid(entropy_srcs=[str(part) for part in parts])


def ramp(shape) -> np.ndarray:
    """Whole numbers from -1000 that differ from voxel to voxel along every axis."""
    i, j, k = np.indices(shape)
    return (-1000.0 + i + 17 * j + 113 * k) % 4000 - 1000.0


def axes_of(direction) -> tuple[np.ndarray, list[float]]:
    """The axes as an array with one per column, and ImageOrientationPatient."""
    axes = np.asarray(direction, float)
    return axes, [float(f"{v:.12f}") for v in (*axes[:, 0], *axes[:, 1])]


def decimal(value: float) -> str:
    """A DICOM decimal string: at most 16 characters."""
    for digits in range(16, 5, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise ValueError(value)


def empty(sop_class: str, instance: str) -> FileDataset:
    """A data set with file meta information and a made-up person."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = sop_class, instance
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Made^Up", "NOBODY", "19000101", "O"
    data.StudyDate = data.ContentDate = data.AcquisitionDate = "20200101"
    data.StudyTime = data.ContentTime = data.AcquisitionTime = "120000"
    data.AccessionNumber, data.StudyID, data.ReferringPhysicianName = "", "1", ""
    data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "none", 1, 1
    data.PatientPosition, data.PositionReferenceIndicator, data.BodyPartExamined = "HFS", "", "ABDOMEN"
    return data


def stored(values, slope: float, intercept: float, data: Dataset) -> bytes:
    """Real numbers (nx, ny, ...) as the stored whole numbers of a data set, rows one after the other."""
    whole = np.rint((np.asarray(values, float) - intercept) / slope)
    kind = ("<i" if data.PixelRepresentation else "<u") + str(data.BitsAllocated // 8)
    return np.ascontiguousarray(whole.astype(kind).T).tobytes()


def pixels(data: Dataset, shape, values, slope: float, intercept: float) -> None:
    """Put the stored numbers of a slice or a stack of them, and what describes them, into a data set."""
    data.Rows, data.Columns = shape[1], shape[0]
    for keyword, usual in {
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16,
        "PixelRepresentation": 1,
    }.items():  # fmt: skip
        setattr(data, keyword, data.get(keyword, usual))
    data.BitsStored = data.get("BitsStored", data.BitsAllocated)
    data.HighBit = data.get("HighBit", data.BitsStored - 1)
    raw = stored(values, slope, intercept, data)
    data.add_new("PixelData", "OW", raw + b"\0" * (len(raw) % 2))


def write(data: FileDataset, path: Path, syntax: str) -> Path:
    """Save in a transfer syntax; compressed ones by the encoders at hand."""
    if syntax != data.file_meta.TransferSyntaxUID:
        from pydicom.uid import UID

        if UID(syntax).is_encapsulated:
            data.compress(syntax, generate_instance_uid=False)
        data.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True, implicit_vr=UID_IMPLICIT == syntax, little_endian=True)
    return path


UID_IMPLICIT = "1.2.840.10008.1.2"


def scaling(data: Dataset) -> tuple[float, float]:
    """Slope and intercept of a data set; 1 and 0 where they are absent or make no sense."""
    found = []
    for keyword, usual in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        value = data.get(keyword, usual)
        found.append(usual if isinstance(value, list | tuple) or hasattr(value, "append") else float(value))
    return found[0], found[1]


def series(folder, sop_class, modality, shape, spacing, origin, direction, values, syntax, tags) -> list[Path]:
    """Single-frame files, one per slice, in the order of k; names and instance numbers run in another order."""
    folder = Path(folder)
    axes, orientation = axes_of(direction)
    values = ramp(shape) if values is None else np.broadcast_to(values, shape)
    shuffled = np.random.default_rng(7).permutation(shape[2])
    paths = []
    for k in range(shape[2]):
        data = empty(sop_class, uid(folder.name, "slice", k))
        data.StudyInstanceUID, data.SeriesInstanceUID = uid(folder.name, "study"), uid(folder.name, "series")
        data.FrameOfReferenceUID, data.Modality = uid(folder.name, "frame"), modality
        data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if modality == "CT" else "M"]
        data.ImagePositionPatient = [decimal(v) for v in np.asarray(origin) + axes[:, 2] * spacing[2] * k]
        data.ImageOrientationPatient = [decimal(v) for v in orientation]
        data.PixelSpacing = [decimal(spacing[1]), decimal(spacing[0])]  # between rows, between columns
        data.SliceThickness, data.InstanceNumber = "99", int(shuffled[k]) + 1  # the thickness is no spacing
        if modality == "CT":
            data.KVP, data.AcquisitionNumber, data.RescaleIntercept, data.RescaleSlope = "120", 1, "0", "1"
            data.RescaleType = "HU"
        else:
            data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "SE", "NONE", ""
            data.MRAcquisitionType, data.EchoTime, data.EchoTrainLength, data.RepetitionTime = "2D", "10", 1, "500"
        for keyword, value in tags.items():
            value = value[k] if isinstance(value, list) else value(k) if callable(value) else value
            if value is None:
                delattr(data, keyword)
            else:
                setattr(data, keyword, list(value) if isinstance(value, tuple) else value)
        slope, intercept = scaling(data)
        pixels(data, shape, values[:, :, k], slope, intercept)
        paths.append(write(data, folder / f"IM{shuffled[k]:04d}.dcm", syntax))
    return paths


def ct_series(
    folder, shape=(12, 10, 6), spacing=(0.8, 0.9, 2.5), origin=(-10.0, -20.0, 30.0), direction=EYE, *,
    values=None, syntax=ExplicitVRLittleEndian, **tags,
) -> list[Path]:  # fmt: skip
    """A CT series in a folder, one file per slice in the order of k; values [HU] (nx, ny, nz), a ramp if None."""
    return series(folder, CT, "CT", shape, spacing, origin, direction, values, syntax, tags)


def mr_series(
    folder, shape=(12, 10, 6), spacing=(0.8, 0.9, 2.5), origin=(-10.0, -20.0, 30.0), direction=EYE, *,
    values=None, syntax=ExplicitVRLittleEndian, **tags,
) -> list[Path]:  # fmt: skip
    """An MR series in a folder, one file per slice in the order of k; values >= 0 (nx, ny, nz), a ramp if None."""
    values = ramp(shape) + 2000.0 if values is None else values
    return series(
        folder, MR, "MR", shape, spacing, origin, direction, values, syntax, {"PixelRepresentation": 0} | tags
    )


def multiframe_ct(
    path, shape=(12, 10, 6), spacing=(0.8, 0.9, 2.5), origin=(-10.0, -20.0, 30.0), direction=EYE, *,
    values=None, order=None, modality="CT", slope=1.0, intercept=0.0, syntax=ExplicitVRLittleEndian, **tags,
) -> Path:  # fmt: skip
    """An Enhanced CT (or, modality="MR", Enhanced MR) object in one file; `order` lists the slice k of each frame.

    slope and intercept: of the rescaling, one number for all frames or a list with one per slice k.
    """
    path = Path(path)
    values = ramp(shape) if values is None else np.broadcast_to(values, shape)
    order = list(range(shape[2]))[::-1] if order is None else list(order)
    slopes, intercepts = (np.broadcast_to(v, shape[2:]) for v in (slope, intercept))
    data = empty(ENHANCED[modality], uid(path.name, "object"))
    data.StudyInstanceUID, data.SeriesInstanceUID = uid(path.name, "study"), uid(path.name, "series")
    data.FrameOfReferenceUID, data.Modality, data.NumberOfFrames = uid(path.name, "frame"), modality, len(order)
    data.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    frames = [(values[:, :, k] - intercepts[k]) / slopes[k] for k in order]
    pixels(data, shape, np.stack(frames, axis=-1), 1.0, 0.0)
    data.SharedFunctionalGroupsSequence = [_shared(spacing, direction)]
    data.PerFrameFunctionalGroupsSequence = [
        _frame(k, place, np.asarray(origin), axes_of(direction)[0][:, 2] * spacing[2], slopes[k], intercepts[k])
        for place, k in enumerate(order)
    ]
    return write(data, path, syntax)


def _shared(spacing, direction) -> Dataset:
    """The functional groups that all frames have in common."""
    group, measures, plane = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [decimal(spacing[1]), decimal(spacing[0])], "99"
    plane.ImageOrientationPatient = [decimal(v) for v in axes_of(direction)[1]]
    group.PixelMeasuresSequence, group.PlaneOrientationSequence = [measures], [plane]
    return group


def _frame(k: int, place: int, origin, step, slope, intercept) -> Dataset:
    """The functional groups of one frame."""
    group, content, plane, values = Dataset(), Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", place + 1, [1, place + 1]
    plane.ImagePositionPatient = [decimal(v) for v in origin + step * k]
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = decimal(slope), decimal(intercept), "HU"
    group.FrameContentSequence, group.PlanePositionSequence = [content], [plane]
    group.PixelValueTransformationSequence = [values]
    return group


def slices_of(series_folder) -> list[Dataset]:
    """The headers of a series (a folder, or one multi-frame file), sorted along the normal of the slices."""
    from pydicom import dcmread

    path = Path(series_folder)
    found = [dcmread(p, stop_before_pixels=False) for p in ([path] if path.is_file() else sorted(path.glob("*.dcm")))]
    if len(found) > 1:
        orientation = np.asarray(found[0].ImageOrientationPatient, float)
        normal = np.cross(orientation[:3], orientation[3:])
        found.sort(key=lambda d: float(normal @ np.asarray(d.ImagePositionPatient, float)))
    return found


def seg(path, series_folder, masks: dict[str, np.ndarray], **options) -> Path:
    """A segmentation of a series by highdicom: {name: bool mask (nx, ny, nz)}, k along the normal of the slices.

    options: further arguments of `highdicom.seg.Segmentation`; segmentation_type="FRACTIONAL" takes masks of 0..1.
    """
    import highdicom
    from pydicom.sr.codedict import codes

    path = Path(path)
    describe = [
        highdicom.seg.SegmentDescription(
            n, name, codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm, "MANUAL"
        )
        for n, name in enumerate(masks, 1)
    ]
    arrays = np.stack([np.asarray(mask) for mask in masks.values()], axis=-1).transpose(2, 1, 0, 3)
    given = {
        "segmentation_type": "BINARY", "series_instance_uid": uid(path.name, "series"), "series_number": 2,
        "sop_instance_uid": uid(path.name, "object"), "instance_number": 1, "manufacturer": "none",
        "manufacturer_model_name": "none", "software_versions": "0", "device_serial_number": "0",
    }  # fmt: skip
    kind = np.uint8 if (given | options)["segmentation_type"] == "BINARY" else np.float32
    made = highdicom.seg.Segmentation(
        slices_of(series_folder), arrays.astype(kind), segment_descriptions=describe, **(given | options)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path)
    return path


def rtstruct(path, series_folder, contours: dict[str, list], **tags) -> Path:
    """A structure set of a series: {name: polygons}, each polygon an array (n, 3) of LPS positions [mm] in a slice."""
    path, images = Path(path), slices_of(series_folder)
    data = empty(STRUCTURE_SET, uid(path.name, "object"))
    data.StudyInstanceUID, data.SeriesInstanceUID = images[0].StudyInstanceUID, uid(path.name, "series")
    data.FrameOfReferenceUID, data.Modality = images[0].FrameOfReferenceUID, "RTSTRUCT"
    data.StructureSetLabel, data.StructureSetDate, data.StructureSetTime = "made up", "20200101", "120000"
    orientation = np.asarray(images[0].ImageOrientationPatient, float)
    normal = np.cross(orientation[:3], orientation[3:])
    heights = np.array([normal @ np.asarray(d.ImagePositionPatient, float) for d in images])
    data.ReferencedFrameOfReferenceSequence = [_referenced(images)]
    data.StructureSetROISequence, data.ROIContourSequence, data.RTROIObservationsSequence = [], [], []
    for number, (name, polygons) in enumerate(contours.items(), 1):
        roi, outline, seen = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, name, "MANUAL"
        roi.ReferencedFrameOfReferenceUID = images[0].FrameOfReferenceUID
        outline.ReferencedROINumber, outline.ROIDisplayColor, outline.ContourSequence = number, [255, 0, 0], []
        seen.ObservationNumber, seen.ReferencedROINumber = number, number
        seen.RTROIInterpretedType, seen.ROIInterpreter = "GTV", ""
        for polygon in polygons:
            points = np.asarray(polygon, float)
            nearest = images[int(np.argmin(np.abs(heights - normal @ points[0])))]
            contour, image = Dataset(), Dataset()
            image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = nearest.SOPClassUID, nearest.SOPInstanceUID
            contour.ContourImageSequence, contour.ContourGeometricType = [image], "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [decimal(v) for v in points.ravel()]
            outline.ContourSequence.append(contour)
        data.StructureSetROISequence.append(roi)
        data.ROIContourSequence.append(outline)
        data.RTROIObservationsSequence.append(seen)
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    return write(data, path, ExplicitVRLittleEndian)


def _referenced(images) -> Dataset:
    """What a structure set says of the frame of reference, the study, the series and the images it was drawn on."""
    frame, study, whole = Dataset(), Dataset(), Dataset()
    whole.SeriesInstanceUID, whole.ContourImageSequence = images[0].SeriesInstanceUID, []
    for image in images:
        one = Dataset()
        one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
        whole.ContourImageSequence.append(one)
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID, study.RTReferencedSeriesSequence = images[0].StudyInstanceUID, [whole]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = images[0].FrameOfReferenceUID, [study]
    return frame
