"""Label files as segments: 3D Slicer's layers and names, label maps, damage."""

import gzip

import numpy as np
import pytest

from oxablate.quantities.refusal import BadInput
from oxablate.space.files import write_image
from oxablate.space.image import Image, ImageGeometry
from oxablate.space.labels import read_segments
from oxablate.space.segment import OnVoxels, Segment, Segments, plain_name, within

SHAPE, SPACING, ORIGIN = (9, 8, 7), (0.8, 0.9, 2.5), (-10.0, -20.0, 30.0)
TURNED = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


def geometry(direction=None, shape=SHAPE, spacing=SPACING, origin=ORIGIN) -> ImageGeometry:
    axes = np.eye(3) if direction is None else np.asarray(direction)
    return ImageGeometry.from_columns(shape, axes * np.asarray(spacing), origin)


def image(where=None) -> Image:
    where = geometry() if where is None else where
    return Image(np.zeros(where.shape, np.int16), where)


def slicer(
    path, layers, segments, where=None, start=(0, 0, 0), encoding="gzip", head=(), space="left-posterior-superior"
):
    """A .seg.nrrd as 3D Slicer writes it: layers of (nx, ny, nz), segments of (name, value, layer), `start` its box."""
    where = geometry() if where is None else where
    columns, origin = where.columns, where.index_to_world_mm(start)
    if space == "right-anterior-superior":
        columns, origin = columns * [[-1], [-1], [1]], origin * [-1, -1, 1]
    stacked = len(layers) > 1
    sizes = ([len(layers)] if stacked else []) + list(layers[0].shape)
    lines = ["NRRD0004", "# Complete NRRD file format specification", "type: unsigned char"]
    lines += [f"dimension: {len(sizes)}", f"space: {space}", "sizes: " + " ".join(map(str, sizes))]
    vectors = ["(" + ",".join(repr(float(v)) for v in column) + ")" for column in columns.T]
    lines += ["space directions: " + " ".join((["none"] if stacked else []) + vectors)]
    lines += ["kinds: " + ("list " if stacked else "") + "domain domain domain", f"encoding: {encoding}"]
    lines += ["space origin: (" + ",".join(repr(float(v)) for v in origin) + ")", *head]
    for n, (name, value, layer) in enumerate(segments):
        lines += [f"Segment{n}_ID:=Segment_{n}", f"Segment{n}_Name:={name}", f"Segment{n}_Color:=0.5 0.1 0.2"]
        lines += [f"Segment{n}_LabelValue:={value}", f"Segment{n}_Layer:={layer}"] if value else []
        lines += [f"Segment{n}_Tags:=Segmentation.Status:inprogress|TerminologyEntry:~SCT^85756007^Tissue~|"]
    array = np.stack(layers) if stacked else layers[0]
    voxels = array.astype(np.uint8).tobytes(order="F")
    packed = gzip.compress(voxels, mtime=0) if encoding == "gzip" else voxels
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + packed)
    return path


def two_layers():
    """A tumour with its core, which overlap, and a vessel, on a box that begins at (2, 1, 3) of the image."""
    first, second = np.zeros((5, 6, 3), np.uint8), np.zeros((5, 6, 3), np.uint8)
    first[0:4, 1:5, :] = 1
    first[4, 5, 2] = 2
    second[1:3, 2:4, 1] = 1
    expected = {name: np.zeros(SHAPE, bool) for name in ("Tumour", "Core", "Vessel")}
    expected["Tumour"][2:6, 2:6, 3:6] = True
    expected["Vessel"][6, 6, 5] = True
    expected["Core"][3:5, 3:5, 4] = True
    return [first, second], [("Tumour", 1, 0), ("Core", 1, 1), ("Vessel", 2, 0)], expected


def assert_equal(segments: Segments, expected: dict[str, np.ndarray]) -> None:
    assert [s.name for s in segments.segments] == list(expected)
    for segment in segments.segments:
        assert np.array_equal(segment.mask(segments.geometry.shape), expected[segment.name]), segment.name
        assert segment.voxels == expected[segment.name].sum()


@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior"])
@pytest.mark.parametrize("encoding", ["gzip", "raw"])
@pytest.mark.parametrize("direction", [None, TURNED], ids=["straight", "turned"])
def test_layers_of_slicer_lie_on_the_voxels_of_the_image(tmp_path, direction, encoding, space):
    layers, named, expected = two_layers()
    where = geometry(direction)
    path = slicer(tmp_path / "a.seg.nrrd", layers, named, where, (2, 1, 3), encoding, space=space)
    segments = read_segments(path, image(where))
    assert_equal(segments, expected)
    assert [s.number for s in segments.segments] == [1, 2, 3]  # two layers use the value 1, so they are counted


