"""Subjects: from a scan and from a phantom, refusals, needle positions, export to the voxels of the input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oxablate.anatomy.heterogeneity import LogNormal, Uniform
from oxablate.anatomy.phantom import (
    Capsule,
    NecroticCore,
    NoCapsule,
    NoCore,
    NoSkin,
    PhantomRecipe,
    Skin,
    Surroundings,
    phantom_images,
)
from oxablate.anatomy.scan import BodyByBrightness
from oxablate.anatomy.septa import NoSepta, VoronoiSepta
from oxablate.anatomy.shape import Ellipsoid
from oxablate.anatomy.subject import Origin, Subject
from oxablate.anatomy.tissue import WORDS, Tissue, is_tumour, tissue_of
from oxablate.quantities.refusal import BadInput
from oxablate.space.files import write_image
from oxablate.space.grid import VoxelGrid
from oxablate.space.image import Image, ImageGeometry

DATA = Path(__file__).parents[1] / "examples" / "data"
DEMO = (DATA / "brain1_image.nrrd", DATA / "brain1_label.nrrd")
RECIPE = PhantomRecipe(
    Ellipsoid((9.0, 8.0, 7.0)),
    NecroticCore(0.1),
    Capsule(1.5),
    VoronoiSepta(5, 1.5, 1),
    Surroundings("liver", 9.0, Skin(6.0, 2.0)),
    Uniform(),
)


@pytest.fixture(scope="module")
def brain():
    law = LogNormal(0.5, 8.0, 1)
    return Subject.from_scan(*DEMO, {1: "tumour_viable"}, 1.0, 10.0, "brain", BodyByBrightness(), law)


def test_demo_scan_becomes_a_subject(brain):
    drawn = 4137 * 0.78125**2 * 6.5e-9
    assert brain.volumes()["tumour_viable"] == pytest.approx(drawn, rel=0.02)
    assert brain.labels.dtype == np.uint8 and brain.heterogeneity.shape == brain.grid.shape
    assert brain.host == "brain" and brain.origin.statement.startswith("scan")
    assert brain.grid.direction == ((1, 0, 0), (0, -1, 0), (0, 0, 1))
    assert any("2 separate parts" in note for note in brain.origin.notes)
    assert "mL" in str(brain) and "brain" in str(brain)
    assert 0 < (~brain.body_mask).mean() < 0.2  # the corner outside the skull
    assert not brain.tumour_mask[~brain.body_mask].any()


def test_same_scan_same_fingerprint(brain):
    law = LogNormal(0.5, 8.0, 1)
    again = Subject.from_scan(*DEMO, {1: "tumour_viable"}, 1.0, 10.0, "brain", BodyByBrightness(), law)
    assert again.fingerprint() == brain.fingerprint()
    flipped = brain.labels.copy()
    flipped[0, 0, 0] ^= 1
    assert replace(brain, labels=flipped).fingerprint() != brain.fingerprint()
    assert replace(brain, host="liver").fingerprint() != brain.fingerprint()
    moved = replace(brain.grid, origin=(0.0, 0.0, 1.0))
    assert replace(brain, grid=moved).fingerprint() != brain.fingerprint()


def test_fields_of_a_scan_go_back_onto_its_voxels(brain):
    back = brain.to_source(brain.tumour_mask, 0, nearest=True)
    assert back.geometry == brain.origin.source and back.data.shape == (256, 256, 25)
    from oxablate.space.files import read_labels

    drawn = read_labels(DEMO[1]).data > 0
    overlap = 2 * (drawn & (back.data > 0)).sum() / (drawn.sum() + (back.data > 0).sum())
    assert overlap > 0.9  # one pixel of 0.78 mm on a 1 mm grid


def test_needle_target_lies_in_the_larger_part(brain):
    from scipy.ndimage import label

    target = brain.tumour_centre_mm()
    assert brain.tissue_at(target) is Tissue.TUMOUR_VIABLE
    assert brain.require_inside_body(target, "needle tip") is Tissue.TUMOUR_VIABLE
    parts, _ = label(brain.tumour_mask)
    index = np.rint(brain.grid.world_to_index(np.asarray(target) * 1e-3)).astype(int)
    assert parts[tuple(index)] == np.argmax(np.bincount(parts.ravel())[1:]) + 1


def hook() -> Subject:
    """A hooked tumour: its centroid lies in the gap."""
    labels = np.full((20, 20, 9), Tissue.HOST, np.uint8)
    labels[4:16, 4:7, 3:6] = labels[4:7, 4:16, 3:6] = labels[13:16, 4:16, 3:6] = Tissue.TUMOUR_VIABLE
    grid = VoxelGrid(labels.shape, (1e-3, 1e-3, 2e-3), (0.1, 0.2, 0.3))
    origin = Origin("synthetic: hook", ImageGeometry.of_grid(grid), None, (), ())
    return Subject(grid, labels, "liver", np.ones(labels.shape), origin)


def test_centroid_outside_a_concave_tumour_snaps_into_it():
    subject = hook()
    target = subject.tumour_centre_mm()
    assert subject.tissue_at(target) is Tissue.TUMOUR_VIABLE
    index = subject.grid.world_to_index(np.asarray(target) * 1e-3)
    assert np.allclose(index, np.rint(index), atol=1e-9)


def test_positions_outside_the_body_are_refused():
    subject = Subject.from_phantom(RECIPE, 1.0)
    assert np.allclose(subject.tumour_centre_mm(), 0, atol=0.5)
    with pytest.raises(BadInput, match=r"needle tip at \(0.0, -15.5, 0.0\) mm LPS lies in air"):
        subject.require_inside_body((0, -15.5, 0), "needle tip")
    with pytest.raises(BadInput, match="outside the grid, which spans x -1"):
        subject.require_inside_body((0, 0, 900), "needle tip")
    with pytest.raises(BadInput, match="three finite"):
        subject.require_inside_body((0, 0, float("nan")), "needle tip")
    with pytest.raises(BadInput, match="three finite"):
        subject.require_inside_body((0, 0), "needle tip")


def test_phantom_and_its_image_files_give_the_same_tumour(tmp_path):
    image, labels = phantom_images(RECIPE, (0.7, 0.7, 0.7), 0.05, 3)
    paths = write_image(tmp_path / "i.nii.gz", image), write_image(tmp_path / "l.nrrd", labels)
    names = {int(t): t.word for t in Tissue if t != Tissue.AIR}
    seen = Subject.from_scan(*paths, names, 1.0, 5.0, "liver", BodyByBrightness())
    meant = Subject.from_phantom(RECIPE, 0.5)
    for word, volume in meant.volumes().items():
        if word not in ("host", "air", "skin"):
            assert seen.volumes()[word] == pytest.approx(volume, rel=0.05), word
    assert np.allclose(seen.tumour_centre_mm(), 0, atol=0.4)
    assert not (seen.labels == Tissue.AIR).all(axis=(0, 2)).all()


def test_masks_are_read_only_and_agree():
    subject = Subject.from_phantom(RECIPE, 1.0)
    assert np.array_equal(subject.tumour_mask, is_tumour(subject.labels))
    assert np.array_equal(subject.body_mask, subject.labels != 0)
    assert sum(subject.volumes().values()) == pytest.approx(np.prod(subject.grid.extent), rel=1e-12)
    for array in (subject.labels, subject.heterogeneity, subject.tumour_mask, subject.body_mask):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0] = 0
    assert subject.origin.statement.startswith("synthetic")
    assert any("no closed sheet" in note for note in subject.origin.notes)


def test_large_vessel_and_words():
    assert [t.word for t in Tissue] == list(WORDS) and tissue_of("large_vessel") == 7
    with pytest.raises(BadInput, match="did you mean 'tumour_viable'"):
        tissue_of("tumor_viable")
    with pytest.raises(BadInput, match="use one of air, host"):
        tissue_of("bone")


def pair(tmp_path, labels: np.ndarray, geometry=None):
    geometry = geometry or ImageGeometry.from_columns(labels.shape, np.eye(3), (0, 0, 0))
    image = Image(np.ones(labels.shape, np.float32), ImageGeometry.from_columns(labels.shape, np.eye(3), (0, 0, 0)))
    return write_image(tmp_path / "i.nii", image), write_image(tmp_path / "l.nii", Image(labels, geometry))


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ({1: "tumour_viabel"}, "did you mean 'tumour_viable'"),
        ({1: "host", 2: "skin"}, "no label of .* is named as tumour"),
        ({1: "tumour_viable"}, r"labels \[2\] without a tissue"),
        ({1: "tumour_viable", 2: "host", 3: "capsule"}, r"label 3 \(capsule\) is empty"),
        ({0: "air", 1: "tumour_viable", 2: "host"}, "0 is what nobody outlined"),
        ({1.5: "tumour_viable", 2: "host"}, "whole numbers from 1"),
        ({True: "tumour_viable", 2: "host"}, "whole numbers from 1"),
        ({"one": "tumour_viable", 2: "host"}, r"labels \[1\] without a tissue; .* no names such as 'one'"),
    ],
)
def test_label_names_are_checked(tmp_path, names, word):
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[3:6, 3:6, 3:6] = 1
    labels[1, 1, 1] = 2
    with pytest.raises(BadInput, match=word):
        Subject.from_scan(*pair(tmp_path, labels), names, 1.0, 2.0, "liver")


def test_empty_tumour_and_misplaced_labels_are_refused(tmp_path):
    empty = np.zeros((9, 9, 9), np.uint8)
    with pytest.raises(BadInput, match="empty in"):
        Subject.from_scan(*pair(tmp_path, empty), {1: "tumour_viable"}, 1.0, 2.0, "liver")
    empty[4, 4, 4] = 1
    moved = ImageGeometry.from_columns(empty.shape, np.eye(3), (0, 0, 2))
    with pytest.raises(BadInput, match=r"origin \(0, 0, 2\) against \(0, 0, 0\)"):
        Subject.from_scan(*pair(tmp_path, empty, moved), {1: "tumour_viable"}, 1.0, 2.0, "liver")
    with pytest.raises(BadInput, match="finer grid"):
        Subject.from_scan(*pair(tmp_path, empty), {1: "tumour_viable"}, 4.0, 2.0, "liver")


def test_image_that_ends_at_the_tumour_is_noted(tmp_path):
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[0:4, 3:6, 3:6] = 1
    subject = Subject.from_scan(*pair(tmp_path, labels), {1: "tumour_viable"}, 1.0, 2.0, "liver")
    assert any("less than the margin" in note for note in subject.origin.notes)
    assert subject.volumes()["tumour_viable"] == pytest.approx(36e-9, rel=0.05)
    assert subject.body_mask.all()


def test_bare_tumour_needs_no_parts():
    bare = replace(RECIPE, core=NoCore(), capsule=NoCapsule(), septa=NoSepta())
    bare = replace(bare, surroundings=Surroundings("liver", 5.0, NoSkin()))
    assert set(Subject.from_phantom(bare, 1.0).volumes()) == {"host", "tumour_viable"}
