"""What is dissolved in the liquid of an arm: the agent, and a tracer beside it."""

from dataclasses import dataclass

import numpy as np

from ..device.agent import Agent
from ..physics.reaction.closures import Kinetics
from ..physics.transport.closures import DissolvedSpecies
from ..quantities.parameter import POOLS
from ..quantities.refusal import BadInput
from .setting import ArmSetting, Setting, per_label


@dataclass
class Chemistry:
    """How a dissolved species moves and what it meets; kinetics is None where it reacts with nothing.

    name: of its account; needle: its concentration in the syringe [mol/m3]; diffusivity (nx, ny, nz) [m2/s];
    exchange_rate: wash-out at rest [1/s], per tissue label.
    """

    name: str
    needle: float
    diffusivity: np.ndarray
    exchange_rate: np.ndarray
    kinetics: Kinetics | None

    @property
    def loss_rate(self) -> float:
        """Its own first-order loss [1/s]."""
        return 0.0 if self.kinetics is None else self.kinetics.loss_rate

    def dissolved(self, source: float | np.ndarray, exchange: np.ndarray) -> DissolvedSpecies:
        """The species as transport sees it; source: concentration that enters [mol/m3]; exchange: wash-out [1/s].

        Wash-out of an agent that reacts is left to the reaction, where both compete in one equation: transport would
        take for the blood, over a whole sub-step, what the tissue binds in microseconds.
        """
        reacts = self.kinetics is not None
        return DissolvedSpecies(
            self.name, self.diffusivity, source, 0.0, 0.0 if reacts else exchange, plasma=0.0,
            retained=1.0 if reacts else 0.0,
        )  # fmt: skip


def _chemistry(setting: Setting, agent: Agent, concentration: float, reacts: bool) -> Chemistry:
    parameters, solute = setting.parameters, agent.solute
    hindrance = per_label(parameters, "diffusion_hindrance", 0.0)
    diffusivity = np.ascontiguousarray((hindrance * solute.diffusivity.si)[setting.subject.labels])
    kinetics = Kinetics(POOLS, agent.rate_constants(), solute.decay_rate.si) if reacts else None
    return Chemistry(agent.name, concentration, diffusivity, per_label(parameters, "exchange_rate", 0.0), kinetics)


def agent_of(setting: Setting, arm: ArmSetting) -> Chemistry | None:
    """The agent of an arm; None where its liquid brings none."""
    if arm.agent.solute is None:
        return None
    reacts = arm.agent.reactive or arm.agent.solute.decay_rate.si > 0
    return _chemistry(setting, arm.agent, arm.concentration, reacts)


def dissolved_in(setting: Setting, arm: ArmSetting) -> list[Chemistry]:
    """All that is dissolved in the liquid of an arm: its agent, then its tracer. Refuses two of one name."""
    agent = agent_of(setting, arm)
    found = [] if agent is None else [agent]
    if arm.tracer is not None:
        tracer, concentration = arm.tracer
        if agent is not None and agent.name == tracer.name:
            raise BadInput(f"{tracer.name} is both the agent and the tracer of an arm; leave the tracer out")
        found.append(_chemistry(setting, tracer, concentration, reacts=False))
    return found
