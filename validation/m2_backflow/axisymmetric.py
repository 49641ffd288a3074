"""Backflow into axisymmetric tissue: rings of Darcy flow round the shaft, joined to the track's own network."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import spsolve

from oxablate.physics.track.closures import Contacts, GapWall
from oxablate.physics.track.network import Exits, Gap, Inlet, Lumen, Network
from oxablate.physics.track.step import TrackNetwork

NONE = np.zeros(0, int)
SHARE_LENGTH = 1.0 - 0.1 ** (3.0 / 5.0)  # where 90 % has leaked from a profile (1 - z/L)^(2/3), in L


@dataclass(frozen=True)
class Infusion:
    """One steady infusion, SI units; see the README."""

    rate: float
    radius: float
    modulus: float
    viscosity: float
    conductivity: float

    def expected(self, logarithm: float) -> float:
        """Length of the closed form for a leak 2 pi K / logarithm per length."""
        leak = 2.0 * np.pi * self.conductivity / logarithm
        cubic = np.pi * self.radius**4 / (48.0 * self.modulus**3 * self.viscosity)
        return (self.rate**3 * cubic / (0.6**3 * 0.9 * leak**4)) ** 0.2


def network(case: Infusion, count: int, piece: float, contacts: Contacts) -> Network:
    """The tip's node and `count` pieces of gap, sealed far up."""
    wall = GapWall.uniform(count + 1, case.radius, 0.0, case.modulus, 0.0, case.viscosity)
    first, second = np.arange(count), np.arange(1, count + 1)
    distance, lengths = np.full(count, piece), np.full(count + 1, piece)
    distance[0], lengths[0] = 0.5 * piece, 0.0
    exits = Exits(NONE, np.zeros(0), wall.at(NONE), np.zeros(0))
    gap = Gap(first, second, distance, wall.between(first, second))
    return Network(wall, lengths, gap, exits, Lumen(NONE, NONE, np.zeros(0)), contacts)


def length_of(leak: np.ndarray, piece: float) -> float:
    """Length within which 90 % of the leak (pieces from the tip on) has left, over that share of the closed form."""
    total = np.concatenate([[0.0], np.cumsum(leak)])
    return float(np.interp(0.9 * total[-1], total, piece * np.arange(len(total)))) / SHARE_LENGTH


def constant_resistance(case: Infusion, logarithm: float, count: int = 400) -> float:
    """A: length with a leak of 2 pi K / logarithm per length everywhere."""
    piece = 2.0 * case.expected(logarithm) / count
    conductance = np.full(count + 1, 2.0 * np.pi * case.conductivity / logarithm * piece)
    conductance[0] = 0.0
    contacts = Contacts(conductance, np.full(count + 1, np.inf), np.zeros(1, int), csr_matrix((count + 1, 1)))
    track = TrackNetwork(network(case, count, piece, contacts), [0])
    answer = track.respond(np.zeros(1), (Inlet(0, case.rate, 0.0),), np.inf)
    assert answer.outcome.ok, str(answer.outcome)
    return length_of(answer.leak[1:], piece)


