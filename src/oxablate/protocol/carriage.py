"""Everything of one arm that rides on the flow: the fluid's volumes, what is dissolved in it, and what that meets.

A flow step is followed by sub-steps of equal fluxes in which

    cracks and track  ->  carry and spread  ->  front uptake  ->  reaction of what is mixed

The fluid stands in one pot per voxel, the matrix, or in two where tissue can crack; the track is a pot of its own
(`crossing`). The splitting is first order in the sub-step; mass is exact at any sub-step.
"""

import numpy as np

from ..numerics.jit import plane_sum
from ..physics.flow.budget import fluid_booking
from ..physics.process import Booking
from ..physics.reaction.carried import spend_carried
from ..physics.reaction.closures import SharpFront
from ..physics.reaction.front import Donors, FrontState, advance_front, front_mask
from ..physics.reaction.step import react, whole_box
from ..physics.reaction.walls import WalledMatter, advance_walls, wall_demand
from ..physics.transport.closures import Stepping
from ..physics.transport.cracks import Walls
from ..physics.transport.step import StepFluxes, Transport
from ..quantities.parameter import POOLS
from ..quantities.refusal import RunFailed
from ..space.box import occupied_box, unite_boxes
from .chemistry import Chemistry, dissolved_in
from .crossing import Crossing, TrackExchange
from .ledger import Ledger
from .setting import AIR_POROSITY, ArmSetting, Setting, per_label
from .state import AgentState, State

#: Longest sub-step of a reacting agent, in D dt / h^2: the sub-voxel front is good to 5 % up to there.
_FRONT_NUMBER = 0.25
#: How many times faster than the passage of a voxel a pool must be to be spent share by share.
_SHARP = 10.0
#: Longest sub-step while the pump runs, in life times of the agent against wash-out: carriage and wash-out are split.
_WASHOUT_NUMBER = 0.25


