"""Image files: what comes back is what was written, as SimpleITK sees it too; what cannot be used is refused."""

import gzip
import struct
import tempfile

import nibabel
import nrrd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_space_geometry import geometries

from oxablate.quantities.refusal import BadInput
from oxablate.space.files import read_image, read_labels, require_same_voxels, write_image
from oxablate.space.image import FRAMES, Image, ImageGeometry
from oxablate.space.nrrd import write_nrrd

ENDINGS = (".nii", ".nii.gz", ".nrrd")


def oblique(handed: float) -> np.ndarray:
    axes = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    return axes * np.array([1.0, 1.0, handed * np.sign(np.linalg.det(axes))])


GEOMETRIES = {
    "plain": ImageGeometry.from_columns((4, 5, 6), np.diag([1.0, 1.0, 1.0]), (0, 0, 0)),
    "left-handed thick": ImageGeometry.from_columns(
        (7, 5, 3), np.diag([0.78125, -0.78125, 6.5]), (-99.609375, 99.609375, -78.0)
    ),
    "short decimals": ImageGeometry.from_columns(
        (4, 5, 6), np.diag([0.664062, 0.664062, 2.1]), (-116.5431, -48.14465, 9.45)
    ),
    "permuted": ImageGeometry.from_columns((4, 5, 6), np.eye(3)[[2, 0, 1]] * [0.7, -1.3, 3.1], (1.5, -2.25, 3.125)),
    "oblique": ImageGeometry.from_columns((4, 5, 6), oblique(1.0) * [0.7, 0.9, 3.3], (12.3, -45.6, 78.9)),
    "oblique left-handed": ImageGeometry.from_columns((4, 5, 6), oblique(-1.0) * [0.7, 0.9, 3.3], (12.3, -45.6, 78.9)),
}


def image_on(geometry: ImageGeometry, dtype=np.int16) -> Image:
    values = np.arange(np.prod(geometry.shape)).reshape(geometry.shape).astype(dtype)
    return Image(values, geometry)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", sorted(GEOMETRIES))
def test_round_trip_keeps_values_and_place(tmp_path, name, ending):
    geometry = GEOMETRIES[name]
    back = read_image(write_image(tmp_path / f"x{ending}", image_on(geometry)))
    assert np.array_equal(back.data, image_on(geometry).data) and back.data.dtype == np.int16
    assert back.data.flags.c_contiguous
    if ending == ".nrrd" or not name.startswith("oblique"):
        assert np.allclose(back.geometry.spacing, geometry.spacing, rtol=1e-15, atol=0)
        assert back.geometry.origin == geometry.origin
        assert np.allclose(back.geometry.direction, geometry.direction, atol=1e-15)
    else:  # a 32-bit header
        assert np.allclose(back.geometry.spacing, geometry.spacing, rtol=1e-15, atol=0)
        assert back.geometry.origin == geometry.origin
        assert np.allclose(back.geometry.direction, geometry.direction, atol=2e-7)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", sorted(GEOMETRIES))
def test_simpleitk_sees_the_same_place(tmp_path, name, ending):
    sitk = pytest.importorskip("SimpleITK")
    geometry = GEOMETRIES[name]
    seen = sitk.ReadImage(str(write_image(tmp_path / f"x{ending}", image_on(geometry))))
    assert seen.GetSize() == geometry.shape
    corner = [n - 1 for n in geometry.shape]
    assert seen[corner] == image_on(geometry).data[tuple(corner)] and seen[1, 2, 0] == image_on(geometry).data[1, 2, 0]
    for index in ((0, 0, 0), corner, (1, 3, 2)):
        there = seen.TransformIndexToPhysicalPoint([int(i) for i in index])
        assert np.allclose(there, geometry.index_to_world_mm(index), atol=2e-5)
    assert np.allclose(seen.GetSpacing(), geometry.spacing, rtol=1e-6)
    assert np.allclose(np.reshape(seen.GetDirection(), (3, 3)), geometry.direction, atol=1e-6)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", sorted(GEOMETRIES))
