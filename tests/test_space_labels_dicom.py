"""DICOM segmentations and structure sets: every voxel where it was drawn, in any order and orientation, or refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_files import ct_series, rtstruct, seg, uid
from pydicom import dcmread

from oxablate.quantities.refusal import BadInput
from oxablate.space.dicom.reference import DicomReference
from oxablate.space.dicom.rtstruct import fill
from oxablate.space.image import Image, ImageGeometry
from oxablate.space.labels import read_segments

SHAPE, SPACING, ORIGIN = (12, 10, 6), (0.8, 0.9, 2.5), (-10.0, -20.0, 30.0)
EYE = np.eye(3)
TILTED = np.array([[0.8, 0.36, 0.48], [-0.6, 0.48, 0.64], [0.0, -0.8, 0.6]])  # a rotation, exact in two digits


def geometry(direction=EYE, shape=SHAPE, spacing=SPACING, origin=ORIGIN) -> ImageGeometry:
    return ImageGeometry.from_columns(shape, np.asarray(direction) * np.asarray(spacing), origin)


def image(where=None, series="ct", frame="ct") -> Image:
    where = geometry() if where is None else where
    named = DicomReference(
        uid("ct", "study"), uid(series, "series"), uid(frame, "frame"), "1.2.840.10008.5.1.4.1.1.2", ("1.2",)
    )
    return Image(np.zeros(where.shape, np.int16), where, named)


def masks() -> dict[str, np.ndarray]:
    """Three parts without symmetry; the second lies inside the first, the third has slices between that are empty."""
    drawn = {name: np.zeros(SHAPE, bool) for name in ("Tumour", "Necrosis", "Vessel")}
    drawn["Tumour"][2:8, 3:9, 1:5] = True
    drawn["Tumour"][2, 3, 1] = False
    drawn["Necrosis"][4:6, 5:7, 2:4] = True
    drawn["Vessel"][9, 1, 0] = drawn["Vessel"][10, 2, 5] = True
    return drawn


def found(segments) -> dict[str, np.ndarray]:
    return {s.name: s.mask(segments.geometry.shape) for s in segments.segments}


def assert_equal(segments, drawn) -> None:
    seen = found(segments)
    assert list(seen) == list(drawn)
    for name, mask in drawn.items():
        assert np.array_equal(seen[name], mask), name
        assert next(s for s in segments.segments if s.name == name).voxels == mask.sum()


@pytest.mark.parametrize("direction", [EYE, TILTED, TILTED[:, [1, 2, 0]]], ids=["axial", "oblique", "turned"])
def test_a_segmentation_comes_back_voxel_by_voxel(tmp_path, direction):
    ct_series(tmp_path / "ct", direction=direction)
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    segments = read_segments(path, image(geometry(direction)))
    assert_equal(segments, masks())
    assert [s.number for s in segments.segments] == [1, 2, 3] and not segments.notes
    assert segments.kind == "DICOM segmentation"


def shuffled(path, seed=3) -> None:
    """Put the frames of a segmentation into another order, pixels and descriptions."""
    data = dcmread(path)
    order = np.random.default_rng(seed).permutation(int(data.NumberOfFrames))
    assert not np.array_equal(order, np.sort(order))
    frames = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")
    size = data.Rows * data.Columns
    frames = frames[: size * len(order)].reshape(len(order), size)[order]
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    data.PixelData = packed + b"\0" * (len(packed) % 2)
    groups = list(data.PerFrameFunctionalGroupsSequence)
    data.PerFrameFunctionalGroupsSequence = [groups[n] for n in order]
    data.save_as(path)


def test_frames_may_come_in_any_order(tmp_path):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    shuffled(path)
    assert_equal(read_segments(path, image()), masks())


@pytest.mark.parametrize("flips", [(1, 1, -1), (-1, -1, 1), (-1, 1, -1)])
def test_an_image_with_its_axes_turned_round_gets_the_same_places(tmp_path, flips):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    signs = np.asarray(flips)
    last = np.where(signs < 0, np.asarray(SHAPE) - 1, 0) * np.asarray(SPACING)
    turned = geometry(EYE * signs, origin=np.asarray(ORIGIN) + last)
    expected = {name: mask[:: flips[0], :: flips[1], :: flips[2]] for name, mask in masks().items()}
    assert_equal(read_segments(path, image(turned)), expected)


def test_an_image_with_its_axes_swapped_gets_the_same_places(tmp_path):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    order = [2, 0, 1]
    swapped = geometry(EYE[:, order], tuple(SHAPE[a] for a in order), tuple(SPACING[a] for a in order))
    assert_equal(read_segments(path, image(swapped)), {n: m.transpose(order) for n, m in masks().items()})


def test_a_segmentation_without_an_image_has_its_own_voxels(tmp_path):
    ct_series(tmp_path / "ct")
    drawn = masks()
    alone = read_segments(seg(tmp_path / "s.dcm", tmp_path / "ct", drawn), None)
    assert not alone.geometry.differences(geometry())
    assert_equal(alone, drawn)


def test_an_image_not_from_dicom_is_placed_by_position_with_a_note(tmp_path):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    segments = read_segments(path, Image(np.zeros(SHAPE), geometry()))
    assert_equal(segments, masks())
    assert any("not from DICOM" in note for note in segments.notes)


def test_a_fraction_is_inside_from_one_half(tmp_path):
    ct_series(tmp_path / "ct")
    share = np.zeros(SHAPE)
    share[3, 4, 2], share[4, 4, 2], share[5, 4, 3] = 0.49, 0.51, 1.0
    options = {"segmentation_type": "FRACTIONAL", "fractional_type": "PROBABILITY"}
    segments = read_segments(seg(tmp_path / "s.dcm", tmp_path / "ct", {"Tumour": share}, **options), image())
    assert_equal(segments, {"Tumour": share > 0.5})
    assert any("probability" in note and "one half" in note for note in segments.notes)


def test_a_label_map_segmentation_is_read(tmp_path):
    ct_series(tmp_path / "ct")
    drawn = masks()
    drawn["Tumour"] &= ~drawn["Necrosis"]
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", drawn, segmentation_type="LABELMAP")
    segments = read_segments(path, image())
    assert_equal(segments, drawn)
    assert segments.kind == "DICOM label map segmentation"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (dict(series="other"), ("was drawn on series", uid("ct", "series"), uid("other", "series"))),
        (dict(frame="other"), ("frame of reference", uid("ct", "frame"), uid("other", "frame"))),
        (dict(where=geometry(spacing=(0.8, 0.9, 2.4))), ("between the voxels", "draw the segments on this image")),
        (dict(where=geometry(spacing=(0.9, 0.9, 2.5))), ("voxels step by (0.8, 0, 0)", "(0.9, 0, 0)")),
        (dict(where=geometry(origin=(-10.4, -20, 30))), ("between the voxels of the image",)),
        (dict(where=geometry(shape=(12, 10, 5))), ("marks 1 voxels outside the image",)),
    ],
)
def test_what_was_drawn_on_another_image_is_refused(tmp_path, change, said):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    with pytest.raises(BadInput) as refusal:
        read_segments(path, image(**change))
    for fragment in (*said, str(path)):
        assert fragment in str(refusal.value)


DAMAGE = {
    "pixels missing": (lambda d: setattr(d, "PixelData", d.PixelData[:-4]), "bytes of pixels where its header asks"),
    "more frames announced": (lambda d: setattr(d, "NumberOfFrames", 1000000), "announces 1000000 frames"),
    "huge frames": (lambda d: (setattr(d, "Rows", 65535), setattr(d, "Columns", 65535)), "where its header asks for"),
    "no segments": (lambda d: delattr(d, "SegmentSequence"), "describes no segments"),
    "unknown segment": (lambda d: setattr(d.SegmentSequence[0], "SegmentNumber", 9), "which it does not describe"),
    "no place": (lambda d: [delattr(g, "PlanePositionSequence") for g in d.PerFrameFunctionalGroupsSequence], "place"),
    "unknown type": (lambda d: setattr(d, "SegmentationType", "SURFACE"), "'SURFACE'; allowed are 'BINARY'"),
    "one place twice": (
        lambda d: setattr(
            d.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0], "ImagePositionPatient",
            d.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient,
        ),
        "two frames of segment 1 at one place",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_segmentation_is_refused(tmp_path, name):
    change, said = DAMAGE[name]
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    data = dcmread(path)
    change(data)
    data.save_as(path)
    with pytest.raises(BadInput) as refusal:
        read_segments(path, image())
    assert said in str(refusal.value) and str(path) in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.peer
@pytest.mark.parametrize("direction", [EYE, TILTED, TILTED[:, [1, 2, 0]]], ids=["axial", "oblique", "turned"])
def test_dcmqi_marks_the_same_places(tmp_path, direction):
    import SimpleITK as sitk

    ct_series(tmp_path / "ct", direction=direction)
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    program = Path(sys.executable).with_name("segimage2itkimage")
    command = [program, "--inputDICOM", path, "--outputDirectory", tmp_path, "--outputType", "nrrd"]
    subprocess.run(command, check=True, capture_output=True)
    where = geometry(direction)
    for segment in read_segments(path, image(where)).segments:
        theirs = sitk.ReadImage(str(tmp_path / f"{segment.number}.nrrd"))
        marked = np.argwhere(sitk.GetArrayFromImage(theirs).T)
        points = np.array([theirs.TransformIndexToPhysicalPoint([int(v) for v in index]) for index in marked])
        ours = where.index_to_world_mm(np.argwhere(segment.mask(SHAPE)))
        assert len(ours) == len(points) > 0
        apart = np.linalg.norm(ours[:, None] - points[None], axis=-1)
        assert apart.min(axis=0).max() < 1e-6 and apart.min(axis=1).max() < 1e-6


def test_an_image_for_labels_and_a_file_cut_short_are_refused(tmp_path):
    (slice_path, *_) = ct_series(tmp_path / "ct")
    with pytest.raises(BadInput, match="'CT Image Storage'; a segmentation or an RT structure set"):
        read_segments(slice_path, image())
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    whole = path.read_bytes()
    for part in (0, 100, 200, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:part])
        with pytest.raises(BadInput, match=r"s\.dcm"):
            read_segments(path, image())


# Structure sets


def world(index, where) -> np.ndarray:
    return where.index_to_world_mm(np.asarray(index, float))


def square(low, high, k) -> list[tuple[float, float, float]]:
    return [(low, low, k), (high, low, k), (high, high, k), (low, high, k)]


@pytest.mark.parametrize("direction", [EYE, TILTED], ids=["axial", "oblique"])
def test_contours_fill_the_pixels_whose_centres_they_enclose(tmp_path, direction):
    where = geometry(direction)
    ct_series(tmp_path / "ct", direction=direction)
    contours = {
        "Tumour": [world(square(1.5, 6.5, k), where) for k in (1, 2, 3)] + [world(square(2.5, 4.5, 2), where)],
        "Two": [world(square(0.5, 2.5, 4), where), world(square(4.5, 6.5, 4), where)],
    }
    drawn = {name: np.zeros(SHAPE, bool) for name in contours}
    drawn["Tumour"][2:7, 2:7, 1:4] = True
    drawn["Tumour"][3:5, 3:5, 2] = False  # a contour inside a contour is a hole
    drawn["Two"][1:3, 1:3, 4] = drawn["Two"][5:7, 5:7, 4] = True
    segments = read_segments(rtstruct(tmp_path / "r.dcm", tmp_path / "ct", contours), image(where))
    assert_equal(segments, drawn)
    assert segments.kind == "RT structure set" and not segments.notes


def test_contours_through_pixel_centres_share_their_edge(tmp_path):
    where = geometry()
    ct_series(tmp_path / "ct")
    left = [(2, 2, 1), (5, 2, 1), (5, 7, 1), (2, 7, 1)]
    right = [(5, 2, 1), (9, 2, 1), (9, 7, 1), (5, 7, 1)]
    contours = {"left": [world(left, where)], "right": [world(right, where)]}
    seen = found(read_segments(rtstruct(tmp_path / "r.dcm", tmp_path / "ct", contours), image(where)))
    assert not (seen["left"] & seen["right"]).any()
    assert seen["left"].sum() == 3 * 5 and seen["right"].sum() == 4 * 5
    assert (seen["left"] | seen["right"])[2:9, 2:7, 1].all()


def test_filling_agrees_with_an_independent_test_of_points():
    from matplotlib.path import Path as Outline

    rng = np.random.default_rng(11)
    i, j = np.indices((40, 30))
    centres = np.column_stack([i.ravel(), j.ravel()])
    for count in (3, 7, 40):
        polygons = [rng.uniform((-1, -1), (40, 30), (count, 2)) for _ in range(3)]
        expected = np.zeros((40, 30), bool)
        for corners in polygons:  # of a star-shaped polygon, so that winding and crossing agree
            middle = corners.mean(axis=0)
            corners[:] = corners[np.argsort(np.arctan2(*(corners - middle).T))]
            expected ^= Outline(np.vstack([corners, corners[:1]]), closed=True).contains_points(centres).reshape(40, 30)
        assert np.array_equal(fill(polygons, (40, 30)), expected) and 50 < expected.sum() < 1150


def test_a_circle_has_its_area_and_mirrors():
    angle = np.linspace(0, 2 * np.pi, 721)[:-1]
    circle = np.column_stack([30.3 + 20 * np.cos(angle), 31.7 + 20 * np.sin(angle)])
    inside = fill([circle], (64, 64))
    assert inside.sum() == pytest.approx(np.pi * 400, rel=0.01)  # Gauss's circle: an error of the order of the radius
    mirrored = fill([np.column_stack([63 - circle[:, 0], circle[:, 1]])], (64, 64))
    assert np.array_equal(mirrored, inside[::-1])


def change_contour(**values):
    def change(data):
        for keyword, value in values.items():
            setattr(data.ROIContourSequence[0].ContourSequence[0], keyword, value)

    return change


STRUCTURES = {
    "between slices": (change_contour(ContourData=list(world(square(2, 5, 1.4), geometry()).ravel())), "slice 1.40"),
    "beyond the image": (change_contour(ContourData=list(world(square(2, 5, 6), geometry()).ravel())), "slice 6.00"),
    "across slices": (
        change_contour(ContourData=list(world([(2, 2, 1), (2, 5, 1), (2, 5, 3), (2, 2, 3)], geometry()).ravel())),
        "crosses the slices",
    ),
    "off the image": (
        change_contour(ContourData=list(world(square(2, 15, 1), geometry()).ravel())),
        "leaves the image",
    ),
    "two corners": (change_contour(ContourData=[0, 0, 30, 1, 1, 30], NumberOfContourPoints=2), "6 coordinates"),
    "another count": (change_contour(NumberOfContourPoints=9), "announces 9 corners and has 4"),
    "unknown type": (change_contour(ContourGeometricType="SPLINE"), "'SPLINE'"),
    "not described": (lambda d: delattr(d, "StructureSetROISequence"), "describes no structures"),
    "other number": (lambda d: setattr(d.ROIContourSequence[0], "ReferencedROINumber", 7), "structure 7 without"),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_contours_that_cannot_be_placed_are_refused(tmp_path, name):
    change, said = STRUCTURES[name]
    ct_series(tmp_path / "ct")
    path = rtstruct(tmp_path / "r.dcm", tmp_path / "ct", {"Tumour": [world(square(2, 5, 1), geometry())]})
    data = dcmread(path)
    change(data)
    data.save_as(path)
    with pytest.raises(BadInput) as refusal:
        read_segments(path, image())
    assert said in str(refusal.value) and str(path) in str(refusal.value) and "\n" not in str(refusal.value)


def test_points_are_left_out_and_empty_slices_told(tmp_path):
    ct_series(tmp_path / "ct")
    drawn = {"Tumour": [world(square(1.5, 4.5, k), geometry()) for k in (1, 2, 4)]}
    path = rtstruct(tmp_path / "r.dcm", tmp_path / "ct", drawn)
    data = dcmread(path)
    data.ROIContourSequence[0].ContourSequence[1].ContourGeometricType = "OPEN_PLANAR"
    data.save_as(path)
    segments = read_segments(path, image())
    assert segments.segments[0].voxels == 2 * 9
    assert [n for n in segments.notes if "1 contours of type OPEN_PLANAR" in n and "'Tumour'" in n]
    assert [n for n in segments.notes if "2 slices between" in n]


def test_structures_of_another_series_or_without_an_image_are_refused(tmp_path):
    ct_series(tmp_path / "ct")
    path = rtstruct(tmp_path / "r.dcm", tmp_path / "ct", {"Tumour": [world(square(2, 5, 1), geometry())]})
    with pytest.raises(BadInput, match="was drawn on series"):
        read_segments(path, image(series="other"))
    with pytest.raises(BadInput, match="frame of reference"):
        read_segments(path, image(frame="other"))
    with pytest.raises(BadInput, match="give the image too"):
        read_segments(path, None)


def test_a_hostile_name_becomes_plain_text(tmp_path):
    ct_series(tmp_path / "ct")
    path = rtstruct(tmp_path / "r.dcm", tmp_path / "ct", {"Tumour": [world(square(2, 5, 1), geometry())]})
    data = dcmread(path)
    with pytest.warns(UserWarning, match="maximum length"):
        data.StructureSetROISequence[0].ROIName = "GTV\x1b[2J\u202e" + "x" * 200
    data.SpecificCharacterSet = "ISO_IR 192"
    data.save_as(path)
    (segment,) = read_segments(path, image()).segments
    assert segment.name.isprintable() and len(segment.name) == 64 and segment.name.startswith("GTV?[2J?xxx")
