"""Everything of one arm that rides on the flow: the fluid's volumes, the agent in it, and what the agent meets.

A flow step is followed by sub-steps of equal fluxes in which

    carry and spread  ->  front uptake  ->  reaction of what is mixed

The splitting is first order in the sub-step; mass is exact at any sub-step.
"""

from dataclasses import dataclass

import numpy as np

from ..numerics.jit import plane_sum
from ..physics.flow.budget import fluid_booking
from ..physics.process import Booking
from ..physics.reaction.carried import spend_carried
from ..physics.reaction.closures import Kinetics, SharpFront
from ..physics.reaction.front import Donors, FrontState, advance_front, front_mask
from ..physics.reaction.step import react, whole_box
from ..physics.transport.closures import DissolvedSpecies, Stepping
from ..physics.transport.step import StepFluxes, Transport
from ..quantities.parameter import POOLS
from ..quantities.refusal import RunFailed
from ..space.box import occupied_box, unite_boxes
from .ledger import Ledger
from .setting import AIR_POROSITY, ArmSetting, Setting, per_label
from .state import AgentState, State

#: Longest sub-step of a reacting agent, in D dt / h^2: the sub-voxel front is good to 5 % up to there.
_FRONT_NUMBER = 0.25
#: How many times faster than the passage of a voxel a pool must be to be spent share by share.
_SHARP = 10.0
#: Longest sub-step while the pump runs, in life times of the agent against wash-out: carriage and wash-out are split.
_WASHOUT_NUMBER = 0.25


@dataclass
class Chemistry:
    """How a dissolved agent moves and what it meets; kinetics is None where it reacts with nothing."""

    name: str
    needle: float
    diffusivity: np.ndarray
    exchange_rate: np.ndarray
    kinetics: Kinetics | None