class Rings:
    """Tissue in rings: fine along the shaft and at the tip, coarser far off; pressure 0 at the outer boundary."""

    def __init__(self, case: Infusion, length: float, count: int, piece: float, first: float) -> None:
        beyond = piece * np.cumsum(1.25 ** np.arange(40))
        beyond = beyond[: np.searchsorted(beyond, 20 * length) + 1]
        up = np.arange(count + 1) * piece
        self.z = np.concatenate([-beyond[::-1], up, up[-1] + beyond])
        self.tip = len(beyond)  # the first row of tissue beside the shaft
        ratio = np.concatenate([[case.radius], np.geomspace(first * case.radius, 20 * length, 45)])
        self.r = np.concatenate([[0.0], ratio])
        self.case, self.count = case, count
        self.shape = (len(self.z) - 1, len(self.r) - 1)
        self.middle = np.concatenate([[0.5 * case.radius], np.sqrt(ratio[:-1] * ratio[1:])])

    def matrix(self):
        """Sparse conductance matrix [m3/(Pa s)]; the needle's own cells hold nothing and are kept at 0."""
        k, (nz, nr) = self.case.conductivity, self.shape
        dz, index = np.diff(self.z), np.arange(nz * nr).reshape(nz, nr)
        tissue = np.ones(self.shape, bool)
        tissue[self.tip :, 0] = False
        across = 2 * np.pi * k * dz[:, None] / np.log(self.middle[1:] / self.middle[:-1])
        across = across * (tissue[:, 1:] & tissue[:, :-1])
        area = np.pi * np.diff(self.r**2)
        along = k * area / (0.5 * (dz[1:] + dz[:-1]))[:, None] * (tissue[1:] & tissue[:-1])
        own = np.where(tissue, 0.0, 1.0)
        own[:, -1] += 2 * np.pi * k * dz / np.log(self.r[-1] / self.middle[-1])
        for row in (0, -1):
            own[row] += np.where(tissue[row], k * area / (0.5 * dz[row]), 0.0)
        rows, columns, values = [index.ravel()], [index.ravel()], [own.ravel()]
        for a, b, g in ((index[:, :-1], index[:, 1:], across), (index[:-1], index[1:], along)):
            a, b, g = a.ravel(), b.ravel(), g.ravel()
            rows += [a, b, a, b]
            columns += [a, b, b, a]
            values += [g, g, -g, -g]
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        return coo_matrix(entries, shape=(index.size,) * 2).tocsr()

    def contacts(self, piece: float, widens: bool) -> Contacts:
        """The shaft touches the first ring beside it, the tip's opening the disc below it."""
        k, nr, count = self.case.conductivity, self.shape[1], self.count
        span = np.log(self.middle[1] / self.case.radius)
        conductance = np.full(count + 1, 2 * np.pi * k * piece / span)
        conductance[0] = np.pi * self.case.radius**2 * k / (0.5 * (self.z[self.tip] - self.z[self.tip - 1]))
        beside = (self.tip + np.arange(count)) * nr + 1
        cells = np.concatenate([[(self.tip - 1) * nr], beside])
        spans = np.full(count + 1, np.inf)
        if widens:
            spans[1:] = span
        weights = csr_matrix((np.ones(count + 1), (np.arange(count + 1), np.arange(count + 1))))
        return Contacts(conductance, spans, cells, weights)


def full_model(case: Infusion, widens: bool = False, per_length: int = 60) -> tuple[float, float]:
    """B and C: length [m] and the share of the fluid that leaves through the tip itself."""
    length = case.expected(4.0)
    piece = length / per_length if widens else min(length / per_length, 0.5 * case.radius)
    count = int(np.ceil(3.0 * length / piece))
    # what the widening wall pushes out is the first ring: it must hold the near field then
    rings = Rings(case, length, count, piece, 10.0 if widens else 1.15)
    track = TrackNetwork(network(case, count, piece, rings.contacts(piece, widens)), [0])
    matrix, inlets = rings.matrix(), (Inlet(0, case.rate, 0.0),)
    pressure, answer = np.zeros(matrix.shape[0]), None
    for _ in range(60):
        answer = track.respond(pressure, inlets, np.inf, None, answer)
        if not answer.outcome.ok:
            raise RuntimeError(str(answer.outcome))
        source = np.zeros(len(pressure))
        answer.add_source(source)
        residual = matrix @ pressure - source
        if np.abs(residual).max() < 1e-10 * case.rate:
            return length_of(answer.leak[1:], piece), float(answer.leak[0] / case.rate)
        low = answer.coupling()
        rows, columns = np.meshgrid(low.cells, low.cells, indexing="ij")
        folded = coo_matrix((low.stiffness.ravel(), (rows.ravel(), columns.ravel())), shape=matrix.shape)
        pressure = pressure - spsolve((matrix + folded).tocsc(), residual)
    raise RuntimeError("the tissue did not converge")
