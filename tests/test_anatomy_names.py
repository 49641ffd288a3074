"""What each segment is: by number, by name, in a file of its own; guesses; the whole way from a scan to a subject."""

import hashlib
import json

import numpy as np
import pytest
from cases import write_case
from dicom_files import ct_series, rtstruct, seg, uid
from shell import assert_refused, oxablate

from oxablate.anatomy.scan import BodyEverywhere, checksum, read_scan
from oxablate.anatomy.tissue import Tissue
from oxablate.anatomy.tissue_names import TissueNames, assign, guess
from oxablate.protocol.label_names import labels_file, read_tissues, tissues_text
from oxablate.quantities.refusal import BadInput
from oxablate.space.files import write_image
from oxablate.space.image import Image, ImageGeometry
from oxablate.space.segment import Segments, cropped

SHAPE = (12, 11, 10)
GEOMETRY = ImageGeometry.from_columns(SHAPE, np.eye(3), (0, 0, 0))


def segments(*names: str) -> Segments:
    """Nested cubes, each inside the one before it."""
    listed = []
    for n, name in enumerate(names):
        inside = np.zeros(SHAPE, bool)
        inside[n : 10 - n, n : 10 - n, n : 10 - n] = True
        listed.append(cropped(n + 1, name, (0, 0, 0), inside))
    return Segments(GEOMETRY, tuple(listed), "3D Slicer segmentation")


def test_later_entries_win_where_segments_overlap():
    found = segments("Tumour", "Core")
    names = TissueNames.of({"Tumour": "tumour_viable", "Core": "necrotic_core"})
    tissues = np.zeros(SHAPE, np.uint8)
    for segment, tissue in assign(found, names, "f"):
        segment.paint(tissues, tissue)
    assert (tissues == Tissue.NECROTIC_CORE).sum() == 8**3
    assert (tissues == Tissue.TUMOUR_VIABLE).sum() == 10**3 - 8**3
    other_order = assign(found, TissueNames.of({"Core": "necrotic_core", "Tumour": "tumour_viable"}), "f")
    assert [t for _, t in other_order] == [Tissue.NECROTIC_CORE, Tissue.TUMOUR_VIABLE]


def test_numbers_and_names_may_be_mixed_and_segments_ignored():
    found = segments("Tumour", "Core", "Table")
    drawn = assign(found, TissueNames.of({1: "tumour_viable", "Core": "host"}, ["Table"]), "f")
    assert [(s.name, t.word) for s, t in drawn] == [("Tumour", "tumour_viable"), ("Core", "host")]
    drawn = assign(found, TissueNames.of({1: "tumour_viable"}, [3, "Core"]), "f")
    assert [s.number for s, _ in drawn] == [1]


WRONG = {
    "no tissue": ({"Tumour": "tumour_viable"}, [], "segment 'Core' (number 2) of f has no tissue"),
    "misspelt name": ({"Tumour": "tumour_viable", "Cor": "host"}, [], "did you mean 'Cor'?"),
    "misspelt among the ignored": ({"Tumour": "tumour_viable"}, ["core"], "did you mean 'core'?"),
    "tumour that is not there": (
        {"Tumor": "tumour_viable", 1: "host", 2: "host"},
        [],
        "'Tumor' (tumour_viable) is empty",
    ),
    "no tumour": ({"Tumour": "host", "Core": "host"}, [], "named as tumour"),
}


@pytest.mark.parametrize("name", WRONG)
def test_names_that_do_not_fit_are_refused(name):
    written, ignored, said = WRONG[name]
    with pytest.raises(BadInput) as refusal:
        assign(segments("Tumour", "Core"), TissueNames.of(written, ignored), "f")
    assert said in str(refusal.value)


def test_a_name_that_two_segments_share_needs_their_numbers():
    found = segments("Tumour", "GTV", "GTV")
    with pytest.raises(BadInput, match="several segments called 'GTV'; name them by their numbers 2 and 3"):
        assign(found, TissueNames.of({"Tumour": "tumour_viable", "GTV": "host"}), "f")
    assert len(assign(found, TissueNames.of({"Tumour": "tumour_viable", 2: "host", 3: "host"}), "f")) == 3


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Tumor 1", "tumour_viable"), ("liver_tumour", "tumour_viable"), ("Lesion", "tumour_viable"),
        ("GTV", "tumour_viable"), ("tumour necrosis", "necrotic_core"), ("Tumour capsule", "capsule"),
        ("portal_vein_and_splenic_vein", "large_vessel"), ("inferior_vena_cava", "large_vessel"),
        ("Aorta", "large_vessel"), ("hepatic arteries", "large_vessel"), ("skin", "skin"), ("liver", "host"),
        ("kidney_left", "host"), ("internal capsule", None), ("Segment_1", None), ("1", None), ("massif", None),
        ("Killed tumour", "necrotic_core"), ("Viable tumour", "tumour_viable"), ("Killed outside tumour", "host"),
        ("ablated lesion", "necrotic_core"), ("deadline", None),
    ],
)  # fmt: skip
def test_names_are_guessed(name, word):
    found = guess(name)
    assert (None if found is None else found.word) == word