def test_the_voxels_are_those_that_simpleitk_sees(tmp_path):
    import SimpleITK as sitk

    layers, named, _ = two_layers()
    where = geometry(TURNED)
    path = slicer(tmp_path / "a.seg.nrrd", layers[:1], [named[0], ("Vessel", 2, 0)], where, (2, 1, 3))
    other = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(other).T
    for segment in read_segments(path, image(where)).segments:
        theirs = [
            other.TransformIndexToPhysicalPoint([int(v) for v in i]) for i in np.argwhere(values == segment.number)
        ]
        ours = where.index_to_world_mm(np.argwhere(segment.mask(SHAPE)))
        assert np.abs(np.asarray(theirs) - ours).max() < 1e-6 and len(ours)


def test_one_layer_counts_by_its_values_and_old_layers_by_their_place(tmp_path):
    layer = np.zeros(SHAPE, np.uint8)
    layer[1:3, 1:3, 1:3], layer[5, 5, 5] = 7, 3
    path = slicer(tmp_path / "a.seg.nrrd", [layer], [("Leber", 3, 0), ("L\u00e4sion", 7, 0), ("empty", 9, 0)])
    segments = read_segments(path, image())
    assert [(s.number, s.name, s.voxels) for s in segments.segments] == [
        (3, "Leber", 1),
        (7, "L\u00e4sion", 8),
        (9, "empty", 0),
    ]
    old = slicer(tmp_path / "b.seg.nrrd", [layer == 3, layer == 7], [("one", None, None), ("two", None, None)])
    assert [(s.name, s.voxels) for s in read_segments(old, image()).segments] == [("one", 1), ("two", 8)]


def test_a_plain_nrrd_with_segments_is_known_by_its_keys_and_needs_no_image(tmp_path):
    layers, named, expected = two_layers()
    path = slicer(tmp_path / "a.nrrd", layers, named, start=(2, 1, 3))
    alone = read_segments(path, None)
    assert alone.geometry.shape == (5, 6, 3)
    assert np.allclose(alone.geometry.origin, geometry().index_to_world_mm((2, 1, 3)), atol=1e-9)
    assert {s.name: s.voxels for s in alone.segments} == {name: mask.sum() for name, mask in expected.items()}