class Carriage:
    """Carries, spreads and reacts what the fluid of one arm holds, and enters it in the ledger.

    setting: of the case. arm: which agent. active: bool (nx, ny, nz), voxels inside the body. The state and the ledger
    are handed to every call: a checkpoint may have replaced them.
    """

    def __init__(self, setting: Setting, arm: ArmSetting, active: np.ndarray):
        self.setting, self.arm, self.active = setting, arm, active
        self.grid, self.label = setting.subject.grid, setting.subject.labels
        shape = self.grid.shape
        self.porosity = per_label(setting.parameters, "porosity", AIR_POROSITY)
        self.chemistry = self._chemistry()
        self.transport = Transport(shape, self.grid.spacing, Stepping())
        self.front, self.law, self.donors = FrontState.fresh(shape), SharpFront(), Donors.tissue()
        self._longest_substep = self._front_limit()
        self._theta = np.ones(shape)
        self._exchange = np.zeros(shape)
        self._box = np.zeros(6, np.int64)
        #: the box of voxels that the agent reached in the last flow step
        self.reached = np.zeros(6, np.int64)
        self.substeps = 0

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

    def demand_at_start(self, number: int) -> np.ndarray:
        """Demand of one pool before the injection [mol/m3 of tissue]."""
        return per_label(self.setting.parameters, f"demand_{POOLS[number]}", 0.0)[self.label]

    def fresh_fluid(self) -> np.ndarray:
        """Fluid per pot and voxel before the injection [m3], (pots, nx, ny, nz); air is dry."""
        return np.where(self.active, self.porosity[self.label] * self.grid.voxel_volume, 0.0)[None].copy()

    def fresh_agent(self) -> AgentState:
        """No agent anywhere, all pools full."""
        shape = self.grid.shape
        reacting = self.chemistry is not None and self.chemistry.kinetics is not None
        pools = np.zeros((len(POOLS) if reacting else 0, *shape))
        for number in range(pools.shape[0]):
            pools[number] = self.demand_at_start(number)
        return AgentState(
            np.zeros((0 if self.chemistry is None else 1, *shape)), pools, np.zeros(shape), self.front.swept,
            self.front.shielded, self.front.dose,
        )  # fmt: skip

    def adopt(self, state: State) -> None:
        """Go on from a checkpoint."""
        agent = state.agent
        self.front.swept, self.front.shielded, self.front.dose = agent.swept, agent.shielded, agent.front_dose

    def open(self, state: State, ledger: Ledger) -> None:
        """Open the accounts of all that dissolves and of what it meets."""
        if self.chemistry is not None:
            ledger.open(self.chemistry.name, "mol", self.agent_held(state))
            for number in range(state.agent.pools.shape[0]):
                ledger.open(f"pool {POOLS[number]}", "mol", self.pool_held(state, number))

    # -- what is held -------------------------------------------------------------------------------------------

    def fluid_held(self, state: State) -> float:
        """Fluid in the body on the grid [m3]."""
        return float(plane_sum(state.fluid_volume[0]))

    def agent_held(self, state: State) -> float:
        """Agent dissolved or held behind fronts [mol]."""
        dissolved = plane_sum(state.fluid_volume[0] * state.agent.concentration[0])
        return float(dissolved + plane_sum(state.agent.shielded) * self.grid.voxel_volume)

    def pool_held(self, state: State, number: int) -> float:
        """Demand left in one pool [mol, agent equivalents]."""
        return float(plane_sum(state.agent.pools[number]) * self.grid.voxel_volume)

    # -- one flow step ------------------------------------------------------------------------------------------

    def ride(self, state: State, ledger: Ledger, flows, duration: float) -> None:
        """Carry, spread and react over one accepted flow step of `duration` [s], and enter everything in the ledger.

        flows: the step means of the flow model; state.volume_ratio is the one after the step.
        """
        booking = fluid_booking(flows, duration)
        if self.chemistry is None:
            state.fluid_volume[0] = self._fluid_from_ratio(state)
        else:
            self._carry_agent(state, ledger, flows, duration)
        ledger.book("fluid", booking, self.fluid_held(state))
        if self.chemistry is not None:
            ledger.book(self.chemistry.name, Booking(), self.agent_held(state))
            for number in range(state.agent.pools.shape[0]):
                ledger.book(f"pool {POOLS[number]}", Booking(), self.pool_held(state, number))

    def _carry_agent(self, state: State, ledger: Ledger, flows, duration: float) -> None:
        lost = flows.drained + flows.lymph
        fluxes = StepFluxes(*flows.faces, flows.needle, flows.gained, lost)
        self._set_exchange(state)
        species = [self._species()]
        if self.chemistry.kinetics is not None:
            self._exchange += np.divide(lost, state.fluid_volume[0], out=np.zeros_like(lost), where=self.active)
        washed = self._washout_limit(flows)
        left = duration
        self.reached[:] = 0
        while left > 0.0:
            wanted = self.transport.suggest_step(
                state.agent.concentration, state.fluid_volume[0], fluxes, species, left
            )
            wanted = min(wanted, self._longest_substep, washed)
            part = left if wanted >= left * (1.0 - 1e-9) else wanted
            self._substep(state, ledger, fluxes, species, part)
            left = 0.0 if part == left else left - part

    def _set_exchange(self, state: State) -> None:
        """Wash-out per fluid volume [1/s]: the tables' rate holds at rest; fluid that swells in gets no new vessels."""
        np.multiply(
            (self.chemistry.exchange_rate * self.porosity)[self.label], state.vessel_fraction, out=self._exchange
        )
        self._exchange *= self.grid.voxel_volume
        np.divide(self._exchange, state.fluid_volume[0], out=self._exchange, where=self.active)

    def _washout_limit(self, flows) -> float:
        """Longest sub-step [s] that the splitting of carriage and wash-out allows; none once nothing is given."""
        fastest = float(self._exchange.max())
        return _WASHOUT_NUMBER / fastest if fastest > 0.0 and float(flows.needle.max()) > 0.0 else np.inf

    def _fluid_from_ratio(self, state: State) -> np.ndarray:
        opened = state.volume_ratio - 1.0 + self.porosity[self.label]
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

    def _substep(self, state: State, ledger: Ledger, fluxes: StepFluxes, species: list, part: float) -> None:
        kinetics = self.chemistry.kinetics
        mask = None
        if kinetics is not None:
            # renewed from the state before every use, so that a resumed run sees the mask an unbroken one sees; on
            # the whole grid, so that it does not depend on where a last trace of agent lies
            self._mark_fronts(state, kinetics, everywhere=True)
            mask = self.front.mask
        moved = self.transport.advance(state.agent.concentration, state.fluid_volume[0], fluxes, species, part, mask)
        if not moved.ok:
            raise RunFailed(f"transport stopped at {state.clock.time:.6g} s: {moved}")
        self.substeps += 1
        self._book(ledger, moved.bookings[0])
        if kinetics is not None:
            self._book(ledger, self._carried(state, kinetics, part))
            around = self._mark_fronts(state, kinetics)
            self._book(ledger, advance_front(self.front, *around, self.law, self.donors, part, self._box))
            exposure, volume = state.agent.exposure, self.grid.voxel_volume
            self._book(ledger, react(*around[:4], part, exposure, volume, self._box, self._exchange))

    def _carried(self, state: State, kinetics: Kinetics, part: float) -> Booking:
        """Let agent that flow brought into fresh demand spend it share by share."""
        concentration, theta, pools, *_ = self._mark_fronts(state, kinetics)
        through = self.transport.work["out"]
        return spend_carried(
            self.front, concentration, theta, pools, kinetics, through, _SHARP, part, self.grid.voxel_volume,
            self._exchange, self._box,
        )  # fmt: skip

    def _mark_fronts(self, state: State, kinetics: Kinetics, everywhere: bool = False) -> tuple:
        """Find where the agent is and which voxels take it up by fronts; returns what the reaction works on."""
        box, concentration = self._box, state.agent.concentration[0]
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
            unite_boxes(self.reached, box)
        return around

    def _book(self, ledger: Ledger, booking: Booking) -> None:
        """Enter a booking of the agent, and its other side in the pools."""
        account = ledger.accounts[self.chemistry.name]
        account.book(booking, account.held)
        for pool in POOLS if self.chemistry.kinetics is not None else ():
            taken = booking.lost.get(f"consumed by {pool}", 0.0)
            other = ledger.accounts[f"pool {pool}"]
            other.book(Booking({}, {"used by the agent": taken}), other.held)
