"""DICOM folders and files that cannot be used: one sentence each, naming the file and what to do."""

import os
import shutil
import struct
import tracemalloc
import zlib

import dicom_files as made
import numpy as np
import pytest
from pydicom import dcmread

from oxablate.quantities.refusal import BadInput
from oxablate.space.dicom.codestream import size_in
from oxablate.space.files import read_image

DEFLATED = "1.2.840.10008.1.2.1.99"


def refusal(path, **how) -> str:
    """The sentence with which a path is refused."""
    with pytest.raises(BadInput) as found:
        read_image(path, **how)
    text = str(found.value)
    assert "\n" not in text and text.isprintable() and len(text) < 700 and str(path) in text
    return text


def changed(path, change) -> None:
    """Rewrite a file after `change(data)`."""
    data = dcmread(path)
    change(data)
    data.save_as(path)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"PixelSpacing": lambda k: ["0.9", "0.8"] if k != 2 else ["0.9", "0.7"]}, "voxels of 0.7, 0.9 mm where most"),
        ({"ImageOrientationPatient": lambda k: [1, 0, 0, 0, 1, 0] if k else [0, 1, 0, 1, 0, 0]}, "is oriented along"),
        ({"ImageOrientationPatient": [[1, 0, 0, 0.5, 0.8, 0]] * 6}, "not two unit vectors"),
        ({"FrameOfReferenceUID": [made.uid("a")] * 3 + [made.uid("b")] * 3}, "mixes slices: FrameOfReferenceUID"),
        ({"StudyInstanceUID": [made.uid("a")] * 3 + [made.uid("b")] * 3}, "mixes slices: StudyInstanceUID"),
        ({"RescaleSlope": ["1"] * 5 + ["2"]}, "all slices of a CT share them"),
        ({"RescaleSlope": ("1", "1")}, "1 finite numbers"),
        ({"RescaleSlope": None}, "lacks RescaleSlope"),
        ({"RescaleIntercept": None}, "lacks RescaleSlope or RescaleIntercept"),
        ({"ImagePositionPatient": None}, "states no ImagePositionPatient"),
        ({"ImagePositionPatient": lambda k: ["1"]}, "3 finite numbers"),
        ({"PixelSpacing": None}, "states no PixelSpacing"),
        ({"PixelSpacing": ("-1", "-1")}, "PixelSpacing"),
        ({"PixelSpacing": ("30", "30")}, "0.05 to 20 mm"),
        ({"ImageType": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "Secondary Capture Image Storage"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "name it as the label map"),
        ({"BitsStored": 12, "values": 4000.0}, "but 12 bits hold -2048 to 2047"),
        ({"HighBit": 11}, "HighBit"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colours (PALETTE COLOR"),
        ({"SeriesInstanceUID": [made.uid("a")] * 2 + [made.uid("b")] * 4}, "holds 2 series"),
    ],
)
def test_series_that_do_not_hang_together(tmp_path, tags, words):
    made.ct_series(tmp_path / "s", **tags)
    assert words in refusal(tmp_path / "s")


def test_a_slope_of_zero_is_refused(tmp_path):
    for path in made.ct_series(tmp_path / "s"):
        changed(path, lambda data: setattr(data, "RescaleSlope", "0"))
    assert "RescaleSlope = 0" in refusal(tmp_path / "s")


def test_several_series_are_listed_by_their_identifiers(tmp_path):
    made.ct_series(tmp_path / "a", SeriesDescription="<b>arterial</b>\x07 " + "long " * 40)
    made.ct_series(tmp_path / "b")
    for path in (tmp_path / "b").iterdir():
        shutil.copy(path, tmp_path / "a" / f"b{path.name}")
    text = refusal(tmp_path / "a")
    assert "holds 2 series" in text and made.uid("a", "series") in text and made.uid("b", "series") in text
    assert "put one in a folder of its own" in text and "6 files" in text and "long long long" not in text


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"EchoTime": lambda k: str(5 + k % 2)}, "EchoTime"),
        ({"TemporalPositionIdentifier": lambda k: k % 2 + 1}, "TemporalPositionIdentifier"),
        ({"ImageType": lambda k: ("ORIGINAL", "PRIMARY", "MR"[k % 2])}, "ImageType"),
        ({}, "nothing in their headers tells them apart"),
    ],
)
def test_several_images_of_one_place_are_refused_by_what_tells_them_apart(tmp_path, tags, words):
    made.mr_series(tmp_path / "s", ImagePositionPatient=lambda k: ["0", "0", str(3 * (k // 2))], **tags)
    text = refusal(tmp_path / "s")
    assert words in text and "one image per place" in text and "4 or more" in text


def test_files_that_do_not_belong_are_named(tmp_path):
    made.ct_series(tmp_path / "s")
    (tmp_path / "s" / "README.txt").write_text("not a slice")
    assert "README.txt is not a DICOM file" in refusal(tmp_path / "s")
    assert "it holds the folder 's'" in refusal(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "holds no DICOM files" in refusal(tmp_path / "empty")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.png").write_bytes(b"\x89PNG")
    assert "none of them DICOM, such as a.png" in refusal(tmp_path / "other")
    first = made.ct_series(tmp_path / "one", (4, 4, 1))[0]
    assert "one slice" in refusal(tmp_path / "one") and "one slice" in refusal(first)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are those of POSIX")
def test_links_out_of_the_folder_and_pipes_are_never_opened(tmp_path):
    outside = made.ct_series(tmp_path / "s")[2]
    shutil.move(outside, tmp_path / "outside.dcm")
    outside.symlink_to(tmp_path / "outside.dcm")
    assert "is a link out of its folder" in refusal(tmp_path / "s")
    outside.unlink()
    os.mkfifo(outside)  # opening it would wait for ever
    assert "is not a file with content" in refusal(tmp_path / "s")
    os.mkfifo(tmp_path / "pipe.dcm")
    assert "is not a file with content" in refusal(tmp_path / "pipe.dcm")


def test_a_missing_slice_is_named_by_its_place(tmp_path):
    made.ct_series(tmp_path / "s")[3].unlink()
    text = refusal(tmp_path / "s")
    assert "slices are missing at 1 place(s)" in text and "(-10, -20, 35) mm" in text and "(-10, -20, 40) mm" in text
    assert "lie 5 mm, elsewhere 2.5 mm" in text


@pytest.mark.parametrize("kept", [1.0, 0.999, 0.9, 0.5, 0.2, 0.02])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", DEFLATED, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"])
def test_a_file_cut_short_is_refused(tmp_path, kept, syntax):
    path = made.ct_series(tmp_path / "s", (40, 40, 3), syntax=syntax)[1]
    blob = path.read_bytes()
    path.write_bytes(blob[: int(len(blob) * kept)])
    if kept == 1.0:
        assert read_image(tmp_path / "s").data.shape == (40, 40, 3)
    else:
        assert str(path) in refusal(tmp_path / "s")


def test_a_header_cut_short_is_not_taken_for_another_series_or_colours(tmp_path):
    path = made.ct_series(tmp_path / "s")[1]
    blob = path.read_bytes()
    for kept in range(blob.index(b"ISO_IR") if b"ISO_IR" in blob else 300, blob.index(b"\xe0\x7f\x10\x00"), 7):
        path.write_bytes(blob[:kept])
        text = refusal(tmp_path / "s")
        assert str(path) in text and not any(word in text for word in ("holds 2 series", "mixes slices", "colours")), (
            text
        )


def test_a_compression_that_cannot_be_read_is_named_with_a_way_out(tmp_path):
    path = made.ct_series(tmp_path / "s", syntax="1.2.840.10008.1.2.5")[0]
    blob = path.read_bytes().replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.4.70", 1)
    # the length of the identifier and of its group grew by two
    at = blob.index(b"1.2.840.10008.1.2.4.70")
    blob = blob[: at - 2] + struct.pack("<H", 22) + blob[at:]
    path.write_bytes(blob)
    text = refusal(tmp_path / "s")
    assert "JPEG Lossless" in text and "gdcmconv --raw" in text


def peak_of(path) -> float:
    """Most bytes held while a path is refused."""
    tracemalloc.start()
    try:
        refusal(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", DEFLATED, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"])
@pytest.mark.parametrize("frames", [1, 4, 10**6])
def test_a_header_that_asks_for_gigabytes_gets_none(tmp_path, syntax, frames):
    path = made.multiframe_ct(tmp_path / "m.dcm", syntax=syntax)
    read_image(path)  # loads the libraries before memory is counted

    def grow(data):
        data.Rows = data.Columns = 65535
        data.NumberOfFrames = frames

    changed(path, grow)
    assert peak_of(path) < 30e6


def test_a_small_deflated_file_that_unpacks_to_gigabytes_is_refused(tmp_path):
    path = made.ct_series(tmp_path / "s", syntax=DEFLATED)[0]
    whole = path.read_bytes()
    at = 144 + struct.unpack_from("<I", whole, 140)[0]  # behind the file meta information
    inside = zlib.decompressobj(-15).decompress(whole[at:])
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = engine.compress(inside) + b"".join(engine.compress(bytes(10**7)) for _ in range(40)) + engine.flush()
    path.write_bytes(whole[:at] + bomb)
    read = path.stat().st_size
    assert read < 10**6 and "unpacks to more than" in refusal(tmp_path / "s") and peak_of(tmp_path / "s") < 80e6


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xf7\x00\x0b\x10\x02\x00\x01\x00", (512, 256)),
        (b"\xff\xd8\xff\xff\xc0\x00\x0b\x08\xff\xff\xff\xfe\x01", (65535, 65534)),
        (b"\xff\x4f\xff\x51\x00\x29\x00\x00" + struct.pack(">4I", 300, 200, 10, 20), (180, 290)),
        (b"\xff\xd8\xff\xd9", None),
        (b"", None),
        (b"no picture", None),
    ],
)
def test_compressed_frames_say_how_large_they_are(frame, size):
    assert size_in(frame) == size


