"""The discrete update of the flow: rest state, steady flow, and the implicit step of the opening pore space."""

from dataclasses import dataclass

import numpy as np

from ...numerics.elliptic import EllipticSolver, FaceCoefficients
from ...numerics.outcome import Ending, SolveOutcome
from ...quantities.refusal import BadInput
from ...space.boundary import OuterFaces, boundary_conductances
from ...space.grid import VoxelGrid
from ...space.operators import face_conductances
from . import kernels
from .closures import CrackedTissues, TissueFlow, can_crack, tissue_table
from .crack_step import CrackStep, Stage, Subject
from .equations import MODULUS, VESSEL_FILTRATION, VESSEL_PRESSURE
from .well import EndHole

# Alexander's two-stage, second-order, L-stable, stiffly accurate scheme (doi 10.1137/0714068).
GAMMA = 1.0 - 1.0 / np.sqrt(2.0)
# Difference to the embedded first-order weights (1/2, 1/2).
ERROR_WEIGHT = 0.5 - GAMMA

_AHEAD = 2.5  # share of that way taken by the guess: pressures level off
_NEWTON_LIMIT = 40
_LINEAR_TOLERANCE = 1e-3  # of a Newton step: quasi-Newton gains no more from a tighter one
_STEADY_TOLERANCE = 1e-11  # of the gross turnover; a hundredth of what the ledger allows
_NONE = np.zeros((0, 0, 0))


@dataclass(frozen=True)
class FreeSurface:
    """Seepage through a surface inside the grid: conductance and outside pressure per voxel, both (nx, ny, nz)."""

    conductance: np.ndarray
    pressure: np.ndarray


@dataclass
class StepFlows:
    """Mean flows [m3/s] over one step: faces (qx, qy, qz), and per voxel needle, gained, drained, lymph, seeped >= 0.

    `seeped` (signed, outward positive) has shape (0, 0, 0) where there is no free surface.
    """

    faces: tuple[np.ndarray, np.ndarray, np.ndarray]
    needle: np.ndarray
    gained: np.ndarray
    drained: np.ndarray
    lymph: np.ndarray
    seeped: np.ndarray


@dataclass(frozen=True)
class FlowStep:
    """The outcome of one trial step: how it ended, the volume it misplaces [m3], and the worst |J - P^-1(p)|.

    error: embedded error of the step, the sum over the voxels of |error in J| times their volume. A volume and not
    the largest error of any voxel: that one sits at the needle and grows as the voxels shrink.
    """

    outcome: SolveOutcome
    error: float
    mismatch: float


