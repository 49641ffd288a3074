"""NIfTI and NRRD headers held against themselves; nothing is made room for that is not there."""

import bz2
import gzip
import struct
import tracemalloc

import nibabel
import nrrd
import numpy as np
import pytest

from oxablate.quantities.refusal import BadInput
from oxablate.space.files import read_image, write_image
from oxablate.space.image import Image, ImageGeometry
from oxablate.space.inflate import inflate_exactly, inflate_start

AXES = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
GEOMETRIES = {
    "straight": ImageGeometry.from_columns((7, 6, 5), np.diag([0.8, -0.9, 2.5]), (-100.25, 80.5, -300.0)),
    "oblique": ImageGeometry.from_columns((7, 6, 5), AXES * [0.7, 0.9, 3.3], (12.3, -45.6, 78.9)),
}


def image_on(geometry) -> Image:
    return Image(np.random.default_rng(1).integers(-1000, 1500, geometry.shape).astype(np.int16), geometry)


def refused(path) -> str:
    with pytest.raises(BadInput) as refusal:
        read_image(path)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("name", sorted(GEOMETRIES))
def test_one_changed_byte_of_a_nifti_header(tmp_path, name):
    """Two changes of each byte: what alters place or values is refused or told; what is not, moves nothing by 1e-5."""
    path = write_image(tmp_path / "x.nii", image_on(GEOMETRIES[name]))
    blob, truth = path.read_bytes(), read_image(path)
    assert truth.notes == ()
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in truth.data.shape]), -1).reshape(-1, 3)
    seen = silent = 0
    masks = np.random.default_rng(9).integers(1, 256, 2 * 352)
    for number, mask in enumerate(masks):
        damaged, at = bytearray(blob), number // 2
        damaged[at] ^= int(mask)
        path.write_bytes(damaged)
        try:
            image = read_image(path)
        except BadInput:
            seen += 1
            continue
        if image.geometry == truth.geometry and np.array_equal(image.data, truth.data):
            continue
        seen += 1
        if image.notes == truth.notes:
            silent += 1
            moved = image.geometry.index_to_world_mm(corners) - truth.geometry.index_to_world_mm(corners)
            assert np.abs(moved).max() < 1e-5 * min(truth.geometry.spacing), at
            assert np.array_equal(image.data, truth.data)
    assert seen > 150 and silent <= 0.01 * seen


def test_one_changed_byte_of_a_packed_file_never_passes(tmp_path):
    path = write_image(tmp_path / "x.nii.gz", image_on(GEOMETRIES["oblique"]))
    blob, truth = path.read_bytes(), read_image(path)
    generator = np.random.default_rng(3)
    for at in generator.choice(len(blob), 200, replace=False):
        damaged = bytearray(blob)
        damaged[at] ^= int(generator.integers(1, 256))
        path.write_bytes(damaged)
        try:
            image = read_image(path)  # bytes of the gzip header that say nothing, such as the time
            assert at < 10 and image.geometry == truth.geometry and np.array_equal(image.data, truth.data)
        except BadInput:
            pass


HEADER = {
    "sizeof_hdr": (0, "<i", 349, "does not begin with its own size"),
    "dimensions": (40, "<h", 2, "2 dimensions"),
    "a size of zero": (42, "<h", 0, "at least 1"),
    "a negative size": (42, "<h", -7, "at least 1"),
    "type": (70, "<h", 8, "no pair"),
    "bits": (72, "<h", 8, "no pair"),
    "colour": (70, "<h", 128, "colour"),
    "qfac": (76, "<f", 0.5, "pixdim[0]"),
    "pixdim": (80, "<f", 0.9, "its sform and pixdim"),
    "pixdim below zero": (80, "<f", -0.8, "above 0"),
    "offset": (108, "<f", 368.0, "its header announces"),
    "odd offset": (108, "<f", 352.5, "whole number from 352"),
    "endless slope": (112, "<f", np.inf, "finite"),
    "unit": (123, "<B", 7, "xyzt_units"),
    "code": (254, "<h", 9, "0 to 5"),
    "quaternion": (256, "<f", 3.0, "no rotation"),
    "qoffset": (268, "<f", 50.0, "an sform and a qform"),
    "endless srow": (280, "<f", np.nan, "finite"),
    "magic": (344, "<4s", b"ni1\0", "one of a pair"),
}


