"""Backflow along a needle: fluid in the gap between shaft and tissue. The statement.

With z the distance from the tip along the shaft and p the fluid pressure in the gap,

    dV/dt = - dQ/dz                           what flows on along the gap
            - q_leak                          what the tissue takes through the wall
            + q_needle                        what the needle gives (tip and side holes)

    Q     = - C f(x) dp/dz                    Poiseuille flow between needle and wall
    x     = x_0 + (p - sigma_n)_+ / (2 G)     the wall gives way where the fluid presses harder than it does
    V     = pi r_n^2 ((1 + x)^2 - 1)          fluid held per length
    q_leak = 2 pi K (p - p_wall) / ln_x           Darcy flow to where the voxels' pressure stands
    ln_x  = 1/2 ln(1 + ((r_e / r_n)^2 - 1) / (1 + x)^2)      ln(r_e / r_n) of the closed gap; the wall pushes tissue out

    C     = pi r_n^4 / (8 mu)
    f(x)  = (1 + x)^4 - 1 - ((1 + x)^2 - 1)^2 / ln(1 + x)        exact for a concentric annulus
          = (4/3) x^3 + (2/3) x^4 + ...                          so C f = pi r_n w^3 / (6 mu) for a thin gap w = x r_n

The gap ends where the shaft leaves the tissue, at a given (gauge zero) pressure: what comes out there is lost.

| symbol | meaning | unit |
|---|---|---|
| p, p_wall | pressure in the gap, of the tissue around the shaft (mean over the voxels of the contact) | Pa |
| x, x_0 | width of the gap over r_n, and what of it stands open without any pressure | 1 |
| r_n | outer radius of the needle | m |
| sigma_n | contact stress of the tissue on the needle | Pa |
| G | shear modulus of the tissue | Pa |
| mu | viscosity of the liquid | Pa s |
| K, r_e | hydraulic conductivity; radius at which the voxels' pressure stands | m2/(Pa s), m |

The wall's law is that of a long cylindrical hole in an elastic body, plane strain: u_r = p r_n / (2 G) whatever the
Poisson ratio, for a pressure above the one that already acts (Lame 1852; Timoshenko and Goodier, Theory of Elasticity).

Where the gap is closed (p <= sigma_n, x_0 = 0) nothing flows in it and p is that of the tissue: so tissue whose own
pressure exceeds the contact stress opens its gap too.

Limits: no bending, no eccentric needle, no inertia; small strain of the wall (watch x); the contact stress does not
relax in time; the leak is quasi-steady within the voxels of the contact.

Sources: Morrison et al. 1999, Am J Physiol 277:R1218 (doi 10.1152/ajpregu.1999.277.4.R1218) for the statement;
Raghavan et al. 2010, Phys Med Biol 55:281 (doi 10.1088/0031-9155/55/1/017), not read; Bird, Stewart and Lightfoot,
Transport Phenomena, for the annulus.
"""

import numpy as np

from . import kernels


def _each(integral: bool, x) -> np.ndarray:
    x = np.asarray(x, float)
    out = np.empty(x.size)
    kernels.each(integral, np.ascontiguousarray(x).reshape(-1), out)
    return out.reshape(x.shape)


def annulus_factor(x: np.ndarray) -> np.ndarray:
    """f(x) [1] for gaps of relative width x >= 0; any shape."""
    return _each(False, x)


def annulus_integral(x: np.ndarray) -> np.ndarray:
    """Integral of f from 0 to x [1]; any shape. Gauss quadrature, exact to round-off for x up to about ten."""
    return _each(True, x)


def balance(storage, along, leak, needle):
    """What a piece of the gap has too much of [m3/s], zero when solved; terms [m3/s] in the order of the statement."""
    return (
        storage
        + along
        + leak
        - needle
    )  # fmt: skip
