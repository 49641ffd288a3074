"""One arm of a run: the only place where flow, vessels, transport, reaction and injury meet.

A flow step of length dt, accepted when its embedded error is small, is followed by sub-steps of equal fluxes in which

    carry and spread  ->  front uptake  ->  reaction of what is mixed

and then by vessels and injury. The splitting is first order in the sub-step; mass is exact at any sub-step.
"""

from dataclasses import dataclass

import numpy as np

from ..anatomy.tissue import Tissue
from ..numerics.jit import plane_sum
from ..physics.flow.budget import fluid_booking
from ..physics.flow.kernels import pore_strain
from ..physics.flow.step import FlowModel
from ..physics.flow.well import EndHole
from ..physics.process import Booking
from ..physics.reaction.carried import spend_carried
from ..physics.reaction.closures import Kinetics, SharpFront
from ..physics.reaction.front import Donors, FrontState, advance_front, front_mask
from ..physics.reaction.step import react, whole_box
from ..physics.transport.closures import DissolvedSpecies, Stepping
from ..physics.transport.step import StepFluxes, Transport
from ..physics.vessels.step import VesselBed
from ..quantities.parameter import POOLS
from ..quantities.refusal import RunFailed
from ..space.box import occupied_box, unite_boxes
from .injury import INJURED_POOL, InjuryStage
from .ledger import Ledger
from .setting import AIR_POROSITY, ArmSetting, Setting, outer_faces, per_label, tissue_flows, vessel_beds
from .state import AgentState, Clock, State

#: Share of the injected volume that a flow step may misplace, and largest change of the vessel fraction in a step.
FLOW_TOLERANCE = 2e-2
VESSEL_TOLERANCE = 0.3
#: Longest sub-step of a reacting agent, in D dt / h^2: the sub-voxel front is good to 5 % up to there.
_FRONT_NUMBER = 0.25
#: How many times faster than the passage of a voxel a pool must be to be spent share by share.
_SHARP = 10.0
#: Longest sub-step while the pump runs, in life times of the agent against wash-out: carriage and wash-out are split.
_WASHOUT_NUMBER = 0.25
#: First step after the pump changes, in fillings of the voxels at the needle.
_FIRST_FILLING = 0.2


@dataclass
class Chemistry:
    """How a dissolved agent moves and what it meets; kinetics is None where it reacts with nothing."""

    name: str
    needle: float
    diffusivity: np.ndarray
    exchange_rate: np.ndarray
    kinetics: Kinetics | None


