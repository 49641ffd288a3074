"""Injections into tissue that cracks, with the step control of a run: shared by the tests of this folder."""

from dataclasses import dataclass, field

import numpy as np

from oxablate.physics.flow.closures import (
    ConvexStiffening,
    CrackedTissues,
    FixedConductivity,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.crack_closures import CubicCracks, NoMemory
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.space.boundary import Dirichlet, OuterFaces
from oxablate.space.grid import VoxelGrid

EYE = tuple(map(tuple, np.eye(3)))
TOLERANCE = 2e-2


def cracking_ball(radial, ball, cells, edge, fracture=None, memory=None) -> FlowModel:
    """The ball of `radial_cracks` in a cube of `edge` [m]. fracture: a function of the grid; None: uniform."""
    grid = VoxelGrid((cells,) * 3, (edge / cells,) * 3, (0.0,) * 3, EYE)
    middle = (cells - 1) / 2
    r = np.linalg.norm((np.indices(grid.shape) - middle) * edge / cells, axis=0)
    label, active = (r >= radial.TUMOUR).astype(np.uint8), np.ones(grid.shape, bool)
    law = CubicCracks(radial.LENGTH, radial.SPACING, radial.PLANE, radial.VISCOSITY, ball.ceiling)
    tissues = tuple(
        TissueFlow(0.3, ConvexStiffening(h, ball.exponent), FixedConductivity(), SealedTissue(), law)
        for h in ball.modulus
    )
    field = np.full(grid.shape, radial.FRACTURE) if fracture is None else fracture(grid)
    tip = tuple(float(x) for x in grid.index_to_world([middle] * 3))
    flow = FlowModel(
        grid, CrackedTissues(tissues, field, memory or NoMemory()), label,
        np.where(label == 0, *ball.conductivity), active, OuterFaces.uniform(Dirichlet(0.0)),
        EndHole(grid, tip, radial.CAVITY, active),
    )  # fmt: skip
    assert flow.find_rest(np.ones(grid.shape)).ok
    return flow


@dataclass
class Run:
    """What an injection left: pressure, J, needle pressure over time, and how many steps the solver refused."""

    pressure: np.ndarray
    ratio: np.ndarray
    needle: list = field(default_factory=list)
    refused: int = 0
    rejected: int = 0


def inject(flow: FlowModel, rate: float, end: float) -> Run:
    """Inject at a rate [m3/s] until `end` [s] with the step control of a run."""
    ones, now = np.ones(flow.grid.shape), 0.0
    run = Run(flow.rest.copy(), ones.copy())
    dt = 0.2 * flow.grid.voxel_volume / rate
    while now < end:
        dt = min(dt, end - now)
        trial = flow.try_step(run.pressure, run.ratio, ones, rate, dt)
        error = trial.error / (rate * max(now + dt, 1e-3 * end))
        if trial.outcome.ok and error <= TOLERANCE:
            run.pressure[...], run.ratio[...] = flow.pressure_next, flow.ratio_next
            flow.accept()
            now = end if dt == end - now else now + dt
            run.needle.append((now, flow.needle_pressure(run.pressure, rate)))
            dt *= float(np.clip(0.9 * np.sqrt(TOLERANCE / max(error, 1e-300)), 0.2, 4.0))
        else:
            run.refused += not trial.outcome.ok
            run.rejected += trial.outcome.ok
            dt *= float(np.clip(0.9 * np.sqrt(TOLERANCE / error), 0.1, 0.9)) if trial.outcome.ok else 0.25
    return run
