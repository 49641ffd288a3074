"""Cracks in a random field: what an injection covers, opens and needs must not depend on the voxels.

The fracture pressure is one log-normal field per seed, fixed in space; the voxels are an eighth of its correlation
length and then half of that.
"""

from functools import cache

import numpy as np
import pytest
import radial_cracks as radial
from crack_runs import cracking_ball, inject
from radial_cracks import Ball

from oxablate.anatomy.heterogeneity import LogNormal
from oxablate.physics.flow.crack_closures import NoMemory, NonLocalMemory

EDGE, CORRELATION_MM, VOLUME = 22e-3, 8.0, 0.3e-6
OPENED = 1.1  # J of a voxel that counts as covered: an intact one beside it has 1, an opened one 1.3 and more
MEMORY = NonLocalMemory(0.5, 2e-5)


@cache
def statistics(seed: int, cells: int, memory) -> dict[str, float]:
    """Covered and crack volume [m3] and peak pressure at the needle [Pa]."""
    field = LogNormal(0.05, CORRELATION_MM, seed)
    flow = cracking_ball(
        radial, Ball(ceiling=1e-9), cells, EDGE, lambda grid: radial.FRACTURE * field.factor(grid), memory
    )
    done = inject(flow, radial.RATE, VOLUME / radial.RATE)
    assert done.refused == 0
    opened = flow.crack_volume(done.pressure)
    return {
        "coverage": float(np.count_nonzero(done.ratio > OPENED)) * flow.grid.voxel_volume,
        "crack volume": float(opened.sum()) * flow.grid.voxel_volume,
        "peak pressure": max(p for _, p in done.needle),
        "stored": float((done.ratio - 1.0).sum()) * flow.grid.voxel_volume,
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_statistics_do_not_depend_on_the_voxels(seed):
    """h = 1 mm, an eighth of the correlation length, and h / 2, memory off: below 10 % in each."""
    coarse, fine = (statistics(seed, cells, NoMemory()) for cells in (22, 44))
    changes = {name: abs(fine[name] / coarse[name] - 1) for name in coarse}
    assert all(change < 0.1 for change in changes.values()), changes


@pytest.mark.slow
def test_memory_lowers_the_pressure_on_both_grids(capsys):
    """With memory the change from h to h / 2 is reported, not demanded; no voxel tears alone, so it stays finite."""
    coarse, fine = (statistics(1, cells, MEMORY) for cells in (22, 44))
    with capsys.disabled():
        for name in coarse:
            print(f"\nmemory on, h to h/2: {name} {coarse[name]:.4g} to {fine[name]:.4g}", end="")
    for with_memory, without in ((coarse, statistics(1, 22, NoMemory())), (fine, statistics(1, 44, NoMemory()))):
        assert with_memory["stored"] == pytest.approx(VOLUME, rel=0.02)
        assert with_memory["coverage"] > without["coverage"]