class ArmRun:
    """The models, the state and the ledger of one arm.

    setting: of the case. arm: which agent. `state` and `ledger` may be replaced by those of a checkpoint.
    """

    def __init__(self, setting: Setting, arm: ArmSetting):
        self.setting, self.arm = setting, arm
        subject, grid = setting.subject, setting.subject.grid
        self.grid, self.label = grid, subject.labels.copy()
        self.active = subject.body_mask.copy()
        conductivity = per_label(setting.parameters, "hydraulic_conductivity", 0.0)[self.label] * subject.heterogeneity
        self.conductivity = np.ascontiguousarray(conductivity)
        self.porosity = per_label(setting.parameters, "porosity", AIR_POROSITY)
        self.needle = EndHole(grid, setting.tip, setting.case.needle.cavity_radius, self.active)
        self.flow = FlowModel(
            grid, tissue_flows(setting), self.label, self.conductivity, self.active, outer_faces(setting), self.needle
        )
        self.vessels = VesselBed(self.label, vessel_beds(setting))
        self.chemistry = self._chemistry()
        self.transport = Transport(grid.shape, grid.spacing, Stepping())
        self.front, self.law, self.donors = FrontState.fresh(grid.shape), SharpFront(), Donors.tissue()
        self._longest_substep = self._front_limit()
        self.injury = InjuryStage(setting, arm, self.demand_at_start(POOLS.index(INJURED_POOL)))
        self._theta = np.ones(grid.shape)
        self._exchange = np.zeros(grid.shape)
        self._box, self._reached = np.zeros(6, np.int64), np.zeros(6, np.int64)
        self.substeps = 0
        self.rate = 0.0  # flow of the last accepted step [m3/s]
        self.mismatch = 0.0
        self.find_rest()
        self.state, self.ledger = self._fresh_state(), Ledger()
        self._open_ledger()

    # -- beginning ----------------------------------------------------------------------------------------------

    def _chemistry(self) -> Chemistry | None:
        solute = self.arm.agent.solute
        if solute is None:
            return None
        parameters = self.setting.parameters
        hindrance = per_label(parameters, "diffusion_hindrance", 0.0)
        diffusivity = np.ascontiguousarray((hindrance * solute.diffusivity.si)[self.label])
        kinetics = None
        if self.arm.agent.reactive or solute.decay_rate.si > 0:
            kinetics = Kinetics(POOLS, self.arm.agent.rate_constants(), solute.decay_rate.si)
        return Chemistry(
            self.arm.agent.name, self.arm.concentration, diffusivity, per_label(parameters, "exchange_rate", 0.0),
            kinetics,
        )  # fmt: skip

    def _front_limit(self) -> float:
        """Longest sub-step [s] that the sub-voxel front allows."""
        if self.chemistry is None or self.chemistry.kinetics is None:
            return np.inf
        fastest = float(self.chemistry.diffusivity.max())
        return _FRONT_NUMBER * min(self.grid.spacing) ** 2 / fastest if fastest > 0 else np.inf

    def _set_exchange(self, state: State) -> None:
        """Wash-out per fluid volume [1/s]: the tables' rate holds at rest; fluid that swells in gets no new vessels."""
        np.multiply(
            (self.chemistry.exchange_rate * self.porosity)[self.label], state.vessel_fraction, out=self._exchange
        )
        self._exchange *= self.grid.voxel_volume
        np.divide(self._exchange, state.fluid_volume[0], out=self._exchange, where=self.active)

    def _washout_limit(self) -> float:
        """Longest sub-step [s] that the splitting of carriage and wash-out allows; none once the pump has stopped."""
        fastest = float(self._exchange.max())
        return _WASHOUT_NUMBER / fastest if self.rate > 0.0 and fastest > 0.0 else np.inf

    def find_rest(self) -> None:
        """Solve for the pressure before the injection, or fail with the remedy."""
        outcome = self.flow.find_rest(np.ones(self.grid.shape))
        if not outcome.ok:
            raise RunFailed(f"the rest pressure was not found: {outcome}")
        ones = np.ones(self.grid.shape)
        still = self.flow.try_step(self.flow.rest, ones, ones, 0.0, 1.0)
        if not still.outcome.ok:
            raise RunFailed(f"the subject does not rest: {still.outcome}")
        #: what vessels, lymphatics and the far tissue exchange with an untouched subject [m3/s]
        self.resting = fluid_booking(self.flow.flows, 1.0)

    def _fresh_state(self) -> State:
        shape, volume = self.grid.shape, self.grid.voxel_volume
        reacting = self.chemistry is not None and self.chemistry.kinetics is not None
        pools = np.zeros((len(POOLS) if reacting else 0, *shape))
        for number in range(pools.shape[0]):
            pools[number] = self.demand_at_start(number)
        agent = AgentState(
            np.zeros((0 if self.chemistry is None else 1, *shape)), pools, np.zeros(shape), self.front.swept,
            self.front.shielded, self.front.dose,
        )  # fmt: skip
        fluid = np.where(self.active, self.porosity[self.label] * volume, 0.0)[None].copy()  # air is dry
        return State(
            Clock(), agent, self.flow.rest.copy(), np.ones(shape), self.vessels.fraction, fluid,
            self.injury.fresh(shape),
        )  # fmt: skip

    def demand_at_start(self, number: int) -> np.ndarray:
        """Demand of one pool before the injection [mol/m3 of tissue]."""
        return per_label(self.setting.parameters, f"demand_{POOLS[number]}", 0.0)[self.label]

    def adopt(self, state: State, ledger: Ledger) -> None:
        """Go on from a checkpoint."""
        self.state, self.ledger = state, ledger
        self.vessels.fraction = state.vessel_fraction
        self.front.swept, self.front.shielded, self.front.dose = (
            state.agent.swept,
            state.agent.shielded,
            state.agent.front_dose,
        )

    def _open_ledger(self) -> None:
        self.ledger.open("fluid", "m3", self.fluid_held())
        if self.chemistry is not None:
            self.ledger.open(self.chemistry.name, "mol", self.agent_held())
            for number in range(self.state.agent.pools.shape[0]):
                self.ledger.open(f"pool {POOLS[number]}", "mol", self.pool_held(number))

    # -- what is held -------------------------------------------------------------------------------------------

    def fluid_held(self) -> float:
        """Fluid in the body on the grid [m3]."""
        return float(plane_sum(self.state.fluid_volume[0]))

    def agent_held(self) -> float:
        """Agent dissolved or held behind fronts [mol]."""
        dissolved = plane_sum(self.state.fluid_volume[0] * self.state.agent.concentration[0])
        return float(dissolved + plane_sum(self.state.agent.shielded) * self.grid.voxel_volume)

    def pool_held(self, number: int) -> float:
        """Demand left in one pool [mol, agent equivalents]."""
        return float(plane_sum(self.state.agent.pools[number]) * self.grid.voxel_volume)

    # -- one flow step ------------------------------------------------------------------------------------------

    def first_step(self, rate: float) -> float:
        """A cautious first step [s] after the pump changed to a flow rate [m3/s]."""
        cells, _ = self.needle.entry
        volume = len(cells) * self.grid.voxel_volume
        reference = max(rate, self.setting.pump.flow_rate)
        return _FIRST_FILLING * volume / reference

    def step(self, until: float) -> float:
        """Take one accepted flow step, not beyond `until` [s], with everything that rides on it; returns its length."""
        state = self.state
        if state.clock.next_step <= 0.0:
            state.clock.next_step = self.first_step(self.setting.pump.flow(state.clock.time))
        duration, outcome, error = self._accepted_step(until)
        self.mismatch = outcome.mismatch
        state.pressure[...] = self.flow.pressure_next
        state.volume_ratio[...] = self.flow.ratio_next
        self._ride(duration)
        change = self.vessels.advance(state.pressure, duration)
        self.injury.advance(state, duration, self._reached)
        state.clock.time = until if duration >= until - state.clock.time else state.clock.time + duration
        state.clock.steps += 1
        growth = 0.9 * min(np.sqrt(FLOW_TOLERANCE / max(error, 1e-300)), VESSEL_TOLERANCE / max(change, 1e-300))
        # a step cut short to land on an event says nothing against the length that was planned
        planned = max(duration, state.clock.next_step) if growth >= 1.0 else duration
        state.clock.next_step = planned * float(np.clip(growth, 0.2, 4.0))
        self._check_ledger()
        return duration

    def _accepted_step(self, until: float):
        state = self.state
        for _ in range(40):
            left = until - state.clock.time
            duration = min(state.clock.next_step, left)
            if left < 1.5 * duration < 1.5 * left:
                duration = 0.5 * left  # two like steps rather than one and a sliver
            pump = self.setting.pump
            rate = pump.mean_flow(state.clock.time, state.clock.time + duration)
            trial = self.flow.try_step(state.pressure, state.volume_ratio, state.vessel_fraction, rate, duration)
            error = trial.error / self._given_scale(state.clock.time + duration)
            if trial.outcome.ok and error <= FLOW_TOLERANCE:
                self.rate = rate
                return duration, trial, error
            shrink = 0.9 * np.sqrt(FLOW_TOLERANCE / error) if trial.outcome.ok else 0.25
            state.clock.next_step = duration * float(np.clip(shrink, 0.1, 0.9))
        raise RunFailed(f"the flow found no step at {state.clock.time:.6g} s: {trial.outcome}")

    def _given_scale(self, time: float) -> float:
        """Volume [m3] against which a misplaced one is judged: given so far, a thousandth of what is planned, or, where
        nothing is planned, a billionth of the fluid there is."""
        pump = self.setting.pump
        return max(pump.delivered(time), 1e-3 * pump.volume, 1e-9 * self.ledger.accounts["fluid"].initial)

    # -- what rides on the flow ---------------------------------------------------------------------------------

    def _ride(self, duration: float) -> None:
        """Carry, spread and react over one flow step, and enter everything in the ledger."""
        state, flows, name = self.state, self.flow.flows, None
        booking = fluid_booking(flows, duration)
        if self.chemistry is None:
            state.fluid_volume[0] = self._fluid_from_ratio()
        else:
            name = self.chemistry.name
            lost = flows.drained + flows.lymph
            fluxes = StepFluxes(*flows.faces, flows.needle, flows.gained, lost)
            self._set_exchange(state)
            species = [self._species()]
            if self.chemistry.kinetics is not None:
                self._exchange += np.divide(lost, state.fluid_volume[0], out=np.zeros_like(lost), where=self.active)
            washed = self._washout_limit()
            left = duration
            self._reached[:] = 0
            while left > 0.0:
                wanted = self.transport.suggest_step(
                    state.agent.concentration, state.fluid_volume[0], fluxes, species, left
                )
                wanted = min(wanted, self._longest_substep, washed)
                part = left if wanted >= left * (1.0 - 1e-9) else wanted
                self._substep(fluxes, species, part)
                left = 0.0 if part == left else left - part
        self.ledger.book("fluid", booking, self.fluid_held())
        if name is not None:
            self.ledger.book(name, Booking(), self.agent_held())
            for number in range(state.agent.pools.shape[0]):
                self.ledger.book(f"pool {POOLS[number]}", Booking(), self.pool_held(number))

    def _fluid_from_ratio(self) -> np.ndarray:
        opened = self.state.volume_ratio - 1.0 + self.porosity[self.label]
        return np.where(self.active, opened * self.grid.voxel_volume, 0.0)

    def _species(self) -> DissolvedSpecies:
        """The agent as transport sees it.

        Wash-out of an agent that reacts is left to the reaction, where both compete in one equation: transport would
        take for the blood, over a whole sub-step, what the tissue binds in microseconds.
        """
        chemistry = self.chemistry
        reacts = chemistry.kinetics is not None
        return DissolvedSpecies(
            chemistry.name, chemistry.diffusivity, chemistry.needle, 0.0, 0.0 if reacts else self._exchange,
            plasma=0.0, retained=1.0 if reacts else 0.0,
        )  # fmt: skip

    def _substep(self, fluxes: StepFluxes, species: list, part: float) -> None:
        state, kinetics = self.state, self.chemistry.kinetics
        mask = None
        if kinetics is not None:
            # renewed from the state before every use, so that a resumed run sees the mask an unbroken one sees; on
            # the whole grid, so that it does not depend on where a last trace of agent lies
            self._mark_fronts(kinetics, everywhere=True)
            mask = self.front.mask
        moved = self.transport.advance(state.agent.concentration, state.fluid_volume[0], fluxes, species, part, mask)
        if not moved.ok:
            raise RunFailed(f"transport stopped at {state.clock.time:.6g} s: {moved}")
        self.substeps += 1
        self._book(moved.bookings[0])
        if kinetics is not None:
            self._carried(kinetics, part)
            around = self._mark_fronts(kinetics)
            self._book(advance_front(self.front, *around, self.law, self.donors, part, self._box))
            self._book(
                react(
                    *around[:4], part, state.agent.exposure, self.grid.voxel_volume, self._box, self._exchange
                )
            )  # fmt: skip

    def _carried(self, kinetics: Kinetics, part: float) -> None:
        """Let agent that flow brought into fresh demand spend it share by share."""
        concentration, theta, pools, *_ = self._mark_fronts(kinetics)
        through = self.transport.work["out"]
        self._book(
            spend_carried(
                self.front, concentration, theta, pools, kinetics, through, _SHARP, part, self.grid.voxel_volume,
                self._exchange, self._box,
            )
        )  # fmt: skip

    def _mark_fronts(self, kinetics: Kinetics, everywhere: bool = False) -> tuple:
        """Find where the agent is and which voxels take it up by fronts; returns what the reaction works on."""
        state, box = self.state, self._box
        concentration = state.agent.concentration[0]
        occupied_box(concentration, state.agent.shielded, box)
        if everywhere:
            box[:] = whole_box(self.grid.shape)
        where = tuple(slice(box[2 * a], box[2 * a + 1]) for a in range(3))
        np.divide(state.fluid_volume[0][where], self.grid.voxel_volume, out=self._theta[where])
        self.front.mask[...] = False
        pools, diffusivity = state.agent.pools, self.chemistry.diffusivity
        around = (concentration, self._theta, pools, kinetics, diffusivity, self.grid.spacing)
        front_mask(self.front, *around, self.law, box)
        if not everywhere:
            unite_boxes(self._reached, box)
        return around

    def _book(self, booking: Booking) -> None:
        """Enter a booking of the agent, and its other side in the pools."""
        account = self.ledger.accounts[self.chemistry.name]
        account.book(booking, account.held)
        for pool in POOLS[: self.state.agent.pools.shape[0]]:
            taken = booking.lost.get(f"consumed by {pool}", 0.0)
            other = self.ledger.accounts[f"pool {pool}"]
            other.book(Booking({}, {"used by the agent": taken}), other.held)

    def _check_ledger(self) -> None:
        broken = self.ledger.broken()
        if broken is not None:
            raise RunFailed(
                f"the ledger of {broken.name} does not close at {self.state.clock.time:.6g} s: relative error "
                f"{broken.error:.2e}; what was computed until the last output is kept"
            )

    # -- outcomes -----------------------------------------------------------------------------------------------

    def needle_pressure(self) -> float:
        """Pressure in the needle's cavity [Pa] at the end of the last step, with the flow of that step."""
        return self.flow.needle_pressure(self.state.pressure, self.rate)

    def needle_ratio(self) -> float:
        """Volume ratio J at the cavity's wall, from the needle's pressure; unlike a voxel's it does not depend on h."""
        cells, shares = self.needle.entry
        at = tuple(cells[int(np.argmax(shares))])
        row = self.flow.table[self.label[at]]
        return 1.0 + float(pore_strain(self.needle_pressure() - self.flow.rest[at], row))

    def tumour(self) -> np.ndarray:
        """The tumour's mask."""
        return self.setting.subject.tumour_mask

    def air(self) -> np.ndarray:
        """Voxels outside the body."""
        return self.label == Tissue.AIR
