"""E9 with a finite rate: fronts and ordinary diffusion, against a fine grid, and where one hands over to the other.

Truth: lines, 20 cells a voxel, c_t = D c_xx - k c R / theta, R_t = - k c R, from a face at c0, theta = 1.
"""

from functools import cache

import numpy as np
import pytest
from reaction_column import Column
from scipy.integrate import solve_ivp
from shrinking_core import neumann_number

from oxablate.physics.reaction.closures import SharpFront

H, D, S = 0.5e-3, 1e-9, 50.0


def times_of(ratio, depths):
    """When a sharp front would be at these depths (in voxels)."""
    return (np.array(depths) * H / (2 * neumann_number(ratio))) ** 2 / D


def rate_of(zone):
    """k whose reaction zone sqrt(D / (k s)) is `zone` voxels wide."""
    return D / (S * (zone * H) ** 2)


@cache
def fine(ratio, zone, depths, cells=120, extent=6):
    """Depths consumed [voxels] on the fine grid."""
    dx, k, times = extent * H / cells, rate_of(zone), times_of(ratio, depths)

    def rates(_, y):
        c, left = y[0::2], y[1::2]
        flux = D * np.diff(np.concatenate(([2 * ratio * S - c[0]], c, [c[-1]]))) / dx
        took = k * c * left
        change = np.empty_like(y)
        change[0::2], change[1::2] = np.diff(flux) / dx - took, -took
        return change

    start = np.zeros(2 * cells)
    start[1::2] = S
    run = solve_ivp(
        rates, (0, times[-1]), start, method="LSODA", t_eval=times, rtol=1e-6, atol=1e-7 * S, lband=3, uband=3
    )
    return (S - run.y[1::2]).sum(axis=0) * dx / S / H


def voxels(ratio, zone, depths, law):
    """The same by voxels, in steps of at most h^2 / (20 D)."""
    column, found = Column(10, H, 1.0, D, [S], [rate_of(zone)], (ratio * S, None), law), []
    for time in times_of(ratio, depths):
        left = time - column.time
        steps = int(np.ceil(max(left / (0.05 * H**2 / D), 4)))
        for _ in range(steps):
            column.advance(left / steps)
        found.append(column.depth / H)
    return np.array(found)


@pytest.mark.parametrize("ratio", [0.05, 1.0, 10.0])
def test_a_front_of_a_quarter_voxel_is_followed_from_the_start(ratio):
    depths = (0.3, 0.6, 1.0, 2.0, 3.0)
    assert voxels(ratio, 0.25, depths, SharpFront()) == pytest.approx(fine(ratio, 0.25, depths), rel=0.055)


@pytest.mark.parametrize("ratio", [0.05, 1.0, 10.0])
def test_both_branches_agree_at_the_switch(ratio):
    """A zone of one voxel, taken as a front and not: 5 % from a depth of one and a half voxels on."""
    depths = (2.0, 3.0)
    truth = fine(ratio, 1.0, depths)
    front = voxels(ratio, 1.0, depths, SharpFront(zone=1.01))
    ordinary = voxels(ratio, 1.0, depths, SharpFront(zone=0.99))
    assert not np.array_equal(front, ordinary)
    assert front == pytest.approx(truth, rel=0.05)
    assert ordinary == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("ratio", [0.05, 1.0, 10.0])
def test_before_that_the_front_is_nearer_the_truth(ratio):
    depths = (0.3, 0.6, 1.0)
    truth = fine(ratio, 1.0, depths)
    front = np.abs(voxels(ratio, 1.0, depths, SharpFront(zone=1.01)) / truth - 1)
    ordinary = np.abs(voxels(ratio, 1.0, depths, SharpFront(zone=0.99)) / truth - 1)
    assert np.all(front < 0.6 * ordinary)
