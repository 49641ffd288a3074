"""MetaImage files: as SimpleITK writes and sees them; nothing outside the file is ever read."""

import itertools
import zlib

import numpy as np
import pytest

from oxablate.quantities.refusal import BadInput
from oxablate.space.files import read_image

sitk = pytest.importorskip("SimpleITK")

TYPES = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64)


def write(path, direction=np.eye(3), dtype=np.int16, packed=False, origin=(-3.3, 4.0, 5.5)):
    """A 6 x 5 x 4 image written by SimpleITK; returns it."""
    values = np.random.default_rng(1).integers(0, 100, (4, 5, 6)).astype(dtype)
    made = sitk.GetImageFromArray(values)
    made.SetDirection(np.ravel(direction).tolist())
    made.SetOrigin(origin)
    made.SetSpacing((0.7, 0.9, 2.0))
    sitk.WriteImage(made, str(path), packed)
    return made


def directions():
    """All 48 ways to lay the axes along x, y, z, and ten oblique ones of either hand."""
    for order, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1.0, -1.0), repeat=3)):
        yield np.eye(3)[list(order)] * signs
    for seed in range(10):
        yield np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


@pytest.mark.parametrize("packed", [False, True])
def test_every_direction_lies_where_simpleitk_sees_it(tmp_path, packed):
    for direction in directions():
        made = write(tmp_path / "x.mha", direction, packed=packed)
        image = read_image(tmp_path / "x.mha")
        assert np.array_equal(image.data, sitk.GetArrayFromImage(made).T)
        for index in itertools.product((0.0, 5.0), (0.0, 4.0), (0.0, 3.0)):
            there = made.TransformContinuousIndexToPhysicalPoint(index)
            assert np.abs(image.geometry.index_to_world_mm(index) - there).max() < 1e-6


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_of_number_comes_back(tmp_path, dtype):
    made = write(tmp_path / "x.mha", dtype=dtype)
    image = read_image(tmp_path / "x.mha")
    assert image.data.dtype == dtype and np.array_equal(image.data, sitk.GetArrayFromImage(made).T)


def test_numbers_with_the_high_byte_first(tmp_path):
    write(tmp_path / "x.mha")
    head, _, voxels = (tmp_path / "x.mha").read_bytes().partition(b"LOCAL\n")
    truth = read_image(tmp_path / "x.mha").data
    head = head.replace(b"MSB = False", b"MSB = True")
    (tmp_path / "x.mha").write_bytes(head + b"LOCAL\n" + np.frombuffer(voxels, "<i2").astype(">i2").tobytes())
    image = read_image(tmp_path / "x.mha")
    assert np.array_equal(image.data, truth) and image.data.dtype.isnative


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("= LOCAL", "= ../secret.raw", "only LOCAL"),
        ("= LOCAL", "= /etc/passwd", "only LOCAL"),
        ("= LOCAL", "= LIST", "only LOCAL"),
        ("= LOCAL", "= local", "only LOCAL"),
        ("NDims = 3", "NDims = 4", "only '3'"),
        ("BinaryData = True", "BinaryData = False", "only 'True'"),
        ("ObjectType = Image", "ObjectType = Tube", "only 'Image'"),
        ("ElementType = MET_SHORT", "ElementNumberOfChannels = 3\nElementType = MET_SHORT", "only '1'"),
        ("ElementType = MET_SHORT", "HeaderSize = -1\nElementType = MET_SHORT", "only '0'"),
        ("ElementType = MET_SHORT", "ElementType = MET_SHORTS", "did you mean 'MET_SHORT'"),
        ("ElementType = MET_SHORT", "ElementType = MET_FLOAT", "its header announces 480"),
        ("DimSize = 6 5 4", "DimSize = 6 5 5", "its header announces 300"),
        ("DimSize = 6 5 4", "DimSize = 60000 50000 40000", "at most"),
        ("DimSize = 6 5 4", "DimSize = 6 -5 4", "at least 1"),
        ("DimSize = 6 5 4", "DimSize = 6 5.5 4", "3 numbers"),
        ("Offset = ", "Offsat = ", "did you mean 'Offset'"),
        ("Offset = ", "Position = 1 2 3\nOffset = ", "Offset twice"),
        ("ElementSpacing = ", "Comment = ", "lacks the key ElementSpacing"),
        ("Orientation = RAI", "Orientation = LAI", "its TransformMatrix says 'RAI'"),
        ("BinaryDataByteOrderMSB = False\n", "", "which byte"),
        ("CompressedData = False", "CompressedData = True", "compressed bytes"),
        ("TransformMatrix = 1 0 0", "TransformMatrix = 1 0.5 0", "length one"),
        ("TransformMatrix = 1 0 0", "TransformMatrix = 1 0 nan", "9 numbers"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path, old, new, words):
    write(tmp_path / "x.mha")
    blob = (tmp_path / "x.mha").read_bytes()
    assert old.encode() in blob
    blob = blob.replace(old.encode(), new.encode(), 1)
    if new == "CompressedData = True":
        blob = blob.replace(b"CompressedData = True", b"CompressedData = True\nCompressedDataSize = 7")
    (tmp_path / "x.mha").write_bytes(blob)
    with pytest.raises(BadInput) as refusal:
        read_image(tmp_path / "x.mha")
    assert words in str(refusal.value) and "x.mha" in str(refusal.value) and "\n" not in str(refusal.value)


