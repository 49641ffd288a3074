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
from .coupled_track import Track
from .crack_closures import NoMemory
from .crack_step import CrackStep, Stage, Subject
from .equations import MODULUS, VESSEL_FILTRATION, VESSEL_PRESSURE
from .flows import FlowStep, no_flows
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
    """Outer faces, and seepage through a surface inside the grid: conductance and outside pressure per voxel.

    conductance: (nx, ny, nz) [m3/(Pa s)]. pressure: (nx, ny, nz) [Pa]. faces: conditions on the outer faces.
    """

    conductance: np.ndarray
    pressure: np.ndarray
    faces: OuterFaces


class FlowModel:
    """Darcy flow with Starling exchange in a pore space that is rigid or opens.

    grid: VoxelGrid. label: (nx, ny, nz) uint8, row of `tissues` per voxel. conductivity: (nx, ny, nz) hydraulic
    conductivity at rest [m2/(Pa s)]. active: bool, voxels inside the body. outer: conditions on the outer faces, and
    on a free surface inside the grid where there is one. needle: where fluid enters. track: the gaps along the needles,
    through which all fluid enters then; `needle` is left out of account. Raises BadInput for a track in rigid pores.
    After `find_rest`, `rest` (nx, ny, nz) [Pa] is the pressure before the injection. `try_step` leaves its result in
    `pressure_next`, `ratio_next` and `flows`; the caller discards it, or keeps it and calls `accept`.
    """

    def __init__(
        self,
        grid: VoxelGrid,
        tissues: tuple[TissueFlow, ...] | CrackedTissues,
        label: np.ndarray,
        conductivity: np.ndarray,
        active: np.ndarray,
        outer: OuterFaces | FreeSurface,
        needle: EndHole | None = None,
        track: Track | None = None,
    ):
        self.grid, self.label, self.active, self.needle = grid, label, active, needle
        self.conductivity = conductivity
        cracked = tissues if isinstance(tissues, CrackedTissues) else None
        tissues = tissues if cracked is None else cracked.tissues
        self.table = tissue_table(tissues)
        self.rigid = bool(np.all(np.isinf(self.table[:, MODULUS])))
        self.conductances = face_conductances(grid, conductivity, active)
        inside = isinstance(outer, FreeSurface)
        faces = outer.faces if inside else outer
        self.boundary = boundary_conductances(grid, np.where(active, conductivity, 0.0), faces)
        self.surface = (outer.conductance, outer.pressure) if inside else (_NONE, _NONE)
        self.fixed = self._fixed_conductance()
        self._solver = EllipticSolver(grid.shape)
        self._allocate(grid.shape, can_crack(tissues), track is not None)
        #: what solves pores, cracks and track together; None where no tissue can crack and there is no track
        self.joint = self._joint(cracked, tissues, track)
        self._joined = self.joint is not None  # whether it solves this step

    def _joint(self, cracked: CrackedTissues | None, tissues, track: Track | None) -> CrackStep | None:
        if not can_crack(tissues) and track is None:
            return None
        if can_crack(tissues) and cracked is None:
            raise BadInput("tissue that can crack came without a fracture pressure; wrap the tissues in CrackedTissues")
        if track is not None and self.rigid:
            raise BadInput("a needle's track came with rigid pores everywhere; give some tissue pores that open")
        if cracked is None:
            cracked = CrackedTissues(tissues, np.full(self.grid.shape, np.inf), NoMemory())
        subject = Subject(
            self.grid, self.label, self.active, self.conductivity, self.table, self.surface, self.conductances,
            self.fixed,
        )  # fmt: skip
        stage = Stage(
            subject, self.rest, self._base, self._source, self._pores, self._faces, self._rates, self._outer_fluxes,
        )  # fmt: skip
        joint = CrackStep(stage, cracked)
        if track is not None:
            joint.join(track)
        return joint

    @property
    def along(self):
        """The track as part of the flow, None without one."""
        return None if self.joint is None else self.joint.along

    def _allocate(self, shape, cracks: bool, track: bool) -> None:
        nx, ny, nz = shape
        self.rest, self.pressure_next, self.ratio_next = np.zeros(shape), np.zeros(shape), np.ones(shape)
        self._rhs, self._diagonal, self._update, self._start = (np.zeros(shape) for _ in range(4))
        self._rates = (np.zeros(shape), np.zeros(shape))
        self._base, self._worst = np.ones(shape), np.zeros(nx)
        self._pores = (np.ones(shape), np.zeros(shape))
        self._faces = (np.zeros((nx + 1, ny, nz)), np.zeros((nx, ny + 1, nz)), np.zeros((nx, ny, nz + 1)))
        self.flows = no_flows(shape, self.surface[0].size > 0, cracks, track)
        # what enters each voxel: an end hole gives the same all through a step, a track does not
        self._source = np.zeros(shape) if track else self.flows.needle
        self._duration = 0.0

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
        self._source[...] = 0.0
        guess = np.where(self.active, self._typical_pressure(), 0.0)
        self.rest[...] = guess
        outcome = self._steady(self.rest, rigid, vessel_fraction)
        self.pressure_next[...] = self.rest
        if self.joint is not None and outcome.ok:
            self.joint.require_closed(self.rest)
        return self.along.begin(self.rest) if self.along is not None and outcome.ok else outcome

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

    def try_step(self, pressure, ratio, vessel_fraction, drives, duration: float, tolerance=1e-7) -> FlowStep:
        """Advance pressure [Pa] and J by `duration` [s] with `drives` at the needle; results as attributes.

        drives: flow rate [m3/s]; with a track a pair (rate [m3/s], slope [m3/(Pa s)]) for each hub, whose drive gives
        rate - slope x pressure of the hub. tolerance: allowed |J - P^-1(p)|. Fails with a value, not an exception; on
        failure the state is untouched.
        """
        self._duration = duration
        if self.along is not None:
            self.along.drive(drives)
        elif self.needle is not None:
            self.needle.spread(drives, self.flows.needle)
        if self.rigid:
            self.pressure_next[...] = pressure
            return self._rigid_step(ratio, vessel_fraction, duration)
        given = (pressure, ratio, vessel_fraction, duration, tolerance)
        # intact tissue needs no solver of cracks; whether it stays so is seen from what the step leaves
        if self.joint is not None and self.along is None and self.joint.intact(pressure):
            done = self._advance(*given, joined=False)
            if done is not None:
                return done
        return self._advance(*given, joined=self.joint is not None)

    def _advance(self, pressure, ratio, vessel_fraction, duration, tolerance, joined: bool) -> FlowStep | None:
        """Both stages; None where tissue that was taken as intact cracks, or is not solved as such."""
        self._joined, self.pressure_next[...] = joined, pressure
        first = self._stage(ratio, None, vessel_fraction, duration, tolerance, 0)
        if self._tears(first):
            return None
        if not first.ok:
            return FlowStep(first, np.inf, first.residual)
        self._collect(vessel_fraction, 1.0 - GAMMA, fresh=True)
        # the second stage lies 1/GAMMA times as far ahead as the first: a guess that saves one Newton step in three
        kernels.blend(self.pressure_next, pressure, _AHEAD, 1.0 - _AHEAD, self.pressure_next)
        second = self._stage(ratio, self._rates[0], vessel_fraction, duration, tolerance, 1)
        if self._tears(second):
            return None
        if not second.ok:
            return FlowStep(second, np.inf, second.residual)
        self._collect(vessel_fraction, GAMMA, fresh=False)
        kernels.blend(self._base, self._rates[1], 1.0, GAMMA * duration, self.ratio_next)
        return FlowStep(second, self._misplaced(duration), second.residual)

    def _tears(self, stage: SolveOutcome) -> bool:
        """Whether a stage that took tissue as intact is to be solved with its cracks after all."""
        if self._joined or self.joint is None:
            return False
        return not (stage.ok and self.joint.intact(self.pressure_next))

    def _misplaced(self, duration: float) -> float:
        if self._joined:
            return self.joint.misplaced(ERROR_WEIGHT * duration, GAMMA * duration)
        kernels.dilatation_error(*self._rates, self._worst)
        return ERROR_WEIGHT * duration * float(self._worst.sum()) * self.grid.voxel_volume

    def _stage(self, ratio, earlier, vessel_fraction, duration, tolerance, slot) -> SolveOutcome:
        if earlier is None:
            self._base[...] = ratio
        else:
            kernels.blend(ratio, earlier, 1.0, (1.0 - GAMMA) * duration, self._base)
        step = GAMMA * duration
        if self.along is not None:
            self.along.stage(step, (1.0 - GAMMA) * duration)
        if self._joined:
            return self.joint.solve(self.pressure_next, vessel_fraction, step, tolerance, slot)
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
        if self.joint is not None:
            self._collect_cracks(weight, fresh)

    def _collect_cracks(self, weight: float, fresh: bool) -> None:
        """The part of this stage's flows that goes through cracks, and what the track gives and draws."""
        flows, cracks = self.flows, self.joint
        crackable = flows.crack_needle.size > 0
        if fresh:
            for array in (flows.crack_needle, flows.drawn, flows.crack_drawn):
                array[...] = 0.0
        if crackable:
            cracks.collect(self.pressure_next, weight, 0.0 if fresh else 1.0, flows.crack_faces)
        if self.along is not None:
            if fresh:
                flows.needle[...] = 0.0
            share = cracks.crack_share(self.along.cells, self.pressure_next) if crackable else None
            self.along.collect(weight, share, flows)
            flows.track = self.along.flows()
        elif crackable and self.needle is not None:
            cells, _ = self.needle.entry
            flat = np.ravel_multi_index(tuple(cells.T), self.grid.shape)
            part = weight * cracks.crack_share(flat, self.pressure_next)
            flows.crack_needle.reshape(-1)[flat] += part * flows.needle.reshape(-1)[flat]

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
        """Pressure in the needle's cavity [Pa] at a flow rate [m3/s]; of a track, its own as last accepted.

        Of several openings the highest pressure. Lower than at the hub by what the needle's tube takes.
        """
        if self.along is not None:
            return float(self.along.track.opening_pressures().max())
        if self.needle is None:
            raise ValueError("this flow has no needle")
        if self.joint is not None:
            return self.needle.cracked_pressure(rate, pressure, self)
        return self.needle.needle_pressure(rate, pressure, self.rest, self.label, self.table, self.conductivity)

    # -- after an accepted step ---------------------------------------------------------------------------------

    def accept(self) -> None:
        """Enter the last trial step in the memory of the cracks and in the track; once per accepted step.

        What cracks hold (`crack_volume`) is to be asked before: memory changes it for the step to come.
        """
        if self.joint is not None:
            self.joint.memory.remember(self.pressure_next, self.label, self.joint.table)
        if self.along is not None:
            self.along.accept(self._duration)

    def kept(self) -> dict[str, np.ndarray]:
        """What of the flow's own state a checkpoint must keep, by name; arrays of size 0 where there is nothing."""
        track = None if self.along is None else self.along.track
        return {
            "track_pressure": np.zeros(0) if track is None else track.pressure,
            "track_volume": np.zeros(0) if track is None else track.volume,
            "crack_greatest": _NONE if self.joint is None else self.joint.memory.greatest,
        }

    def restore(self, kept: dict[str, np.ndarray]) -> None:
        """Go on from what `kept` gave; after `find_rest`."""
        if self.along is not None:
            track = self.along.track
            track.pressure, track.volume = kept["track_pressure"].copy(), kept["track_volume"].copy()
        if self.joint is not None:
            self.joint.memory.restore(kept["crack_greatest"])

    def track_volume(self) -> float:
        """Fluid in the gaps along the needles [m3]; 0 without a track."""
        return 0.0 if self.along is None else float(self.along.track.volume.sum())

    def swap_track(self, track: Track) -> None:
        """Go on with another track that holds the same fluid, for example one whose needle was drawn back."""
        self.joint.join(track)

    # -- cracks -------------------------------------------------------------------------------------------------

    def crack_volume(self, pressure: np.ndarray) -> np.ndarray:
        """Crack volume per reference volume at a pressure [Pa], part of J. Shape (nx, ny, nz)."""
        return np.zeros(self.grid.shape) if self.joint is None else self.joint.crack_volume(pressure)
