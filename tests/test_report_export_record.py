"""`oxablate export --form dicom-seg`: a record on the series it came from, and what is refused."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cases import write_case
from dicom_files import EYE, ct_series
from segmented import NAME, as_masks
from shell import assert_refused, files_under, oxablate

from oxablate.space.files import write_image
from oxablate.space.image import Image, ImageGeometry
from oxablate.storage.json_file import write_sealed

SHAPE, SPACING, ORIGIN = (18, 17, 9), (1.7, 1.7, 3.0), (-12.0, 31.0, -100.5)

STRONG = {
    f"{tissue}.demand_{pool}": "0.02 mol/m^3"
    for tissue in ("tumour_viable", "host") for pool in ("thiols", "tyrosine", "tryptophan")
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """A folder with a CT series of somebody with a name, and a run on it."""
    from oxablate.protocol.run import run

    home = tmp_path_factory.mktemp("records")
    ct_series(home / "series", SHAPE, SPACING, ORIGIN, PatientName=NAME)
    geometry = ImageGeometry(SHAPE, SPACING, ORIGIN, EYE)
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    ball = (((index - (np.array(SHAPE) - 1) / 2) * SPACING) ** 2).sum(-1) < 9.0**2
    write_image(home / "labels.nrrd", Image(ball.astype(np.uint8), geometry))
    scan = {
        "image": "series", "labels": "labels.nrrd", "label_names": {1: "tumour_viable"}, "host": "liver",
        "spacing": "2 mm", "margin": "5 mm", "body": "everything",
    }  # fmt: skip
    arms = [{"agent": "chlorine_dioxide", "concentration": "3 g/L"}, {"agent": "vehicle"}]
    override = {"tumour_viable.hydraulic_conductivity": "1e-12 m^2/(Pa s)", **STRONG}
    run(write_case(home / "case.yaml", subject={"scan": scan}, arms=arms, parameters__override=override), home / "out")
    return home


def test_a_record_becomes_a_segmentation(recorded):
    """Its masks are those of the NIfTI files, and its volumes those of the summary to what half-dead voxels allow."""
    import pydicom
    import SimpleITK

    said = oxablate("export", recorded / "out", "--form", "nifti,dicom-seg", "--dicom", recorded / "series")
    assert said.status == 0 and "name the patient" in said.err, said
    home = recorded / "out" / "arms" / "chlorine_dioxide"
    assert str(home / "dicom-seg" / "segments.dcm") in said.out.splitlines()
    images = [SimpleITK.ReadImage(str(home / "nifti" / f"{name}.nii.gz")) for name in ("tissue", "killed")]
    tissue, killed = (SimpleITK.GetArrayFromImage(image).T for image in images)
    geometry = ImageGeometry(
        images[0].GetSize(), images[0].GetSpacing(), images[0].GetOrigin(),
        tuple(map(tuple, np.reshape(images[0].GetDirection(), (3, 3)).tolist())),
    )  # fmt: skip
    found = as_masks(pydicom.dcmread(home / "dicom-seg" / "segments.dcm"), geometry)
    assert np.array_equal(found["Killed tumour"], (tissue == 2) & (killed >= 0.5)) and found["Killed tumour"].any()
    assert np.array_equal(found["Viable tumour"], (tissue == 2) & (killed < 0.5)) and found["Viable tumour"].any()
    vehicle = pydicom.dcmread(recorded / "out" / "arms" / "vehicle" / "dicom-seg" / "segments.dcm")
    assert [item.SegmentLabel for item in vehicle.SegmentSequence] == ["Viable tumour"]


def test_a_record_gives_the_same_bytes_and_one_object_for_each_time(recorded):
    import pydicom

    home = recorded / "out" / "arms" / "chlorine_dioxide" / "dicom-seg"
    command = ("export", recorded / "out", "--form", "dicom-seg", "--dicom", recorded / "series")
    assert oxablate(*command).status == 0
    first = (home / "segments.dcm").read_bytes()
    assert oxablate(*command, "--times", "all", "--arm", "chlorine_dioxide").status == 0
    assert oxablate(*command).status == 0 and (home / "segments.dcm").read_bytes() == first
    numbered = sorted(home.glob("segments_*.dcm"))
    assert len(numbered) == 4 and numbered[-1].read_bytes() == first
    objects = [pydicom.dcmread(path, stop_before_pixels=True) for path in numbered]
    assert len({data.SOPInstanceUID for data in objects}) == 4 and len({d.SeriesInstanceUID for d in objects}) == 1
    assert [data.InstanceNumber for data in objects] == [1, 2, 3, 4]


def test_the_name_of_the_patient_is_in_the_segmentation_only(recorded):
    forms = "nifti,vti,csv,dicom-seg"
    assert oxablate("export", recorded / "out", "--form", forms, "--dicom", recorded / "series").status == 0
    named = []
    for path in sorted((recorded / "out").rglob("*")):
        if path.is_file():
            blob = path.read_bytes()
            blob = gzip.decompress(blob) if path.suffix == ".gz" else blob
            if b"mustermann" in blob.lower():
                named.append(path)
    assert named and {path.suffix for path in named} == {".dcm"}


def test_strange_headers_are_no_noise(recorded, tmp_path):
    """What pydicom and highdicom have to say about headers is for programmers; a person sees one line."""
    import subprocess
    import sys

    import pydicom

    shutil.copytree(recorded / "series", tmp_path / "series")
    for path in (tmp_path / "series").iterdir():
        header = pydicom.dcmread(path)
        header.PatientName, header.PatientSex, header.StudyDescription = "Single", "?", "\x1b[31m" + "x" * 90
        header.PatientBirthDate, header.AccessionNumber = "19", "1234567890123456789"
        header.save_as(path)
    command = [
        sys.executable,
        "-c",
        "from oxablate.cli.main import main; main()",
        "export",
        str(recorded / "out"),
        "--form",
        "dicom-seg",
    ]
    done = subprocess.run([*command, "--dicom", str(tmp_path / "series")], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr.count("\n") == 1 and "name the patient" in done.stderr, done.stderr
    data = pydicom.dcmread(recorded / "out" / "arms" / "vehicle" / "dicom-seg" / "segments.dcm")
    assert data.PatientName == "Single" and data.PatientSex == data.PatientBirthDate == data.AccessionNumber == ""
    assert "StudyDescription" not in data


def without_dicom(about):
    about["subject"]["source"]["dicom"] = None


def damaged(about):
    del about["subject"]["source"]["dicom"]["study"]


def other(key, value="1.2.3"):
    return lambda about: about["subject"]["source"]["dicom"].update({key: value})


RECORDS = {
    "no DICOM input": (without_dicom, "no DICOM series", "export NIfTI"),
    "damaged": (damaged, "record.json", "damaged"),
    "another study": (other("study"), "StudyInstanceUID", "1.2.3"),
    "no frame of reference": (other("frame_of_reference", ""), "names no frame of reference", "export the NIfTI"),
    "another frame of reference": (other("frame_of_reference"), "FrameOfReferenceUID", "1.2.3"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_something_else_is_refused(recorded, tmp_path, name):
    change, *fragments = RECORDS[name]
    shutil.copytree(recorded / "out", tmp_path / "out")
    about = json.loads((tmp_path / "out" / "record.json").read_text())
    change(about)
    write_sealed(tmp_path / "out" / "record.json", about)
    before = files_under(tmp_path)
    said = oxablate("export", tmp_path / "out", "--form", "nifti,dicom-seg", "--dicom", recorded / "series")
    assert_refused(said, *fragments)
    assert files_under(tmp_path) == before


@pytest.mark.parametrize("name", ["no folder", "a file", "empty", "another series", "a slice short", "no word"])
def test_a_folder_of_something_else_is_refused(recorded, tmp_path, name):
    folder = tmp_path / "series"
    if name == "a file":
        folder.write_text("mine")
    elif name == "empty":
        folder.mkdir()
        (folder / "notes.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    elif name == "another series":
        ct_series(tmp_path / "other", (4, 4, 3))
        shutil.move(tmp_path / "other", folder)
    elif name == "a slice short":
        shutil.copytree(recorded / "series", folder)
        sorted(folder.iterdir())[3].unlink()
    expected = {
        "no folder": "no such folder", "a file": "holds no DICOM image", "empty": "holds no DICOM image",
        "another series": "the run read series", "a slice short": "lacks 1 of the 9",
        "no word": "add '--dicom FOLDER'",
    }[name]  # fmt: skip
    before = files_under(recorded / "out")
    command = ("export", recorded / "out", "--form", "nifti,dicom-seg")
    assert_refused(oxablate(*command, *(() if name == "no word" else ("--dicom", folder))), "dicom", expected)
    assert files_under(recorded / "out") == before


OPTIONS = {
    "form": (("--form", "nifti,dicomseg"), "--form: 'dicomseg' came", "did you mean 'dicom-seg'"),
    "no form": (("--form", ""), "--form: '' came"),
    "arm": (("--arm", "vehicel"), "--arm: 'vehicel' came", "did you mean 'vehicle'"),
    "dicom for nothing": (("--dicom", "."), "no form that needs it", "--form dicom-seg"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_misspelt_option_is_refused(recorded, name):
    words, *fragments = OPTIONS[name]
    before = files_under(recorded / "out")
    assert_refused(oxablate("export", recorded / "out", *words), *fragments)
    assert files_under(recorded / "out") == before
