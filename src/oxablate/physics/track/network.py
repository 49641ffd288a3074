"""The network of nodes along the shafts: lumen, cavities, pieces of gap; its residual and its derivative."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...quantities.refusal import BadInput
from .closures import Contacts, Walls
from .equations import balance


@dataclass(frozen=True)
class Gap:
    """Faces between neighbouring pieces of gap. first, second: nodes; distance: [m] between them; wall: per face."""

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray
    wall: Walls

    def flow(self, pressure: np.ndarray) -> np.ndarray:
        """Flow [m3/s] from first to second, by the Kirchhoff potential of the face's own wall."""
        potential = self.wall.potential(pressure[self.first]) - self.wall.potential(pressure[self.second])
        return potential / self.distance


@dataclass(frozen=True)
class Exits:
    """Where gaps end in the open. node: the last piece; distance: [m] to the surface; pressure: [Pa] there."""

    node: np.ndarray
    distance: np.ndarray
    wall: Walls
    pressure: np.ndarray

    def flow(self, pressure: np.ndarray) -> np.ndarray:
        """Flow out [m3/s]."""
        inside = self.wall.potential(pressure[self.node])
        return (inside - self.wall.potential(self.pressure)) / self.distance


@dataclass(frozen=True)
class Lumen:
    """Tubes and holes of the needle: conductance [m3/(Pa s)] between two nodes (Hagen-Poiseuille)."""

    first: np.ndarray
    second: np.ndarray
    conductance: np.ndarray

    def flow(self, pressure: np.ndarray) -> np.ndarray:
        """Flow [m3/s] from first to second."""
        return self.conductance * (pressure[self.first] - pressure[self.second])


@dataclass(frozen=True)
class Inlet:
    """What the drive gives to the node of the hub, q = rate - slope p: a pump has slope 0, a hand gives way.

    node: of the hub. rate: [m3/s]. slope: [m3/(Pa s)] >= 0.
    """

    node: int
    rate: float
    slope: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.rate) and np.isfinite(self.slope) and self.slope >= 0):
            raise BadInput(
                f"the drive gives {self.rate!r} m3/s, less {self.slope!r} m3/(Pa s) per pressure; give finite numbers"
            )


