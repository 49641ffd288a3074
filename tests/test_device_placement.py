"""Sites spread over a tumour, and what a needle passes on its way."""

import numpy as np
import pytest

from oxablate.device.course import check_course, check_spacing, check_volume, shaft_end
from oxablate.device.needles import Course
from oxablate.device.placement import spread_sites
from oxablate.quantities.refusal import BadInput
from oxablate.space.grid import VoxelGrid

GRID = VoxelGrid((24, 22, 20), (1e-3, 1.2e-3, 1.5e-3), (0.01, -0.02, 0.03))


def ball(centre, radius):
    index = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), -1)
    return ((((index - centre) * GRID.spacing) ** 2).sum(-1)) <= radius**2


def lumpy():
    return ball((10, 9, 8), 6e-3) | ball((14, 12, 9), 4e-3) | ball((8, 13, 12), 3e-3)


def mirrored(sites, axis):
    index = GRID.world_to_index(sites)
    index[:, axis] = GRID.shape[axis] - 1 - index[:, axis]
    return GRID.index_to_world(index)


def as_set(sites):
    return sorted(map(tuple, np.round(sites, 9)))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("shape", ["lumpy", "ball", "half symmetric"])
def test_a_mirrored_tumour_has_mirrored_sites(shape, axes, count):
    mask = {
        "lumpy": lumpy(),
        "ball": ball((10, 9, 8), 6e-3),
        "half symmetric": ball((10, 9, 8), 5e-3) | ball((14, 9, 8), 4e-3),
    }[shape]
    sites, other = spread_sites(mask, GRID, count), spread_sites(np.flip(mask, axes), GRID, count)
    for axis in axes:
        sites = mirrored(sites, axis)
    np.testing.assert_allclose(as_set(sites), as_set(other), atol=2e-9)


@pytest.mark.parametrize("count", [2, 4, 6])
def test_sites_are_centroids_of_parts_of_like_size(count):
    mask = lumpy()
    sites = spread_sites(mask, GRID, count)
    points = GRID.index_to_world(np.argwhere(mask))
    nearest = ((points[:, None] - sites) ** 2).sum(-1).argmin(1)
    sizes = np.bincount(nearest, minlength=count)
    assert sizes.min() > 0.3 * sizes.max()
    for n in range(count):
        np.testing.assert_allclose(points[nearest == n].mean(0), sites[n], atol=0.02e-3)
    inside = np.rint(GRID.world_to_index(sites)).astype(int)
    assert mask[tuple(inside.T)].all()
    spread = ((points - sites[nearest]) ** 2).sum()
    assert spread < 0.75 * ((points - points.mean(0)) ** 2).sum()


def test_the_same_tumour_has_the_same_sites_and_one_site_is_its_centre():
    mask = lumpy()
    assert spread_sites(mask, GRID, 5).tobytes() == spread_sites(mask.copy(), GRID, 5).tobytes()
    np.testing.assert_allclose(
        spread_sites(mask, GRID, 1)[0], GRID.index_to_world(np.argwhere(mask)).mean(0), atol=1e-12
    )


def test_a_hollow_tumour_gets_its_site_in_its_own_voxels():
    mask = ball((11, 10, 9), 7e-3) & ~ball((11, 10, 9), 4e-3)
    (site,) = np.rint(GRID.world_to_index(spread_sites(mask, GRID, 1))).astype(int)
    assert mask[tuple(site)]


@pytest.mark.parametrize(
    ("mask", "count", "says"),
    [(np.zeros(GRID.shape, bool), 1, "no voxel"), (lumpy(), 0, "number from 1"), (lumpy(), 10**6, "number from 1")],
)
def test_impossible_numbers_of_sites_are_refused(mask, count, says):
    with pytest.raises(BadInput, match=says):
        spread_sites(mask, GRID, count)


BODY = np.zeros(GRID.shape, bool)
BODY[:, :, :16] = True
NOTHING = np.zeros(GRID.shape, bool)


def at(i, j, k):
    return tuple(float(x) for x in GRID.index_to_world((i, j, k)))


def test_the_shaft_is_followed_to_the_surface():
    end, air = shaft_end(Course(at(12, 11, 19), at(12, 11, 5)), GRID, BODY)
    assert air and GRID.world_to_index(end)[2] == pytest.approx(15.4, abs=0.2)
    end, air = shaft_end(Course(at(12, 11, -10), at(12, 11, 5)), GRID, BODY)
    assert not air and GRID.world_to_index(end)[2] == pytest.approx(-0.4, abs=0.2)
    end, air = shaft_end(Course(at(12, 11, 12), at(12, 11, 5)), GRID, BODY)
    assert air and GRID.world_to_index(end)[2] == pytest.approx(12.0)


def test_openings_in_air_or_vessels_are_warned_of_and_bone_is_refused():
    vessel, bone = NOTHING.copy(), NOTHING.copy()
    vessel[12, 11, 5], bone[12, 11, 10] = True, True
    course = Course(at(12, 11, 15), at(12, 11, 5))
    assert check_course(course, [at(12, 11, 6)], GRID, BODY, NOTHING, vessel) == ()
    (warning,) = check_course(course, [course.tip], GRID, BODY, NOTHING, vessel)
    assert "large vessel" in warning
    (warning,) = check_course(course, [at(12, 11, 18)], GRID, BODY, NOTHING, vessel)
    assert "in air" in warning
    with pytest.raises(BadInput, match="through bone"):
        check_course(course, [course.tip], GRID, BODY, bone, vessel)
    with pytest.raises(BadInput, match="outside the image"):
        check_course(course, [at(12, 11, 40)], GRID, BODY, NOTHING, vessel)


def test_what_the_grid_cannot_tell_apart_is_refused():
    check_spacing([at(5, 5, 5), at(7, 5, 5)], GRID)
    check_spacing([(0.0, 0.0, 0.0), (0.0, 0.0, 1.5e-3 * (1 - 1e-12))], GRID)  # a voxel, less by round-off
    with pytest.raises(BadInput, match="less than a voxel"):
        check_spacing([at(5, 5, 5), at(6, 5, 5)], GRID)
    check_volume(1e-6, 1e-5)
    with pytest.raises(BadInput, match="more than the body part"):
        check_volume(2e-5, 1e-5)
    with pytest.raises(BadInput, match="outside the body"):
        shaft_end(Course(at(12, 11, 5), at(12, 11, 18)), GRID, BODY)
