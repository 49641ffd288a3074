"""Cracks in a uniform ball against an independent radial model: the pressure at the needle must not see the voxels."""

from functools import cache

import numpy as np
import pytest
import radial_cracks as radial
from crack_runs import cracking_ball, inject
from radial_cracks import Ball, shells

#: Pressure of the first shell [kPa] of a prototype written by others, shells of equal width [m].
PROTOTYPE = {2e-3: 10.40, 1e-3: 10.46, 0.5e-3: 10.50, 0.25e-3: 10.53}


@cache
def reference(ceiling=np.inf, first=5e-5, growth=1.03):
    """Centres, pressures, pressure at the wall, stored volume; shells that are fine at the needle."""
    return radial.inject(Ball(ceiling=ceiling), shells(first, growth))


@cache
def run(cells, ceiling=np.inf):
    flow = cracking_ball(radial, Ball(ceiling=ceiling), cells, 40e-3)
    return flow, inject(flow, radial.RATE, radial.END)


@pytest.mark.parametrize("width", PROTOTYPE)
def test_the_reference_gives_the_numbers_of_the_prototype(width):
    """They differ by the distance of the first shell's centre from the wall; the wall's pressure does not change."""
    _, p, wall, _ = radial.inject(Ball(), shells(width, 1.0), 1e-5)
    assert p[0] / 1e3 == pytest.approx(PROTOTYPE[width], abs=0.006)
    assert wall == pytest.approx(reference()[2], rel=2e-4)


def test_the_reference_against_its_limit_and_its_own_refinement():
    """Steady flow through open cracks: (p - p_frac)^4 = Q / (pi A r_c), an upper bound that misses what is stored."""
    _, _, wall, stored = reference()
    bound = (radial.RATE / (np.pi * radial.CUBIC * radial.CAVITY)) ** 0.25
    assert 0.985 * bound < wall - radial.FRACTURE < bound
    assert stored == pytest.approx(radial.RATE * radial.END, rel=2e-4)
    assert wall == pytest.approx(reference(first=1e-4, growth=1.06)[2], rel=1e-4)


@pytest.mark.parametrize("ceiling", [np.inf, 1e-9])
@pytest.mark.parametrize("cells", [14, 20, pytest.param(40, marks=pytest.mark.slow)])
def test_the_needle_pressure_is_that_of_the_radial_model_at_any_voxel_size(cells, ceiling):
    flow, done = run(cells, ceiling)
    assert done.needle[-1][1] == pytest.approx(reference(ceiling)[2], rel=1e-3)
    assert done.refused == 0
    stored = float((done.ratio - 1.0).sum()) * flow.grid.voxel_volume
    assert stored == pytest.approx(radial.RATE * radial.END, rel=1e-4)


@pytest.mark.slow
def test_the_cracked_ball_converges_to_the_radial_model():
    """J over the radius, first order as its front is a jump; the crack volume, most of it hardly open, within 4 %."""
    faces = shells(5e-5, 1.03, 1e-4)
    centre, pressure, _, _ = radial.inject(Ball(), faces)
    excess = np.where(centre < radial.TUMOUR, np.maximum(pressure - radial.FRACTURE, 0.0), 0.0)
    true = float((5e-5 * excess * 4 / 3 * np.pi * np.diff(faces**3)).sum())
    errors = []
    for cells in (20, 40):
        flow, done = run(cells)
        h = 40e-3 / cells
        r = np.linalg.norm((np.indices(flow.grid.shape) - (cells - 1) / 2) * h, axis=0)
        seen = (r > 2e-3) & (r < 14e-3)
        exact = np.interp(r[seen], centre, pressure)
        held = np.log1p(2.0 * exact / 20e3) / 2.0 + 5e-5 * np.maximum(exact - radial.FRACTURE, 0.0)
        errors.append(np.abs(done.ratio[seen] - 1.0 - held).mean() / held.mean())
        assert flow.crack_volume(done.pressure).sum() * h**3 == pytest.approx(true, rel=0.04)
    assert np.log2(errors[0] / errors[1]) > 0.9, errors
