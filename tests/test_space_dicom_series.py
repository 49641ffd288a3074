"""DICOM images: the place and the values that SimpleITK sees, whatever the files are called and however encoded."""

import itertools
import warnings
from pathlib import Path

import dicom_files as made
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxablate.quantities.refusal import BadInput
from oxablate.space.dicom.pixels import frames_of, pixels_of, require_voxels
from oxablate.space.dicom.source import open_source
from oxablate.space.files import read_image
from oxablate.space.image import Image

sitk = pytest.importorskip("SimpleITK")
SHAPE = (12, 10, 6)


def turned(seed: int) -> np.ndarray:
    """Right-handed axes in any direction."""
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return axes * np.array([1.0, 1.0, np.sign(np.linalg.det(axes))])


def right_handed() -> list[np.ndarray]:
    """The 24 ways to lay three axes along x, y, z without mirroring."""
    found = []
    for order, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1.0, -1.0), repeat=3)):
        axes = np.eye(3)[list(order)] * signs
        if np.linalg.det(axes) > 0:
            found.append(axes)
    return found


def seen_by_itk(path: Path):
    """The image as SimpleITK reads it, slices sorted by its own reader."""
    if path.is_file():
        return sitk.ReadImage(str(path))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
    return reader.Execute()


def require_same(image: Image, other) -> None:
    """Values equal, every corner within 1e-6 mm."""
    assert image.data.shape == other.GetSize()
    corners = itertools.product(*[(0.0, n - 1.0) for n in image.data.shape])
    for corner in corners:
        there = other.TransformContinuousIndexToPhysicalPoint(corner)
        assert np.abs(image.geometry.index_to_world_mm(corner) - there).max() < 1e-6
    values = sitk.GetArrayFromImage(other).T
    assert np.abs(image.data - values).max() <= 1e-6 * np.abs(values).max()


@pytest.mark.parametrize("number", range(24))
def test_every_orientation_lies_where_simpleitk_sees_it(tmp_path, number):
    made.ct_series(tmp_path / "s", (5, 4, 3), (0.7, 0.9, 2.5), (-10.5, 20.25, 300.125), right_handed()[number])
    image = read_image(tmp_path / "s")
    require_same(image, seen_by_itk(tmp_path / "s"))
    assert np.array_equal(image.data, made.ramp((5, 4, 3)))
    assert np.allclose(image.geometry.direction, right_handed()[number], rtol=0, atol=1e-12)
    assert image.geometry.spacing == (0.7, 0.9, 2.5) and image.notes == ()


@given(st.integers(0, 10**6), st.sampled_from([made.ct_series, made.mr_series]))
@settings(max_examples=12, deadline=None)
def test_oblique_series_lie_where_simpleitk_sees_them(seed, kind):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        kind(f"{folder}/s", (5, 4, 3), (0.7, 0.9, 2.5), (-100.123, 20.456, 1300.789), turned(seed))
        require_same(read_image(f"{folder}/s"), seen_by_itk(Path(folder) / "s"))


def test_a_series_far_from_the_origin_loses_no_digits(tmp_path):
    made.ct_series(tmp_path / "s", (5, 4, 9), (0.5, 0.5, 0.1), (-9000.25, 8000.5, 12345.75), turned(3))
    require_same(read_image(tmp_path / "s"), seen_by_itk(tmp_path / "s"))


@pytest.mark.parametrize("order", [None, range(6), (3, 0, 5, 1, 4, 2)])
@pytest.mark.parametrize("axes", [made.EYE, turned(11)])
def test_frames_of_one_object_are_sorted_by_place(tmp_path, order, axes):
    path = made.multiframe_ct(tmp_path / "m.dcm", direction=axes, order=order, slope=2.0, intercept=-1000.0)
    image = read_image(path)
    truth = np.rint((made.ramp(SHAPE) + 1000) / 2) * 2 - 1000
    assert np.array_equal(image.data, truth) and image.data.dtype == np.int32  # 16 bits times two need more
    assert np.allclose(image.geometry.direction, axes, rtol=0, atol=1e-9)
    assert np.allclose(image.geometry.origin, (-10, -20, 30)) and np.allclose(image.geometry.spacing, (0.8, 0.9, 2.5))
    if order == range(6):  # a stack that descends is read upside down by SimpleITK, place and values alike
        require_same(image, seen_by_itk(path))
    expected = [list(order or range(5, -1, -1)).index(k) + 1 for k in range(6)]
    assert image.reference.frames == tuple(expected) and len(image.reference.instances) == 1


