"""Masks from intensities, held against plain definitions."""

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes, label

from oxablate.space.mask import filled, largest_component, otsu_threshold


def blobs(seed, shape=(40, 33, 21), share=0.35):
    return np.random.default_rng(seed).random(shape) < share


@pytest.mark.parametrize("share", [0.0, 0.02, 0.25, 0.3, 0.6, 1.0])
def test_the_largest_part_is_the_largest(share):
    for seed in range(4):
        mask = blobs(seed, share=share)
        parts, _ = label(mask)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        expected = parts == np.argmax(sizes) if sizes.any() else mask
        assert np.array_equal(largest_component(mask), expected)


def test_a_part_that_a_coarse_look_misses_is_found():
    mask = np.zeros((24, 24, 12), bool)
    mask[1:8, 1:8, 1:4] = True  # no index is a multiple of 8 in all directions
    mask[16, 16, 8] = True  # these are
    assert largest_component(mask).sum() == 7 * 7 * 3


@pytest.mark.parametrize("place", [np.s_[5:30, 6:25, 4:17], np.s_[0:30, 6:33, 4:21], np.s_[:, :, :], np.s_[0:0, :, :]])
def test_holes_are_those_of_every_slice_along_every_axis(place):
    for seed in range(3):
        mask = np.zeros((40, 33, 21), bool)
        mask[place] = blobs(seed, share=0.7)[place]
        expected = mask.copy()
        for axis in range(3):
            for n in range(mask.shape[axis]):
                at = tuple(n if a == axis else slice(None) for a in range(3))
                expected[at] = binary_fill_holes(expected[at])
        assert np.array_equal(filled(mask), expected)


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.uint16, np.int8])
def test_whole_numbers_have_the_threshold_of_the_same_real_numbers(kind):
    rng = np.random.default_rng(1)
    info = np.iinfo(kind)
    low, high = max(info.min, -1024), min(info.max, 3000)
    for values in (
        rng.integers(low, high, (70, 20, 11), endpoint=True),
        np.where(blobs(2, (70, 20, 11)), low + 3, high - 5),
        np.clip(np.where(blobs(2, (70, 20, 11)), low + 20, high // 2) + rng.normal(0, 6, (70, 20, 11)), low, high),
        np.full((70, 20, 11), info.max),
    ):
        values = np.asarray(values).astype(kind)
        assert otsu_threshold(values) == otsu_threshold(values.astype(float))