def test_files_of_simpleitk_are_read_as_meant(tmp_path, name, ending):
    sitk = pytest.importorskip("SimpleITK")
    geometry = GEOMETRIES[name]
    made = sitk.GetImageFromArray(np.ascontiguousarray(image_on(geometry).data.transpose(2, 1, 0)))
    made.SetSpacing(geometry.spacing)
    made.SetOrigin(geometry.origin)
    made.SetDirection(np.ravel(geometry.direction).tolist())
    sitk.WriteImage(made, str(tmp_path / f"x{ending}"))
    back = read_image(tmp_path / f"x{ending}")
    assert np.array_equal(back.data, image_on(geometry).data)
    for index in ((0, 0, 0), (3, 4, 2)):
        there = made.TransformIndexToPhysicalPoint(index)
        assert np.allclose(back.geometry.index_to_world_mm(index), there, atol=2e-5)


@pytest.mark.parametrize("frame", sorted(FRAMES))
def test_nrrd_frames_place_the_image_alike(tmp_path, frame):
    sitk = pytest.importorskip("SimpleITK")
    image = image_on(GEOMETRIES["oblique left-handed"])
    (tmp_path / "x.nrrd").write_bytes(write_nrrd(image, frame))
    back = read_image(tmp_path / "x.nrrd").geometry
    assert np.allclose(back.columns, image.geometry.columns, rtol=1e-14)
    assert back.origin == image.geometry.origin
    seen = sitk.ReadImage(str(tmp_path / "x.nrrd"))
    assert np.allclose(seen.GetOrigin(), image.geometry.origin)


@given(geometries(longest=4), st.sampled_from(ENDINGS))
@settings(max_examples=60, deadline=None)
def test_any_geometry_comes_back_from_a_file(geometry, ending):
    """NRRD to round-off; NIfTI to the 32-bit floats of its header: 6e-8 of the origin and of the extent."""
    image = Image(np.zeros(geometry.shape, np.uint8), geometry)
    with tempfile.TemporaryDirectory() as folder:
        back = read_image(write_image(f"{folder}/x{ending}", image)).geometry
    assert back.shape == geometry.shape and geometry.differences(back) == []
    last = np.asarray(geometry.shape) - 1.0
    reach = np.abs(geometry.origin).max() + (np.asarray(geometry.spacing) * last).sum()
    bound = (1e-14 if ending == ".nrrd" else 3e-7) * reach + 1e-12
    assert np.abs(back.index_to_world_mm(last) - geometry.index_to_world_mm(last)).max() < bound
    assert np.allclose(back.world_mm_to_index(geometry.index_to_world_mm(last)), last, atol=bound / 0.05)


@pytest.mark.parametrize("ending", ENDINGS)
def test_same_image_same_bytes(tmp_path, ending):
    image = image_on(GEOMETRIES["oblique"], np.float32)
    first = write_image(tmp_path / f"a{ending}", image).read_bytes()
    assert write_image(tmp_path / f"b{ending}", image).read_bytes() == first
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_place_does_not_drift_over_generations(tmp_path, ending):
    image = image_on(GEOMETRIES["oblique left-handed"])
    for _ in range(6):
        image = read_image(write_image(tmp_path / f"x{ending}", image))
    truth = GEOMETRIES["oblique left-handed"]
    assert np.allclose(image.geometry.columns, truth.columns, atol=1e-14 if ending == ".nrrd" else 2e-6)
    assert image.geometry.origin == truth.origin and image.geometry.spacing == truth.spacing


def test_no_text_of_a_header_is_carried_on(tmp_path):
    secret = b"DOE^JANE"
    affine = np.diag([1.0, 1, 1, 1])
    file = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), affine)
    for field in ("descrip", "aux_file", "intent_name", "db_name"):
        file.header[field] = secret
    file.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", secret))
    nibabel.save(file, tmp_path / "in.nii")
    header = {"space": "LPS", "space directions": np.eye(3), "space origin": [0, 0, 0], "patient": "DOE^JANE"}
    header |= {"content": "DOE^JANE", "encoding": "raw"}
    nrrd.write(str(tmp_path / "in.nrrd"), np.zeros((4, 4, 4), np.int16), header)
    for source in ("in.nii", "in.nrrd"):
        assert secret in (tmp_path / source).read_bytes()
        for ending in ENDINGS:
            path = write_image(tmp_path / f"out{ending}", read_image(tmp_path / source))
            blob = path.read_bytes()
            assert secret not in (gzip.decompress(blob) if ending == ".nii.gz" else blob)


