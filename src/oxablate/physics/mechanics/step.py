"""The discrete update of a deforming porous body: implicit stages of equilibrium and fluid balance, solved together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...numerics.block_elastic import BlockElastic
from ...numerics.elastic import edge_weights
from ...numerics.outcome import SolveOutcome
from ...quantities.refusal import BadInput
from ...space.grid import VoxelGrid
from .closures import Loads, Medium, Scheme
from .drainage import Drainage
from .equations import fluid_held, fluid_rate
from .holding import refuse_loose, sides_of
from .loading import Loading, check_loads

_ITERATIONS = 300


@dataclass(frozen=True)
class BiotState:
    """displacement: [m] on the faces, shapes (nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1). pressure: [Pa] and
    content: zeta [1], both (nx, ny, nz). Outside the body all are 0.
    """

    displacement: tuple[np.ndarray, np.ndarray, np.ndarray]
    pressure: np.ndarray
    content: np.ndarray


@dataclass(frozen=True)
class BiotFlows:
    """Mean flows [m3/s] over one step: faces (qx, qy, qz) along the axes; per voxel seeped (outward) and source."""

    faces: tuple[np.ndarray, np.ndarray, np.ndarray]
    seeped: np.ndarray
    source: np.ndarray


@dataclass(frozen=True)
class BiotStep:
    """A trial step: its end, mean flows, how it ended, iterations in all, largest |zeta - alpha div u - p / M|.

    zeta is advanced from the flows, so that the ledger closes whatever the solver leaves over; the mismatch shows it.
    Where the outcome is a failure the state is the last iterate: discard it.
    """

    state: BiotState
    flows: BiotFlows
    outcome: SolveOutcome
    iterations: int
    mismatch: float


class BiotModel:
    """Quasi-static poroelasticity on the voxels of the present geometry; see `equations`.

    Displacements on faces, pressures in voxels, shear on edges (second order, no pressure oscillations at any step).
    grid: present voxels; for a changed shape make a model on the grid with the changed spacing. medium: fields on it.
    loads: the kinds of supports and drainage; their values may change from stage to stage. Raises BadInput when the
    supports do not hold the body. Source of the scheme: Gaspar et al., Appl. Numer. Math. 44 (2003) 487
    (doi 10.1016/S0168-9274(02)00190-3).
    """

    def __init__(self, grid: VoxelGrid, medium: Medium, loads: Loads):
        if medium.shear.shape != grid.shape:
            raise BadInput(f"the fields have shape {medium.shear.shape}, the grid {grid.shape}: give both the same")
        if len(loads.supports) != 6:
            raise BadInput(f"{len(loads.supports)} supports were given; a grid has six outer faces: name each")
        self.grid, self.medium, self.loads = grid, medium, loads
        self.solid = medium.solid
        self._length = float(np.cbrt(grid.voxel_volume))
        self._modulus = float(np.mean(medium.aggregate[self.solid]))
        self._loading = Loading(grid, medium)
        self._drainage = Drainage(grid, medium, loads)
        self._block = self._build(*sides_of(loads.supports))
        self._storage = np.where(self.solid, medium.storage, 0.0)
        self._biot = np.where(self.solid, medium.biot, 0.0)
        self._x, self._rhs = self._block.vector(), self._block.vector()
        self._span = 0.0

    def _build(self, sides, tied) -> BlockElastic:
        """The block system in units of the mean voxel edge and the mean stiffness, so that no unit is seen."""
        widths = tuple(np.full(n, d / self._length) for n, d in zip(self.grid.shape, self.grid.spacing, strict=True))
        shear = self.medium.shear / self._modulus
        lame = np.where(self.solid, self.medium.lame / self._modulus, 0.0)
        edges = tuple(edge_weights(shear, widths, pair, sides) for pair in ((0, 1), (0, 2), (1, 2)))
        refuse_loose(self.solid, edges, sides)
        coupling = np.where(self.solid, self.medium.biot, 0.0)
        return BlockElastic((lame + 2 * shear, lame), edges, widths, coupling, sides, tied)

    @property
    def memory_bytes(self) -> int:
        """Bytes that the model holds while it solves."""
        return self._block.memory_bytes + 2 * self._x.nbytes + 12 * self._biot.nbytes

    def rest(self) -> BiotState:
        """The state without load: no displacement, no pressure above the one at rest, no fluid added."""
        shape = self.grid.shape
        faces = tuple(np.zeros(tuple(n + (a == axis) for a, n in enumerate(shape))) for axis in range(3))
        return BiotState(faces, np.zeros(shape), np.zeros(shape))

    def try_step(
        self,
        state: BiotState,
        duration: float,
        scheme: Scheme,
        loads: Callable[[float], Loads] | None = None,
        tolerance: float = 1e-9,
    ) -> BiotStep:
        """Advance a state by `duration` [s]; the given state is not changed.

        loads: what acts, as a function of the time since the start of the step [s]; the model's own when None.
        tolerance: residual of a stage over its right-hand side, forces and volumes in units of a voxel's edge and the
        mean stiffness. Fails with a value, not an exception.
        """
        if not (np.isfinite(duration) and duration > 0):
            raise BadInput(f"the duration of a step is {duration:g} s; it must be above 0: correct it")
        mean = BiotFlows(
            tuple(np.zeros_like(u) for u in state.displacement), *(np.zeros(self.grid.shape) for _ in range(2))
        )
        base, content, rate = state.content.copy(), state.content.copy(), np.zeros(self.grid.shape)
        self._load_state(state)
        iterations = 0
        for (share, carried), weight in zip(scheme.stages(), _weights(scheme), strict=True):
            now = self.loads if loads is None else loads(min((carried + share) * duration, duration))
            check_loads(now, self.loads, self.grid)
            np.copyto(base, state.content)
            base += carried * duration * rate
            outcome = self._solve(base, now, share * duration, tolerance)
            iterations += outcome.iterations
            self._collect(now, weight, mean, rate)
            np.add(base, share * duration * rate, out=content)
            if not outcome.ok:
                break
        end = self._state(content)
        return BiotStep(end, mean, outcome, iterations, self._mismatch(end))

    # -- one implicit stage -------------------------------------------------------------------------------------

    def _solve(self, base: np.ndarray, loads: Loads, span: float, tolerance: float) -> SolveOutcome:
        """Displacement and pressure for which zeta = base + span d zeta/dt, in `_x`."""
        if span != self._span:
            unit = self._modulus / self._length**3
            self._block.set_flow(self._drainage.coefficients(span * unit, self._storage * self._modulus))
            self._span = span
        self._loading.displacements(loads, 1.0 / self._length, self._x)
        self._loading.forces(loads, self._rhs)
        self._rhs[:3] *= 1.0 / (self._modulus * self._length**2)
        fluid = self._drainage.inflow(loads) / self.grid.voxel_volume
        if loads.source is not None:
            fluid += loads.source
        inner = self._block.inner
        self._rhs[3][inner] = np.where(self.solid, base + span * fluid, 0.0)
        self._block.constrain(self._rhs)
        return self._block.solve(self._rhs, self._x, tolerance, _ITERATIONS)

    def _collect(self, loads: Loads, weight: float, mean: BiotFlows, rate: np.ndarray) -> None:
        """Flows of the stage, their share in the mean, and d zeta/dt from them."""
        pressure = self._pressure()
        faces, seeped = self._drainage.flows(pressure, loads)
        source = np.zeros(self.grid.shape) if loads.source is None else np.where(self.solid, loads.source, 0.0)
        fluid_rate(*faces, source, seeped, self.grid.voxel_volume, rate)
        for total, part in zip(mean.faces, faces, strict=True):
            total += weight * part
        mean.seeped[...] += weight * seeped
        mean.source[...] += weight * source * self.grid.voxel_volume

    # -- between states and vectors -----------------------------------------------------------------------------

    def _load_state(self, state: BiotState) -> None:
        self._x.fill(0.0)
        for axis, values in enumerate(state.displacement):
            self._x[axis][self._loading.faces(axis)] = values / self._length
        self._x[3][self._block.inner] = state.pressure / self._modulus

    def _pressure(self) -> np.ndarray:
        return self._x[3][self._block.inner] * self._modulus

    def _state(self, content: np.ndarray) -> BiotState:
        faces = tuple(self._x[axis][self._loading.faces(axis)] * self._length for axis in range(3))
        return BiotState(faces, self._pressure(), content)

    def _mismatch(self, state: BiotState) -> float:
        held = np.zeros(self.grid.shape)
        fluid_held(*state.displacement, state.pressure, self._biot, self._storage, *self.grid.spacing, held)
        return float(np.max(np.abs(held - state.content)))


def _weights(scheme: Scheme) -> tuple[float, ...]:
    """Share of each stage's flows in the mean of the step: those of the last stage, by stiff accuracy."""
    stages = scheme.stages()
    return tuple(later[1] for later in stages[1:]) + (stages[-1][0],)