REFUSED = {
    "between the voxels": (dict(start=(2.5, 1, 3)), "lies between the voxels of the image"),
    "other spacing": (dict(where=geometry(spacing=(0.8, 0.9, 2.4))), "its voxels step by"),
    "outside": (dict(start=(6, 1, 3)), "voxels outside the image"),
    "no segment of that value": (dict(segments=[("Tumour", 1, 0), ("Core", 1, 1)]), "marks voxels by 2"),
    "no segments": (dict(segments=[]), "names no segments"),
    "a layer too many": (dict(segments=[("Tumour", 1, 0), ("Core", 1, 2), ("Vessel", 2, 0)]), "in layer 2 of 2"),
    "a value twice": (dict(segments=[("Tumour", 1, 0), ("Core", 1, 0), ("Vessel", 2, 0)]), "share a label value"),
    "a value in words": (dict(segments=[("Tumour", "one", 0)]), "no whole number"),
    "another file": (dict(head=["data file: /etc/passwd"]), "another file"),
    "another file, other spelling": (dict(head=["Data File: x.raw"]), "another file"),
    "bytes skipped": (dict(head=["byte skip: 4"]), "skips bytes"),
    "unknown packing": (dict(encoding="zip"), "'zip'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_segmentation_that_does_not_fit_is_refused(tmp_path, name):
    change, said = REFUSED[name]
    layers, named, _ = two_layers()
    path = slicer(**{"path": tmp_path / "a.seg.nrrd", "layers": layers, "segments": named, "start": (2, 1, 3)} | change)
    with pytest.raises(BadInput) as refusal:
        read_segments(path, image())
    assert said in str(refusal.value) and str(path) in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_header_that_asks_for_too_much_is_refused_without_making_room(tmp_path):
    layers, named, _ = two_layers()
    path = slicer(tmp_path / "a.seg.nrrd", layers, named, start=(2, 1, 3))
    whole = path.read_bytes()
    for sizes in (b"sizes: 2 5 6 30000000", b"sizes: 2 50000 60000 30000", b"sizes: 2 5 6 2", b"sizes: 2 5 6 -3"):
        path.write_bytes(whole.replace(b"sizes: 2 5 6 3", sizes))
        with pytest.raises(BadInput, match=r"a\.seg\.nrrd"):
            read_segments(path, image())
    for length in (0, 10, 300, len(whole) - 12):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput, match=r"a\.seg\.nrrd"):
            read_segments(path, image())


def test_a_label_map_is_named_by_its_numbers(tmp_path):
    values = np.zeros(SHAPE, np.int32)
    values[0, 0, 0], values[2:5, 1, 1], values[8, 7, 6] = 70000, 3, 1
    path = write_image(tmp_path / "l.nii.gz", Image(values, geometry()))
    segments = read_segments(path, image())
    assert [(s.number, s.name, s.voxels) for s in segments.segments] == [(1, "1", 1), (3, "3", 3), (70000, "70000", 1)]
    assert segments.names_are_numbers and segments.kind == "label map"
    for segment in segments.segments:
        assert np.array_equal(segment.mask(SHAPE), values == segment.number)


@pytest.mark.parametrize("direction", [None, TURNED])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("signs", [(1, 1, -1), (-1, 1, 1), (-1, -1, -1)])
def test_a_label_map_whose_axes_run_otherwise_is_turned(tmp_path, direction, order, signs):
    """As converters from DICOM store them. Both files are made voxel by voxel from one function of the place."""
    where = geometry(direction)
    columns = (where.columns * signs)[:, order]
    first = [0 if s > 0 else n - 1 for s, n in zip(signs, SHAPE, strict=True)]
    shape = tuple(SHAPE[a] for a in order)
    turned = ImageGeometry.from_columns(shape, columns, where.index_to_world_mm(first))

    def drawn(at):
        index = np.stack(np.indices(at.shape), -1)
        x, y, z = np.moveaxis(at.index_to_world_mm(index) - where.index_to_world_mm((4, 4, 3)), -1, 0)
        return ((x - 1.3 * y + 0.4 * z > 0.37).astype(np.int32)) + 2 * (np.abs(z) + x < 1.1)

    path = write_image(tmp_path / "l.nrrd", Image(drawn(turned), turned))
    for segment in read_segments(path, image(where)).segments:
        assert np.array_equal(segment.mask(SHAPE), drawn(where) == segment.number)


def test_an_image_taken_for_a_label_map_is_refused(tmp_path):
    path = write_image(
        tmp_path / "l.nrrd",
        Image(np.arange(13 * 13 * 13, dtype=np.int32).reshape(13, 13, 13), geometry(shape=(13,) * 3)),
    )
    with pytest.raises(BadInput, match="2196 different labels, fewer than 2000"):
        read_segments(path, None)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(BadInput, match="is a folder; name the file"):
        read_segments(tmp_path, image())
    with pytest.raises(BadInput, match=r"absent\.seg\.nrrd does not exist"):
        read_segments(tmp_path / "absent.seg.nrrd", image())


def test_painting_fills_what_is_inside_and_no_more():
    target = np.zeros(SHAPE, np.uint8)
    part = np.array([[[1, 0], [2, 1]]])
    segment = Segment(1, "a", (3, 4, 5), part, 1)
    segment.paint(target, 9)
    assert target[3, 4, 5] == target[3, 5, 6] == 9 and target.sum() == 18 and segment.voxels == 2
    with pytest.raises(BadInput, match="two segments have the number 1"):
        Segments(geometry(), (segment, segment), "label map")


def test_blocks_lie_on_voxels_turned_any_way_round():
    where, rng = geometry(TURNED), np.random.default_rng(2)
    volume = rng.integers(0, 100, SHAPE)
    for axes in ((0, 1, 2), (2, 0, 1), (1, 0, 2)):
        for signs in ((1, 1, 1), (-1, 1, -1), (-1, -1, -1)):
            low, size = np.array([2, 1, 3]), np.array([4, 5, 2])
            part = volume[tuple(slice(a, a + n) for a, n in zip(low, size, strict=True))]
            block = np.transpose(part, axes)[tuple(slice(None, None, s) for s in signs)]
            first = low.copy()
            for axis, sign in zip(axes, signs, strict=True):
                first[axis] += size[axis] - 1 if sign < 0 else 0
            columns = where.columns[:, axes] * signs
            fit = OnVoxels.of(columns, block.shape, where)
            assert fit.corner(where.index_to_world_mm(first)) == tuple(low)
            assert np.array_equal(fit.turned(block), part)


def test_the_part_of_a_block_inside_an_image():
    block = np.zeros((4, 3, 2), bool)
    block[2, 1, 1] = True
    assert within(block, (0, 0, 0), (4, 3, 2)) == ((0, 0, 0), block)
    corner, part = within(block, (-1, -1, -1), (9, 9, 9))
    assert corner == (0, 0, 0) and part.shape == (3, 2, 1) and part[1, 0, 0] and part.sum() == 1
    for far in ((-9, 0, 0), (9, 0, 0), (-3, 0, 0)):
        with pytest.raises(BadInput, match="marks 1 voxels outside"):
            within(block, far, (9, 9, 9))
    assert within(np.zeros((4, 3, 2), bool), (-9, 0, 0), (9, 9, 9))[1].size == 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\nb\x1b[31m", "a b?[31m"),
        ("  x  ", "x"),
        ("", "unnamed"),
        ("\u202eevil", "?evil"),
        ("y" * 99, "y" * 64),
        (7, "7"),
    ],
)
def test_a_name_is_one_printable_line(given, shown):
    assert plain_name(given) == shown