def test_header_traps_of_nifti(tmp_path):
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    metres = nibabel.Nifti1Image(data, np.diag([0.001, 0.002, 0.003, 1]))
    metres.header.set_xyzt_units("meter")
    nibabel.save(metres, tmp_path / "m.nii")
    assert np.allclose(read_image(tmp_path / "m.nii").geometry.spacing, (1, 2, 3), rtol=1e-12)
    one = nibabel.Nifti1Image(data[..., None], np.diag([1, 1, 1, 1.0]))
    nibabel.save(one, tmp_path / "one.nii")
    assert read_image(tmp_path / "one.nii").data.shape == (2, 3, 4)
    nowhere = nibabel.Nifti1Image(data, None)
    nibabel.save(nowhere, tmp_path / "nowhere.nii")
    torn = nibabel.Nifti1Image(data, np.eye(4))
    torn.set_qform(np.diag([-1, 1, 1, 1.0]), code=1)
    nibabel.save(torn, tmp_path / "torn.nii")
    big = nibabel.Nifti1Image(data.astype(">i2"), np.eye(4), nibabel.Nifti1Header(endianness=">"))
    nibabel.save(big, tmp_path / "big.nii")
    assert np.array_equal(read_image(tmp_path / "big.nii").data, data)
    assert read_image(tmp_path / "big.nii").data.dtype.isnative
    with pytest.raises(BadInput, match="no position"):
        read_image(tmp_path / "nowhere.nii")
    with pytest.raises(BadInput, match="sform and a qform"):
        read_image(tmp_path / "torn.nii")


def _write_nrrd(path, data, **fields):
    header = {"space": "left-posterior-superior", "space directions": np.eye(3), "space origin": [0, 0, 0]} | fields
    nrrd.write(str(path), data, {k: v for k, v in header.items() if v is not None})


def test_refusals_name_the_file_in_one_sentence(tmp_path):
    cube = np.zeros((3, 3, 3), np.float32)
    nan = cube.copy()
    nan[0, 1, 2] = np.nan
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3, 2)), np.eye(4)), tmp_path / "four.nii")
    colour = np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colour, np.eye(4)), tmp_path / "rgb.nii")
    nibabel.save(nibabel.Nifti1Image(nan, np.eye(4)), tmp_path / "nan.nii.gz")
    nibabel.save(nibabel.Nifti1Image(cube, np.diag([25.0, 1, 1, 1])), tmp_path / "coarse.nii")
    whole = (tmp_path / "coarse.nii").read_bytes()
    (tmp_path / "cut.nii").write_bytes(whole[:-40])
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(whole)[:60])
    (tmp_path / "text.nrrd").write_text("not an image")
    (tmp_path / "text.nii").write_text("not an image")
    (tmp_path / "empty.nii").write_bytes(b"")
    (tmp_path / "folder.nrrd").mkdir()
    (tmp_path / "x.jpg").write_bytes(b"no image")
    (tmp_path / "scan.dcm").write_bytes(b"\0" * 200)
    _write_nrrd(tmp_path / "inf.nrrd", np.full((2, 2, 2), np.inf))
    _write_nrrd(tmp_path / "scanner.nrrd", cube, space="scanner-xyz")
    _write_nrrd(tmp_path / "origin.nrrd", cube, **{"space origin": None})
    _write_nrrd(tmp_path / "units.nrrd", cube, **{"space units": ["cm", "cm", "cm"]})
    vector = {"space directions": np.vstack([np.full(3, np.nan), np.eye(3)]), "kinds": ["vector", *["domain"] * 3]}
    _write_nrrd(tmp_path / "vector.nrrd", np.zeros((3, 2, 2, 2)), **vector)
    nrrd.write(str(tmp_path / "det.nhdr"), cube, {"space": "LPS", "space directions": np.eye(3)})
    (tmp_path / "det.nrrd").write_bytes((tmp_path / "det.nhdr").read_bytes())
    expected = {
        "missing.nii": "does not exist", "scan.dcm": "not a DICOM file", "det.nhdr": "another file",
        "det.nrrd": "another file", "four.nii": "4 dimensions", "rgb.nii": "colour", "nan.nii.gz": "1 voxels that",
        "coarse.nii": "25 x 1 x 1", "cut.nii": "cut short", "cut.nii.gz": "cut short", "text.nrrd": "no NRRD header",
        "text.nii": "not a NIfTI file", "empty.nii": "not a NIfTI file", "folder.nrrd": "folder",
        "inf.nrrd": "8 voxels", "x.jpg": "'.jpg'", "scanner.nrrd": "scanner-xyz", "origin.nrrd": "space origin",
        "units.nrrd": "cm", "vector.nrrd": "4 dimensions",
    }  # fmt: skip
    for name, word in expected.items():
        with pytest.raises(BadInput) as refusal:
            read_image(tmp_path / name)
        text = str(refusal.value)
        assert name in text and word in text and "\n" not in text, (name, text)