def test_slices_are_sorted_by_place_and_named_in_that_order(tmp_path):
    paths = made.ct_series(tmp_path / "s")
    assert [p.name for p in paths] != sorted(p.name for p in paths)  # names and numbers run otherwise
    reference = read_image(tmp_path / "s").reference
    first = pydicom.dcmread(paths[0], stop_before_pixels=True)
    assert reference.instances == tuple(str(pydicom.dcmread(p).SOPInstanceUID) for p in paths)
    assert (reference.series, reference.study) == (first.SeriesInstanceUID, first.StudyInstanceUID)
    assert (reference.frame_of_reference, reference.sop_class) == (first.FrameOfReferenceUID, made.CT)
    assert reference.frames == ()


@pytest.mark.parametrize(
    ("tags", "dtype"),
    [
        ({}, np.int16),
        ({"PixelRepresentation": 0, "BitsStored": 12, "RescaleIntercept": "-1024"}, np.int16),
        ({"PixelRepresentation": 0, "RescaleIntercept": "-1024"}, np.int32),
        ({"BitsAllocated": 32}, np.int32),
        ({"RescaleSlope": "0.5"}, np.float32),
        ({"RescaleSlope": "0.25", "BitsAllocated": 32}, np.float64),
    ],
)
def test_values_are_rescaled_into_the_smallest_type_that_holds_them(tmp_path, tags, dtype):
    made.ct_series(tmp_path / "s", **tags)
    image = read_image(tmp_path / "s")
    assert image.data.dtype == dtype and np.array_equal(image.data, made.ramp(SHAPE))
    require_same(image, seen_by_itk(tmp_path / "s"))


def test_an_mr_series_may_scale_each_slice_its_own_way(tmp_path):
    slopes = [str(0.5 * 2 ** (k % 3)) for k in range(6)]
    made.mr_series(tmp_path / "s", RescaleSlope=slopes, RescaleIntercept=["-4"] * 6)
    image = read_image(tmp_path / "s")
    truth = np.rint((made.ramp(SHAPE) + 2004) / np.array(slopes, float)) * np.array(slopes, float) - 4
    assert np.array_equal(image.data, truth) and image.data.dtype == np.float32
    assert any("differ from slice to slice" in note for note in image.notes)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"]
)
def test_every_encoding_gives_the_same_values(tmp_path, syntax):
    made.ct_series(tmp_path / "s", syntax=syntax)
    made.multiframe_ct(tmp_path / "m.dcm", syntax=syntax)
    assert np.array_equal(read_image(tmp_path / "s").data, made.ramp(SHAPE))
    assert np.array_equal(read_image(tmp_path / "m.dcm").data, made.ramp(SHAPE))


