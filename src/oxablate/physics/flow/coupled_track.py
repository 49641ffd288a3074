"""A track inside the flow: its source in the voxels, solved anew at every iterate, and what it leaves behind.

At given pressures of the voxels the track's own network is solved exactly. They see a source W^T q_leak(p) and its
derivative, a matrix of low rank, so that Newton's method in the voxels is that of all unknowns together. Each stage of
the time step has its own held volumes: the track takes part in the scheme like any voxel.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...numerics.outcome import SolveOutcome
from ...quantities.refusal import BadInput
from .contact_law import OpenedTissue


class Track(Protocol):
    """What the flow asks of the gaps along needles; names as in `physics.track.step`."""

    hubs: np.ndarray
    pressure: np.ndarray
    volume: np.ndarray
    network: object

    def begin(self, rest: np.ndarray, law) -> SolveOutcome:
        """Start from tissue at its rest pressure."""

    def inlets(self, drives) -> tuple:
        """Inlets of pairs (rate [m3/s], slope [m3/(Pa s)]), one per hub."""

    def respond(self, pressure, inlets, duration, law, before, held):
        """The answer of the network at voxel pressures."""

    def accept(self, answer, earlier, seconds):
        """Take a step in stages; returns its booking."""

    def opening_pressures(self) -> np.ndarray:
        """Highest pressure at an opening of each hub [Pa]."""

    def hub_pressures(self) -> np.ndarray:
        """Pressure at each hub [Pa]."""


@dataclass(frozen=True)
class TrackFlows:
    """Mean flows [m3/s] of the track over one step, all >= 0.

    given, taken: by the drives, and what they draw back. lost, sucked: out at the surface, and in there.
    """

    given: float
    taken: float
    lost: float
    sucked: float


def _split(values: np.ndarray) -> tuple[float, float]:
    return float(values[values > 0].sum()), float(-values[values < 0].sum())


class CoupledTrack:
    """One track in the voxels of a `FlowModel`.

    track: the network and its state. law: what the tissue takes. source: (nx, ny, nz) [m3/s], overwritten with what the
    track gives to the tissue, negative where it draws. `outcome`: how the last solve of the network ended.
    """

    def __init__(self, track: Track, law: OpenedTissue, source: np.ndarray):
        self.track, self.law, self.source = track, law, source
        self._cells, self._weights = track.network.contacts.cells, track.network.contacts.weights
        self._spread = self._weights.T.tocsr()
        self._inlets, self._stages, self._now = (), [], None
        self._held, self._step = None, np.inf
        self.outcome: SolveOutcome | None = None
        #: pressure at each hub (g,) [Pa], mean of the last accepted step: what a drive that gives way has felt
        self.hub_means = np.zeros(len(track.hubs))

    def begin(self, rest: np.ndarray) -> SolveOutcome:
        """Start from tissue at its rest pressure (nx, ny, nz) [Pa]: a new track, never entered."""
        return self.track.begin(rest, self.law)

    def drive(self, drives) -> None:
        """Take up the drives of a step: one pair per hub, or one flow rate [m3/s] where there is but one hub."""
        if isinstance(drives, int | float | np.number):
            if len(self.track.hubs) != 1 and drives != 0.0:
                raise BadInput(
                    f"one flow rate came for {len(self.track.hubs)} hubs; give a pair (rate, slope) for each"
                )
            drives = ((float(drives), 0.0),) * len(self.track.hubs)
        self.source[...] = 0.0
        self._inlets, self._stages, self._now = self.track.inlets(drives), [], None

    def stage(self, step: float, weight: float) -> None:
        """Begin a stage of `step` [s] whose start holds `weight` [s] of the stage before."""
        self._step, self._held = step, self.track.volume
        if self._stages:
            self._held = self.track.volume + weight * self._now.volume_rate

    def respond(self, pressure: np.ndarray) -> bool:
        """Solve the network at voxel pressures [Pa] and write its source; False where it found no solution."""
        answer = self.track.respond(pressure, self._inlets, self._step, self.law, self._now, self._held)
        self.outcome = answer.outcome
        if not answer.outcome.ok:
            return False
        self._now = answer
        given, drawn = self._sides()
        self.source.reshape(-1)[self._cells] = given - drawn
        return True

    def _sides(self) -> tuple[np.ndarray, np.ndarray]:
        """What the tissue gets and what it gives, per touched voxel [m3/s], >= 0."""
        leak = self._now.leak
        return self._spread @ np.maximum(leak, 0.0), self._spread @ np.maximum(-leak, 0.0)

    def coupling(self, scale: np.ndarray):
        """What the track adds to the Jacobian of the unknown scale x pressure."""
        return self._now.coupling().scaled(scale)

    def collect(self, weight: float, share: np.ndarray | None, flows) -> None:
        """Close a stage: add it to the mean flows with its weight [1]. share: of cracks per touched voxel [1]."""
        given, drawn = (weight * side for side in self._sides())
        for field, part in ((flows.needle, given), (flows.drawn, drawn)):
            field.reshape(-1)[self._cells] += part
        if share is not None:
            for field, part in ((flows.crack_needle, given), (flows.crack_drawn, drawn)):
                field.reshape(-1)[self._cells] += share * part
        self._stages.append((self._now, weight))

    @property
    def cells(self) -> np.ndarray:
        """Flat indices of the voxels that the track touches."""
        return self._cells

    def flows(self) -> TrackFlows:
        """Mean flows of the step whose stages were collected."""
        sides = [(*_split(answer.given), *_split(answer.lost)) for answer, _ in self._stages]
        weights = [weight for _, weight in self._stages]
        return TrackFlows(*(float(np.dot(weights, column)) for column in zip(*sides, strict=True)))

    def hub_swing(self) -> np.ndarray:
        """By how much the pressure at each hub ends beside its mean in the collected step (g,) [Pa]."""
        (first, share), (last, rest) = self._stages
        hubs = self.track.hubs
        return last.pressure[hubs] - share * first.pressure[hubs] - rest * last.pressure[hubs]

    def accept(self, duration: float) -> None:
        """Enter the collected step of `duration` [s] in the state of the track."""
        (first, share), (last, rest) = self._stages
        hubs = self.track.hubs
        self.hub_means = share * first.pressure[hubs] + rest * last.pressure[hubs]
        self.track.accept(last, ((first, share * duration),), rest * duration)
