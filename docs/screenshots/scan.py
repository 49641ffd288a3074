"""The run that the pictures in `docs/outputs.md` show: the bundled brain scan as a DICOM series, and its record.

    python docs/screenshots/scan.py FOLDER

FOLDER/series is an MR series with made-up headers (nobody's name), FOLDER/out the record with all its exports. To have
something to look at, the tissue's demand for the agent is set to a hundredth of what the tables say: the pictures show
files in programs, and nothing about the agent.
"""

import sys
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

import oxablate
from oxablate.space.files import read_image, read_labels, write_image
from oxablate.space.image import Image, ImageGeometry

DATA = Path(__file__).parents[2] / "examples" / "data"
MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
POOLS, TISSUES = ("thiols", "tyrosine", "tryptophan"), ("tumour_viable", "host")
CASE = """
oxablate: 1
title: Files of a run in other programs
question: What do the files look like?
subject:
  scan: {image: series, labels: labels.nrrd, label_names: {1: tumour_viable}, host: brain,
         spacing: 1.5 mm, margin: 6 mm, body: threshold}
parameters:
  set: glioma-in-brain
  override:
    tumour_viable.hydraulic_conductivity: 1.7e-13 m^2/(Pa s)
OVERRIDES
needle: {tip: centroid, cavity_radius: 0.35 mm}
injection: {volume: 600 uL, flow_rate: 10 uL/min}
arms: [{agent: chlorine_dioxide, concentration: 3 g/L}]
follow: 80 min
model: {pores: opening, beyond: tissue, injury: thiol_loss}
output: {every: 40 min}
seed: 1
"""


def uid(*parts) -> str:
    """The identifier that follows from these words."""
    return generate_uid(entropy_srcs=["oxablate screenshots", *map(str, parts)])


def upright(image) -> Image:
    """The same voxels in the order of a scanner: rows from front to back, slices from the feet up."""
    data, geometry = image.data, image.geometry
    origin, axes = np.asarray(geometry.origin), np.asarray(geometry.direction).copy()
    for axis in range(3):
        if axes[:, axis].sum() < 0:
            data = np.flip(data, axis)
            origin = origin + axes[:, axis] * geometry.spacing[axis] * (geometry.shape[axis] - 1)
            axes[:, axis] *= -1
    place = ImageGeometry(geometry.shape, geometry.spacing, tuple(origin.tolist()), tuple(map(tuple, axes.tolist())))
    return Image(np.ascontiguousarray(data), place)


def write_series(image, folder: Path) -> None:
    """An image as an MR series of nobody, a file for each slice."""
    folder.mkdir(parents=True)
    geometry = image.geometry
    axes = np.asarray(geometry.direction)
    values = np.rint(image.data - image.data.min()).astype(np.uint16)
    for k in range(geometry.shape[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MR_STORAGE, uid("slice", k)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = MR_STORAGE, uid("slice", k)
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = uid("study"), uid("series"), uid("f")
        data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Nobody^", "NOBODY", "", ""
        data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20000101", "120000", "", "1"
        data.ReferringPhysicianName, data.Manufacturer, data.BodyPartExamined = "", "", "BRAIN"
        data.Modality, data.SeriesNumber, data.InstanceNumber = "MR", 1, k + 1
        data.ImageType, data.PatientPosition = ["DERIVED", "PRIMARY"], "HFS"
        data.ImagePositionPatient = [f"{v:.9g}" for v in geometry.index_to_world_mm((0, 0, k))]
        data.ImageOrientationPatient = [f"{v:.9g}" for v in axes[:, :2].T.ravel()]
        data.PixelSpacing = [f"{geometry.spacing[1]:.9g}", f"{geometry.spacing[0]:.9g}"]
        data.SliceThickness = data.SpacingBetweenSlices = f"{geometry.spacing[2]:.9g}"
        data.Rows, data.Columns, data.SamplesPerPixel = geometry.shape[1], geometry.shape[0], 1
        data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.WindowCenter, data.WindowWidth = str(int(values.max()) // 2), str(int(values.max()))
        data.PixelData = np.ascontiguousarray(values[:, :, k].T).tobytes()
        data.save_as(folder / f"slice{k:03d}.dcm", enforce_file_format=True)


def main(folder: Path) -> None:
    """Write the series, run the case on it, export everything."""
    folder.mkdir(parents=True, exist_ok=True)
    write_series(upright(read_image(DATA / "brain1_image.nrrd")), folder / "series")
    write_image(folder / "labels.nrrd", upright(read_labels(DATA / "brain1_label.nrrd")))
    lines = [f"    {tissue}.demand_{pool}: 0.3 mol/m^3" for tissue in TISSUES for pool in POOLS]
    (folder / "case.yaml").write_text(CASE.replace("OVERRIDES", "\n".join(lines)))
    oxablate.run(folder / "case.yaml", folder / "out")
    forms = ("nifti", "vti", "csv", "dicom-seg")
    for path in oxablate.export(folder / "out", forms=forms, dicom=folder / "series"):
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
