"""A porous body that deforms under load, fluid and growth, quasi-static (Biot): the statement.

    0 = d_b sigma_ab + f_a                                         forces balance
    sigma = 2 G (eps - g I) + lambda tr(eps - g I) I - alpha p I   stress of the drained body, less the fluid's pressure
    eps = (grad u + grad u^T) / 2,   g = J_ref^(1/3) - 1           growth strains nothing by itself

    d zeta / dt = - Div q                                          what flows on
                  + s                                              what is given (negative: taken)
    zeta = alpha div u + p / M                                     fluid held, by volume of tissue
    q    = - K grad p                                              Darcy

| symbol | meaning | unit |
|---|---|---|
| u, eps | displacement, strain (small) | m, 1 |
| sigma | total stress, positive in tension | Pa |
| p | pressure of the fluid, above the one at rest | Pa |
| zeta | fluid added per volume of tissue | 1 |
| lambda, G | drained Lame coefficient and shear modulus | Pa |
| alpha | Biot's coefficient, 1 for incompressible solid | 1 |
| 1 / M | storage at constant volume, 0 for incompressible constituents | 1/Pa |
| K = k / mu | hydraulic conductivity | m2/(Pa s) |
| J_ref | volume of a voxel without stress over its present volume | 1 |
| f, s | body force, source of fluid | N/m3, 1/s |

The geometry is the present one: large changes of shape are made in increments, each on a grid whose spacing and fields
are those of that moment, with J_ref the rest of the stress-free volume. zeta counts fluid only: when solid is made or
lost, its volume goes into s.

Surfaces: displacement given, or a rough or smooth wall, or traction given, or a rigid plate under a force; pressure
given, sealed, or a resistance. Voxels without stiffness are outside: their faces are free, under the pressure of what
is there.

Limits: small strain within an increment; isotropic; no inertia, no viscosity of the solid. A part of the body that is
one voxel thin has no shear stiffness across.

Sources: Biot 1941 (doi 10.1063/1.1712886); Cheng, Poroelasticity, 2016 (doi 10.1007/978-3-319-25202-5).
"""

import numpy as np

from ...numerics.jit import prange, sized_kernel


@sized_kernel
def fluid_held(ux, uy, uz, p, biot, storage, dx, dy, dz, out):
    """zeta = alpha div u + p / M into `out` (nx, ny, nz). ux, uy, uz: displacement [m]; dx, dy, dz: spacing [m]."""
    nx, ny, nz = p.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                stretch = (ux[i + 1, j, k] - ux[i, j, k]) / dx + (uy[i, j + 1, k] - uy[i, j, k]) / dy
                stretch += (uz[i, j, k + 1] - uz[i, j, k]) / dz
                out[i, j, k] = biot[i, j, k] * stretch + storage[i, j, k] * p[i, j, k]


@sized_kernel
def fluid_rate(qx, qy, qz, source, seeped, volume, out):
    """d zeta / dt = - Div q + s, less what seeps out of a surface inside the grid, into `out` [1/s].

    qx, qy, qz: flows through the faces [m3/s], positive along the axis; source: s [1/s]; seeped: (nx, ny, nz) [m3/s].
    """
    nx, ny, nz = source.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                outflow = (qx[i + 1, j, k] - qx[i, j, k]) + (qy[i, j + 1, k] - qy[i, j, k])
                outflow += qz[i, j, k + 1] - qz[i, j, k]
                out[i, j, k] = (
                    - (outflow + seeped[i, j, k]) / volume
                    + source[i, j, k]
                )  # fmt: skip


def growth_strain(stress_free: np.ndarray) -> np.ndarray:
    """g = J_ref^(1/3) - 1 of each voxel. stress_free: J_ref > 0."""
    return np.cbrt(stress_free) - 1.0
