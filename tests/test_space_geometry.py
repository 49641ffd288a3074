"""Image geometry: index <-> world <-> grid, frames, comparison of two images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxablate.quantities.refusal import BadInput
from oxablate.space.grid import VoxelGrid
from oxablate.space.image import FRAMES, Image, ImageGeometry, to_lps

EYE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@st.composite
def geometries(draw, longest=40):
    """Geometries of any orientation and handedness."""
    spacing = tuple(draw(st.floats(0.06, 19.0)) for _ in range(3))
    origin = tuple(draw(st.floats(-900, 900)) for _ in range(3))
    shape = tuple(draw(st.integers(1, longest)) for _ in range(3))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    axes = np.linalg.qr(random.normal(size=(3, 3)))[0]
    if draw(st.booleans()):
        axes = np.eye(3)[random.permutation(3)] * random.choice([-1.0, 1.0], 3)
    return ImageGeometry.from_columns(shape, axes * np.asarray(spacing), origin)


@given(geometries(), st.tuples(*[st.floats(-300, 300)] * 3))
def test_index_and_world_are_inverse_on_any_axes(geometry, index):
    world = geometry.index_to_world_mm(index)
    assert np.allclose(geometry.world_mm_to_index(world), index, atol=1e-9)
    by_hand = np.asarray(geometry.origin) + np.asarray(geometry.direction) @ (np.asarray(geometry.spacing) * index)
    assert np.allclose(world, by_hand, rtol=1e-13, atol=1e-9)


@given(geometries())
def test_grid_and_back(geometry):
    grid = geometry.to_grid()
    back = ImageGeometry.of_grid(grid)
    assert np.allclose(back.spacing, geometry.spacing, rtol=1e-14, atol=0)
    assert np.allclose(back.origin, geometry.origin, rtol=1e-14, atol=1e-13)
    assert back.direction == geometry.direction and back.shape == geometry.shape
    corner = np.asarray(geometry.shape) - 1.0
    assert np.allclose(grid.index_to_world(corner) * 1e3, geometry.index_to_world_mm(corner), rtol=1e-12, atol=1e-9)


@given(st.sampled_from(sorted(FRAMES)), st.tuples(*[st.floats(-1e3, 1e3)] * 3))
def test_frames_are_their_own_inverse(frame, vector):
    assert np.array_equal(to_lps(frame, to_lps(frame, vector)), np.asarray(vector))


def test_ras_and_las_signs():
    # A point 1 mm right, 2 mm anterior, 3 mm up is, in LPS, at -1, -2, 3; 1 mm left, 2 anterior: 1, -2, 3.
    assert to_lps("RAS", (1, 2, 3)).tolist() == [-1, -2, 3]
    assert to_lps("LAS", (1, 2, 3)).tolist() == [1, -2, 3]


def test_rounded_directions_become_orthonormal_and_exact_ones_stay():
    random = np.random.default_rng(1)
    axes = np.linalg.qr(random.normal(size=(3, 3)))[0]
    rounded = (axes * 0.7).astype(np.float32).astype(float)
    geometry = ImageGeometry.from_columns((3, 4, 5), rounded, (0, 0, 0))
    got = np.asarray(geometry.direction)
    assert np.abs(got.T @ got - np.eye(3)).max() < 1e-14
    assert np.abs(got - axes).max() < 1e-6
    flipped = ImageGeometry.from_columns((3, 4, 5), np.diag([0.78125, -0.78125, 6.5]), (1, 2, 3))
    assert flipped.spacing == (0.78125, 0.78125, 6.5)
    assert flipped.direction == ((1, 0, 0), (0, -1, 0), (0, 0, 1))


@pytest.mark.parametrize(
    ("columns", "origin", "word"),
    [
        (np.diag([0.04, 1, 1]), (0, 0, 0), "0.05 to 20 mm"),
        (np.diag([1, 1, 21]), (0, 0, 0), "0.05 to 20 mm"),
        (np.diag([1, 1, 0]), (0, 0, 0), "length zero"),
        (np.diag([1, 1, np.nan]), (0, 0, 0), "finite"),
        (np.eye(3), (0, np.inf, 0), "finite"),
        (np.array([[1, 0.3, 0], [0, 1, 0], [0, 0, 1.0]]), (0, 0, 0), "right angles"),
    ],
)
def test_unusable_geometry_is_refused(columns, origin, word):
    with pytest.raises(BadInput, match=word):
        ImageGeometry.from_columns((4, 4, 4), columns, origin)


@pytest.mark.parametrize(
    ("change", "named", "values"),
    [
        ({"shape": (10, 10, 9)}, "shape", ("(10, 10, 9)", "(10, 10, 10)")),
        ({"spacing": (1.0, 1.0, 1.1)}, "spacing", ("1.1", "(1, 1, 1)")),
        ({"origin": (0.0, 0.5, 0.0)}, "origin", ("0.5", "(0, 0, 0)")),
        ({"direction": ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0))}, "direction", ("-1", "1")),
    ],
)
def test_differences_name_what_differs_with_both_values(change, named, values):
    base = {"shape": (10, 10, 10), "spacing": (1.0, 1.0, 1.0), "origin": (0.0, 0.0, 0.0), "direction": EYE}
    found = ImageGeometry(**{**base, **change}).differences(ImageGeometry(**base))
    assert len(found) == 1 and found[0].startswith(named)
    assert all(v in found[0] for v in values)


@given(geometries())
@settings(max_examples=50)
def test_float32_rounding_is_no_difference(geometry):
    columns = geometry.columns.astype(np.float32).astype(float)
    origin = np.asarray(geometry.origin).astype(np.float32).astype(float)
    assert geometry.differences(ImageGeometry.from_columns(geometry.shape, columns, origin)) == []


def test_image_needs_an_array_of_its_shape():
    with pytest.raises(BadInput, match="shape"):
        Image(np.zeros((2, 3, 4)), ImageGeometry((4, 3, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), EYE))


def test_grid_far_from_image_limits_is_still_a_grid():
    assert VoxelGrid((2, 2, 2), (1.0, 1.0, 1.0)).voxel_volume == 1.0