class Carriage:
    """Carries, spreads and reacts what the fluid of one arm holds, and enters it in the ledger.

    setting: of the case. arm: which agent. active: bool (nx, ny, nz), voxels inside the body. crack_spacing: distance
    of the cracks b_c (nx, ny, nz) [m]; None where no tissue can crack. The state and the ledger are handed to every
    call: a checkpoint may have replaced them.
    """

    def __init__(self, setting: Setting, arm: ArmSetting, active: np.ndarray, crack_spacing: np.ndarray | None = None):
        self.setting, self.arm, self.active = setting, arm, active
        self.grid, self.label = setting.subject.grid, setting.subject.labels
        shape = self.grid.shape
        self.porosity = per_label(setting.parameters, "porosity", AIR_POROSITY)
        #: what is dissolved, in the order of the state: the agent, then the tracer
        self.species = dissolved_in(setting, arm)
        self.chemistry: Chemistry | None = None if arm.agent.solute is None else self.species[0]
        self.kinetics = None if self.chemistry is None else self.chemistry.kinetics
        self.slab = None if crack_spacing is None else 0.5 * crack_spacing
        self.crossing = Crossing(shape, self.grid.voxel_volume, self.slab is not None)
        self.transport = Transport(shape, self.grid.spacing, Stepping())
        self.front, self.law, self.donors = FrontState.fresh(shape), SharpFront(), Donors.tissue()
        self._longest_substep = self._front_limit()
        self._theta = np.ones(shape)
        self._exchange, self._sources = np.zeros((2, len(self.species), *shape))
        self._again, self._fed = np.zeros(shape), None if self.slab is None else np.zeros(shape, dtype=bool)
        self._box = np.zeros(6, np.int64)
        #: the box of voxels that the agent reached in the last flow step
        self.reached = np.zeros(6, np.int64)
        self.substeps = 0

    # -- beginning ----------------------------------------------------------------------------------------------

    def _front_limit(self) -> float:
        """Longest sub-step [s] that the sub-voxel front allows."""
        if self.kinetics is None:
            return np.inf
        fastest = float(self.chemistry.diffusivity.max())
        return _FRONT_NUMBER * min(self.grid.spacing) ** 2 / fastest if fastest > 0 else np.inf

    def demand_at_start(self, number: int) -> np.ndarray:
        """Demand of one pool before the injection [mol/m3 of tissue]."""
        return per_label(self.setting.parameters, f"demand_{POOLS[number]}", 0.0)[self.label]

    def fresh_fluid(self) -> np.ndarray:
        """Fluid per pot and voxel before the injection [m3], (pots, nx, ny, nz); air is dry, cracks are closed."""
        fluid = np.zeros((1 if self.slab is None else 2, *self.grid.shape))
        fluid[0] = np.where(self.active, self.porosity[self.label] * self.grid.voxel_volume, 0.0)
        return fluid

    def fresh_agent(self) -> AgentState:
        """No agent anywhere, all pools full."""
        shape, count = self.grid.shape, len(self.species)
        pools = np.zeros((0 if self.kinetics is None else len(POOLS), *shape))
        for number in range(pools.shape[0]):
            pools[number] = self.demand_at_start(number)
        return AgentState(
            np.zeros((count, *shape)), np.zeros((count, *((0, 0, 0) if self.slab is None else shape))),
            np.zeros(count), pools, np.zeros(shape), self.front.swept, self.front.shielded, self.front.dose,
        )  # fmt: skip

    def adopt(self, state: State) -> None:
        """Go on from a checkpoint."""
        agent = state.agent
        self.front.swept, self.front.shielded, self.front.dose = agent.swept, agent.shielded, agent.front_dose

    def open(self, state: State, ledger: Ledger) -> None:
        """Open the accounts of all that dissolves and of what it meets."""
        for number, one in enumerate(self.species):
            ledger.open(one.name, "mol", self.held(state, number))
        for number in range(state.agent.pools.shape[0]):
            ledger.open(f"pool {POOLS[number]}", "mol", self.pool_held(state, number))

    # -- what is held -------------------------------------------------------------------------------------------

    def fluid_held(self, state: State) -> float:
        """Fluid in the body on the grid [m3], in pores and cracks."""
        return sum(float(plane_sum(pot)) for pot in state.fluid_volume)

    def held(self, state: State, number: int) -> float:
        """Amount of one species [mol]: in pores, held behind fronts, in cracks and in the track."""
        agent = state.agent
        found = float(plane_sum(state.fluid_volume[0] * agent.concentration[number]))
        if number == 0 and self.chemistry is not None:
            found += float(plane_sum(agent.shielded) * self.grid.voxel_volume)
        if self.slab is not None:
            found += float(plane_sum(state.fluid_volume[1] * agent.crack_concentration[number]))
        return found + float(agent.track_amount[number])

    def agent_held(self, state: State) -> float:
        """Amount of the agent [mol], wherever it is."""
        return self.held(state, 0)

    def pool_held(self, state: State, number: int) -> float:
        """Demand left in one pool [mol, agent equivalents]."""
        return float(plane_sum(state.agent.pools[number]) * self.grid.voxel_volume)

    # -- one flow step ------------------------------------------------------------------------------------------

    def ride(
        self, state: State, ledger: Ledger, flows, duration: float, cracks: np.ndarray | None = None,
        track: TrackExchange | None = None,
    ) -> None:  # fmt: skip
        """Carry, spread and react over one accepted flow step of `duration` [s], and enter everything in the ledger.

        flows: the step means of the flow model; cracks: crack volume per voxel after the step [m3], where tissue can
        crack (that before it is state.fluid_volume[1]); track: where there is one. state.volume_ratio is the one after
        the step. Raises RunFailed where the fluxes empty a voxel.
        """
        self.reached[:] = 0
        if self.species:
            self._carry(state, ledger, flows, duration, cracks, track)
        else:
            opened = state.volume_ratio - 1.0 + self.porosity[self.label]
            state.fluid_volume[0] = np.where(self.active, opened * self.grid.voxel_volume, 0.0)
            if cracks is not None:
                state.fluid_volume[0] -= cracks
        if cracks is not None:
            state.fluid_volume[1] = cracks
            np.copyto(state.agent.crack_concentration, 0.0, where=cracks <= 0.0)
        in_track = 0.0 if track is None else track.volume_after
        ledger.book("fluid", fluid_booking(flows, duration), self.fluid_held(state) + in_track)
        for number, one in enumerate(self.species):
            ledger.book(one.name, Booking(), self.agent_held(state) if number == 0 else self.held(state, number))
        for number in range(state.agent.pools.shape[0]):
            ledger.book(f"pool {POOLS[number]}", Booking(), self.pool_held(state, number))

    def _carry(self, state: State, ledger: Ledger, flows, duration: float, cracks, track) -> None:
        fluid, concentration, crossing = state.fluid_volume[0], state.agent.concentration, self.crossing
        crossing.begin(flows, None if cracks is None else state.fluid_volume[1], cracks, duration, track)
        lost = flows.drained + flows.lymph
        fluxes = StepFluxes(*crossing.pots.faces, crossing.entering, flows.gained, lost)
        self._set_exchange(state, lost)
        sources = self._sources_ahead(state)
        washed, left = self._washout_limit(flows), duration
        while left > 0.0:
            species = self._dissolved(sources)
            # the agent's steps are its own, with a tracer or without: the tracer's are cut finer where it needs them
            wanted = self.transport.suggest_step(concentration[:1], fluid, fluxes, species[:1], left)
            wanted = min(wanted, self._longest_substep, washed, crossing.longest(fluid))
            part = left if wanted >= left * (1.0 - 1e-9) else wanted
            after = 0.0 if part == left else left - part
            sources = self._substep(state, ledger, fluxes, part, (1.0 - left / duration, 1.0 - after / duration))
            left = after

    def _set_exchange(self, state: State, lost: np.ndarray) -> None:
        """Wash-out per fluid volume [1/s]: the tables' rate holds at rest; fluid that swells in gets no new vessels."""
        fluid = state.fluid_volume[0]
        for one, exchange in zip(self.species, self._exchange, strict=True):
            np.multiply((one.exchange_rate * self.porosity)[self.label], state.vessel_fraction, out=exchange)
            exchange *= self.grid.voxel_volume
            np.divide(exchange, fluid, out=exchange, where=self.active)
            if one.kinetics is not None:
                exchange += np.divide(lost, fluid, out=np.zeros_like(lost), where=self.active)

    def _washout_limit(self, flows) -> float:
        """Longest sub-step [s] that the splitting of carriage and wash-out allows; none once nothing is given."""
        fastest = float(self._exchange.max())
        return _WASHOUT_NUMBER / fastest if fastest > 0.0 and float(flows.needle.max()) > 0.0 else np.inf

    def _sources_ahead(self, state: State) -> list:
        """What enters the matrix [mol/m3] as far as is known before the first sub-step, per species."""
        return [self._source(state, n, one.needle) for n, one in enumerate(self.species)]

    def _source(self, state: State, number: int, entering: float) -> float | np.ndarray:
        cracks = None if self.slab is None else state.agent.crack_concentration[number]
        return self.crossing.matrix_source(entering, cracks, self._sources[number])

    def _dissolved(self, sources: list) -> list:
        known = zip(self.species, sources, self._exchange, strict=True)
        return [one.dissolved(source, exchange) for one, source, exchange in known]

    def _substep(self, state: State, ledger: Ledger, fluxes: StepFluxes, dt: float, part: tuple[float, float]) -> list:
        """One sub-step of dt [s], a part (start, end) of the flow step; returns what entered the matrix [mol/m3]."""
        if self.kinetics is not None:
            # renewed from the state before every use, so that a resumed run sees the mask an unbroken one sees; on
            # the whole grid, so that it does not depend on where a last trace of agent lies
            self._mark_fronts(state, everywhere=True)
        self.crossing.drain(state.fluid_volume[0], dt)
        sources = [self._cross(state, ledger, number, dt, part) for number in range(len(self.species))]
        self._transport(state, ledger, fluxes, self._dissolved(sources), dt)
        self.substeps += 1
        if self.kinetics is not None:
            self._book(ledger, 0, self._carried(state, dt))
            around = self._mark_fronts(state)
            uptake = advance_front(self.front, *around, self.law, self.donors, dt, self._box, self._fed)
            self._book(ledger, 0, uptake)
            exposure, volume = state.agent.exposure, self.grid.voxel_volume
            self._book(ledger, 0, react(*around[:4], dt, exposure, volume, self._box, self._exchange[0]))
        return sources

    def _transport(self, state: State, ledger: Ledger, fluxes: StepFluxes, species: list, dt: float) -> None:
        """Carry and spread one species after the other: each has its own closed voxels."""
        fluid = state.fluid_volume[0]
        for number, one in enumerate(species):
            last = number + 1 == len(species)
            if not last:
                self._again[...] = fluid
            mask = None if self.species[number].kinetics is None else self.front.mask
            field, volume = state.agent.concentration[number : number + 1], fluid if last else self._again
            moved = self.transport.advance(field, volume, fluxes, [one], dt, mask)
            if not moved.ok:
                raise RunFailed(f"transport stopped at {state.clock.time:.6g} s: {moved}")
            moved.bookings[0].gained.pop("needle", None)  # booked where it crosses from needle, cracks and track
            self._book(ledger, number, moved.bookings[0])

    # -- cracks and track ---------------------------------------------------------------------------------------

    def _cross(self, state: State, ledger: Ledger, number: int, dt: float, part) -> float | np.ndarray:
        """Carry one species through cracks and track; returns the concentration of what enters the matrix [mol/m3]."""
        agent, one, crossing = state.agent, self.species[number], self.crossing
        walls = self._walls(state, number)
        cracks = None if self.slab is None else agent.crack_concentration[number]
        crossed = crossing.cross(
            one.needle, agent.concentration[number], cracks, float(agent.track_amount[number]), walls, one.loss_rate,
            part,
        )  # fmt: skip
        agent.track_amount[number] = crossed.in_track
        self._book(ledger, number, crossed.booking)
        if crossed.cracks is not None:
            cracks[...] = crossed.cracks.concentration
            self._enter(state, ledger, number, walls, crossed.cracks.taken, dt)
        return self._source(state, number, crossed.source)

    def _walls(self, state: State, number: int) -> Walls | None:
        """What the matrix offers to one species behind crack walls, in the voxels that have them."""
        if self.slab is None:
            return None
        cells, one = self.crossing.cells, self.species[number]
        theta = state.fluid_volume[0].reshape(-1)[cells] / self.grid.voxel_volume
        demand, held = np.zeros((2, cells.size))
        if one.kinetics is not None:
            self._theta.reshape(-1)[cells] = theta
            demand, held = wall_demand(self.front, self._matter(state), self.law, cells)
        inside = state.agent.concentration[number].reshape(-1)[cells]
        return Walls(self.slab.reshape(-1)[cells], theta, inside, one.diffusivity.reshape(-1)[cells], demand, held)

    def _matter(self, state: State) -> WalledMatter:
        pools, diffusivity = state.agent.pools, self.chemistry.diffusivity
        return WalledMatter(
            state.agent.concentration[0], self._theta, pools, self.kinetics, diffusivity, self.grid.spacing
        )

    def _enter(self, state: State, ledger: Ledger, number: int, walls: Walls, taken: np.ndarray, dt: float) -> None:
        """Give the matrix what came through crack walls: mixed, or to the fronts that take it."""
        cells, front = self.crossing.cells, walls.demand > 0.0
        filled = cells[~front & (walls.theta > 0.0)]
        change = (taken / np.where(walls.theta > 0.0, walls.theta, 1.0))[~front & (walls.theta > 0.0)]
        field = state.agent.concentration[number].reshape(-1)
        field[filled] = np.maximum(field[filled] + change, 0.0)
        if self.species[number].kinetics is not None:
            fed = front & ((taken > 0.0) | (state.agent.crack_concentration[number].reshape(-1)[cells] > 0.0))
            self._fed[...] = False
            self._fed.reshape(-1)[cells[fed]] = True
            entered = taken[fed]
            booking = advance_walls(self.front, self._matter(state), self.law, cells[fed], walls.slab[fed], entered, dt)
            self._book(ledger, number, booking)

    # -- fronts and reaction ------------------------------------------------------------------------------------

    def _carried(self, state: State, dt: float) -> Booking:
        """Let agent that flow brought into fresh demand spend it share by share."""
        concentration, theta, pools, *_ = self._mark_fronts(state)
        through = self.transport.work["out"]
        if self.slab is not None:
            through = np.add(through, self.crossing.pots.leaking, out=self._again)
        return spend_carried(
            self.front, concentration, theta, pools, self.kinetics, through, _SHARP, dt, self.grid.voxel_volume,
            self._exchange[0], self._box,
        )  # fmt: skip

    def _mark_fronts(self, state: State, everywhere: bool = False) -> tuple:
        """Find where the agent is and which voxels take it up by fronts; returns what the reaction works on."""
        box, concentration = self._box, state.agent.concentration[0]
        occupied_box(concentration, state.agent.shielded, box)
        if everywhere:
            box[:] = whole_box(self.grid.shape)
        where = tuple(slice(box[2 * a], box[2 * a + 1]) for a in range(3))
        np.divide(state.fluid_volume[0][where], self.grid.voxel_volume, out=self._theta[where])
        self.front.mask[...] = False
        pools, diffusivity = state.agent.pools, self.chemistry.diffusivity
        around = (concentration, self._theta, pools, self.kinetics, diffusivity, self.grid.spacing)
        front_mask(self.front, *around, self.law, box)
        if not everywhere:
            unite_boxes(self.reached, box)
        return around

    def _book(self, ledger: Ledger, number: int, booking: Booking) -> None:
        """Enter a booking of one species, and its other side in the pools."""
        account = ledger.accounts[self.species[number].name]
        account.book(booking, account.held)
        for pool in POOLS if self.species[number].kinetics is not None else ():
            taken = booking.lost.get(f"consumed by {pool}", 0.0)
            other = ledger.accounts[f"pool {pool}"]
            other.book(Booking({}, {"used by the agent": taken}), other.held)
