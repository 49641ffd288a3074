"""A tracer carried and spread across a cube of 48^3 voxels: ours and FiPy's, same steps, same exact solution.

A Gaussian moves along a diagonal (1, 0.5, -0.25) and spreads; its voxel means are known in closed form. FiPy takes its
VanLeerConvectionTerm with DiffusionTerm, implicit (its more accurate convection terms; of the Krylov solvers of its
SciPy suite CGS was the fastest here, without preconditioner; its default direct solver takes minutes). Both take the
number of steps that ours chooses, so FiPy is not asked for more steps than we take. FiPy's mesh, terms and first
assembly are built outside the clock.
"""

import argparse
import os
import sys

import numpy as np
from common import Figure, alternating_times, footnotes, report
from scipy.special import erf

from oxablate.physics.transport.closures import DissolvedSpecies, Stepping
from oxablate.physics.transport.kernels import ADVECTION_WORDS, FLOW_WORDS
from oxablate.physics.transport.spreading import DIFFUSION_WORDS
from oxablate.physics.transport.step import StepFluxes, Transport

CELLS, DURATION, DIFFUSIVITY, POROSITY = 48, 0.15, 2e-3, 0.2
VELOCITY, START, VARIANCE = (1.0, 0.5, -0.25), (0.35, 0.35, 0.6), 0.006
FLOAT = 8


def traffic(voxels: int, voxel_steps: int) -> int:
    """Bytes that one flow step moves: `voxel_steps` voxels times species times sub-steps, on a grid of `voxels`.

    The least a machine must move when nothing stays in cache, from the words each kernel states.
    """
    return FLOAT * (voxels * FLOW_WORDS + voxel_steps * (ADVECTION_WORDS + DIFFUSION_WORDS))


def exact(time: float) -> np.ndarray:
    """Voxel means of the Gaussian at `time`, shape (CELLS, CELLS, CELLS)."""
    spread, result = VARIANCE + 2.0 * DIFFUSIVITY * time, 1.0
    for axis in range(3):
        edges = np.arange(CELLS + 1) / CELLS - START[axis] - VELOCITY[axis] * time
        means = np.diff(erf(edges / np.sqrt(2.0 * spread))) * np.sqrt(np.pi / 2.0 * VARIANCE) * CELLS
        result = result * means.reshape([-1 if other == axis else 1 for other in range(3)])
    return result


def error(field: np.ndarray) -> float:
    """L1 distance from the exact solution at the end, relative to its content."""
    truth = exact(DURATION)
    return float(np.abs(field - truth).sum() / truth.sum())


class Ours:
    """The case in oxablate; calling it runs the case and keeps the field."""

    def __init__(self) -> None:
        shape, h = (CELLS,) * 3, 1.0 / CELLS
        faces = [np.full([n + (a == axis) for a, n in enumerate(shape)], v * h * h * POROSITY)
                 for axis, v in enumerate(VELOCITY)]  # fmt: skip
        self.fluxes = StepFluxes(*faces, *np.zeros((3, *shape)))
        self.species = DissolvedSpecies("tracer", DIFFUSIVITY, 0.0, 0.0, 0.0, 0.0, 0.0)
        self.transport = Transport(shape, (h, h, h), Stepping())
        self.start, self.fluid = exact(0.0)[None], np.full(shape, POROSITY * h**3)

    def __call__(self) -> None:
        self.field, fluid = self.start.copy(), self.fluid.copy()
        outcome = self.transport.advance(self.field, fluid, self.fluxes, [self.species], DURATION, None)
        self.steps = outcome.substeps


class FiPy:
    """The case in FiPy; calling it runs the case in `steps` steps and keeps the field."""

    def __init__(self, steps: int) -> None:
        import fipy

        mesh = fipy.Grid3D(nx=CELLS, ny=CELLS, nz=CELLS, dx=1.0 / CELLS, dy=1.0 / CELLS, dz=1.0 / CELLS)
        self.steps, self.start = steps, exact(0.0).transpose(2, 1, 0).reshape(-1)  # FiPy counts x fastest
        self.field = fipy.CellVariable(mesh=mesh, value=self.start)
        carried = fipy.VanLeerConvectionTerm(VELOCITY)
        self.equation = fipy.TransientTerm() + carried == fipy.DiffusionTerm(DIFFUSIVITY)
        self.solver = fipy.LinearCGSSolver(tolerance=1e-6, iterations=200, precon=None)
        self.equation.solve(self.field, dt=DURATION / steps, solver=self.solver)

    def __call__(self) -> None:
        self.field.setValue(self.start)
        for _ in range(self.steps):
            self.equation.solve(self.field, dt=DURATION / self.steps, solver=self.solver)


def figures() -> list[Figure]:
    """The rows of this benchmark."""
    ours = Ours()
    ours()
    rival = FiPy(ours.steps)
    times = alternating_times({"ours": ours, "fipy": rival}, repeats=3)
    our_error = error(ours.field[0])
    their_error = error(np.asarray(rival.field.value).reshape(CELLS, CELLS, CELLS).transpose(2, 1, 0))
    moved = traffic(CELLS**3, CELLS**3 * ours.steps) / times["ours"] / 1e9
    return [
        Figure.judged("tracer.speedup_vs_fipy", times["fipy"] / times["ours"], "x", ">= 50"),
        Figure.judged("tracer.error_ratio_vs_fipy", our_error / their_error, "1", "<= 1"),
        Figure.judged("tracer.error", our_error, "1", ""),
        Figure.judged("tracer.time", times["ours"], "s", ""),
        Figure.judged("tracer.time_fipy", times["fipy"], "s", ""),
        Figure.judged("tracer.steps", ours.steps, "1", ""),
        Figure.judged("tracer.traffic", moved, "GB/s", ""),
        *footnotes(),
    ]


if __name__ == "__main__":
    os.environ.setdefault("FIPY_SOLVERS", "scipy")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    as_json = parser.parse_args([word for word in sys.argv[1:] if word]).json
    report(figures(), as_json)
