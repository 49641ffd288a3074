"""What tissue that opens and cracks takes from a hole: the law of a track's contacts.

    q_leak = lambda D span / ln_x,   D = sum_c w_c [F_c(p) - F_c(p_c)],   F_c(p) = G_c(p - p_rest) + C_c(p - p_frac) / K

p: pressure in the hole; p_c: of the voxels that the contact touches, with weights w_c; G, C: Kirchhoff potentials of
their pores [Pa] and of their cracks [m2/s]; K: conductivity at rest of which lambda is made, the geometric mean over
the contact. So the tissue opens and cracks at the wall of the hole, where the pressure is higher than in any voxel.
The sum is that of `well.EndHole`. Equal pressures drive nothing, whatever each voxel's fracture pressure.
"""

from dataclasses import dataclass

import numpy as np

from ...numerics.jit import njit
from .crack_closures import CUBIC, KINK
from .crack_kernels import crack_conductivity, crack_potential
from .kernels import conductivity_ratio, kirchhoff_potential, pore_strain


@njit()
def _contact_potentials(first, pressure, rest, fracture, label, weight, k, table, cracks, mean, slope, slopes):
    """Weighted potentials of each contact's entries: mean = sum w F [Pa], slope = sum w F' and slopes = w F' [1].

    first: (n + 1,) first entry of each contact. pressure, rest, fracture, label, weight: per entry. k: K (n,).
    """
    for node in range(first.size - 1):
        mean[node] = slope[node] = 0.0
        for e in range(first[node], first[node + 1]):
            row, law = table[label[e]], cracks[label[e]]
            over, excess = pressure[e] - rest[e], pressure[e] - fracture[e]
            strain = pore_strain(over, row)
            opened = crack_potential(excess, law[CUBIC], law[KINK]) / k[node]
            mean[node] += weight[e] * (kirchhoff_potential(over, strain, row) + opened)
            widened = crack_conductivity(excess, law[CUBIC], law[KINK]) / k[node]
            slopes[e] = weight[e] * (conductivity_ratio(strain, row) + widened)
            slope[node] += slopes[e]


@dataclass(frozen=True)
class OpenedUptake:
    """What tissue takes at a track's contacts at one field of pressures (names as `physics.track.tissue` wants them).

    law: whose entries they are. pressure: mean of the voxels (n,) [Pa]. potential: sum w_c F_c(p_c) (n,) [Pa].
    columns: w_c F_c'(p_c), sparse (n, m). fracture: p_frac per entry [Pa].
    """

    law: "OpenedTissue"
    pressure: np.ndarray
    potential: np.ndarray
    columns: object
    fracture: np.ndarray

    def difference(self, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """D [Pa] and its slope [1] at pressures of the nodes, (n,) each."""
        potential, slope, _ = self.law.potentials(pressure[self.law.node], self.fracture)
        return potential - self.potential, slope

    def enough(self, needed: np.ndarray) -> np.ndarray:
        """Pressures (n,) [Pa] from which on one voxel's share of D alone is `needed`: cracks, or pores as at rest."""
        law = self.law
        goal = (np.maximum(self.potential, 0.0) + needed)[law.node] / law.weight
        cubic, kink = (law.cracks[law.label, column] for column in (CUBIC, KINK))
        bound = law.rest_now() + goal
        cracking = np.flatnonzero((cubic > 0.0) & np.isfinite(goal))
        conducted = goal[cracking] * law.conductivity[law.node[cracking]] / cubic[cracking]
        x, kink = (4.0 * conducted) ** 0.25, kink[cracking]
        finite = np.where(np.isfinite(kink), kink, 1.0)
        x = np.where(x > kink, conducted / finite**3 + 0.75 * finite, x)
        bound[cracking] = np.minimum(bound[cracking], self.fracture[cracking] + x)
        found = np.full(len(needed), np.inf)
        np.minimum.at(found, law.node, bound)
        return found


class OpenedTissue:
    """The law of one track's contacts with tissue that opens and cracks.

    contacts: weights (sparse, node x cell) and cells of the track. subject: labels, conductivity and table of the flow.
    rest, fracture: fields [Pa] by reference, read anew at every use: memory lowers one. cracks: table of the cracks.
    """

    def __init__(self, contacts, subject, rest: np.ndarray, fracture: np.ndarray, cracks: np.ndarray):
        weights = contacts.weights.tocsr()
        self._shape, self._columns = weights.shape, weights.indices
        self.first, self.weight = weights.indptr.astype(np.int64), weights.data
        self.node = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
        self.cell = np.asarray(contacts.cells)[weights.indices]
        self.label, self.table, self.cracks = subject.label.reshape(-1)[self.cell], subject.table, cracks
        log = np.log(subject.conductivity.reshape(-1)[self.cell])
        self.conductivity = np.exp(np.bincount(self.node, self.weight * log, weights.shape[0]))
        self._rest, self._fracture = rest, fracture

    def at(self, contacts, pressure: np.ndarray) -> OpenedUptake:
        """The uptake at voxel pressures (nx, ny, nz) [Pa]."""
        from scipy.sparse import csr_matrix

        own, fracture = pressure.reshape(-1)[self.cell], self._fracture.reshape(-1)[self.cell]
        potential, _, slopes = self.potentials(own, fracture)
        mean = np.bincount(self.node, self.weight * own, self._shape[0])
        columns = csr_matrix((slopes, self._columns, self.first), shape=self._shape)
        return OpenedUptake(self, mean, potential, columns, fracture)

    def rest_now(self) -> np.ndarray:
        """Pressure at rest per entry [Pa]."""
        return self._rest.reshape(-1)[self.cell]

    def potentials(self, pressure: np.ndarray, fracture: np.ndarray):
        """sum w F (n,) [Pa], sum w F' (n,) [1] and w F' per entry [1] at a pressure per entry [Pa]."""
        count = self._shape[0]
        mean, slope, slopes = np.zeros(count), np.zeros(count), np.zeros(len(pressure))
        _contact_potentials(
            self.first, pressure, self.rest_now(), fracture, self.label, self.weight, self.conductivity, self.table,
            self.cracks, mean, slope, slopes,
        )  # fmt: skip
        return mean, slope, slopes
