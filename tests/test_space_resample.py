"""From thick slices to a computing grid and back: volumes, shapes, mirrors; closed forms and SimpleITK as the judge."""

from pathlib import Path

import numpy as np
import pytest

from oxablate.quantities.refusal import BadInput
from oxablate.space.files import read_labels
from oxablate.space.image import Image, ImageGeometry
from oxablate.space.mask import body_mask, filled, largest_component, otsu_threshold
from oxablate.space.resample import computing_grid, resample_image, resample_labels, signed_distance, to_image

THICK = ImageGeometry.from_columns((56, 52, 9), np.diag([0.78125, -0.78125, 6.5]), (-20.0, 21.0, -26.0))
DEMO = Path(__file__).parents[1] / "examples" / "data" / "brain1_label.nrrd"


def ball(geometry: ImageGeometry, centre, semi_axes) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1)
    return (((geometry.index_to_world_mm(index) - centre) / semi_axes) ** 2).sum(axis=-1) < 1.0


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def demo():
    return read_labels(DEMO)


@pytest.mark.parametrize("spacing", [2.0, 1.5, 1.0, 0.7])
def test_demo_tumour_keeps_its_volume(demo, spacing):
    grid, _ = computing_grid(demo.geometry, demo.data > 0, spacing, 8.0)
    labels, volumes = resample_labels(demo.data, demo.geometry, grid)
    drawn = (demo.data > 0).sum() * 0.78125**2 * 6.5
    assert abs(labels.sum() * spacing**3 / drawn - 1.0) < 0.02
    assert volumes[1].before_mm3 == pytest.approx(drawn, rel=1e-12)
    assert volumes[1].after_mm3 == pytest.approx(labels.sum() * spacing**3, rel=1e-9)
    assert abs(volumes[1].offset_mm) < spacing and "mL" in str(volumes[1])


def test_demo_tumour_stays_where_it_was_drawn(demo):
    """Points of the drawing deeper than one pixel stay tumour on the slice they were drawn on, and the like outside."""
    grid, _ = computing_grid(demo.geometry, demo.data > 0, 1.0, 8.0)
    labels, _ = resample_labels(demo.data, demo.geometry, grid)
    seen = to_image(labels, grid, demo.geometry, 0, nearest=True).data > 0
    for k in range(11, 18):
        depth = signed_distance(demo.data[:, :, k] > 0, (0.78125, 0.78125))
        assert seen[:, :, k][depth > 2.0].mean() > 0.97
        assert seen[:, :, k][depth < -2.0].mean() < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_thick_slices_of_an_ellipsoid_come_back_as_an_ellipsoid(seed):
    centre = np.random.default_rng(seed).uniform(-2, 2, 3)
    semi_axes = np.array([14.0, 11.0, 17.0])
    drawn = ball(THICK, centre, semi_axes)
    grid, _ = computing_grid(THICK, drawn, 1.0, 5.0)
    labels, volumes = resample_labels(drawn.astype(np.uint8), THICK, grid)
    truth = ball(ImageGeometry.of_grid(grid), centre, semi_axes)
    stairs = to_image(drawn.astype(np.uint8), THICK.to_grid(), ImageGeometry.of_grid(grid), 0, nearest=True).data > 0
    assert dice(labels > 0, truth) > 0.96
    assert dice(labels > 0, truth) > dice(stairs, truth) + 0.02
    assert abs(volumes[1].relative_error) < 1e-3


def test_end_slices_close_within_half_a_slice():
    """A ball drawn on three slices ends between its last slice and half a slice beyond it."""
    drawn = ball(THICK, (0, 0, 0), (12.0, 12.0, 9.0))
    slices = np.flatnonzero(drawn.any(axis=(0, 1)))
    grid, _ = computing_grid(THICK, drawn, 0.5, 5.0)
    labels, volumes = resample_labels(drawn.astype(np.uint8), THICK, grid)
    found = np.argwhere(labels)[:, 2]
    top = grid.index_to_world((0, 0, found.max() + 0.5))[2] * 1e3 - (THICK.origin[2] + slices[-1] * 6.5)
    low = (THICK.origin[2] + slices[0] * 6.5) - grid.index_to_world((0, 0, found.min() - 0.5))[2] * 1e3
    for beyond in (top, low):
        assert 0.5 < beyond < 3.25 + volumes[1].offset_mm + 0.5  # half a slice, the volume's offset, one voxel


