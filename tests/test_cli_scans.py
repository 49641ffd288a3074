"""Scans and phantoms under attack: files that do not fit, lie, or lie elsewhere."""

import gzip

import numpy as np
import pytest
from cases import small_data, write_case
from shell import assert_refused, files_under, oxablate

from oxablate.space.files import write_image
from oxablate.space.image import Image, ImageGeometry

AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
TURNED = ((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))
PHANTOM = small_data()["subject"]["phantom"]


def image(value=100.0, shape=(20, 20, 20), spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), axes=AXES) -> Image:
    values = np.full(shape, 100.0, np.float32)
    values[3, 3, 3] = value
    return Image(values, ImageGeometry(shape, spacing, origin, axes))


def labels(inside=1, elsewhere=0, kind=np.int16, **place) -> Image:
    values = np.zeros(image(**place).data.shape, kind)
    values[7:13, 7:13, 7:13] = inside
    values[0, 0, 0] = elsewhere
    return Image(values, image(**place).geometry)


def write_scan(folder, scan_image=None, scan_labels=None, needle=None, **scan):
    """A case with a scan of its own in `folder`; returns its path."""
    folder.mkdir(exist_ok=True)
    write_image(folder / "image.nii.gz", scan_image or image())
    write_image(folder / "labels.nii.gz", scan_labels or labels())
    subject = {
        "image": "image.nii.gz", "labels": "labels.nii.gz", "label_names": {1: "tumour_viable"}, "host": "brain",
        "spacing": "2 mm", "margin": "4 mm", "body": "everything",
    }  # fmt: skip
    changes = {f"needle__{key}": value for key, value in (needle or {}).items()}
    return write_case(folder / "mine.yaml", subject={"scan": subject | scan}, **changes)


def check(case, *fragments) -> None:
    before = files_under(case.parent)
    assert_refused(oxablate("inspect", case), "mine.yaml: ", *fragments)
    assert_refused(oxablate("run", case, "--out", case.parent / "out"), "mine.yaml: ", *fragments)
    assert files_under(case.parent) == before


SCANS = {
    "empty label map": (dict(scan_labels=labels(0)), "label 1 (tumour_viable) is empty", "labels.nii.gz"),
    "another number": (dict(label_names={2: "tumour_viable"}), "labels [1] without a tissue"),
    "no names": (dict(label_names={}), "labels [1] without a tissue"),
    "no tumour": (dict(label_names={1: "host"}), "named as tumour"),
    "misspelt tissue": (dict(label_names={1: "tumor_viable"}), "did you mean 'tumour_viable'"),
    "a name for nothing": (dict(label_names={0: "tumour_viable"}), "label_names", "1"),
    "a word as label": (dict(label_names={"one": "tumour_viable"}), "labels [1] without a tissue", "'one'"),
    "a fraction as label": (dict(label_names={1.5: "tumour_viable"}), "in quotes"),
    "names and a file of names": (dict(tissues="tissues.yaml"), "'label_names'", "'tissues'", "exactly one"),
    "neither": (dict(label_names=None), "'label_names'", "'tissues'", "exactly one"),
    "a file of names elsewhere": (
        dict(label_names=None, tissues="../tissues.yaml"),
        "subject.scan.tissues",
        "outside the folder",
    ),
    "no file of names": (dict(label_names=None, tissues="absent.yaml"), "subject.scan.tissues", "no such file"),
    "misspelt uneven_slices": (dict(uneven_slices="resampel"), "uneven_slices", "did you mean 'resample'"),
    "other shape": (dict(scan_labels=labels(shape=(19, 20, 20))), "shape (19, 20, 20) against (20, 20, 20)"),
    "other spacing": (dict(scan_labels=labels(spacing=(1.0, 1.0, 1.1))), "spacing (1, 1, 1.1) against (1, 1, 1)"),
    "other origin": (dict(scan_labels=labels(origin=(0.0, 5.0, 0.0))), "origin (0, 5, 0) against (0, 0, 0)"),
    "other axes": (dict(scan_labels=labels(axes=TURNED)), "direction", "against"),
    "NaN in the image": (dict(scan_image=image(np.nan)), "image.nii.gz", "1 voxels", "NaN"),
    "infinite image": (dict(scan_image=image(np.inf)), "image.nii.gz", "1 voxels", "infinite"),
    "negative label": (dict(scan_labels=labels(elsewhere=-1)), "negative label -1"),
    "half a label": (dict(scan_labels=labels(0.5, kind=np.float32)), "not whole numbers", "0.5"),
    "NaN label": (dict(scan_labels=labels(elsewhere=np.nan, kind=np.float32)), "labels.nii.gz", "NaN"),
    "above the folder": (dict(image="../image.nii.gz"), "subject.scan.image", "outside the folder"),
    "absolute path": (dict(labels="/etc/labels.nii.gz"), "subject.scan.labels", "outside the folder"),
    "missing": (dict(image="absent.nii.gz"), "absent.nii.gz", "does not exist"),
    "another format": (dict(image="mine.yaml"), "'.yaml'", "convert"),
    "misspelt key": (dict(bdy="everything"), "subject.scan.bdy", "did you mean 'body'"),
    "misspelt body": (dict(body="thresh"), "subject.scan.body", "did you mean 'threshold'"),
    "negative margin": (dict(margin="-1 mm"), "subject.scan.margin", "below zero", "0 mm to 500 mm"),
    "no air to tell from": (dict(body="threshold", scan_image=image()), "subject.scan.body", "100 %", "everything"),
    "an organ for a tissue": (dict(label_names={1: "liver"}), "subject.scan.label_names", "'liver' is no tissue; use"),
    "a name for a number": (dict(label_names={"Tumour": "tumour_viable"}), "label_names", "such as '1: tumour_viable'"),
    "nothing drawn": (dict(scan_labels=labels(0)), "subject.scan.label_names", "holds nothing at all"),
    "too coarse": (dict(spacing="20 mm"), "no tumour is left", "finer grid"),
    "tip outside the body": (dict(needle={"tip": ["90 mm", "0 mm", "0 mm"], "frame": "RAS"}), "outside the grid"),
}


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_that_cannot_be_used_is_refused(tmp_path, name):
    arguments, *fragments = SCANS[name]
    check(write_scan(tmp_path / "case", **arguments), *fragments)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    write_image(tmp_path / "elsewhere.nii.gz", image())
    case = write_scan(tmp_path / "case", image="link.nii.gz")
    (tmp_path / "case" / "link.nii.gz").symlink_to(tmp_path / "elsewhere.nii.gz")
    check(case, "subject.scan.image", "outside the folder")


