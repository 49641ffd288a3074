"""The discrete update of the track, and what couples it to the flow in the voxels.

At given voxel pressures p_v the network's own equations are solved exactly, so the voxels see only a source and how it
answers to their pressure:

    s(p_v) = W^T q_leak                       source of the voxels [m3/s], W the contacts' weights
    ds/dp_v = - W^T S V,   S = M - D A^-1 M   A: the network's own derivative; D, M: that of q_leak by p and by its
                                              difference to the voxels; V: minus that of the difference by p_v

This is the Schur complement of the joint system: its Newton step in the voxels is that of all unknowns together. A is
tridiagonal per needle, S small and dense (nodes x nodes), W and V sparse; V = W in tissue at rest.

What a flow model does with it (it needs no other name of this module):

    answer = track.respond(pressure, inlets, duration, law, answer_before)           per Newton iteration
    answer.add_source(field)                   adds s to the needle's source field [m3/s]
    answer.coupling()                          what adds W^T S V to the matrix: .apply(x, out), .add_diagonal(out)
    track.accept(answer)                       once the step is taken; returns the booking (stages: see there)

Exchange of every node enters with the sign of the tissue: positive into it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...numerics.outcome import SolveOutcome
from ...quantities.refusal import BadInput
from ...space.grid import VoxelGrid
from .budget import track_booking
from .network import Inlet, Lumen, Network
from .shafts import TIE, Shaft, build_network
from .solve import Surroundings, solve_network
from .tissue import PlainTissue


@dataclass(frozen=True)
class LowRank:
    """The matrix W^T S V on a voxel field.

    cells: flat indices (m,); weights, columns: W and V, sparse (n, m); stiffness: S (n, n).
    """

    cells: np.ndarray
    weights: object
    columns: object
    stiffness: np.ndarray

    def apply(self, field: np.ndarray, out: np.ndarray) -> None:
        """Add (W^T S V) field to `out`, both (nx, ny, nz)."""
        # einsum and not a product of BLAS, whose sums depend on its number of threads
        leaks = np.einsum("ij,j->i", self.stiffness, self.columns @ field.reshape(-1)[self.cells])
        out.reshape(-1)[self.cells] += self.weights.T @ leaks

    def add_diagonal(self, out: np.ndarray) -> None:
        """Add the diagonal of W^T S V to `out` (nx, ny, nz), for a smoother or preconditioner."""
        dense = (self.columns.T @ self.stiffness.T).T
        out.reshape(-1)[self.cells] += np.asarray(self.weights.multiply(dense).sum(0)).ravel()

    def scaled(self, scale: np.ndarray) -> "LowRank":
        """The same for the unknown scale x pressure. scale: (nx, ny, nz) > 0."""
        from scipy.sparse import diags

        columns = (self.columns @ diags(1.0 / scale.reshape(-1)[self.cells])).tocsr()
        return LowRank(self.cells, self.weights, columns, self.stiffness)


@dataclass(frozen=True)
class TrackAnswer:
    """What the track does at given pressures of the tissue.

    outcome: how the solve ended. pressure: of the nodes (n,) [Pa]. leak: into the tissue (n,) [m3/s], closing the
    balance of the network to round-off. volume: in the gap (n,) [m3] at the end of the step. given: by the drives
    (n,) [m3/s]. lost: at the exits (e,) [m3/s]. mismatch: flow [m3/s] by which the balance was closed.
    """

    network: Network
    around: Surroundings
    outcome: SolveOutcome
    pressure: np.ndarray

    @cached_property
    def lost(self) -> np.ndarray:
        """Flow out at each exit (e,) [m3/s]."""
        return self.network.exits.flow(self.pressure)

    @cached_property
    def given(self) -> np.ndarray:
        """What the drives give to each node (n,) [m3/s]."""
        return self.network.given(self.pressure, self.around.inlets)

    @cached_property
    def volume(self) -> np.ndarray:
        """Fluid in the gap (n,) [m3]; that before where the steady state was asked for."""
        return self.network.volume(self.pressure) if np.isfinite(self.around.duration) else self.around.before

    @cached_property
    def _leak(self) -> tuple[np.ndarray, float]:
        network, around = self.network, self.around
        leak, _, _ = network.contacts.leak(self.pressure, around.uptake, network.wall)
        stored = (self.volume - around.before).sum() / around.duration
        missing = float(self.given.sum() - self.lost.sum() - stored - leak.sum())
        share = np.abs(leak) if np.any(leak) else network.contacts.conductance
        return leak + missing * share / share.sum(), abs(missing)

    @property
    def leak(self) -> np.ndarray:
        """Flow into the tissue (n,) [m3/s]; what the solve left over is spread over it, so that nothing is lost."""
        return self._leak[0]

    @property
    def mismatch(self) -> float:
        """Flow [m3/s] that the solve had left over."""
        return self._leak[1]

    @property
    def volume_rate(self) -> np.ndarray:
        """dV/dt of the gap (n,) [m3/s] over the step or stage."""
        return (self.volume - self.around.before) / self.around.duration

    def width(self) -> np.ndarray:
        """x [1] of the gap at each node, over the needle's radius."""
        return self.network.wall.width(self.pressure)

    def add_source(self, out: np.ndarray) -> None:
        """Add what the tissue receives to a voxel field (nx, ny, nz) [m3/s]."""
        self.network.contacts.spread(self.leak, out)

    def coupling(self) -> LowRank:
        """W^T S V with the exact S, which is not symmetric: the Kirchhoff flux weighs its two ends differently."""
        from scipy.sparse.linalg import splu

        network, around = self.network, self.around
        _, by_node, by_wall = network.contacts.leak(self.pressure, around.uptake, network.wall)
        own = network.jacobian(self.pressure, *around.drive, around.duration)
        held = np.diag(by_wall)
        stiffness = held - by_node[:, None] * splu(own).solve(held)
        return LowRank(network.contacts.cells, network.contacts.weights, around.uptake.columns, stiffness)


