"""RT structure sets: the pixels whose centres a contour encloses, on the slice it lies in, or refused."""

import struct

import numpy as np
import pytest
from dicom_files import ct_series, rtstruct
from drawings import EYE, SHAPE, TILTED, assert_equal, found, geometry, image, square, world
from pydicom import dcmread

from oxablate.quantities.refusal import BadInput
from oxablate.space.dicom.encoding import require_whole
from oxablate.space.dicom.rtstruct import fill
from oxablate.space.files import read_image
from oxablate.space.labels import read_segments


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


def test_a_contour_that_was_drawn_on_another_slice_is_refused(tmp_path):
    ct_series(tmp_path / "ct")
    path = rtstruct(tmp_path / "r.dcm", tmp_path / "ct", {"Tumour": [world(square(2, 5, 1), geometry())]})
    assert read_segments(path, read_image(tmp_path / "ct")).segments[0].voxels == 9
    data = dcmread(path)
    points = world(square(2, 5, 3), geometry())
    data.ROIContourSequence[0].ContourSequence[0].ContourData = list(points.ravel())
    data.save_as(path)
    with pytest.raises(BadInput, match=r"lies in slice 3 of the image and was drawn on slice 1"):
        read_segments(path, read_image(tmp_path / "ct"))


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


def test_a_structure_set_cut_short_anywhere_is_refused(tmp_path):
    ct_series(tmp_path / "ct")
    drawn = {name: [world(square(2, 5, k), geometry()) for k in (1, 2)] for name in ("Tumour", "Vessel")}
    path = rtstruct(tmp_path / "r.dcm", tmp_path / "ct", drawn)
    whole = path.read_bytes()
    read_segments(path, image())
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput, match=r"r\.dcm"):
            read_segments(path, image())
    path.write_bytes(whole + b"more")
    with pytest.raises(BadInput, match="broken at byte"):
        read_segments(path, image())
    path.write_bytes(whole + bytes(64))
    assert len(read_segments(path, image()).segments) == 2


def element(tag: int, kind: bytes, value: bytes) -> bytes:
    """An element with its kind of value; sequences in the long form."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind
    return head + (struct.pack("<HI", 0, len(value)) if kind == b"SQ" else struct.pack("<H", len(value))) + value


def item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def nested(depth: int) -> bytes:
    inner = element(0x00080005, b"CS", b"AB")
    for _ in range(depth):
        inner = element(0x00081140, b"SQ", item(inner))
    return inner


ENCODINGS = {
    "fine": (element(0x00080005, b"CS", b"AB") + element(0x00080016, b"UI", b"1.2\0"), None),
    "nested": (nested(5), None),
    "nested too deep": (nested(40), "deeper than 16"),
    "falling tags": (element(0x00080016, b"UI", b"1.2\0") + element(0x00080005, b"CS", b"AB"), "do not rise"),
    "one tag twice": (element(0x00080005, b"CS", b"AB") * 2, "do not rise"),
    "unknown kind": (element(0x00080005, b"ZZ", b"AB"), "no known kind"),
    "too long a value": (element(0x00080005, b"CS", b"ABCD")[:-2], "longer than what holds it"),
    "half a head": (element(0x00080005, b"CS", b"AB") + b"\x08\0\x16", "ends inside"),
    "no item": (element(0x00081140, b"SQ", b"\x08\0\x05\0\0\0\0\0"), "no item"),
    "item too long": (element(0x00081140, b"SQ", item(nested(1))[:-2]), "longer than what holds it"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_element_ends_where_it_says(name):
    blob, why = ENCODINGS[name]
    if why is None:
        require_whole(blob, 0, implicit=False)
        return
    with pytest.raises(BadInput, match=why):
        require_whole(blob, 0, implicit=False)
