"""The network of nodes along the shafts: lumen, cavities, pieces of gap; its residual and its derivative."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...quantities.refusal import BadInput
from . import kernels
from .closures import Contacts, GapWall
from .equations import balance


@dataclass(frozen=True)
class Gap:
    """Faces between neighbouring pieces of gap. first, second: nodes; distance: [m] between them; wall: per face."""

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray
    wall: GapWall

    def flow(self, pressure: np.ndarray) -> np.ndarray:
        """Flow [m3/s] from first to second, by the Kirchhoff potential of the face's own wall."""
        potential = self.wall.potential(pressure[self.first]) - self.wall.potential(pressure[self.second])
        return potential / self.distance


@dataclass(frozen=True)
class Exits:
    """Where gaps end in the open. node: the last piece; distance: [m] to the surface; pressure: [Pa] there."""

    node: np.ndarray
    distance: np.ndarray
    wall: GapWall
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

    wall: GapWall
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
        gap, tube = self.gap.flow(pressure), self.lumen.flow(pressure)
        return np.bincount(
            self._leaving, np.concatenate([gap, -gap, tube, -tube, self.exits.flow(pressure)]), self.size
        )

    @cached_property
    def _leaving(self) -> np.ndarray:
        g, t = self.gap, self.lumen
        return np.concatenate([g.first, g.second, t.first, t.second, self.exits.node])

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Node and distance of each end of a face of gap, an exit's inner one too, and the table of its wall."""
        g, e = self.gap, self.exits
        tables = np.concatenate([g.wall.table, g.wall.table, e.wall.table])
        return np.concatenate([g.first, g.second, e.node]), np.concatenate([g.distance, g.distance, e.distance]), tables

    @cached_property
    def _tubes(self) -> np.ndarray:
        """Sum of the conductances of lumen and holes at each node [m3/(Pa s)]."""
        tube = self.lumen
        both = np.concatenate([tube.conductance, tube.conductance])
        return np.bincount(np.concatenate([tube.first, tube.second]), both, self.size)

    def own_side(self, pressure, uptake, inlets, duration) -> tuple[np.ndarray, np.ndarray]:
        """The part of `residual` that each node's own pressure moves [m3/s], and its slope [m3/(Pa s)]; (n,) each."""
        leak, slope, _ = self.contacts.leak(pressure, uptake, self.wall)
        linear = self._tubes.copy()
        for inlet in inlets:
            linear[inlet.node] += inlet.slope
        value, tangent = np.empty(self.size), np.empty(self.size)
        kernels.own_sides(
            pressure, self.wall.table, self.length / duration, linear, leak, slope, *self._ends, value, tangent
        )
        return value, tangent

    def residual(self, pressure, uptake, inlets, before, duration) -> np.ndarray:
        """What every node has too much of [m3/s].

        uptake: what the tissue takes, as a law of `tissue` gives it. before: volumes (n,) [m3] at the start of a step
        of `duration` [s]; an infinite duration asks for the steady state.
        """
        leak, _, _ = self.contacts.leak(pressure, uptake, self.wall)
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
        """Where each value that `jacobian` lists belongs among the entries of the matrix; their rows and columns."""
        from scipy.sparse import csc_matrix

        g, t, e = self.gap, self.lumen, self.exits
        own = np.arange(self.size)
        rows = [own, g.first, g.second, g.first, g.second, t.first, t.second, t.first, t.second, e.node]
        columns = [own, g.first, g.first, g.second, g.second, t.first, t.first, t.second, t.second, e.node]
        rows, columns = np.concatenate(rows), np.concatenate(columns)
        matrix = csc_matrix((np.ones(len(rows)), (rows, columns)), shape=(self.size, self.size))
        places = np.repeat(own, np.diff(matrix.indptr)) * self.size + matrix.indices
        return np.searchsorted(places, columns * self.size + rows), matrix.indices, matrix.indptr

    def jacobian(self, pressure, uptake, inlets, duration):
        """A = d(residual)/d(pressure), sparse (n, n) [m3/(Pa s)]: tridiagonal per needle, joined at the hub."""
        from scipy.sparse import csc_matrix

        _, leak, _ = self.contacts.leak(pressure, uptake, self.wall)
        own = self.wall.area_slope(pressure) * self.length / duration + leak
        for inlet in inlets:
            own[inlet.node] += inlet.slope
        g, e, tube = self.gap, self.exits, self.lumen.conductance
        low = g.wall.conductance(pressure[g.first]) / g.distance
        high = g.wall.conductance(pressure[g.second]) / g.distance
        out = e.wall.conductance(pressure[e.node]) / e.distance
        values = np.concatenate([own, low, -low, -high, high, tube, -tube, -tube, tube, out])
        entries, indices, indptr = self._pattern
        data = np.bincount(entries, values, len(indices))
        return csc_matrix((data, indices, indptr), shape=(self.size, self.size))

    def turnover(self, pressure, uptake, inlets) -> float:
        """Largest flow that any node sees [m3/s]: the scale of a residual."""
        leak, _, _ = self.contacts.leak(pressure, uptake, self.wall)
        parts = (leak, self.gap.flow(pressure), self.lumen.flow(pressure), self.given(pressure, inlets))
        return max((float(np.abs(part).max(initial=0.0)) for part in parts), default=0.0)
