"""The implicit stage of the flow where tissue can crack: Newton's method with the true Jacobian of the faces.

At the tip of a crack one side of a face conducts 1e5 times better than the other, and the constant face matrix of the
uncracked step is no longer close to the Jacobian. Here each face keeps its two slopes; the unknowns are scaled per
voxel so that both are alike, and flexible GMRES solves what is left of the asymmetry (`numerics.unsymmetric`). The
change of pressure is taken in each voxel's own balance, in which the opening of a crack is nearly straight.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...numerics.jit import plane_sum
from ...numerics.outcome import Ending, SolveOutcome
from ...numerics.unsymmetric import SidedFaces, UnsymmetricSolver
from ...quantities.refusal import BadInput
from ...space.grid import VoxelGrid
from . import crack_kernels, kernels
from .closures import CrackedTissues
from .contact_law import OpenedTissue
from .coupled_track import CoupledTrack, Track
from .crack_closures import CUBIC, KINK, LENGTH
from .crack_memory import CrackMemory

_NEWTON_LIMIT = 40
_LINEAR_LIMIT = 48
#: Forcing terms of the inexact Newton method (Eisenstat and Walker 1996, doi 10.1137/0917003, choice 2).
_FIRST_FORCING, _FORCING_SHARE, _LAST_FORCING = 3e-1, 0.9, 1e-4
_FILTER_TOLERANCE = 0.03  # of the embedded error: an estimate needs no more


@dataclass(frozen=True)
class Subject:
    """Where fluid flows: label, active, conductivity at rest per voxel; table of the tissues; surface: conductance and
    pressure of a free surface; conductances of the faces at rest; fixed: conductance to the outside per voxel.
    """

    grid: VoxelGrid
    label: np.ndarray
    active: np.ndarray
    conductivity: np.ndarray
    table: np.ndarray
    surface: tuple[np.ndarray, np.ndarray]
    conductances: tuple[np.ndarray, ...]
    fixed: np.ndarray


@dataclass(frozen=True)
class Stage:
    """What a stage of the flow is solved on, all by reference: `FlowModel`'s own arrays.

    rest: pressure before the injection. base: J before the stage. needle: what enters each voxel [m3/s]. pores: ratio
    and potential. faces: fluxes. rates: of both stages. outer_fluxes: writes those through the outer faces at given
    pressures.
    """

    subject: Subject
    rest: np.ndarray
    base: np.ndarray
    needle: np.ndarray
    pores: tuple[np.ndarray, np.ndarray]
    faces: tuple[np.ndarray, ...]
    rates: tuple[np.ndarray, np.ndarray]
    outer_fluxes: Callable[[np.ndarray], None]


class CrackStep:
    """Solves the stages of a `FlowModel` whose tissues crack or whose needles have a track.

    stage: the model's arrays. cracked: tissues, fracture pressure and memory. `fracture` (nx, ny, nz) [Pa] is the
    fracture pressure now, lowered where paths were opened. stages, newton_steps, linear_steps: the work so far.
    """

    def __init__(self, stage: Stage, cracked: CrackedTissues):
        self.stage, self.subject, self.table = stage, stage.subject, cracked.table()
        grid = self.subject.grid
        if cracked.fracture_pressure.shape != grid.shape:
            raise BadInput(f"the fracture pressure has shape {cracked.fracture_pressure.shape}, the grid {grid.shape}")
        self.fracture = np.array(cracked.fracture_pressure, float, order="C")
        self.memory = CrackMemory(grid, cracked.memory, self.fracture, float(self.table[:, LENGTH].max()))
        self.areas = tuple(a / d for a, d in zip(grid.face_areas, grid.spacing, strict=True))
        self._lower, self._upper = (tuple(np.zeros(grid.shape) for _ in range(3)) for _ in range(2))
        self._rhs, self._slope, self._scale, self._diagonal = (np.zeros(grid.shape) for _ in range(4))
        self._update = np.zeros(grid.shape)
        self._worst, self._sums = np.zeros(grid.shape[0]), np.zeros(grid.shape[0])
        self._torn = np.zeros(grid.shape[0], bool)
        self._solver = UnsymmetricSolver(grid.shape)
        #: the gaps along the needles, where they are part of the flow
        self.along: CoupledTrack | None = None
        self.stages = self.newton_steps = self.linear_steps = 0

    def require_closed(self, rest: np.ndarray) -> None:
        """Refuse a subject that would crack by itself at its pressure at rest [Pa]."""
        subject = self.subject
        torn = subject.active & (rest > self.fracture) & (self.table[subject.label, CUBIC] > 0)
        if np.any(torn):
            where = tuple(int(n) for n in np.argwhere(torn)[0])
            raise BadInput(
                f"the pressure at rest, {rest[where]:.6g} Pa, is above the fracture pressure, "
                f"{self.fracture[where]:.6g} Pa, at voxel {where}: such tissue would crack before any injection; "
                "raise its fracture pressure"
            )

    def intact(self, pressure: np.ndarray) -> bool:
        """Whether no crack stands open at a pressure [Pa], in no voxel and across no face."""
        subject = self.subject
        crack_kernels.torn_planes(
            pressure, subject.label, self.table, self.fracture, subject.active, *subject.conductances, self._torn
        )
        return not self._torn.any()

    def join(self, track: Track) -> None:
        """Let a track give the fluid: what the needle gives is what it leaks."""
        stage, subject = self.stage, self.subject
        law = OpenedTissue(track.network.contacts, subject, stage.rest, self.fracture, self.table)
        self.along = CoupledTrack(track, law, stage.needle)

    # -- Newton -------------------------------------------------------------------------------------------------

    def solve(self, pressure, vessel_fraction, step: float, tolerance: float, slot: int) -> SolveOutcome:
        """Drive the worst residual in J below `tolerance`, from the guess in `pressure` [Pa], which is overwritten."""
        self.stages += 1
        forcing, before = _FIRST_FORCING, 0.0
        worst, total = self._evaluate(pressure, vessel_fraction, step, slot)
        for iteration in range(_NEWTON_LIMIT):
            if worst <= tolerance:
                return SolveOutcome(Ending.CONVERGED, iteration, worst)
            if not np.isfinite(total):
                return self._broken(iteration)
            size = self._solver.norm(self._rhs)
            if before > 0.0:
                forcing = min(max(_FORCING_SHARE * (size / before) ** 2, _LAST_FORCING), _FIRST_FORCING)
            before = size
            self._linearise()
            # the residual of one voxel at a tenth of what it may be: no need to solve for less
            floor = 0.1 * tolerance * self.subject.grid.voxel_volume / step
            self._change(self._rhs, max(forcing * size, floor))
            self._apply(pressure, step)
            worst, total = self._evaluate(pressure, vessel_fraction, step, slot)
            self.newton_steps += 1
        return SolveOutcome(Ending.TOO_MANY_ITERATIONS, _NEWTON_LIMIT, worst, self._worst_voxel())

    def _broken(self, iteration: int) -> SolveOutcome:
        """How an evaluation failed: the track's own failure, or something that is not finite."""
        if self.along is not None and not self.along.outcome.ok:
            return self.along.outcome
        return SolveOutcome(Ending.NOT_FINITE, iteration, np.inf, self._worst_voxel())

    def _linearise(self) -> None:
        """The Jacobian at the last evaluation, its columns scaled, given to the linear solver."""
        crack_kernels.column_scales(
            *self._lower, *self._upper, *self.subject.conductances, *self.areas, self._slope, self._scale
        )
        for axis in range(3):
            crack_kernels.scale_columns(axis, self._scale, self._lower[axis], self._upper[axis])
        np.divide(self._slope, self._scale, out=self._diagonal)
        addition = None if self.along is None else self.along.coupling(self._scale)
        self._solver.setup(SidedFaces(self._lower, self._upper, self._diagonal), addition)

    def _change(self, rhs: np.ndarray, goal: float) -> None:
        """Newton's change of the scaled unknown for a right-hand side, to an L2 residual of `goal` [m3/s]."""
        self._update[...] = 0.0
        self.linear_steps += self._solver.solve(rhs, self._update, goal, _LINEAR_LIMIT).iterations

    def _apply(self, pressure: np.ndarray, step: float) -> None:
        """Take the whole change, tamed per voxel.

        In the balance of its own voxel every face's flux is a convex function with a slope below one, and the Jacobian
        an M-matrix: after its first step Newton's method then rises to the solution from below (Ortega and Rheinboldt
        1970, section 13.3). A search along the line that asks for a smaller residual only gets in its way: of the
        steps over a threshold, one in five failed (measured).
        """
        subject = self.subject
        crack_kernels.apply_cracked(
            self._update, self._scale, subject.label, self.table, self.fracture, self._slope, self.stage.pores[0],
            subject.conductivity, 2.0 * sum(self.areas), subject.grid.voxel_volume, step, pressure,
        )  # fmt: skip

    def _evaluate(self, pressure, vessel_fraction, step, slot) -> tuple[float, float]:
        """Fluxes, slopes, rates and right-hand side at a pressure; returns the worst and the summed residual."""
        stage, subject = self.stage, self.subject
        kernels.pore_state(pressure, stage.rest, subject.label, subject.table, *stage.pores)
        for axis in range(3):
            crack_kernels.cracked_fluxes(
                axis, pressure, stage.rest, subject.label, self.table, self.fracture, subject.conductances[axis],
                self.areas[axis], *stage.pores, stage.faces[axis], self._lower[axis], self._upper[axis],
            )  # fmt: skip
        stage.outer_fluxes(pressure)
        if self.along is not None and not self.along.respond(pressure):
            return np.inf, np.inf
        crack_kernels.cracked_balance(
            pressure, stage.rest, stage.base, vessel_fraction, stage.needle, *subject.surface, subject.label,
            subject.table, self.table, self.fracture, subject.active, *stage.faces, subject.grid.voxel_volume,
            subject.fixed, stage.pores[0], step, stage.rates[slot], self._rhs, self._slope, self._worst, self._sums,
        )  # fmt: skip
        total = float(np.add.accumulate(self._sums)[-1])
        return (float(self._worst.max()), total) if np.isfinite(total) else (np.inf, np.inf)

    def _worst_voxel(self) -> tuple[int, int, int]:
        return tuple(int(n) for n in np.unravel_index(np.nanargmax(np.abs(self._rhs)), self.subject.grid.shape))

    # -- what the step is worth, and what the cracks hold -------------------------------------------------------

    def misplaced(self, weight: float, step: float) -> float:
        """Volume [m3] that a step misplaces, from its embedded error weight (rate_a - rate_b) of J, weight in [s].

        The difference of the rates is first put through the implicit operator of the last stage, as stiff schemes do
        (Shampine and Baca 1984, doi 10.1093/imanum/4.3.309): unfiltered it sees the fluid that rushes through open
        cracks, which the implicit step gets right, a hundred times over.
        """
        volume = self.subject.grid.voxel_volume
        np.subtract(*self.stage.rates, out=self._rhs)
        self._rhs *= weight * volume / step
        size = self._solver.norm(self._rhs)
        if size == 0.0 or not np.isfinite(size):
            return size
        self._linearise()
        self._change(self._rhs, _FILTER_TOLERANCE * size)
        # slope times change of pressure is the change of what the voxel holds, per step
        self._update *= self._diagonal
        return float(plane_sum(np.abs(self._update, out=self._update))) * step

    def crack_share(self, cells: np.ndarray, pressure: np.ndarray) -> np.ndarray:
        """Share of the cracks in the conductivity of some voxels [1], 0 where they are shut. cells: flat indices."""
        subject = self.subject
        law = self.table[subject.label.reshape(-1)[cells]]
        excess = np.maximum(pressure.reshape(-1)[cells] - self.fracture.reshape(-1)[cells], 0.0)
        cracks = law[:, CUBIC] * np.minimum(excess, law[:, KINK]) ** 3
        pores = subject.conductivity.reshape(-1)[cells] * self.stage.pores[0].reshape(-1)[cells]
        return np.divide(cracks, cracks + pores, out=np.zeros(len(cells)), where=cracks > 0.0)

    def collect(self, pressure: np.ndarray, weight: float, keep: float, faces) -> None:
        """faces = keep faces + weight x the part of this stage's fluxes that goes through cracks [m3/s]."""
        subject = self.subject
        for axis in range(3):
            crack_kernels.crack_fluxes(
                axis, pressure, subject.label, self.table, self.fracture, subject.conductances[axis], self.areas[axis],
                weight, keep, faces[axis],
            )  # fmt: skip

    def crack_volume(self, pressure: np.ndarray) -> np.ndarray:
        """Crack volume per reference volume at a pressure [Pa]. Shape (nx, ny, nz)."""
        held, subject = np.zeros(self.subject.grid.shape), self.subject
        crack_kernels.crack_volumes(pressure, subject.label, self.table, self.fracture, subject.active, held)
        return held