@pytest.mark.parametrize("what", sorted(HEADER))
def test_contradictions_of_a_nifti_header_are_refused(tmp_path, what):
    path = write_image(tmp_path / "x.nii", image_on(GEOMETRIES["straight"]))
    blob = bytearray(path.read_bytes())
    at, form, value, words = HEADER[what]
    struct.pack_into(form, blob, at, value)
    path.write_bytes(blob)
    assert words in refused(path)


@pytest.mark.parametrize(
    ("at", "form", "value", "words"),
    [
        (112, "<ff", (2.0, -7.0), "times 2 plus -7"),
        (254, "<h", (0,), "only the qform"),
        (252, "<h", (0,), "only the sform"),
        (123, "<B", (0,), "taken as mm"),
        (280 + 12, "<f", (100.251,), "differ by up to 0.00"),
    ],
)
def test_what_cannot_be_checked_or_is_slightly_off_is_told(tmp_path, at, form, value, words):
    image = image_on(GEOMETRIES["straight"])
    path = write_image(tmp_path / "x.nii", image)
    blob = bytearray(path.read_bytes())
    struct.pack_into(form, blob, at, *value)
    path.write_bytes(blob)
    back = read_image(path)
    assert any(words in note for note in back.notes)
    if "times" in words:
        assert np.array_equal(back.data, image.data * 2 - 7) and back.data.dtype == np.int32


def test_both_versions_and_orders_of_bytes_are_read(tmp_path):
    data = image_on(GEOMETRIES["straight"]).data
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        for order in "<>":
            header = kind.header_class(endianness=order)
            file = kind(data.astype(order + "i2"), np.diag([0.8, 0.9, 2.5, 1]), header)
            file.set_qform(file.affine, 1)
            file.header.set_xyzt_units("mm")
            nibabel.save(file, tmp_path / "x.nii")
            image = read_image(tmp_path / "x.nii")
            assert np.array_equal(image.data, data) and image.geometry.spacing == (0.8, 0.9, 2.5) and image.notes == ()
            blob = (tmp_path / "x.nii").read_bytes()
            (tmp_path / "x.nii").write_bytes(blob + b"\0")
            assert "its header announces" in refused(tmp_path / "x.nii")


def test_an_ending_that_lies_about_compression_is_refused(tmp_path):
    path = write_image(tmp_path / "x.nii.gz", image_on(GEOMETRIES["straight"]))
    path.rename(tmp_path / "x.nii")
    assert "is gzip-compressed" in refused(tmp_path / "x.nii")
    write_image(tmp_path / "y.nii", image_on(GEOMETRIES["straight"])).rename(tmp_path / "y.nii.gz")
    assert "is not gzip-compressed" in refused(tmp_path / "y.nii.gz")


def test_what_follows_or_lacks_in_a_packed_file_is_refused(tmp_path):
    path = write_image(tmp_path / "x.nii.gz", image_on(GEOMETRIES["straight"]))
    blob, truth = path.read_bytes(), read_image(path)
    whole = gzip.decompress(blob)
    path.write_bytes(gzip.compress(whole[:200]) + gzip.compress(whole[200:]))
    assert np.array_equal(read_image(path).data, truth.data)  # several members are one file
    for damaged, words in (
        (blob + b"junk", "follow after the end"),
        (blob[:-4], "cut short"),
        (gzip.compress(whole + b"\0"), "more than the"),
        (gzip.compress(whole[:-1]), "where the header announces"),
        (blob[:-6] + bytes([blob[-6] ^ 1]) + blob[-5:], "checksum"),
    ):
        path.write_bytes(damaged)
        assert words in refused(path)