def test_mirrored_drawing_mirrored_labels():
    random = np.random.default_rng(3)
    drawn = ball(THICK, (1.3, -2.1, 0.4), (11, 9, 15)).astype(np.uint8)
    drawn[ball(THICK, (2.3, -2.1, 0.4), (5, 4, 8))] = 2
    drawn[ball(THICK, random.uniform(-6, 6, 3), (4, 4, 7)) & (drawn > 0)] = 3
    for axis in range(3):
        grids = [computing_grid(THICK, d > 0, 1.2, 4.0)[0] for d in (drawn, np.flip(drawn, axis))]
        results = [resample_labels(d, THICK, g)[0] for d, g in zip((drawn, np.flip(drawn, axis)), grids, strict=True)]
        assert (np.flip(results[0], axis) != results[1]).mean() < 1e-4  # ties of equal distances may fall either way


def test_every_label_inside_keeps_its_volume_and_cut_ones_say_so():
    drawn = np.ones(THICK.shape, np.uint8)
    drawn[:, :9] = 0
    drawn[ball(THICK, (0, 0, 0), (13, 12, 18))] = 2
    drawn[ball(THICK, (0, 0, 0), (12, 11, 16.5))] = 4
    drawn[ball(THICK, (2, 0, 0), (6, 6, 9))] = 3
    grid, _ = computing_grid(THICK, drawn > 1, 1.0, 4.0)
    labels, volumes = resample_labels(drawn, THICK, grid)
    assert [v.label for v in volumes] == [0, 1, 2, 3, 4]
    for volume in volumes:
        assert (volume.offset_mm is None) == (volume.label < 2)
        if volume.label >= 2:
            assert abs(volume.relative_error) < 0.005
            assert volume.before_mm3 == pytest.approx((drawn == volume.label).sum() * THICK.voxel_volume_mm3)
    box = np.prod(np.asarray(grid.shape) * 1.0)
    assert sum(v.before_mm3 for v in volumes) == pytest.approx(box, rel=1e-9)
    assert sum(v.after_mm3 for v in volumes) == pytest.approx(box, rel=1e-9)
    assert labels.dtype == np.uint8


def test_isotropic_labels_on_their_own_grid_are_unchanged():
    geometry = ImageGeometry.from_columns((30, 30, 30), np.eye(3), (0, 0, 0))
    drawn = ball(geometry, (14, 15, 14), (8, 7, 9)).astype(np.uint8)
    labels, _ = resample_labels(drawn, geometry, geometry.to_grid())
    assert np.array_equal(labels, drawn)


def test_grid_surrounds_the_tumour_by_the_margin_and_says_what_was_cropped():
    drawn = ball(THICK, (0, 0, 0), (8, 8, 10))
    grid, crop = computing_grid(THICK, drawn, 0.9, 3.0)
    assert grid.direction == THICK.direction and grid.spacing == pytest.approx((0.9e-3,) * 3)
    faces = grid.index_to_world(np.array([[-0.5] * 3, np.asarray(grid.shape) - 0.5])) * 1e3
    assert np.allclose(THICK.world_mm_to_index(faces), [crop.lower, crop.upper])
    assert all(3.0 <= m < 3.0 + 0.46 for pair in crop.margins_mm for m in pair)
    _, wide = computing_grid(THICK, drawn, 0.9, 500.0)
    assert np.allclose(wide.lower, -0.5, atol=0.6) and np.allclose(wide.upper, np.asarray(THICK.shape) - 0.5, atol=0.6)


@pytest.mark.parametrize(
    ("mask", "spacing", "margin", "word"),
    [(0, 1, 5, "tumour is empty"), (1, 0.01, 5, "0.05 to 20"), (1, 1, -1, "margin"), (1, 1, np.nan, "margin")],
)
def test_unusable_crops_are_refused(mask, spacing, margin, word):
    drawn = np.zeros(THICK.shape, bool)
    drawn[20:22, 20:22, 4] = bool(mask)
    with pytest.raises(BadInput, match=word):
        computing_grid(THICK, drawn, spacing, margin)


def test_intensities_agree_with_simpleitk_inside_the_image():
    sitk = pytest.importorskip("SimpleITK")
    data = np.random.default_rng(0).normal(size=THICK.shape)
    grid, _ = computing_grid(THICK, ball(THICK, (0, 0, 0), (9, 9, 9)), 1.1, 4.0)
    moving = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    target = ImageGeometry.of_grid(grid)
    for image, geometry in ((moving, THICK),):
        image.SetSpacing(geometry.spacing)
        image.SetOrigin(geometry.origin)
        image.SetDirection(np.ravel(geometry.direction).tolist())
    oracle = sitk.Resample(
        moving, target.shape, sitk.Transform(), sitk.sitkLinear, target.origin, target.spacing,
        np.ravel(target.direction).tolist(),
    )  # fmt: skip
    assert np.allclose(resample_image(Image(data, THICK), grid), sitk.GetArrayFromImage(oracle).transpose(2, 1, 0))


