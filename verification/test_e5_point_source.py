"""E5: steady point source, p(r) = Q/(4 pi K r); the needle pressure must not depend on the voxel size."""

import numpy as np
import pytest

from oxablate.physics.flow.closures import FixedConductivity, RigidPores, SealedTissue, TissueFlow
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole, lattice_green
from oxablate.space.boundary import Dirichlet, OuterFaces
from oxablate.space.grid import VoxelGrid

RATE, CONDUCTIVITY, CAVITY, TUMOUR = 1e-9, 1e-12, 0.35e-3, 15e-3
EXACT = RATE / (4 * np.pi * CONDUCTIVITY * CAVITY)


def analytic_faces(grid, tip):
    """Dirichlet data p(r) of the point source at the centres of the outer faces."""
    faces = []
    for number in range(6):
        axis, side = divmod(number, 2)
        shape = list(grid.shape)
        shape[axis] = 1
        index = np.stack(np.indices(shape), -1).astype(float)
        index[..., axis] = grid.shape[axis] - 0.5 if side else -0.5
        r = np.linalg.norm(grid.index_to_world(index) - np.asarray(tip), axis=-1)
        faces.append(Dirichlet(np.squeeze(RATE / (4 * np.pi * CONDUCTIVITY * r), axis)))
    return OuterFaces(tuple(faces))


def needle_pressure(spacing, tip, half_width=TUMOUR):
    shape = tuple(2 * round(half_width / s) for s in spacing)
    origin = tuple(-(n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True))
    grid = VoxelGrid(shape, spacing, origin)
    tissue = TissueFlow(0.3, RigidPores(), FixedConductivity(), SealedTissue())
    needle = EndHole(grid, tip, CAVITY)
    model = FlowModel(
        grid, (tissue,), np.zeros(shape, np.uint8), np.full(shape, CONDUCTIVITY), np.ones(shape, bool),
        analytic_faces(grid, tip), needle,
    )  # fmt: skip
    vessels = np.ones(shape)
    step = model.try_step(np.zeros(shape), np.ones(shape), vessels, RATE, 1.0)
    assert step.outcome.ok, step.outcome
    return model.needle_pressure(model.pressure_next, RATE)


@pytest.mark.parametrize("per_radius", [8, 16, 32])
@pytest.mark.parametrize("where", [(0.5, 0.5, 0.5), (0.0, 0.0, 0.0), (0.37, 0.11, -0.29)])
def test_needle_pressure_is_that_of_the_cavity(per_radius, where):
    """`where`: the tip's offset from a voxel corner, in voxels: a centre, a corner, anywhere."""
    h = TUMOUR / per_radius
    assert needle_pressure((h, h, h), tuple(w * h for w in where)) == pytest.approx(EXACT, rel=0.01)


def test_needle_pressure_on_anisotropic_voxels():
    h = TUMOUR / 16
    assert needle_pressure((h, h, 3 * h), (0.2 * h, -0.3 * h, 0.4 * h), 1.6 * TUMOUR) == pytest.approx(EXACT, rel=0.01)


def test_needle_pressure_when_voxels_are_finer_than_the_cavity():
    h = CAVITY / 3
    assert needle_pressure((h, h, h), (0.1 * h, 0.0, 0.3 * h), 20 * h) == pytest.approx(EXACT, rel=0.01)


def test_lattice_green_function():
    """Watson's integral, and g(0) - g(1) = 1/6 from the stencil at the source."""
    assert lattice_green((0, 0, 0), (1.0, 1.0, 1.0)) == pytest.approx(0.2527310098586630, rel=1e-8)
    assert lattice_green((0, 0, 0), (1.0, 1.0, 1.0)) - lattice_green((0, 0, 1), (1.0, 1.0, 1.0)) == pytest.approx(
        1 / 6, rel=1e-8
    )