def nrrd_file(path, *lines: str, voxels: bytes = bytes(250), drop: str = "nothing") -> None:
    """An NRRD file of 5 x 5 x 5 numbers of 16 bits from its lines."""
    usual = {
        "type": "short", "dimension": "3", "space": "left-posterior-superior", "sizes": "5 5 5",
        "space directions": "(1,0,0) (0,1,0) (0,0,2)", "kinds": "domain domain domain", "endian": "little",
        "encoding": "raw", "space origin": "(1,2,3)",
    }  # fmt: skip
    given = dict(line.split(": ", 1) for line in lines)
    fields = {key: value for key, value in (usual | given).items() if key != drop}
    head = "NRRD0004\n" + "".join(f"{key}: {value}\n" for key, value in fields.items()) + "\n"
    path.write_bytes(head.encode() + voxels)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data file: ../secret.raw", "another file"),
        ("DATA FILE: /etc/passwd", "another file"),
        ("Datafile: LIST", "another file"),
        ("space origon: (1,2,3)", "did you mean 'space origin'"),
        ("spacings: 1 1 2", "beside space directions"),
        ("sizes: 5 5 6", "its header announces 300"),
        ("sizes: 50000 50000 50000", "at most"),
        ("sizes: 5 0 5", "at least 1"),
        ("sizes: 5 -5 5", "at least 1"),
        ("type: block", "one real number per voxel"),
        ("type: float", "its header announces 500"),
        ("encoding: ascii", "allowed are"),
        ("encoding: hex", "allowed are"),
        ("byte skip: 8", "skips bytes"),
        ("line skip: 1", "skips bytes"),
        ("endian: middle", "which byte"),
        ("kinds: RGB-color domain domain", "kinds"),
        ("space directions: (1,0.1,0) (0,1,0) (0,0,2)", "right angles"),
        ("space directions: (1,0,0) (0,1,0) (0,0,200)", "0.05 to 20 mm"),
    ],
)
def test_nrrd_headers_that_cannot_be_used(tmp_path, line, words):
    nrrd_file(tmp_path / "x.nrrd")
    assert read_image(tmp_path / "x.nrrd").geometry.spacing == (1, 1, 2)
    nrrd_file(tmp_path / "x.nrrd", line)
    assert words in refused(tmp_path / "x.nrrd")


@pytest.mark.parametrize("field", ["type", "dimension", "sizes", "encoding", "endian", "space", "space origin"])
def test_nrrd_headers_that_lack_a_field(tmp_path, field):
    nrrd_file(tmp_path / "x.nrrd", drop=field)
    refused(tmp_path / "x.nrrd")


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
def test_packed_nrrd_files(tmp_path, encoding):
    pack = gzip.compress if encoding == "gzip" else bz2.compress
    image = image_on(GEOMETRIES["oblique"])
    header = {"space": "LPS", "space directions": image.geometry.columns.T, "space origin": image.geometry.origin}
    nrrd.write(str(tmp_path / "x.nrrd"), image.data, header | {"encoding": encoding})
    assert np.array_equal(read_image(tmp_path / "x.nrrd").data, image.data)
    for voxels, words in ((bytes(10**8), "more than"), (bytes(249), "announces 250"), (bytes(251), "more than")):
        nrrd_file(tmp_path / "x.nrrd", f"encoding: {encoding}", voxels=pack(voxels))
        tracemalloc.start()
        assert words in refused(tmp_path / "x.nrrd")
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()
    nrrd_file(tmp_path / "x.nrrd", f"encoding: {encoding}", voxels=pack(bytes(250)) + b"junk")
    assert "follow" in refused(tmp_path / "x.nrrd")


@pytest.mark.parametrize("kind", ["gzip", "zlib", "deflate", "bzip2"])
def test_unpacking_gives_what_was_packed_and_not_more(kind):
    import zlib

    engine = zlib.compressobj(6, zlib.DEFLATED, {"gzip": 31, "zlib": 15, "deflate": -15}.get(kind, 15))
    for size in (0, 1, 70_000, 3_000_000):
        plain = np.random.default_rng(size).integers(0, 40, size).astype(np.uint8).tobytes()
        blob = bz2.compress(plain) if kind == "bzip2" else engine.copy().compress(plain)
        if kind != "bzip2":
            copy = engine.copy()
            blob = copy.compress(plain) + copy.flush()
        assert inflate_exactly(blob, size, kind) == plain and inflate_start(blob, 500, kind) == plain[:500]
        for wrong in (size + 1, size - 1):
            with pytest.raises(BadInput):
                inflate_exactly(blob, max(wrong, 0) if size else 1, kind)
    with pytest.raises(BadInput, match="more than"):
        inflate_exactly(b"x" * 100, 10**12, kind)
