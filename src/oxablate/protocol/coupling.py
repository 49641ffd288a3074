"""One arm of a run: the only place where flow, vessels, transport, reaction and injury meet.

A flow step of length dt, accepted when its embedded error is small, is followed by what rides on the flow (`carriage`)
and then by vessels and injury. The splitting is first order in the step; mass is exact at any step.
"""

import numpy as np

from ..anatomy.tissue import Tissue
from ..physics.flow.budget import fluid_booking
from ..physics.flow.kernels import pore_strain
from ..physics.flow.step import FlowModel
from ..physics.vessels.step import VesselBed
from ..quantities.parameter import POOLS
from ..quantities.refusal import RunFailed
from .carriage import Carriage, Chemistry
from .cracking import cracked_tissues
from .crossing import TrackExchange
from .injury import INJURED_POOL, InjuryStage
from .ledger import Ledger
from .setting import ArmSetting, Setting, outer_faces, per_label, vessel_beds
from .state import Clock, InjectionState, State
from .supply import supply_of

#: Share of the injected volume that a flow step may misplace, and largest change of the vessel fraction in a step.
FLOW_TOLERANCE = 2e-2
VESSEL_TOLERANCE = 0.3
#: A distance of cracks [m] written for air; air takes no part.
NO_CRACKS_IN_AIR = 1.0
#: Of the porosity: fluid in the pores of a voxel below which a step has emptied it.
_EMPTIED = 1e-3
#: Of the time: a step shorter than this leads nowhere.
_STANDSTILL = 1e-12
_NO_STEP = "more fluid leaves a voxel than it holds, however short the step. Remedy: a slower drive, or smaller voxels"
#: A step that found no solution: how much shorter the next may be at most, and by how much each one may grow again.
_SHORTER, _BOLDER = 0.4, 1.05
#: First step after the pump changes, in fillings of the voxels at the needle.
_FIRST_FILLING = 0.2


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
        self._untouched = None if setting.delivery.simple else self._flow_model(None, None)
        rest = None if self._untouched is None else self._rested(self._untouched)
        self.supply = supply_of(setting, self.conductivity, self.active, rest)
        self.flow = self._flow_model(self.supply.needle, self.supply.track)
        self.vessels = VesselBed(self.label, vessel_beds(setting))
        self.cracks_on = setting.case.model.cracks == "cubic"
        self.carriage = Carriage(setting, arm, self.active, self._crack_spacing())
        self.injury = InjuryStage(setting, arm, self.demand_at_start(POOLS.index(INJURED_POOL)))
        self.rate = 0.0  # flow of the last accepted step [m3/s]
        self.mismatch = 0.0
        self.find_rest()
        self.state, self.ledger = self._fresh_state(), Ledger()
        self._open_ledger()

    # -- beginning ----------------------------------------------------------------------------------------------

    def _flow_model(self, needle, track) -> FlowModel:
        return FlowModel(
            self.grid, cracked_tissues(self.setting), self.label, self.conductivity, self.active,
            outer_faces(self.setting), needle, track,
        )  # fmt: skip

    def _crack_spacing(self) -> np.ndarray | None:
        """Distance of the cracks per voxel [m]; None where no tissue can crack."""
        if not self.cracks_on:
            return None
        return np.ascontiguousarray(per_label(self.setting.parameters, "crack_spacing", NO_CRACKS_IN_AIR)[self.label])

    def _rested(self, flow: FlowModel) -> np.ndarray:
        """The pressure of a flow before the injection [Pa], (nx, ny, nz)."""
        outcome = flow.find_rest(np.ones(self.grid.shape))
        if not outcome.ok:
            raise RunFailed(f"the rest pressure was not found: {outcome}")
        return flow.rest

    def find_rest(self) -> None:
        """Solve for the pressure before the injection, or fail with the remedy."""
        # a gap may drain tissue from the first moment on; an untouched subject has none
        self._rested(self.flow)
        untouched, self._untouched = self._untouched or self.flow, None
        ones = np.ones(self.grid.shape)
        still = untouched.try_step(untouched.rest, ones, ones, 0.0, 1.0)
        if not still.outcome.ok:
            raise RunFailed(f"the subject does not rest: {still.outcome}")
        #: what vessels, lymphatics and the far tissue exchange with an untouched subject [m3/s]
        self.resting = fluid_booking(untouched.flows, 1.0)

    def _fresh_state(self) -> State:
        shape, carriage = self.grid.shape, self.carriage
        return State(
            Clock(), carriage.fresh_agent(), self.flow.rest.copy(), np.ones(shape), self.vessels.fraction,
            carriage.fresh_fluid(), self.injury.fresh(shape),
            InjectionState(**self.flow.kept(), drives=self.supply.begin(self.flow)),
        )  # fmt: skip

    def demand_at_start(self, number: int) -> np.ndarray:
        """Demand of one pool before the injection [mol/m3 of tissue]."""
        return self.carriage.demand_at_start(number)

    def adopt(self, state: State, ledger: Ledger) -> None:
        """Go on from a checkpoint."""
        self.state, self.ledger = state, ledger
        self.vessels.fraction = state.vessel_fraction
        self.carriage.adopt(state)
        self.flow.restore({name: getattr(state.injection, name) for name in self.flow.kept()})

    def _open_ledger(self) -> None:
        self.ledger.open("fluid", "m3", self.fluid_held())
        self.carriage.open(self.state, self.ledger)

    # -- what rides on the flow ---------------------------------------------------------------------------------

    @property
    def porosity(self) -> np.ndarray:
        """Fluid fraction at rest [1] per tissue label."""
        return self.carriage.porosity

    @property
    def chemistry(self) -> Chemistry | None:
        """The dissolved agent; None where the fluid is plain."""
        return self.carriage.chemistry

    @property
    def substeps(self) -> int:
        """Sub-steps of transport taken so far."""
        return self.carriage.substeps

    def fluid_held(self) -> float:
        """Fluid in the body on the grid and along its needles [m3]."""
        return self.carriage.fluid_held(self.state) + self.flow.track_volume()

    # -- one flow step ------------------------------------------------------------------------------------------

    def first_step(self, rate: float) -> float:
        """A cautious first step [s] after the pump changed to a flow rate [m3/s]."""
        volume = self.supply.first_cells * self.grid.voxel_volume
        reference = max(rate, self.setting.pump.flow_rate)
        return _FIRST_FILLING * volume / reference

    def step(self, until: float) -> float:
        """Take one accepted flow step, not beyond `until` [s], with everything that rides on it; returns its length."""
        state = self.state
        if state.clock.next_step <= 0.0:
            state.clock.next_step = self.first_step(self.setting.pump.flow(state.clock.time))
            state.clock.ceiling = 0.0
        self.supply.place(self.flow, state.clock.time)
        duration, outcome, error = self._accepted_step(until)
        self.mismatch = outcome.mismatch
        self._take_flow(duration)
        change = self.vessels.advance(state.pressure, duration)
        self.injury.advance(state, duration, self.carriage.reached)
        state.clock.time = until if duration >= until - state.clock.time else state.clock.time + duration
        state.clock.steps += 1
        growth = 0.9 * min(np.sqrt(FLOW_TOLERANCE / max(error, 1e-300)), VESSEL_TOLERANCE / max(change, 1e-300))
        # a step cut short to land on an event says nothing against the length that was planned
        planned = max(duration, state.clock.next_step) if growth >= 1.0 else duration
        state.clock.next_step = planned * float(np.clip(growth, 0.2, 4.0))
        if state.clock.ceiling > 0.0:
            state.clock.ceiling *= _BOLDER
            state.clock.next_step = min(state.clock.next_step, state.clock.ceiling)
        self._check_ledger()
        return duration

    def _take_flow(self, duration: float) -> None:
        """Make the trial step the state, with the agent that rides on it."""
        state, flow = self.state, self.flow
        state.pressure[...] = flow.pressure_next
        state.volume_ratio[...] = flow.ratio_next
        # what cracks hold is asked before memory changes it for the step to come
        cracks = flow.crack_volume(state.pressure) * self.grid.voxel_volume if self.cracks_on else None
        held = flow.track_volume()
        flow.accept()
        track = None
        if flow.flows.track is not None:
            track = TrackExchange(**vars(flow.flows.track), volume_before=held, volume_after=flow.track_volume())
        begin = state.clock.time
        state.injection.drives = self.supply.advanced(flow, state.injection.drives, begin, begin + duration)
        for name, array in self.flow.kept().items():
            setattr(state.injection, name, array)
        self.carriage.ride(state, self.ledger, flow.flows, duration, cracks, track)

    def _accepted_step(self, until: float):
        state, reason = self.state, _NO_STEP
        for _ in range(40):
            left = until - state.clock.time
            duration = min(state.clock.next_step, left)
            if left < 1.5 * duration < 1.5 * left:
                duration = 0.5 * left  # two like steps rather than one and a sliver
            if duration <= _STANDSTILL * state.clock.time:
                break
            drives = self.supply.drives(state.injection.drives, state.clock.time, state.clock.time + duration)
            trial = self.flow.try_step(
                state.pressure, state.volume_ratio, state.vessel_fraction, self.supply.to_flow(drives), duration
            )
            error = trial.error + (self.supply.misplaced(self.flow) if trial.outcome.ok else 0.0)
            error /= self._given_scale(state.clock.time + duration)
            found = trial.outcome.ok and self._leaves_fluid()
            if found and error <= FLOW_TOLERANCE:
                self.rate = sum(rate for rate, _ in drives)
                return duration, trial, error
            shrink = 0.9 * np.sqrt(FLOW_TOLERANCE / error) if found else 0.25
            reason = _NO_STEP if trial.outcome.ok else trial.outcome
            if not found:
                state.clock.ceiling, state.clock.refused = _SHORTER * duration, state.clock.refused + 1
            state.clock.next_step = duration * float(np.clip(shrink, 0.1, 0.9))
        raise RunFailed(f"the flow found no step at {state.clock.time:.6g} s: {reason}")

    def _leaves_fluid(self) -> bool:
        """Whether the trial step leaves fluid in the pores of every voxel; a long one may take more than there is."""
        left = self.flow.ratio_next - 1.0 + (1.0 - _EMPTIED) * self.porosity[self.label]
        if self.cracks_on:
            left -= self.flow.crack_volume(self.flow.pressure_next)
        return float(np.min(left, where=self.active, initial=np.inf)) > 0.0

    def _given_scale(self, time: float) -> float:
        """Volume [m3] against which a misplaced one is judged: given so far, a thousandth of what is planned, or, where
        nothing is planned, a billionth of the fluid there is."""
        given, planned = self.supply.delivered(self.state.injection.drives, time), self.setting.pump.volume
        return max(given, 1e-3 * planned, 1e-9 * self.ledger.accounts["fluid"].initial)

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
        at = self.supply.tip_voxel
        row = self.flow.table[self.label[at]]
        return 1.0 + float(pore_strain(self.needle_pressure() - self.flow.rest[at], row))

    def tumour(self) -> np.ndarray:
        """The tumour's mask."""
        return self.setting.subject.tumour_mask

    def air(self) -> np.ndarray:
        """Voxels outside the body."""
        return self.label == Tissue.AIR