def test_a_compressed_frame_of_another_size_is_not_unpacked(tmp_path):
    path = made.ct_series(tmp_path / "s", syntax="1.2.840.10008.1.2.4.80")[0]
    blob = path.read_bytes()
    at = blob.index(b"\xff\xf7\x00")
    path.write_bytes(blob[: at + 5] + struct.pack(">2H", 65000, 65000) + blob[at + 9 :])
    assert "compressed frame of 65000 x 65000 voxels, its header announces 10 x 12" in refusal(tmp_path / "s")


def test_a_frame_without_a_place_is_refused(tmp_path):
    path = made.multiframe_ct(tmp_path / "m.dcm")
    changed(path, lambda data: data.PerFrameFunctionalGroupsSequence.pop())
    assert "6 frames and states the place of 5" in refusal(path)


def test_one_object_with_all_slices_stands_alone(tmp_path):
    made.multiframe_ct(tmp_path / "s" / "m.dcm")
    assert read_image(tmp_path / "s").data.shape == (12, 10, 6)
    made.multiframe_ct(tmp_path / "s" / "n.dcm", SeriesInstanceUID=made.uid("m.dcm", "series"))
    text = refusal(tmp_path / "s")
    assert "mixes slices" in text or "name that file alone" in text


def test_what_is_asked_of_uneven_slices_is_one_of_two_words(tmp_path):
    made.ct_series(tmp_path / "s")
    with pytest.raises(BadInput, match="did you mean 'resample'"):
        read_image(tmp_path / "s", uneven="resampled")


