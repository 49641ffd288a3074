"""DICOM segmentations: every voxel where it was drawn, in any order and orientation, or refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_files import ct_series, rtstruct, seg, uid
from drawings import EYE, ORIGIN, SHAPE, SPACING, TILTED, assert_equal, geometry, image, masks
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from oxablate.quantities.refusal import BadInput
from oxablate.space.files import read_image
from oxablate.space.image import Image
from oxablate.space.labels import read_segments


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


@pytest.mark.parametrize("kind", ["segmentation", "structure set"])
def test_a_slice_that_is_missing_at_an_end_is_noted_where_the_labels_name_it(tmp_path, kind):
    paths = ct_series(tmp_path / "ct", (12, 10, 6))
    mask = np.zeros((12, 10, 6), bool)
    mask[3:6, 3:6, 2:4] = True
    if kind == "segmentation":
        drawn = seg(tmp_path / "s.dcm", tmp_path / "ct", {"Tumour": mask})
    else:
        square = [(-6.0, -16.0, 35.0), (-2.0, -16.0, 35.0), (-2.0, -12.0, 35.0), (-6.0, -12.0, 35.0)]
        drawn = rtstruct(tmp_path / "s.dcm", tmp_path / "ct", {"Tumour": [square]})

    def noted() -> list[str]:
        found = read_segments(drawn, read_image(tmp_path / "ct"))
        return [note for note in found.notes if "missing at its ends" in note]

    assert not noted()
    paths[-1].unlink()
    assert noted() and "names 1 images of the series" in noted()[0] and kind in noted()[0]


def test_a_fraction_is_inside_from_one_half(tmp_path):
    ct_series(tmp_path / "ct")
    share = np.zeros(SHAPE)
    share[3, 4, 2], share[4, 4, 2], share[5, 4, 3] = 0.49, 0.51, 1.0
    options = {"segmentation_type": "FRACTIONAL", "fractional_type": "PROBABILITY"}
    segments = read_segments(seg(tmp_path / "s.dcm", tmp_path / "ct", {"Tumour": share}, **options), image())
    assert_equal(segments, {"Tumour": share > 0.5})
    assert any("probability" in note and "one half" in note for note in segments.notes)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_label_map_segmentation_is_read(tmp_path, syntax):
    ct_series(tmp_path / "ct")
    drawn = masks()
    drawn["Tumour"] &= ~drawn["Necrosis"]
    options = {"segmentation_type": "LABELMAP", "transfer_syntax_uid": syntax}
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", drawn, **options)
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


def move_frame(data):
    """Put one slice of the tumour where slice 0 is, which holds nothing of it."""
    data.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence[0].ImagePositionPatient = list(ORIGIN)


def give_frame_away(data):
    """Have a frame of the vessel belong to the core."""
    data.PerFrameFunctionalGroupsSequence[-1].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 2


@pytest.mark.parametrize(
    ("change", "said"),
    [(move_frame, "lies in slice 0 of the image and was drawn on slice 1"), (give_frame_away, "twice")],
)
def test_a_frame_that_contradicts_itself_is_refused(tmp_path, change, said):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    drawn_on = read_image(tmp_path / "ct")
    assert_equal(read_segments(path, drawn_on), masks())
    data = dcmread(path)
    change(data)
    data.save_as(path)
    with pytest.raises(BadInput, match=said):
        read_segments(path, drawn_on)


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


def test_a_segmentation_without_kinds_of_values_is_read(tmp_path):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data.save_as(path, implicit_vr=True, little_endian=True)
    assert_equal(read_segments(path, image()), masks())


def test_a_stored_form_that_is_not_read_is_named(tmp_path):
    ct_series(tmp_path / "ct")
    path = seg(tmp_path / "s.dcm", tmp_path / "ct", masks())
    whole = path.read_bytes()
    deflated = b"1.2.840.10008.1.2.1.99"
    at = whole.index(b"1.2.840.10008.1.2.1\0")
    length = whole[at - 2 : at]
    path.write_bytes(whole[: at - 2] + bytes([22, 0]) + deflated + whole[at + 20 :])
    assert length == bytes([20, 0])
    with pytest.raises(BadInput, match="'Deflated Explicit VR Little Endian'; store it uncompressed"):
        read_segments(path, image())


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