class TrackNetwork:
    """Needles in tissue with the gap along their shafts.

    network: nodes and edges; hubs: the node where each drive enters (g,); nodes: those of each shaft, by group. State:
    `pressure` (n,) [Pa] and `volume` (n,) [m3] of the last accepted step. Build it from needles with `in_voxels`.
    """

    def __init__(self, network: Network, hubs, nodes=()):
        self.network, self.hubs, self.nodes = network, np.asarray(hubs, int), nodes
        self.pressure = np.zeros(network.size)
        self.volume = np.zeros(network.size)

    @classmethod
    def in_voxels(cls, groups: tuple[tuple[Shaft, ...], ...], viscosity: float, grid: VoxelGrid, conductivity, active):
        """Needles in voxels. groups: needles that share a hub in one group; the rest as in `shafts.build_network`."""
        return cls(*build_network(groups, viscosity, grid, conductivity, active))

    def drawn_back(self, group: int, shaft: int, distance: float) -> "TrackNetwork":
        """The same track, with the same fluid in it, after an end-hole needle was drawn back by `distance` [m].

        group, shaft: which needle. Its fluid enters the gap where its tip now is. The track below the tip stays one: it
        holds and leads fluid by the same law, which takes no account of the needle that has left it. Raises BadInput
        for a needle with side holes, and where the tip would be out of the tissue.
        """
        cavity, *pieces = self.nodes[group][shaft]
        lumen, length = self.network.lumen, self.network.length[pieces[0]]
        own = pieces if cavity is None else [cavity, *pieces]
        edges = np.flatnonzero(np.isin(lumen.second, own))
        if cavity is None or len(edges) != 1:
            raise BadInput(
                "only a needle with one opening, at its end, can be drawn back while it gives; use such a one"
            )
        if not 0 <= distance < length * len(pieces):
            inside = length * len(pieces)
            raise BadInput(f"a needle {inside:g} m deep in tissue cannot be drawn back {distance!r} m; stop before")
        second = lumen.second.copy()
        second[edges[0]] = pieces[int(distance / length * (1.0 + TIE))] if distance > 0 else cavity
        moved = TrackNetwork(
            self.network.rerouted(Lumen(lumen.first, second, lumen.conductance)), self.hubs, self.nodes
        )
        moved.pressure, moved.volume = self.pressure, self.volume
        return moved

    def begin(self, rest: np.ndarray, law=None) -> SolveOutcome:
        """Start from tissue at its rest pressure (nx, ny, nz) [Pa], needles shut: gaps hold what they hold then."""
        answer = self.respond(rest, (), np.inf, law)
        self.pressure = answer.pressure
        self.volume = self.network.volume(answer.pressure)
        return answer.outcome

    @cached_property
    def openings(self) -> tuple[np.ndarray, ...]:
        """Nodes outside the needle into which each hub opens: cavities at tips, pieces at side holes."""
        lumen = self.network.lumen
        hub_of = {int(hub): number for number, hub in enumerate(self.hubs)}
        found = [[] for _ in self.hubs]
        for inner, outer in zip(lumen.first.tolist(), lumen.second.tolist(), strict=True):  # from the hub outwards
            hub_of[outer] = hub_of[inner]
            if outer not in lumen.first:
                found[hub_of[outer]].append(outer)
        return tuple(np.array(nodes) for nodes in found)

    def opening_pressures(self) -> np.ndarray:
        """Highest pressure at an opening of each hub (g,) [Pa], as last accepted: that of the cavity at an end hole."""
        return np.array([self.pressure[nodes].max() for nodes in self.openings])

    def hub_pressures(self) -> np.ndarray:
        """Pressure where each drive enters (g,) [Pa], as last accepted."""
        return self.pressure[self.hubs]

    def inlets(self, drives) -> tuple[Inlet, ...]:
        """One inlet per hub from pairs (rate [m3/s], slope [m3/(Pa s)]), in the order of the groups."""
        if len(drives) != len(self.hubs):
            raise BadInput(
                f"{len(drives)} drives came for {len(self.hubs)} hubs; give one drive for each group of needles"
            )
        return tuple(Inlet(int(hub), *drive) for hub, drive in zip(self.hubs, drives, strict=True))

    def respond(
        self, pressure, inlets, duration: float, law=None, before: TrackAnswer | None = None, held=None
    ) -> TrackAnswer:
        """Solve the network at voxel pressures (nx, ny, nz) [Pa] for a step of `duration` [s] (infinite: steady).

        law: what the tissue takes (see `tissue`); None for tissue at rest. before: the answer of the last iteration, to
        start from. held: volumes (n,) [m3] that this step or stage starts from, None for those of the state. Fails with
        an outcome in the answer, never an exception.
        """
        contacts = self.network.contacts
        around = Surroundings(
            (PlainTissue() if law is None else law).at(contacts, pressure),
            tuple(inlets),
            self.volume if held is None else held,
            duration,
        )
        guess = None if before is None else before.pressure
        if before is None and not inlets and np.isinf(duration):
            guess = self._quiet(around.uptake.pressure)
        found, outcome = solve_network(self.network, around, self.pressure if guess is None else guess)
        return TrackAnswer(self.network, around, outcome, found)

    def _quiet(self, wall_pressure) -> np.ndarray:
        """Pressures of closed gaps and a shut needle: the tissue's, and in the lumen that at one of its openings."""
        quiet = wall_pressure.copy()
        touching, lumen = self.network.contacts.conductance > 0, self.network.lumen
        for inner, outer in zip(lumen.first[::-1], lumen.second[::-1], strict=True):
            if not touching[inner]:
                quiet[inner] = quiet[outer]
        return quiet

    def accept(self, answer: TrackAnswer, earlier: tuple[tuple[TrackAnswer, float], ...] = (), seconds=None):
        """Take a step: the state becomes the answer's; returns the fluid's `Booking` [m3] of the track.

        Of a step in stages, `answer` is the last, which counts for `seconds`; earlier: of (answer, seconds). A stiffly
        accurate scheme (Alexander's, with stage rates r_1, r_2) asks with held = V, then V + (1 - gamma) dt r_1, each
        with a duration of gamma dt, and counts them for (1 - gamma) dt and gamma dt.

        Raises BadInput for an answer about the steady state, which has no duration.
        """
        if not np.isfinite(answer.around.duration):
            raise BadInput("a steady answer is no step in time; ask for one with a duration before accepting it")
        booking = track_booking((*earlier, (answer, answer.around.duration if seconds is None else seconds)))
        self.pressure, self.volume = answer.pressure, answer.volume
        return booking