def test_the_file_of_guesses_can_be_read_back(tmp_path):
    found = segments('Necrosis: "x" # \\ y', "Tumour", "Table", "L\u00e4sion \U0001f600", "1e3", "yes", "Table")
    text = tissues_text(found)
    (tmp_path / "t.yaml").write_text(text)
    names = read_tissues(tmp_path / "t.yaml")
    assert [key for key, _ in names.entries] == ["Tumour", 'Necrosis: "x" # \\ y']  # painted in this order
    assert names.ignored == (3, "L\u00e4sion \U0001f600", "1e3", "yes", 7)
    assert len(assign(found, names, "f")) == 2
    assert "number 2, 512 voxels, 0.512 mL" in text and "LATER line wins" in text


FILES = {
    "no mapping": ("tissues: 5\n", "tissues: names with tissues are needed"),
    "misspelt key": ("tissue: {1: host}\n", "did you mean 'tissues'"),
    "misspelt tissue": ("tissues: {Tumour: tumor_viable}\n", "did you mean 'tumour_viable'"),
    "both": ("tissues: {Tumour: tumour_viable}\nignore: [Tumour]\n", "keep one of the two"),
    "no list": ("tissues: {Tumour: tumour_viable}\nignore: Tumour\n", "begin each entry with '- '"),
    "a number that is none": ("tissues: {1.5: tumour_viable}\n", "in quotes"),
    "zero": ("tissues: {0: tumour_viable}\n", "whole numbers from 1"),
    "nothing": ("tissues: {null: tumour_viable}\n", "in quotes"),
    "twice": ("tissues: {a: host, a: skin}\n", "keep one of the two"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_names_that_cannot_be_used_is_refused(tmp_path, name):
    text, said = FILES[name]
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(BadInput) as refusal:
        read_tissues(tmp_path / "t.yaml")
    assert said in str(refusal.value) and str(refusal.value).startswith("t.yaml: ")


def series_with_segments(folder):
    """A CT series with a tumour and its core drawn on it, as a segmentation and as contours; the two masks."""
    shape, spacing = (24, 24, 8), (1.0, 1.0, 2.5)
    ct_series(folder / "ct", shape, spacing)
    tumour, core = np.zeros(shape, bool), np.zeros(shape, bool)
    tumour[6:18, 6:18, 2:6], core[10:14, 10:14, 3:5] = True, True
    seg(folder / "s.dcm", folder / "ct", {"Tumour": tumour, "Necrosis": core})
    where = ImageGeometry.from_columns(shape, np.diag(spacing), (-10.0, -20.0, 30.0))

    def square(a, b, k):
        return where.index_to_world_mm([(a, a, k), (b, a, k), (b, b, k), (a, b, k)])

    outlines = {
        "Tumour": [square(5.5, 17.5, k) for k in range(2, 6)],
        "Necrosis": [square(9.5, 13.5, k) for k in (3, 4)],
    }
    rtstruct(folder / "r.dcm", folder / "ct", outlines)
    return tumour, core


NAMES = {"Tumour": "tumour_viable", "Necrosis": "necrotic_core"}


@pytest.mark.parametrize("labels", ["s.dcm", "r.dcm"])
def test_a_series_with_its_segments_becomes_tissues(tmp_path, labels):
    tumour, core = series_with_segments(tmp_path)
    scan = read_scan(tmp_path / "ct", tmp_path / labels, NAMES, BodyEverywhere())
    expected = np.where(core, Tissue.NECROTIC_CORE, np.where(tumour, Tissue.TUMOUR_VIABLE, Tissue.HOST))
    assert np.array_equal(scan.tissues, expected)
    assert scan.image.reference.series == uid("ct", "series")
    assert scan.notes == ("drawn: 'Tumour' is tumour_viable; 'Necrosis' is necrotic_core",)
    assert "Made" not in scan.statement + str(scan.notes)


def test_the_checksum_of_a_folder_depends_on_bytes_and_not_on_names(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "1").write_bytes(b"x")
    (tmp_path / "a" / "2").write_bytes(b"y")
    (tmp_path / "b" / "9").write_bytes(b"x")
    (tmp_path / "b" / "8").write_bytes(b"y")
    (tmp_path / "b" / ".hidden").write_bytes(b"z")
    assert checksum(tmp_path / "a") == checksum(tmp_path / "b")
    sums = sorted(hashlib.sha256(c).hexdigest() for c in (b"x", b"y"))
    assert checksum(tmp_path / "a") == hashlib.sha256("\n".join(sums).encode()).hexdigest()
    (tmp_path / "b" / "9").write_bytes(b"X")
    assert checksum(tmp_path / "a") != checksum(tmp_path / "b")


def scan_case(folder, follow="3 min", output=None, **scan):
    subject = {
        "image": "ct",
        "labels": "s.dcm",
        "host": "liver",
        "spacing": "2 mm",
        "margin": "3 mm",
        "body": "everything",
    }
    return write_case(
        folder / "mine.yaml", subject={"scan": subject | scan}, follow=follow, **({"output": output} if output else {})
    )


def test_a_case_names_its_tissues_in_a_file_that_labels_writes(tmp_path):
    series_with_segments(tmp_path)
    found = labels_file(tmp_path / "s.dcm", tmp_path / "ct", tmp_path / "tissues.yaml")
    assert found.written and "576 " in str(found) and "1.440" in str(found) and "look at every line" in str(found)
    said = oxablate("inspect", scan_case(tmp_path, tissues="tissues.yaml"))
    assert said.status == 0, said.err
    assert "'Necrosis' is necrotic_core" in said.out and "image with sha256" in said.out and "Made" not in said.out
    with pytest.raises(BadInput, match=r"tissues\.yaml exists"):
        labels_file(tmp_path / "s.dcm", None, tmp_path / "tissues.yaml")
    with pytest.raises(BadInput, match=r"ends in \.yaml"):
        labels_file(tmp_path / "s.dcm", None, tmp_path / "tissues.txt")
    (tmp_path / "tissues.yaml").write_text("tissues: {Tumour: tumour_viable, Necrosi: host}\n")
    assert_refused(oxablate("inspect", tmp_path / "mine.yaml"), "mine.yaml", "'Necrosis'", "did you mean 'Necrosi'?")
    (tmp_path / "tissues.yaml").write_text("tissues: {Tumour: tumour}\n")
    assert_refused(oxablate("inspect", tmp_path / "mine.yaml"), "mine.yaml", "tissues", "'tumour' is no tissue")


def test_the_record_says_which_series_it_was_and_not_whose(tmp_path):
    series_with_segments(tmp_path)
    case = scan_case(tmp_path, label_names=NAMES, follow="10 s", output={"every": "10 s"})
    said = oxablate("run", case, "--out", tmp_path / "out")
    assert said.status == 0, said.err
    about = json.loads((tmp_path / "out" / "record.json").read_text())["subject"]
    dicom = about["source"]["dicom"]
    assert (dicom["series"], dicom["frame_of_reference"]) == (uid("ct", "series"), uid("ct", "frame"))
    assert dicom["instances"] == [uid("ct", "slice", k) for k in range(8)] and dicom["frames"] == []
    assert any("'Tumour' is tumour_viable" in note for note in about["notes"])
    kept = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    for secret in (b"Made^Up", b"NOBODY", b"19000101"):
        assert secret not in kept


def test_segments_of_another_series_are_refused_with_both_named(tmp_path):
    series_with_segments(tmp_path)
    ct_series(tmp_path / "other", (24, 24, 8), (1.0, 1.0, 2.5))
    case = scan_case(tmp_path, image="other", label_names=NAMES)
    assert_refused(oxablate("inspect", case), "s.dcm", uid("ct", "series"), uid("other", "series"))


def test_a_label_file_alone_says_what_it_holds(tmp_path):
    values = np.zeros(SHAPE, np.int16)
    values[2:4, 2:4, 2:4] = 5
    path = write_image(tmp_path / "l.nii.gz", Image(values, GEOMETRY))
    text = str(labels_file(path))
    assert "label map on 12 x 11 x 10 voxels" in text and "5          8      0.008  5" in text


def test_the_command_lists_segments_and_refuses_with_one_sentence(tmp_path):
    series_with_segments(tmp_path)
    said = oxablate("labels", tmp_path / "r.dcm", "--image", tmp_path / "ct", "--out", tmp_path / "t.yaml")
    assert said.status == 0 and not said.err and "RT structure set" in said.out and "Necrosis" in said.out
    assert [key for key, _ in read_tissues(tmp_path / "t.yaml").entries] == ["Tumour", "Necrosis"]
    assert_refused(oxablate("labels", tmp_path / "r.dcm"), "r.dcm", "give the image too (--image)")
    assert_refused(oxablate("labels", tmp_path / "absent.dcm"), "absent.dcm does not exist")
    assert_refused(oxablate("labels", tmp_path / "ct"), "is a folder; name the file")
