"""DICOM segmentations: on the planes of the input, marked as synthetic, the same bytes twice, no clock."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_files import EYE
from segmented import KINDS, NAME, ORIGIN, SHAPE, SPACING, as_masks, frames_of, made, masks, written

from oxablate.quantities.refusal import BadInput
from oxablate.report.export_seg import regions
from oxablate.space.dicom.write import NO_MOMENT, content_uid
from oxablate.space.grid import VoxelGrid
from oxablate.space.image import ImageGeometry


@pytest.mark.parametrize("name", KINDS)
def test_what_is_written_lies_where_the_slices_lie(tmp_path, name):
    """Planes, masks and references, by pydicom alone."""
    import pydicom

    kind, direction = KINDS[name]
    series = made(tmp_path / "series", kind, direction)
    data = pydicom.dcmread(written(tmp_path / "seg.dcm", series))
    expected = {label: mask for label, mask in masks().items() if mask.any()}
    found = as_masks(data, series.geometry)
    assert set(found) == set(expected)
    assert all(np.array_equal(found[label], expected[label]) for label in expected)
    shared = data.SharedFunctionalGroupsSequence[0]
    axes = np.asarray(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    assert np.abs(axes - np.asarray(direction).T[:2]).max() * max(SHAPE) * max(SPACING) < 1e-6
    measures = shared.PixelMeasuresSequence[0]
    assert [float(v) for v in measures.PixelSpacing] == [SPACING[1], SPACING[0]]
    assert float(measures.SpacingBetweenSlices) == SPACING[2]
    assert data.FrameOfReferenceUID == series.reference.frame_of_reference
    assert data.StudyInstanceUID == series.reference.study and data.PatientName == NAME
    assert data.ReferencedSeriesSequence[0].SeriesInstanceUID == series.reference.series
    for _, first, _, source in frames_of(data):
        k = int(np.rint(series.geometry.world_mm_to_index(first)[2]))
        instances = series.reference.instances
        assert source.ReferencedSOPInstanceUID == instances[0 if kind == "multi-frame" else k]
        assert source.SpatialLocationsPreserved == "YES"
        if kind == "multi-frame":
            assert source.ReferencedFrameNumber == series.reference.frames[k]


@pytest.mark.parametrize("name", ["ct", "oblique", "feet first"])
def test_simpleitk_places_the_segments_on_the_series(tmp_path, name):
    """Every voxel of a segment is at the same place to 1e-6 mm in the series as SimpleITK reads it."""
    import pydicom
    import SimpleITK

    series = made(tmp_path / "series", *KINDS[name])
    data = pydicom.dcmread(written(tmp_path / "seg.dcm", series))
    files = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(series.folder))
    image = SimpleITK.ReadImage(files)
    shared = data.SharedFunctionalGroupsSequence[0]
    axes = np.asarray(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    found = {label: set() for label, mask in masks().items() if mask.any()}
    for label, first, values, _ in frames_of(data):
        for row, column in np.argwhere(values):
            at = first + axes[0] * between_columns * column + axes[1] * between_rows * row
            index = image.TransformPhysicalPointToIndex(at.tolist())
            assert np.abs(np.asarray(image.TransformIndexToPhysicalPoint(index)) - at).max() < 1e-6
            found[label].add(index)
    for label, indices in found.items():
        places = [series.geometry.index_to_world_mm(index) for index in np.argwhere(masks()[label])]
        assert indices == {image.TransformPhysicalPointToIndex(place.tolist()) for place in places}


@pytest.mark.parametrize("kind", ["ct", "multi-frame"])
def test_highdicom_gives_the_masks_back_by_image(tmp_path, kind):
    import highdicom

    series = made(tmp_path / "series", kind)
    found = highdicom.seg.segread(written(tmp_path / "seg.dcm", series))
    if kind == "ct":
        pixels = found.get_pixels_by_source_instance(series.reference.instances, ignore_spatial_locations=False)
    else:
        pixels = found.get_pixels_by_source_frame(series.reference.instances[0], series.reference.frames)
    for number, label in enumerate(("Killed tumour", "Viable tumour")):
        assert np.array_equal(pixels[..., number].transpose(2, 1, 0).astype(bool), masks()[label])
    assert found.get_segment_description(1).segmented_property_type.value == "6574001"
    assert found.get_segment_description(2).segmented_property_type.value == "108369006"


def test_an_object_says_that_it_was_computed(tmp_path):
    import pydicom

    series = made(tmp_path / "series")
    data = pydicom.dcmread(written(tmp_path / "seg.dcm", series))
    assert data[0x0008, 0x001C].value == "YES" and list(data.ImageType) == ["DERIVED", "PRIMARY"]
    assert data.Manufacturer == "oxablate" and data.ContentQualification == "RESEARCH"
    assert data.SeriesDescription.startswith("RESEARCH ONLY") and data.Modality == "SEG"
    assert data.BodyPartExamined == "ABDOMEN" and data.SegmentationType == "BINARY"
    for item in data.SegmentSequence:
        assert item.SegmentAlgorithmType == "AUTOMATIC" and item.SegmentAlgorithmName == "oxablate"
        assert item.SegmentDescription == f"about {item.SegmentLabel}"


def test_no_clock_is_read_and_the_same_gives_the_same_bytes(tmp_path):
    import pydicom

    series = made(tmp_path / "series")
    first = written(tmp_path / "a.dcm", series).read_bytes()
    assert written(tmp_path / "b.dcm", series).read_bytes() == first
    data = pydicom.dcmread(tmp_path / "a.dcm")
    moments = {element.keyword: element.value for element in data.iterall() if element.VR in ("DA", "TM", "DT")}
    assert moments.pop("PatientBirthDate") == "19000101"
    assert set(moments.values()) == {"20200101", "120000"} and len(moments) >= 4
    other = written(tmp_path / "c.dcm", series, **{"Killed tumour": masks()["Viable tumour"]})
    assert pydicom.dcmread(other).SOPInstanceUID != data.SOPInstanceUID
    assert pydicom.dcmread(other).SeriesInstanceUID == data.SeriesInstanceUID


def test_identifiers_follow_from_content():
    import uuid

    from pydicom.uid import UID

    names = [content_uid("a", "bc"), content_uid("ab", "c"), content_uid("a", b"bc"), content_uid("abc")]
    assert names[0] == names[2] and len(set(names)) == 3
    for name in names:
        number = uuid.UUID(int=int(name.removeprefix("2.25.")))
        assert number.version == 8 and number.variant == uuid.RFC_4122 and UID(name).is_valid and len(name) <= 64


HEADERS = {
    "emptied": dict(StudyDate="", StudyTime="", PatientBirthDate="", PatientSex="", StudyID="", PatientName=""),
    "taken out": dict(
        StudyDate=None, StudyTime=None, PatientBirthDate=None, PatientSex=None, StudyID=None, AccessionNumber=None,
        ReferringPhysicianName=None, BodyPartExamined=None, SliceThickness=None, PositionReferenceIndicator=None,
    ),
    "strange": dict(PatientSex="X", AccessionNumber="<script>alert(1)", PatientComments="x" * 5000),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_lack_much_still_serve(tmp_path, name):
    import pydicom

    series = made(tmp_path / "series")
    for path in series.folder.glob("*.dcm"):
        header = pydicom.dcmread(path)
        for keyword, value in HEADERS[name].items():
            header.pop(keyword, None)
            if value is not None:
                setattr(header, keyword, value)
        header.save_as(path)
    data = pydicom.dcmread(written(tmp_path / "seg.dcm", series))
    assert np.array_equal(as_masks(data, series.geometry)["Killed tumour"], masks()["Killed tumour"])
    assert "PatientComments" not in data
    if name == "strange":
        assert data.PatientSex == "" and data.AccessionNumber == "<script>alert(1)"
    else:
        assert (data.ContentDate, data.ContentTime) == NO_MOMENT


def test_an_image_that_was_resampled_keeps_its_own_planes(tmp_path):
    """A tilted gantry: the image of the record is straight, its planes are not those of the series."""
    import pydicom

    def tilted(k):
        return [str(v) for v in (ORIGIN[0], ORIGIN[1] + 1.5 * k, ORIGIN[2] + SPACING[2] * k)]

    series = made(tmp_path / "series", ImagePositionPatient=tilted)
    data = pydicom.dcmread(written(tmp_path / "seg.dcm", series))
    for label, mask in as_masks(data, series.geometry).items():
        assert np.array_equal(mask, masks()[label])
    assert data.FrameOfReferenceUID == series.reference.frame_of_reference
    assert data.ReferencedSeriesSequence[0].SeriesInstanceUID == series.reference.series
    assert not any(source and source.SpatialLocationsPreserved == "YES" for *_, source in frames_of(data))


def test_a_series_that_moved_since_is_refused(tmp_path):
    moved = made(tmp_path / "series", ImagePositionPatient=lambda k: [-10.0, -20.0, 35.0 + 2.5 * k])
    with pytest.raises(BadInput, match="lies elsewhere"):
        written(tmp_path / "seg.dcm", moved)
    assert not (tmp_path / "seg.dcm").exists()


def test_nothing_to_write_is_refused(tmp_path):
    nothing = {name: np.zeros(SHAPE, bool) for name in masks()}
    with pytest.raises(BadInput, match="no segment holds a voxel"):
        written(tmp_path / "seg.dcm", made(tmp_path / "series"), **nothing)
    with pytest.raises(BadInput, match="is needed"):
        written(tmp_path / "seg.dcm", made(tmp_path / "series"), **{"Viable tumour": np.ones((3, 3, 3), bool)})


def test_regions_share_out_the_tumour_inside_the_grid():
    grid = VoxelGrid((6, 6, 6), (1e-3,) * 3)
    geometry = ImageGeometry((12, 6, 6), (1.0, 1.0, 1.0), (-3.0, 0.0, 0.0), EYE)
    tissue = np.full(grid.shape, 1, np.uint8)
    tissue[1:5, 1:5, 1:5], tissue[2, 2, 2], tissue[0] = 2, 3, 0
    killed = np.zeros(grid.shape, np.float32)
    killed[:, :, 3], killed[:, :, 4] = 0.5, 0.49
    found = {name: segment.mask for name, segment in regions(tissue, killed, grid, geometry).items()}
    tumour, body = np.isin(tissue, (2, 3)), tissue != 0
    expected = {
        "Killed tumour": tumour & (killed >= 0.5), "Viable tumour": (tissue == 2) & (killed < 0.5),
        "Necrotic core": (tissue == 3) & (killed < 0.5), "Killed outside tumour": body & ~tumour & (killed >= 0.5),
    }  # fmt: skip
    assert set(found) == set(expected)
    for name, mask in expected.items():
        assert np.array_equal(found[name][3:9], mask), name
        assert not found[name][:3].any() and not found[name][9:].any(), name
    assert sum(mask.astype(int) for mask in found.values()).max() == 1


# --- other programs ------------------------------------------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.parametrize("name", KINDS)
def test_the_validator_finds_no_error(tmp_path, name):
    """dciodvfy; the Synthetic Data element is younger than its dictionary, so it is named there and nowhere else."""
    import pydicom

    assert shutil.which("dciodvfy"), "install dicom3tools"
    path = written(tmp_path / "seg.dcm", made(tmp_path / "series", *KINDS[name]))

    def complaints() -> list[str]:
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
        return [line for line in (done.stderr + done.stdout).splitlines() if "Error" in line or "Warning" in line]

    of_its_age = [line for line in complaints() if "0x0008,0x001c" not in line and "Standard Extended SOP" not in line]
    assert of_its_age == []
    data = pydicom.dcmread(path)
    del data.SyntheticData
    data.save_as(path)
    assert complaints() == []


@pytest.mark.peer
@pytest.mark.parametrize("name", KINDS)
def test_dcmqi_reads_the_same_masks_at_the_same_place(tmp_path, name):
    import SimpleITK

    series = made(tmp_path / "series", *KINDS[name])
    path = written(tmp_path / "seg.dcm", series)
    (tmp_path / "read").mkdir()
    program = Path(sys.executable).parent / "segimage2itkimage"
    command = [program, "--inputDICOM", path, "--outputDirectory", tmp_path / "read", "--outputType", "nrrd"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    about = json.loads((tmp_path / "read" / "meta.json").read_text())
    labels = {n: item[0]["SegmentLabel"] for n, item in enumerate(about["segmentAttributes"], start=1)}
    assert set(labels.values()) == {"Killed tumour", "Viable tumour"}
    for number, label in labels.items():
        image = SimpleITK.ReadImage(str(tmp_path / "read" / f"{number}.nrrd"))
        found = np.zeros(SHAPE, bool)
        for k, j, i in np.argwhere(SimpleITK.GetArrayFromImage(image) > 0):
            place = image.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))
            index = series.geometry.world_mm_to_index(place)
            assert np.abs((index - np.rint(index)) * SPACING).max() < 1e-6
            found[tuple(np.rint(index).astype(int))] = True
        assert np.array_equal(found, masks()[label])