@dataclass(frozen=True)
class Network:
    """Nodes 0..n-1 and what joins them. wall, length: of each node's piece of gap; length 0 [m] in lumen and cavity."""

    wall: Walls
    length: np.ndarray
    gap: Gap
    exits: Exits
    lumen: Lumen
    contacts: Contacts

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.length)

    @cached_property
    def in_gap(self) -> np.ndarray:
        """Which nodes touch a gap (n,), bool: its pieces and the cavities at its tip."""
        found = np.zeros(self.size, bool)
        for nodes in (self.gap.first, self.gap.second, self.exits.node):
            found[nodes] = True
        return found

    @cached_property
    def longest(self) -> float:
        """Longest distance between neighbouring pieces [m]."""
        return float(max(np.max(self.gap.distance, initial=0.0), np.max(self.exits.distance, initial=0.0)))

    def volume(self, pressure: np.ndarray) -> np.ndarray:
        """Fluid in the gap per node [m3]."""
        return self.wall.area(pressure) * self.length

    def rerouted(self, lumen: Lumen) -> "Network":
        """The same gaps with the needle's openings elsewhere: a needle that was drawn back."""
        return replace(self, lumen=lumen)

    def along(self, pressure: np.ndarray) -> np.ndarray:
        """Flow that leaves each node along gap, lumen and exit [m3/s]."""
        total = np.zeros(self.size)
        for edges in (self.gap, self.lumen):
            flow = edges.flow(pressure)
            np.add.at(total, edges.first, flow)
            np.add.at(total, edges.second, -flow)
        np.add.at(total, self.exits.node, self.exits.flow(pressure))
        return total

    def own_side(self, pressure, tissue, inlets, duration) -> tuple[np.ndarray, np.ndarray]:
        """The part of `residual` that each node's own pressure moves [m3/s], and its slope [m3/(Pa s)]; (n,) each."""
        leak, slope, _ = self.contacts.leak(pressure, tissue, self.wall)
        value = self.volume(pressure) / duration + leak
        slope = slope + self.wall.area_slope(pressure) * self.length / duration
        for inlet in inlets:
            value[inlet.node] += inlet.slope * pressure[inlet.node]
            slope[inlet.node] += inlet.slope
        for edges, ends in ((self.gap, (self.gap.first, self.gap.second)), (self.exits, (self.exits.node,))):
            for nodes in ends:
                own = pressure[nodes]
                np.add.at(value, nodes, edges.wall.potential(own) / edges.distance)
                np.add.at(slope, nodes, edges.wall.conductance(own) / edges.distance)
        for nodes in (self.lumen.first, self.lumen.second):
            np.add.at(value, nodes, self.lumen.conductance * pressure[nodes])
            np.add.at(slope, nodes, self.lumen.conductance)
        return value, slope

    def residual(self, pressure, tissue, inlets, before, duration) -> np.ndarray:
        """What every node has too much of [m3/s]. tissue: the walls as a law of `tissue` gives them. before: volumes
        (n,) [m3] at the start of a step of `duration` [s]; an infinite duration asks for the steady state."""
        leak, _, _ = self.contacts.leak(pressure, tissue, self.wall)
        storage = (self.volume(pressure) - before) / duration
        return balance(storage, self.along(pressure), leak, self.given(pressure, inlets))

    def given(self, pressure, inlets) -> np.ndarray:
        """What the drives give to each node [m3/s]."""
        needle = np.zeros(self.size)
        for inlet in inlets:
            needle[inlet.node] += inlet.rate - inlet.slope * pressure[inlet.node]
        return needle

    @cached_property
    def _pattern(self):
        """Rows and columns of the derivative's entries, in the order in which `jacobian` gives their values."""
        g, t, e = self.gap, self.lumen, self.exits
        own = np.arange(self.size)
        rows = [own, g.first, g.second, g.first, g.second, t.first, t.second, t.first, t.second, e.node]
        columns = [own, g.first, g.first, g.second, g.second, t.first, t.first, t.second, t.second, e.node]
        return np.concatenate(rows), np.concatenate(columns)

    def jacobian(self, pressure, tissue, inlets, duration):
        """A = d(residual)/d(pressure), sparse (n, n) [m3/(Pa s)]: tridiagonal per needle, joined at the hub."""
        from scipy.sparse import csc_matrix

        _, leak, _ = self.contacts.leak(pressure, tissue, self.wall)
        own = self.wall.area_slope(pressure) * self.length / duration + leak
        for inlet in inlets:
            own[inlet.node] += inlet.slope
        g, e, tube = self.gap, self.exits, self.lumen.conductance
        low = g.wall.conductance(pressure[g.first]) / g.distance
        high = g.wall.conductance(pressure[g.second]) / g.distance
        out = e.wall.conductance(pressure[e.node]) / e.distance
        values = np.concatenate([own, low, -low, -high, high, tube, -tube, -tube, tube, out])
        return csc_matrix((values, self._pattern), shape=(self.size, self.size))

    def chords(self, pressure, leak_rate, inlets, duration):
        """The derivative with chords for tangents, sparse and symmetric (n, n): flow = chord (p_first - p_second)."""
        from scipy.sparse import csc_matrix

        own = self.wall.area_slope(pressure) * self.length / duration + leak_rate
        for inlet in inlets:
            own[inlet.node] += inlet.slope
        g, e, tube = self.gap, self.exits, self.lumen.conductance
        apart = pressure[g.first] - pressure[g.second]
        near = np.abs(apart) <= 1e-6 * (np.abs(pressure[g.first]) + np.abs(pressure[g.second]))
        middle = 0.5 * (pressure[g.first] + pressure[g.second])
        chord = np.where(near, g.wall.conductance(middle) / g.distance, g.flow(pressure) / np.where(near, 1.0, apart))
        drop = pressure[e.node] - e.pressure
        out = np.divide(e.flow(pressure), drop, out=np.zeros(len(drop)), where=drop != 0.0)
        values = np.concatenate([own, chord, -chord, -chord, chord, tube, -tube, -tube, tube, out])
        return csc_matrix((values, self._pattern), shape=(self.size, self.size))

    def turnover(self, pressure, tissue, inlets) -> float:
        """Largest flow that any node sees [m3/s]: the scale of a residual."""
        leak, _, _ = self.contacts.leak(pressure, tissue, self.wall)
        parts = (leak, self.gap.flow(pressure), self.lumen.flow(pressure), self.given(pressure, inlets))
        return max((float(np.abs(part).max(initial=0.0)) for part in parts), default=0.0)