class FlowModel:
    """Darcy flow with Starling exchange in a pore space that is rigid or opens.

    grid: VoxelGrid. label: (nx, ny, nz) uint8, row of `tissues` per voxel. conductivity: (nx, ny, nz) hydraulic
    conductivity at rest [m2/(Pa s)]. active: bool, voxels inside the body. outer: conditions on the outer faces.
    needle: where fluid enters. surface: seepage inside the grid, for example through a free boundary.
    After `find_rest`, `rest` (nx, ny, nz) [Pa] is the pressure before the injection. `try_step` leaves its result in
    `pressure_next`, `ratio_next` and `flows`; the caller keeps or discards it.
    """

    def __init__(
        self,
        grid: VoxelGrid,
        tissues: tuple[TissueFlow, ...] | CrackedTissues,
        label: np.ndarray,
        conductivity: np.ndarray,
        active: np.ndarray,
        outer: OuterFaces,
        needle: EndHole | None = None,
        surface: FreeSurface | None = None,
    ):
        self.grid, self.label, self.active, self.needle = grid, label, active, needle
        self.conductivity = conductivity
        cracked = tissues if isinstance(tissues, CrackedTissues) else None
        tissues = tissues if cracked is None else cracked.tissues
        self.table = tissue_table(tissues)
        self.rigid = bool(np.all(np.isinf(self.table[:, MODULUS])))
        self.conductances = face_conductances(grid, conductivity, active)
        self.boundary = boundary_conductances(grid, np.where(active, conductivity, 0.0), outer)
        self.surface = (_NONE, _NONE) if surface is None else (surface.conductance, surface.pressure)
        self.fixed = self._fixed_conductance()
        self._solver = EllipticSolver(grid.shape)
        self._allocate(grid.shape)
        #: what solves the stages where tissue can crack; None where none can
        self.cracks = self._crack_step(cracked, tissues)

    def _crack_step(self, cracked: CrackedTissues | None, tissues) -> CrackStep | None:
        if not can_crack(tissues):
            return None
        if cracked is None:
            raise BadInput("tissue that can crack came without a fracture pressure; wrap the tissues in CrackedTissues")
        subject = Subject(
            self.grid, self.label, self.active, self.conductivity, self.table, self.surface, self.conductances,
            self.fixed,
        )  # fmt: skip
        stage = Stage(
            subject, self.rest, self._base, self.flows.needle, self._pores, self._faces, self._rates,
            self._outer_fluxes,
        )  # fmt: skip
        return CrackStep(stage, cracked)

    def _allocate(self, shape) -> None:
        nx, ny, nz = shape
        self.rest, self.pressure_next, self.ratio_next = np.zeros(shape), np.zeros(shape), np.ones(shape)
        self._rhs, self._diagonal, self._update, self._start = (np.zeros(shape) for _ in range(4))
        self._rates = (np.zeros(shape), np.zeros(shape))
        self._base, self._worst = np.ones(shape), np.zeros(nx)
        self._pores = (np.ones(shape), np.zeros(shape))
        faces, self._faces = (
            (np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1))) for _ in range(2)
        )
        seeped = np.zeros(shape) if self.surface[0].size else _NONE
        self.flows = StepFlows(faces, *(np.zeros(shape) for _ in range(4)), seeped)

    def _fixed_conductance(self) -> np.ndarray:
        """Conductance from each voxel to the outside: outer faces and free surface [m3/(Pa s)]."""
        fixed = np.zeros(self.grid.shape)
        for number, (conductance, _) in enumerate(self.boundary):
            axis, side = divmod(number, 2)
            where = [slice(None)] * 3
            where[axis] = -1 if side else 0
            fixed[tuple(where)] += conductance
        if self.surface[0].size:
            fixed += self.surface[0]
        return fixed

    # -- steady states ------------------------------------------------------------------------------------------

    def find_rest(self, vessel_fraction: np.ndarray) -> SolveOutcome:
        """Solve for the pressure before the injection: J = 1, no needle. The result is in `rest`."""
        rigid = self.table.copy()
        rigid[:, MODULUS] = np.inf
        self.flows.needle[...] = 0.0
        guess = np.where(self.active, self._typical_pressure(), 0.0)
        self.rest[...] = guess
        outcome = self._steady(self.rest, rigid, vessel_fraction)
        self.pressure_next[...] = self.rest
        if self.cracks is not None and outcome.ok:
            self.cracks.require_closed(self.rest)
        return outcome

    def _typical_pressure(self) -> np.ndarray:
        """Effective vascular pressure of each voxel's tissue: the first guess of the rest state."""
        filters = self.table[:, VESSEL_FILTRATION] > 0
        return np.where(filters, self.table[:, VESSEL_PRESSURE], 0.0)[self.label]

    def _steady(self, pressure: np.ndarray, table: np.ndarray, vessel_fraction: np.ndarray) -> SolveOutcome:
        self._base[...] = 1.0
        scale = self._turnover_rate(table)
        return self._newton(pressure, pressure, table, vessel_fraction, 1.0, _STEADY_TOLERANCE * scale, 0)

    def _turnover_rate(self, table: np.ndarray) -> float:
        """Largest source term a voxel could see [1/s]: the scale of a steady residual."""
        spread = max((float(np.ptp(p[c > 0])) for c, p in self.boundary if np.any(c > 0)), default=0.0)
        pressures = np.concatenate([p[c > 0] for c, p in self.boundary] + [table[:, VESSEL_PRESSURE]])
        spread = max(spread, float(np.max(np.abs(pressures), initial=0.0)))
        volume = self.grid.voxel_volume
        local = float(np.max(self.fixed)) / volume + float(np.max(table[:, VESSEL_FILTRATION]))
        needle = float(np.max(self.flows.needle)) / volume
        return max(local * spread, needle, np.finfo(float).tiny)

    # -- the transient step -------------------------------------------------------------------------------------

    def try_step(self, pressure, ratio, vessel_fraction, rate: float, duration: float, tolerance=1e-7) -> FlowStep:
        """Advance pressure [Pa] and J by `duration` [s] with `rate` [m3/s] from the needle; results as attributes.

        tolerance: allowed |J - P^-1(p)|. Fails with a value, not an exception; on failure the state is untouched.
        """
        if self.needle is not None:
            self.needle.spread(rate, self.flows.needle)
        self.pressure_next[...] = pressure
        if self.rigid:
            return self._rigid_step(ratio, vessel_fraction, duration)
        first = self._stage(ratio, None, vessel_fraction, duration, tolerance, 0)
        if not first.ok:
            return FlowStep(first, np.inf, first.residual)
        self._collect(vessel_fraction, 1.0 - GAMMA, fresh=True)
        # the second stage lies 1/GAMMA times as far ahead as the first: a guess that saves one Newton step in three
        kernels.blend(self.pressure_next, pressure, _AHEAD, 1.0 - _AHEAD, self.pressure_next)
        second = self._stage(ratio, self._rates[0], vessel_fraction, duration, tolerance, 1)
        if not second.ok:
            return FlowStep(second, np.inf, second.residual)
        self._collect(vessel_fraction, GAMMA, fresh=False)
        kernels.blend(self._base, self._rates[1], 1.0, GAMMA * duration, self.ratio_next)
        return FlowStep(second, self._misplaced(duration), second.residual)

    def _misplaced(self, duration: float) -> float:
        if self.cracks is not None:
            return self.cracks.misplaced(ERROR_WEIGHT * duration, GAMMA * duration)
        kernels.dilatation_error(*self._rates, self._worst)
        return ERROR_WEIGHT * duration * float(self._worst.sum()) * self.grid.voxel_volume

    def _stage(self, ratio, earlier, vessel_fraction, duration, tolerance, slot) -> SolveOutcome:
        if earlier is None:
            self._base[...] = ratio
        else:
            kernels.blend(ratio, earlier, 1.0, (1.0 - GAMMA) * duration, self._base)
        step = GAMMA * duration
        if self.cracks is not None:
            return self.cracks.solve(self.pressure_next, vessel_fraction, step, tolerance, slot)
        return self._newton(self.pressure_next, self.rest, self.table, vessel_fraction, step, tolerance, slot)

    def _rigid_step(self, ratio, vessel_fraction, duration) -> FlowStep:
        outcome = self._steady(self.pressure_next, self.table, vessel_fraction)
        if outcome.ok:
            self._collect(vessel_fraction, 1.0, fresh=True)
            kernels.blend(ratio, self._rates[0], 1.0, duration, self.ratio_next)
        return FlowStep(outcome, 0.0, float(np.max(np.abs(self.ratio_next - 1.0), where=self.active, initial=0.0)))

    def _collect(self, vessel_fraction, weight: float, fresh: bool) -> None:
        """Add this stage's fluxes and its exchange with vessels, lymphatics and free surface to the mean flows."""
        flows = self.flows
        if fresh:
            for array in (flows.gained, flows.drained, flows.lymph, flows.seeped):
                array[...] = 0.0
        for mean, stage in zip(flows.faces, self._faces, strict=True):
            kernels.blend(stage, mean, weight, 0.0 if fresh else 1.0, mean)
        kernels.exchange_volumes(
            self.pressure_next, vessel_fraction, self.label, self.table, self.active, self.grid.voxel_volume, weight,
            flows.gained, flows.drained, flows.lymph,
        )  # fmt: skip
        if flows.seeped.size:
            flows.seeped += weight * self.surface[0] * (self.pressure_next - self.surface[1])

    # -- Newton -------------------------------------------------------------------------------------------------

    def _evaluate(self, pressure, rest, table, vessel_fraction, step, slot) -> float:
        """Rates, right-hand side and diagonal at a pressure; returns the worst residual."""
        ratio, _ = self._pores
        kernels.pore_state(pressure, rest, self.label, table, *self._pores)
        kernels.inner_fluxes(pressure, rest, self.label, *self.conductances, *self._pores, *self._faces)
        self._outer_fluxes(pressure)
        kernels.balance(
            pressure, rest, self._base, vessel_fraction, self.flows.needle, *self.surface, self.label, table,
            self.active, self._faces, self.grid.voxel_volume, self.fixed, ratio, step, self._rates[slot], self._rhs,
            self._diagonal, self._worst,
        )  # fmt: skip
        return float(self._worst.max()) if np.all(np.isfinite(self._worst)) else np.inf

    def _outer_fluxes(self, pressure) -> None:
        """Fluxes through the outer faces: conductance g (p - p_outside), with g of the voxel inside."""
        for number, (conductance, outside) in enumerate(self.boundary):
            axis, side = divmod(number, 2)
            where = [slice(None)] * 3
            where[axis] = -1 if side else 0
            inside = tuple(where)
            outward = conductance * self._pores[0][inside] * (pressure[inside] - outside)
            self._faces[axis][inside] = outward if side else -outward

    def _newton(self, pressure, rest, table, vessel_fraction, step, tolerance, slot) -> SolveOutcome:
        """Drive the residual below `tolerance` by damped quasi-Newton steps in the Kirchhoff variable."""
        linear_tolerance = 1e-12 if np.all(np.isinf(table[:, MODULUS])) else _LINEAR_TOLERANCE
        worst = self._evaluate(pressure, rest, table, vessel_fraction, step, slot)
        for iteration in range(_NEWTON_LIMIT):
            if worst <= tolerance:
                return SolveOutcome(Ending.CONVERGED, iteration, worst)
            self._solver.setup(FaceCoefficients(*self.conductances, self._diagonal))
            self._update[...] = 0.0
            linear = self._solver.solve(self._rhs, self._update, tolerance=linear_tolerance)
            if not linear.ok and linear.ending is not Ending.STALLED:
                return linear
            before, self._start[...] = worst, pressure
            ratio = self._pores[0]
            np.divide(self._update, ratio, out=self._update)
            for damping in (1.0, 0.5, 0.25, 0.125, 0.0625):
                kernels.apply_newton(self._start, self._update, damping, pressure)
                worst = self._evaluate(pressure, rest, table, vessel_fraction, step, slot)
                if worst < before:
                    break
            else:
                return SolveOutcome(Ending.STALLED, iteration + 1, worst, self._worst_voxel())
        return SolveOutcome(Ending.TOO_MANY_ITERATIONS, _NEWTON_LIMIT, worst, self._worst_voxel())

    def _worst_voxel(self) -> tuple[int, int, int]:
        return tuple(int(n) for n in np.unravel_index(np.nanargmax(np.abs(self._rhs)), self.grid.shape))

    def needle_pressure(self, pressure: np.ndarray, rate: float) -> float:
        """Pressure in the needle's cavity [Pa] at a flow rate [m3/s]."""
        if self.needle is None:
            raise ValueError("this flow has no needle")
        if self.cracks is not None:
            return self.needle.cracked_pressure(rate, pressure, self)
        return self.needle.needle_pressure(rate, pressure, self.rest, self.label, self.table, self.conductivity)

    # -- cracks -------------------------------------------------------------------------------------------------

    def crack_volume(self, pressure: np.ndarray) -> np.ndarray:
        """Crack volume per reference volume at a pressure [Pa], part of J. Shape (nx, ny, nz)."""
        return np.zeros(self.grid.shape) if self.cracks is None else self.cracks.crack_volume(pressure)

    def remember(self, pressure: np.ndarray) -> None:
        """Enter an accepted step in the memory of the cracks; to be called once per accepted step."""
        if self.cracks is not None:
            self.cracks.memory.remember(pressure, self.label, self.cracks.table)