REAL = (
    "CT_small", "MR_small", "MR_small_RLE", "MR_small_bigendian", "MR_small_implicit", "MR_small_jp2klossless",
    "MR_small_jpeg_ls_lossless", "JPEG2000", "JPEGLSNearLossless_16", "image_dfl", "693_J2KI",
)  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_files_decode_as_simpleitk_decodes_them(name):
    """Files of scanners and of other programs that come with pydicom (no download)."""
    path = Path(pydicom.__file__).parent / "data" / "test_files" / f"{name}.dcm"
    source = open_source(path)
    pixels = pixels_of(source)
    require_voxels(source, pixels)
    (frame,) = frames_of(source, pixels)
    slope, intercept = (
        float(pydicom.dcmread(path).get(k, v)) for k, v in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
    assert frame.shape == theirs.shape and np.array_equal(frame * slope + intercept, theirs)


def test_what_a_reader_should_know_is_noted(tmp_path):
    values = made.ramp(SHAPE)
    values[0, 0, :] = -2000
    made.ct_series(
        tmp_path / "s", values=values, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=-2000,
        LossyImageCompression="01", FrameOfReferenceUID=None,
    )  # fmt: skip
    image = read_image(tmp_path / "s")
    assert np.array_equal(image.data, values)  # neither inverted nor filled
    text = "; ".join(image.notes)
    for word in ("MONOCHROME1", "6 voxels hold the padding value", "with loss", "no frame of reference"):
        assert word in text
    assert image.reference.frame_of_reference == ""


def test_nothing_of_a_person_is_kept(tmp_path):
    made.ct_series(tmp_path / "s", PatientName="Doe^Jane", SeriesDescription="Doe^Jane", RescaleSlope="0.5")
    image = read_image(tmp_path / "s")
    assert "Doe" not in repr((image.geometry, image.reference, image.notes))


def test_a_folder_may_hold_what_desktops_and_archives_leave_there(tmp_path):
    made.ct_series(tmp_path / "s")
    for name in (".hidden", "DICOMDIR", "Thumbs.db", "desktop.ini"):
        (tmp_path / "s" / name).write_bytes(b"not a slice")
    (tmp_path / "s" / "labels").mkdir()
    assert read_image(tmp_path / "s").data.shape == SHAPE


def plane(x, y, z):
    """A field that linear interpolation reproduces exactly."""
    return 3.0 * x - 2.0 * y + 0.5 * z + 100.0


def linear_series(folder, step, slope=(0.0, 0.0), count=6):
    """A series of a field linear in space; `step(k)` is the height of slice k, `slope` the shift per height."""
    i, j = np.arange(12.0)[:, None] * 0.8, np.arange(10.0)[None, :] * 0.9
    values = np.empty((12, 10, count))
    for k in range(count):
        values[:, :, k] = plane(i + slope[0] * step(k), j + slope[1] * step(k), step(k))
    made.ct_series(
        folder, (12, 10, count), values=values, RescaleSlope="0.0009765625", BitsAllocated=32,
        ImagePositionPatient=lambda k: [f"{slope[0] * step(k):.9g}", f"{slope[1] * step(k):.9g}", f"{step(k):.9g}"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "slope", "word"),
    [
        (lambda k: 2.0 * k, (0.0, 0.21), "degrees off"),
        (lambda k: 2.0 * k, (-0.13, 0.21), "degrees off"),
        (lambda k: [0.0, 2.0, 4.0, 6.5, 8.0, 10.0][k], (0.0, 0.0), "run from 1.5 to 2.5 mm"),
        (lambda k: [0.0, 2.0, 4.0, 8.0, 10.0, 12.0][k], (0.0, 0.0), "slices are missing at 1 place"),
    ],
)
def test_uneven_stacks_are_refused_or_resampled_as_asked(tmp_path, step, slope, word):
    linear_series(tmp_path / "s", step, slope)
    with pytest.raises(BadInput, match="uneven_slices: resample") as refusal:
        read_image(tmp_path / "s")
    assert word in str(refusal.value)
    image = read_image(tmp_path / "s", uneven="resample")
    assert any(word in note and note.startswith("resampled linearly") for note in image.notes)
    assert image.geometry.spacing == pytest.approx((0.8, 0.9, 2.0), rel=1e-12)
    assert image.geometry.direction == made.EYE and len(image.reference.instances) == image.data.shape[2]
    at = np.stack(np.meshgrid(*[np.arange(n) for n in image.data.shape], indexing="ij"), -1)
    truth = plane(*np.moveaxis(image.geometry.index_to_world_mm(at), -1, 0))
    right = np.abs(image.data - truth) < 2e-3  # stored in steps of 1/1024, kept as 32-bit floats
    outside = image.data == image.data.min()
    assert np.all(right | outside)
    # Empty is only what no slice covers: each fills all of its own 12 x 10 voxels but for a cut rim.
    assert np.all(right[3:-3, 3:-3, :]) and outside.mean() <= 1.0 - 11 * 9 / np.prod(image.data.shape[:2])


def test_a_straight_series_is_not_resampled(tmp_path):
    made.ct_series(tmp_path / "s", direction=turned(5))
    plain, asked = read_image(tmp_path / "s"), read_image(tmp_path / "s", uneven="resample")
    assert np.array_equal(plain.data, asked.data) and plain.geometry == asked.geometry and asked.notes == ()


def test_small_unevenness_is_allowed_and_told(tmp_path):
    made.ct_series(tmp_path / "s", ImagePositionPatient=lambda k: ["0", "0", str(2.5 * k + (0.02 if k == 3 else 0))])
    image = read_image(tmp_path / "s")
    assert image.geometry.spacing[2] == pytest.approx(2.5, rel=1e-12)
    assert any("distances of slices vary" in note for note in image.notes)


def test_reading_says_nothing_to_programmers(tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.ct_series(tmp_path / "s", ContentTime="no time", PatientBirthDate="x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_image(tmp_path / "s")
    assert capsys.readouterr() == ("", "")
