"""An independent one-dimensional model of an injection into a ball of tissue that cracks, by SciPy.

    dS/dt = (1/r^2) d/dr ( r^2 K(p) dp/dr ),   S = strain(p) + (l_c / (E' b_c)) (p - p_frac)_+
    K(p) = K0 + min( (l_c (p - p_frac)_+ / E')^3 / (12 mu b_c), ceiling )

Finite volumes between spherical shells; the conductivity of a face is Simpson's mean along the pressures between its
two cells, exact for a cubic; time by Radau IIA. No line of the package is in it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.sparse import csr_array

CAVITY, TUMOUR, OUTER = 0.35e-3, 15e-3, 40e-3
LENGTH, SPACING, PLANE, VISCOSITY = 3e-3, 3e-3, 20e3, 7e-4
RATE, END, FRACTURE = 1e-6 / 60, 252.0, 10e3
CUBIC = (LENGTH / PLANE) ** 3 / (12 * VISCOSITY * SPACING)


@dataclass(frozen=True)
class Ball:
    """A tumour within a host: hydraulic conductivities [m2/(Pa s)], moduli [Pa], stiffening exponent, ceiling."""

    conductivity: tuple[float, float] = (1e-14, 1e-13)
    modulus: tuple[float, float] = (20e3, 5e3)
    exponent: float = 2.0
    ceiling: float = np.inf


def shells(first: float, growth: float, widest: float = np.inf) -> np.ndarray:
    """Radii of the faces: shells of width `first` that grow by a factor, faces at the tumour's edge and outside."""
    faces, width = [CAVITY], first
    for end in (TUMOUR, OUTER):
        while faces[-1] < end - 1.5 * width:
            faces.append(faces[-1] + width)
            width = min(width * growth, widest)
        faces.append(end)
    return np.array(faces)


def crack_conductivity(p, ceiling):
    return np.minimum(CUBIC * np.maximum(p - FRACTURE, 0.0) ** 3, ceiling)


def inject(ball: Ball, faces: np.ndarray, rtol: float = 1e-6):
    """Centres, pressures at the end, pressure at the cavity's wall, and the stored volume [m3]."""
    centre = 0.5 * (faces[1:] + faces[:-1])
    inside = centre < TUMOUR
    k0, h = (np.where(inside, *pair) for pair in (ball.conductivity, ball.modulus))
    volume = 4 / 3 * np.pi * np.diff(faces**3)
    reach = 4 * np.pi / (1 / centre[:-1] - 1 / centre[1:])
    edge = faces[1:-1]
    # pores in series: 1/r resistances of the two half shells
    pores = 4 * np.pi / ((1 / centre[:-1] - 1 / edge) / k0[:-1] + (1 / edge - 1 / centre[1:]) / k0[1:])
    last = 4 * np.pi * k0[-1] / (1 / centre[-1] - 1 / OUTER)

    def flow(p):
        middle = 0.5 * (p[1:] + p[:-1])
        kc = crack_conductivity(p, ball.ceiling)
        mean = (kc[1:] + kc[:-1] + 4 * crack_conductivity(middle, ball.ceiling)) / 6
        return np.concatenate([[RATE], (pores + reach * mean) * (p[:-1] - p[1:]), [last * p[-1]]])

    def change(_, p):
        storage = 1 / (h + ball.exponent * np.maximum(p, 0.0)) + (p > FRACTURE) * LENGTH / (PLANE * SPACING)
        return -np.diff(flow(p)) / volume / storage

    n = len(centre)
    neighbours = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 1
    run = solve_ivp(change, (0, END), np.zeros(n), "Radau", rtol=rtol, atol=1e-1, jac_sparsity=csr_array(neighbours))
    p = run.y[:, -1]
    strain = np.log1p(ball.exponent * np.maximum(p, 0) / h) / ball.exponent if ball.exponent else p / h
    held = strain + LENGTH / (PLANE * SPACING) * np.maximum(p - FRACTURE, 0)
    return centre, p, wall(p[0], centre[0], k0[0], ball.ceiling), float((held * volume).sum())


def wall(p: float, r: float, k0: float, ceiling: float) -> float:
    """Pressure at the cavity's wall from the one at r nearby: steady flow between, a potential that falls as 1/r."""
    need = RATE / (4 * np.pi) * (1 / CAVITY - 1 / r)

    def missing(q):
        kink = FRACTURE + (ceiling / CUBIC) ** (1 / 3)
        value, _ = quad(lambda x: k0 + float(crack_conductivity(x, ceiling)), p, q, points=[min(max(kink, p), q)])
        return value - need

    return brentq(missing, p, p + need / k0, xtol=1e-6)
