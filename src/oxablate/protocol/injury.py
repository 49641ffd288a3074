"""Which dose law a run applies, with the numbers of its parameter set."""

import numpy as np

from ..physics.injury.closures import ExposureLaw, NoInjury, ThiolLossLaw
from ..physics.injury.step import Doses, InjuryState, injure
from ..quantities.parameter import POOLS
from .setting import ArmSetting, Setting

#: The pool whose loss the thiol law reads.
INJURED_POOL = "thiols"


def dose_law(setting: Setting, arm: ArmSetting) -> NoInjury | ThiolLossLaw | ExposureLaw:
    """The law the case chose; an agent that reacts with nothing kills nothing."""
    numbers = setting.parameters["injury"]
    if not arm.agent.reactive or setting.case.model.injury == "none":
        return NoInjury()
    if setting.case.model.injury == "exposure":
        return ExposureLaw(
            numbers["lethal_exposure"].si,
            numbers["toxic_power"].si,
            numbers["exposure_steepness"].si,
            numbers["selectivity"].si,
        )
    return ThiolLossLaw(
        INJURED_POOL, numbers["lethal_thiol_loss"].si, numbers["thiol_loss_steepness"].si, numbers["selectivity"].si
    )


class InjuryStage:
    """Applies the dose law of one arm to its fields.

    setting, arm: of the run. start: demand of the pool the law reads, before the injection [mol/m3] (nx, ny, nz).
    """

    def __init__(self, setting: Setting, arm: ArmSetting, start: np.ndarray):
        self.law = dose_law(setting, arm)
        self._start = start
        self._tumour = setting.subject.tumour_mask.copy()

    def fresh(self, shape) -> InjuryState:
        """The state before anything has died."""
        return InjuryState.fresh(shape, self.law)

    def advance(self, state, duration: float, box: np.ndarray) -> None:
        """Raise the killed share after `duration` [s], where `box` holds every voxel that agent has reached."""
        if isinstance(self.law, NoInjury):
            return
        agent = state.agent
        doses = Doses(
            agent.pools[POOLS.index(INJURED_POOL)], self._start, agent.exposure, agent.front_dose, agent.swept
        )
        injure(self.law, state.injury, doses, self._tumour, duration, box)