@pytest.mark.parametrize("kind", ["series", "multi-frame"])
def test_one_changed_byte_of_a_header_is_refused_told_or_harmless(tmp_path, kind):
    """300 changes: no error but a refusal, and no silent change of place or values (voxels themselves left alone)."""
    if kind == "series":
        path, whole = made.ct_series(tmp_path / "s", (12, 10, 4))[2], tmp_path / "s"
    else:
        path = whole = made.multiframe_ct(tmp_path / "m.dcm", (12, 10, 4))
    blob, truth, generator = path.read_bytes(), read_image(whole), np.random.default_rng(11)
    header = blob.index(struct.pack("<HH", 0x7FE0, 0x0010)) + 12 if kind == "series" else len(blob)
    voxels = range(0) if kind == "series" else _voxels(blob)
    places = [at for at in range(132, header) if at not in voxels]
    silent = altered = 0
    for at in generator.choice(places, 300):
        damaged = bytearray(blob)
        damaged[at] ^= int(generator.integers(1, 256))
        path.write_bytes(damaged)
        try:
            image = read_image(whole)
        except BadInput:
            altered += 1
            continue
        if image.geometry != truth.geometry or not np.array_equal(image.data, truth.data):
            altered += 1
            silent += image.notes == truth.notes
    assert altered > 30
    assert silent <= (0 if kind == "series" else 0.05 * altered)  # one object states spacing and scaling only once


def _voxels(blob: bytes) -> range:
    at = blob.index(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 12 * 10 * 4 * 2)) + 12
    return range(at, at + 12 * 10 * 4 * 2)
