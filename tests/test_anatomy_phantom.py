"""Phantoms: volumes of formulas, mirrors, the same body on every grid, statistics of the factor field."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

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
    phantom_geometry,
    phantom_images,
    phantom_labels,
)
from oxablate.anatomy.septa import NoSepta, PlaneSepta, VoronoiSepta
from oxablate.anatomy.shape import Ellipsoid, Lobulated
from oxablate.anatomy.tissue import Tissue, is_tumour
from oxablate.quantities.refusal import BadInput
from oxablate.space.files import read_image, write_image
from oxablate.space.grid import VoxelGrid

DEEP = Surroundings("liver", 4.0, NoSkin())
PLAIN = PhantomRecipe(Ellipsoid((9.0, 7.0, 11.0)), NoCore(), NoCapsule(), NoSepta(), DEEP, Uniform())
RICH = PhantomRecipe(
    Lobulated(9.0, 0.15, 5, 3),
    NecroticCore(0.1),
    Capsule(1.0),
    VoronoiSepta(8, 0.8, 4),
    Surroundings("liver", 6.0, Skin(4.0, 1.5)),
    LogNormal(0.5, 4.0, 1),
)


def labels_at(recipe, spacing):
    geometry = phantom_geometry(recipe, (spacing,) * 3)
    return phantom_labels(recipe, geometry.to_grid()), geometry


def volume(labels, geometry, *tissues):
    return np.isin(labels, tissues).sum() * geometry.voxel_volume_mm3


def test_volumes_converge_to_the_formulas():
    recipe = replace(PLAIN, core=NecroticCore(0.2), capsule=Capsule(1.2))
    a, b, c = recipe.shape.semi_axes_mm
    whole = 4 / 3 * np.pi * a * b * c
    shell = whole - 4 / 3 * np.pi * (a - 1.2) * (b - 1.2) * (c - 1.2)
    expected = {Tissue.CAPSULE: shell, Tissue.NECROTIC_CORE: 0.2 * whole, Tissue.TUMOUR_VIABLE: 0.8 * whole - shell}
    labels, geometry = labels_at(recipe, 0.35)
    for tissue, exact in expected.items():
        assert volume(labels, geometry, tissue) == pytest.approx(exact, rel=0.01)
    assert is_tumour(labels).sum() * geometry.voxel_volume_mm3 == pytest.approx(whole, rel=0.003)


@pytest.mark.parametrize("seed", range(3))
def test_lobulated_tumour_has_the_volume_it_states(seed):
    recipe = replace(PLAIN, shape=Lobulated(9.0, 0.25, 4, seed), core=NecroticCore(0.05))
    labels, geometry = labels_at(recipe, 0.4)
    exact = 4 / 3 * np.pi * 9.0**3
    assert is_tumour(labels).sum() * geometry.voxel_volume_mm3 == pytest.approx(exact, rel=0.005)
    assert volume(labels, geometry, Tissue.NECROTIC_CORE) == pytest.approx(0.05 * exact, rel=0.02)
    round_one = np.sort(np.ptp(np.argwhere(is_tumour(labels)), axis=0)) * 0.4
    assert round_one[-1] > 18.5  # no sphere: it sticks out beyond its equivalent diameter


def test_plane_septum_has_its_thickness():
    """A sheet through a ball: pi (R^2 - o^2) t - pi t^3 / 12, summed over well separated or single sheets."""
    recipe = replace(PLAIN, shape=Ellipsoid((9.0, 9.0, 9.0)), septa=PlaneSepta(1, 1.4, 6))
    labels, geometry = labels_at(recipe, 0.3)
    found = volume(labels, geometry, Tissue.SEPTUM)
    offset = np.linalg.norm((np.argwhere(labels == Tissue.SEPTUM) - (np.asarray(labels.shape) - 1) / 2).mean(0)) * 0.3
    assert found == pytest.approx(np.pi * (81 - offset**2) * 1.4 - np.pi * 1.4**3 / 12, rel=0.01)


def test_compartments_are_parted_by_closed_walls():
    from scipy.ndimage import label

    recipe = replace(PLAIN, septa=VoronoiSepta(6, 1.2, 2), shape=Ellipsoid((10.0, 10.0, 10.0)))
    labels, _ = labels_at(recipe, 0.4)
    parts, _ = label(labels == Tissue.TUMOUR_VIABLE)
    sizes = np.bincount(parts.ravel())[1:]
    assert (sizes > 50).sum() == 6
    coarse, fine = (volume(*labels_at(recipe, h), Tissue.SEPTUM) for h in (0.6, 0.3))
    assert coarse == pytest.approx(fine, rel=0.03)


def test_same_recipe_same_bytes_and_same_body_on_a_finer_grid():
    first, geometry = labels_at(RICH, 0.75)
    assert first.tobytes() == labels_at(RICH, 0.75)[0].tobytes()
    fine = phantom_labels(RICH, VoxelGrid(
        tuple(3 * n for n in geometry.shape), tuple(s * 1e-3 / 3 for s in geometry.spacing),
        tuple((o - s / 3) * 1e-3 for o, s in zip(geometry.origin, geometry.spacing, strict=True)),
    ))  # fmt: skip
    assert np.array_equal(fine[1::3, 1::3, 1::3], first)  # the middle voxel of each 3 x 3 x 3 has the same centre


def test_seeds_matter_one_part_at_a_time():
    base = labels_at(RICH, 0.75)[0]
    other = labels_at(replace(RICH, septa=VoronoiSepta(8, 0.8, 5)), 0.75)[0]
    assert np.array_equal(is_tumour(base), is_tumour(other)) and not np.array_equal(base, other)


def test_ellipsoid_is_its_own_mirror_image():
    labels, _ = labels_at(replace(PLAIN, core=NecroticCore(0.1), capsule=Capsule(1.0)), 0.7)
    for axis in range(3):
        assert np.array_equal(labels, np.flip(labels, axis))


def test_skin_and_air_lie_in_front():
    labels, geometry = labels_at(RICH, 0.5)
    assert np.all(labels[:, 0] == Tissue.AIR) and np.all(labels[:, -1] == Tissue.HOST)
    front = geometry.origin[1] + np.arange(labels.shape[1]) * 0.5
    skin = front[(labels == Tissue.SKIN).any(axis=(0, 2))]
    tumour = front[is_tumour(labels).any(axis=(0, 2))]
    assert np.ptp(skin) + 0.5 == pytest.approx(1.5, abs=0.5)
    assert tumour.min() - (skin.min() - 0.25) == pytest.approx(4.0, abs=0.75)


def grid_of(n, h, origin=(0.0, 0.0, 0.0)):
    return VoxelGrid((n, n, n), (h, h, h), origin)


def test_factor_field_is_fixed_in_space():
    law = LogNormal(0.7, 5.0, 11)
    coarse = law.factor(grid_of(12, 1.5e-3))
    fine = law.factor(grid_of(36, 0.5e-3, (-0.5e-3,) * 3))
    assert np.allclose(fine[1::3, 1::3, 1::3], coarse, rtol=1e-9)
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turned = VoxelGrid((4, 4, 4), (1e-3,) * 3, (0.01, 0.02, 0.03), tuple(map(tuple, axes.tolist())))
    one = VoxelGrid((1, 1, 1), (1e-3,) * 3, tuple(turned.index_to_world((2, 1, 3)).tolist()))
    assert law.factor(turned)[2, 1, 3] == pytest.approx(law.factor(one)[0, 0, 0], rel=1e-9)


def test_factor_field_has_the_stated_variance_and_correlation():
    """Over independent seeds: mean of the log 0, its variance s^2, correlation exp(-(r/l)^2) at r = l/2, l, 2l."""
    length, variance, n = 2.0, 0.6, 24
    logs = np.array([np.log(LogNormal(variance, length, seed).factor(grid_of(n, 1e-3))) for seed in range(40)])
    # 40 fields of (24/2)^3 correlation volumes each: standard errors well below the tolerances
    assert logs.mean() == pytest.approx(0.0, abs=0.02)
    assert logs.var() == pytest.approx(variance, rel=0.05)
    for lag in (1, 2, 4):
        pairs = [np.mean(np.take(logs, range(n - lag), a) * np.take(logs, range(lag, n), a)) for a in (1, 2, 3)]
        assert np.mean(pairs) / variance == pytest.approx(np.exp(-((lag / length) ** 2)), abs=0.03)
    z = (logs - logs.mean()) / logs.std()
    assert np.mean(z**3) == pytest.approx(0, abs=0.1) and np.mean(z**4) == pytest.approx(3, abs=0.2)


def test_factor_field_does_not_depend_on_threads():
    law, before = LogNormal(0.5, 3.0, 2), numba.get_num_threads()
    try:
        fields = []
        for threads in {1, before}:
            numba.set_num_threads(threads)
            fields.append(law.factor(grid_of(9, 1e-3)).tobytes())
    finally:
        numba.set_num_threads(before)
    assert len(set(fields)) == 1


def test_units_do_not_enter_the_factor_field():
    """The same field in a grid counted in other lengths: only ratios of positions to the correlation length count."""
    near = LogNormal(0.5, 3.0, 2).factor(grid_of(6, 1e-3))
    far = LogNormal(0.5, 3000.0, 2).factor(grid_of(6, 1.0))
    assert np.allclose(near, far, rtol=1e-10)


def test_phantom_as_image_files(tmp_path):
    spacing = (0.8, 0.8, 3.0)
    image, labels = phantom_images(RICH, spacing, 0.05, 9)
    again, _ = phantom_images(RICH, spacing, 0.05, 9)
    assert image.data.tobytes() == again.data.tobytes() and image.geometry.spacing == spacing
    back = read_image(write_image(tmp_path / "p.nii.gz", labels))
    assert np.array_equal(back.data, labels.data)
    means = [image.data[labels.data == t].mean() for t in (Tissue.AIR, Tissue.NECROTIC_CORE, Tissue.TUMOUR_VIABLE)]
    assert means[0] < means[1] < means[2]


def test_recipe_can_be_written_in_a_case_file():
    adapter = TypeAdapter(PhantomRecipe)
    assert adapter.validate_python(adapter.dump_python(RICH)) == RICH
    wrong = adapter.dump_python(RICH)
    wrong["surroundings"]["skin"]["depth_mm"] = 50.0
    with pytest.raises(ValidationError, match="beyond the margin"):
        adapter.validate_python(wrong)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Ellipsoid((1.0, -2.0, 3.0)), "semi_axes_mm"),
        (lambda: Lobulated(9.0, 0.5, 4, 0), "amplitude"),
        (lambda: Lobulated(9.0, 0.1, 1, 0), "lobes"),
        (lambda: Lobulated(9.0, 0.1, 4, -1), "seed"),
        (lambda: NecroticCore(1.0), "volume_fraction"),
        (lambda: Capsule(0.0), "thickness_mm"),
        (lambda: Skin(1.0, 2.0), "as thick as the tumour is deep"),
        (lambda: Surroundings("liver", 5.0, Skin(6.0, 2.0)), "beyond the margin"),
        (lambda: Surroundings("", 5.0, NoSkin()), "no name"),
        (lambda: PlaneSepta(0, 1.0, 1), "count"),
        (lambda: VoronoiSepta(4, float("nan"), 1), "thickness_mm"),
        (lambda: LogNormal(0.5, 0.0, 1), "correlation_length_mm"),
        (lambda: LogNormal(0.5, 1.0, True), "seed"),
        (lambda: replace(PLAIN, capsule=Capsule(8.0)), "smallest radius"),
        (lambda: replace(PLAIN, capsule=Capsule(3.0), core=NecroticCore(0.5)), "reach the capsule"),
        (lambda: phantom_geometry(PLAIN, (0.01, 1.0, 1.0)), "spacing"),
        (lambda: phantom_images(PLAIN, (1.0, 1.0, 1.0), -0.1, 0), "noise"),
    ],
)
def test_impossible_recipes_are_refused(make, word):
    with pytest.raises(BadInput, match=word):
        make()