def test_headers_in_two_files_are_refused_by_their_ending(tmp_path):
    write(tmp_path / "x.mhd")
    with pytest.raises(BadInput, match=r"voxels lie in another file; convert it to \.mha"):
        read_image(tmp_path / "x.mhd")


@pytest.mark.parametrize("cut", [1, 100])
@pytest.mark.parametrize("packed", [False, True])
def test_files_cut_short_or_grown_are_refused(tmp_path, packed, cut):
    write(tmp_path / "x.mha", packed=packed)
    blob = (tmp_path / "x.mha").read_bytes()
    for damaged in (blob[:-cut], blob + b"\0" * cut):
        (tmp_path / "x.mha").write_bytes(damaged)
        with pytest.raises(BadInput, match="announces"):
            read_image(tmp_path / "x.mha")


def test_voxels_that_unpack_to_more_than_announced_are_refused(tmp_path):
    write(tmp_path / "x.mha", packed=True)
    head = (tmp_path / "x.mha").read_bytes().partition(b"CompressedDataSize")
    rest = head[2].partition(b"LOCAL\n")[0].partition(b"\n")[2]
    bomb = zlib.compress(bytes(10**7))
    size = f"CompressedDataSize = {len(bomb)}\n".encode()
    (tmp_path / "x.mha").write_bytes(head[0] + size + rest + b"LOCAL\n" + bomb)
    with pytest.raises(BadInput, match="more than the 240 bytes"):
        read_image(tmp_path / "x.mha")


def test_a_file_that_states_its_place_once_says_so(tmp_path):
    write(tmp_path / "x.mha")
    (note,) = read_image(tmp_path / "x.mha").notes
    assert "once" in note and "(-3.3, 4, 5.5) mm" in note


def test_one_changed_byte_of_a_packed_file_never_passes_unseen(tmp_path):
    write(tmp_path / "x.mha", packed=True)
    blob, truth = (tmp_path / "x.mha").read_bytes(), read_image(tmp_path / "x.mha")
    generator = np.random.default_rng(2)
    start = blob.index(b"LOCAL\n") + 6
    for at in range(start, len(blob)):
        damaged = bytearray(blob)
        damaged[at] ^= int(generator.integers(1, 256))
        (tmp_path / "x.mha").write_bytes(damaged)
        try:
            image = read_image(tmp_path / "x.mha")  # bits of the packing that say nothing of the voxels
            assert np.array_equal(image.data, truth.data)
        except BadInput:
            pass
