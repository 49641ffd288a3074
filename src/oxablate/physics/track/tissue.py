"""What the tissue beside a gap takes: the law of a contact, plain Darcy flow unless a flow model brings a better one.

    q_leak = lambda D span / ln_x,   D = ( F(p) - sum_c w_c F(p_c) ) / K

with F the integral of the tissue's conductivity over pressure, K the conductivity at rest of which lambda is made, p
the pressure of the node and p_c, w_c those of the contact's voxels and their weights. Plain tissue: F = m K p.

A law is an object with `at(contacts, pressure)`, which gives what the tissue takes at pressures of the voxels: an
uptake, an object with

    pressure           p_wall (n,) [Pa], mean over the voxels of each contact
    difference(p)      D [Pa] at pressures of the nodes, and dD/dp [1]; (n,) each
    columns            - dD/dp_c [1], sparse (n, m) like the contacts' weights
    enough(needed)     pressures (n,) [Pa] at which D surely reaches `needed` (n,) [Pa]; infinite where nobody knows one
"""

from dataclasses import dataclass

import numpy as np

from .closures import Contacts


@dataclass(frozen=True)
class PlainUptake:
    """Uptake of tissue that conducts the same at any pressure: D = m (p - p_wall).

    pressure: p_wall (n,) [Pa]. mobility: m (n,) [1], conductivity over that at rest. columns: m w, sparse (n, m).
    """

    pressure: np.ndarray
    mobility: np.ndarray
    columns: object

    def difference(self, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """D [Pa] and its slope [1], (n,) each."""
        return self.mobility * (pressure - self.pressure), self.mobility

    def enough(self, needed: np.ndarray) -> np.ndarray:
        """No bound is needed where D is straight (n,)."""
        return np.full(len(self.pressure), np.inf)


@dataclass(frozen=True)
class PlainTissue:
    """Tissue that conducts as at rest."""

    def at(self, contacts: Contacts, pressure: np.ndarray) -> PlainUptake:
        """The uptake at voxel pressures (nx, ny, nz) [Pa]."""
        return PlainUptake(contacts.wall_pressure(pressure), np.ones(len(contacts.conductance)), contacts.weights)