def test_a_good_scan_passes(tmp_path):
    said = oxablate("inspect", write_scan(tmp_path / "case"))
    assert said.status == 0 and not said.err
    assert "tumour_viable" in said.out and "scan: image with sha256" in said.out and str(tmp_path) not in said.out


def huge_header(path) -> None:
    """A NIfTI header that promises 27 000 000 000 000 voxels."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[42:48] = np.array([30000] * 3, "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(content)))


DAMAGE = {
    "not an image": (lambda path: path.write_bytes(b"not an image"), "gzip"),
    "empty": (lambda path: path.write_bytes(b""), "gzip"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "cut short"),
    "promises too much": (huge_header, "30000 x 30000 x 30000"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_image_is_refused(tmp_path, name):
    case = write_scan(tmp_path / "case")
    damage, said = DAMAGE[name]
    damage(tmp_path / "case" / "image.nii.gz")
    check(case, "subject.scan.image: ", "image.nii.gz", said)


def test_a_folder_for_an_image_is_refused(tmp_path):
    case = write_scan(tmp_path / "case", image="folder.nii.gz")
    (tmp_path / "case" / "folder.nii.gz").mkdir()
    check(case, "folder.nii.gz", "holds no DICOM files")


def write_recipe(path, data):
    from ruamel.yaml import YAML

    with open(path, "w") as file:
        YAML(typ="safe", pure=True).dump(data, file)
    return path


HUGE = PHANTOM["recipe"] | {"shape": {"kind": "ellipsoid", "semi_axes": ["50 mm"] * 3}}
RECIPES = {
    "misspelt key": (PHANTOM | {"sed": 1}, "'sed'", "did you mean 'seed'"),
    "seed a word": (PHANTOM | {"seed": "a"}, "seed", "whole number"),
    "no recipe": ({"spacing": "1 mm"}, "'recipe' is missing"),
    "no spacing": ({"recipe": PHANTOM["recipe"]}, "'spacing' is missing"),
    "recipe a number": (PHANTOM | {"recipe": 5}, "recipe", "keys and values"),
    "spacing a time": (PHANTOM | {"spacing": "1 s"}, "spacing", "is a time"),
    "spacing absurd": (PHANTOM | {"spacing": "1 m"}, "0.05 to 20 mm"),
    "beyond the memory": (PHANTOM | {"spacing": "0.05 mm", "recipe": HUGE}, "GB of memory", "GB is available"),
    "a case with a scan": ({"subject": {"scan": {}}}, "subject", "no phantom"),
    "a subject of another kind": ({"subject": 5}, "subject", "no phantom"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_that_cannot_be_drawn_is_refused(tmp_path, name):
    data, *fragments = RECIPES[name]
    recipe = write_recipe(tmp_path / "mine.yaml", data)
    assert_refused(oxablate("phantom", recipe, "--out", tmp_path / "out"), "mine.yaml: ", *fragments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", [".nii.gz", ".nii", ".nrrd"])
def test_a_phantom_is_drawn_once_in_every_format(tmp_path, form):
    recipe = write_recipe(tmp_path / "mine.yaml", PHANTOM)
    said = oxablate("phantom", recipe, "--out", tmp_path / "out", "--form", form)
    written = [tmp_path / "out" / f"{name}{form}" for name in ("image", "labels")]
    assert said.status == 0 and said.out.split() == list(map(str, written)) and not said.err
    before = files_under(tmp_path)
    for other in (".nii.gz", ".nrrd"):
        assert_refused(oxablate("phantom", recipe, "--out", tmp_path / "out", "--form", other), "exists", "new folder")
    assert files_under(tmp_path) == before
    names = {2: "tumour_viable", 1: "host"}
    case = write_case(
        tmp_path / "out" / "case.yaml",
        subject={"scan": {"image": f"image{form}", "labels": f"labels{form}", "label_names": names, "host": "liver",
                          "spacing": "2 mm", "margin": "6 mm", "body": "everything"}},
    )  # fmt: skip
    assert "2.784 mL in the image, 2.784 mL here" in oxablate("inspect", case).out


def test_an_unknown_format_and_a_file_for_a_folder_are_refused(tmp_path):
    recipe = write_recipe(tmp_path / "mine.yaml", PHANTOM)
    before = files_under(tmp_path)
    assert_refused(oxablate("phantom", recipe, "--out", tmp_path / "out", "--form", "nrd"), "--form", "'.nrrd'")
    assert_refused(oxablate("phantom", recipe, "--out", recipe), "--out", "cannot be written")
    assert_refused(oxablate("phantom", recipe, "--out", recipe / "out"), "--out", "cannot be written")
    assert files_under(tmp_path) == before
