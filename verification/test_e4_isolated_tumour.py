"""E4: isolated tumour with a Starling source and p = 0 at its surface (Baxter and Jain 1989).

p/p_ss = 1 - sinh(a r/R) / ((r/R) sinh a), a = R sqrt(L_p S/V / K). The sphere's surface cuts the voxels: each face
that leaves the sphere gets the conductance of the distance actually left to the surface, which is second order.
"""

import numpy as np
import pytest

from oxablate.physics.flow.closures import FixedConductivity, FluidExchange, RigidPores, SealedTissue, TissueFlow
from oxablate.physics.flow.step import FlowModel, FreeSurface
from oxablate.space.boundary import OuterFaces
from oxablate.space.grid import VoxelGrid

RADIUS, CONDUCTIVITY, P_SS = 5e-3, 3.1e-14, 1533.0


def sphere_surface(grid, radius, conductivity):
    """Voxels inside a sphere round the middle of the grid, radii of all voxels, conductance to the surface."""
    centre = (np.asarray(grid.shape) - 1) / 2
    x = (np.stack(np.indices(grid.shape), -1) - centre) * np.asarray(grid.spacing)
    r2 = (x**2).sum(-1)
    inside = r2 < radius**2
    conductance = np.zeros(grid.shape)
    for axis in range(3):
        rest = radius**2 - (r2 - x[..., axis] ** 2)
        for sign in (-1, 1):
            outside_next = (x[..., axis] + sign * grid.spacing[axis]) ** 2 > rest
            distance = np.sqrt(np.maximum(rest, 0)) - sign * x[..., axis]
            cut = inside & outside_next
            conductance[cut] += conductivity * grid.face_areas[axis] / np.maximum(distance[cut], 1e-3 * grid.spacing[0])
    return inside, np.sqrt(r2), conductance


def solve(alpha, cells):
    n = 2 * cells + 2
    grid = VoxelGrid((n, n, n), (RADIUS / cells,) * 3)
    inside, r, conductance = sphere_surface(grid, RADIUS, CONDUCTIVITY)
    filtration = (alpha / RADIUS) ** 2 * CONDUCTIVITY
    tissues = (
        TissueFlow(0.3, RigidPores(), FixedConductivity(), FluidExchange(filtration, P_SS, 0.0, 0.0)),
        TissueFlow(0.3, RigidPores(), FixedConductivity(), SealedTissue()),
    )
    label = np.where(inside, 0, 1).astype(np.uint8)
    model = FlowModel(
        grid, tissues, label, np.full(grid.shape, CONDUCTIVITY), inside,
        FreeSurface(conductance, np.zeros(grid.shape), OuterFaces()),
    )  # fmt: skip
    outcome = model.find_rest(np.ones(grid.shape))
    assert outcome.ok, outcome
    a = alpha * r[inside] / RADIUS
    exact = 1 - np.sinh(a) / (r[inside] / RADIUS * np.sinh(alpha))
    return model.rest[inside] / P_SS, exact, model


@pytest.mark.parametrize("alpha", [2.0, 5.0, 10.0])
def test_profile_converges_at_second_order(alpha):
    errors = []
    for cells in (8, 16, 32):
        got, exact, _ = solve(alpha, cells)
        errors.append(np.abs(got - exact).max())
    assert errors[-1] < 0.01
    # the finest pair is asymptotic: for alpha = 10 the boundary layer is a tenth of the radius
    assert np.log2(errors[1] / errors[2]) > 1.6, errors
    assert errors[0] > errors[1] > errors[2]


def test_what_vessels_give_leaves_through_the_surface():
    """Surface outflow equals K p_ss (a coth a - 1)/R times the area, and the Starling source, from the model itself."""
    alpha = 5.0
    _, _, model = solve(alpha, 32)
    out = float((model.surface[0] * model.rest).sum())
    exact = CONDUCTIVITY * P_SS * (alpha / np.tanh(alpha) - 1) / RADIUS * 4 * np.pi * RADIUS**2
    assert out == pytest.approx(exact, rel=0.02)