def test_signed_distance_agrees_with_simpleitk_away_from_the_edge_convention():
    sitk = pytest.importorskip("SimpleITK")
    mask = ball(THICK, (0, 0, 0), (12, 10, 15))
    image = sitk.GetImageFromArray(np.ascontiguousarray(mask.transpose(2, 1, 0)).astype(np.uint8))
    image.SetSpacing(THICK.spacing)
    outside = sitk.SignedMaurerDistanceMap(image, False, False, True)
    oracle = -sitk.GetArrayFromImage(outside).transpose(2, 1, 0)
    ours = signed_distance(mask, THICK.spacing)
    # SimpleITK measures from the outermost voxels of the mask: the two agree outside and differ by a voxel inside.
    assert np.allclose(ours[~mask], oracle[~mask], atol=1e-4)
    assert np.all(ours[mask] > 0)


def test_linear_fields_go_back_exactly_and_fill_lies_outside():
    grid, _ = computing_grid(THICK, ball(THICK, (0, 0, 0), (9, 9, 9)), 1.0, 6.0)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    slope = np.array([3.0, -2.0, 5.0])
    field = grid.index_to_world(index) @ slope
    back = to_image(field, grid, THICK, fill=-99.0)
    at = np.stack(np.meshgrid(*map(np.arange, THICK.shape), indexing="ij"), axis=-1)
    world = THICK.index_to_world_mm(at) * 1e-3
    where = grid.world_to_index(world)
    outside = np.any((where < -0.5) | (where > np.asarray(grid.shape) - 0.5), axis=-1)
    between = np.all((where >= 0) & (where <= np.asarray(grid.shape) - 1), axis=-1)
    assert np.all(back.data[outside] == -99.0) and outside.any() and between.any()
    assert np.allclose(back.data[between], (world @ slope)[between], rtol=1e-9, atol=1e-12)
    assert back.data[~outside].min() >= field.min() and back.data[~outside].max() <= field.max()
    with pytest.raises(BadInput, match="shape"):
        to_image(field[1:], grid, THICK, 0.0)


def test_turned_grid_is_refused():
    turned = ImageGeometry.from_columns((5, 5, 5), np.eye(3)[[1, 0, 2]], (0, 0, 0))
    with pytest.raises(BadInput, match="axes"):
        resample_image(Image(np.zeros(THICK.shape), THICK), turned.to_grid())


def test_otsu_agrees_with_simpleitk_and_finds_a_body():
    sitk = pytest.importorskip("SimpleITK")
    random = np.random.default_rng(2)
    body = ball(THICK, (0, 0, 0), (17, 17, 40))
    hollow = body & ~ball(THICK, (3, 0, 0), (4, 4, 4))
    values = np.where(hollow, 300.0, 10.0) + random.normal(0, 15, THICK.shape)
    values[2:4, 2:4, 1] = 300.0
    threshold = otsu_threshold(values)
    theirs = sitk.OtsuThresholdImageFilter()
    theirs.SetNumberOfHistogramBins(256)
    theirs.Execute(sitk.GetImageFromArray(values))
    assert ((values > threshold) == (values > theirs.GetThreshold())).mean() > 0.9999
    assert np.array_equal(body_mask(values), body)
    assert otsu_threshold(np.full((3, 3, 3), 5.0)) == 5.0


def test_components_and_holes():
    mask = np.zeros((9, 9, 9), bool)
    assert not largest_component(mask).any()
    mask[1:6, 1:6, 1:6] = True
    mask[3, 3, 3] = False
    mask[8, 8, 8] = True
    closed = filled(largest_component(mask))
    assert closed.sum() == 125 and closed[3, 3, 3] and not closed[8, 8, 8]


def test_a_slice_is_filled_as_scipy_fills_it():
    from scipy.ndimage import binary_fill_holes

    mask = np.random.default_rng(4).random((17, 14, 11)) < 0.62
    expected = mask.copy()
    for axis in range(3):
        planes = np.moveaxis(expected, axis, 0)
        for plane in planes:
            plane[...] = binary_fill_holes(plane)
    assert np.array_equal(filled(mask), expected) and expected.sum() > mask.sum() + 50