def test_header_that_promises_more_than_the_file_holds(tmp_path):
    write_image(tmp_path / "x.nii", image_on(GEOMETRIES["plain"]))
    blob = bytearray((tmp_path / "x.nii").read_bytes())
    blob[40:48] = struct.pack("<4h", 3, 30000, 30000, 30000)
    (tmp_path / "x.nii").write_bytes(blob)
    with pytest.raises(BadInput, match="at most 2147483648 values"):
        read_image(tmp_path / "x.nii")
    blob[40:48] = struct.pack("<4h", 3, 1000, 1000, 1000)
    (tmp_path / "x.nii").write_bytes(blob)
    with pytest.raises(BadInput, match=r"has \d+ bytes, its header announces 2000000352"):
        read_image(tmp_path / "x.nii")


@pytest.mark.parametrize(("value", "word"), [(0.5, "0.5"), (-1.0, "negative label -1")])
def test_label_maps_hold_whole_numbers_from_zero(tmp_path, value, word):
    data = np.zeros((3, 3, 3), np.float32)
    data[1, 1, 1] = value
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "l.nii")
    with pytest.raises(BadInput, match=word):
        read_labels(tmp_path / "l.nii")
    data[1, 1, 1] = 7
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "l.nii")
    labels = read_labels(tmp_path / "l.nii")
    assert labels.data.dtype == np.int32 and labels.data[1, 1, 1] == 7


def test_misfit_is_told_with_both_values():
    image = image_on(GEOMETRIES["plain"])
    moved = Image(image.data, ImageGeometry.from_columns((4, 5, 6), np.diag([1, 1, 1.5]), (0, 0, 0)))
    with pytest.raises(BadInput, match=r"a\.nii does not fit image b\.nii: spacing \(1, 1, 1.5\) against \(1, 1, 1\)"):
        require_same_voxels(image, moved, "b.nii", "a.nii")
    require_same_voxels(image, image, "b", "a")


def test_types_that_nifti_lacks(tmp_path):
    geometry = GEOMETRIES["plain"]
    for dtype, kept in ((bool, np.uint8), (np.int64, np.int32), (np.float16, np.float32)):
        back = read_image(write_image(tmp_path / "t.nii", image_on(geometry, dtype)))
        assert back.data.dtype == kept and np.array_equal(back.data, image_on(geometry, dtype).data)
    huge = Image(np.full(geometry.shape, 2**40), geometry)
    with pytest.raises(BadInput, match="nrrd"):
        write_image(tmp_path / "t.nii", huge)
    assert np.array_equal(read_image(write_image(tmp_path / "t.nrrd", huge)).data, huge.data)
