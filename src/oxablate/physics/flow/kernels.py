"""Compiled point functions of the pore space and the sweeps over voxels and faces that use them."""

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .equations import (
    LYMPH_FILTRATION,
    LYMPH_PRESSURE,
    MODULUS,
    OPENING,
    POROSITY,
    STIFFENING,
    STRAIN_BOUND,
    STRAIN_EXPONENT,
    STRAIN_OPEN,
    VESSEL_FILTRATION,
    lymph_outflow,
    vessel_inflow,
    volume_ratio_rate,
)

# Gauss-Legendre nodes and weights on [-1, 1]: the Kozeny-Carman branch has no elementary integral.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_PANEL = 0.25  # strain per quadrature panel; eight nodes integrate exp(10 x) over it to round-off


@njit()
def pore_strain(overpressure, row):
    """J - 1 at an overpressure [Pa]: the inverse of P(J)."""
    u = overpressure / row[MODULUS]
    if u <= 0.0 or row[STIFFENING] == 0.0:
        return u
    return np.log1p(row[STIFFENING] * u) / row[STIFFENING]


@njit()
def pore_compliance(overpressure, row):
    """dJ/dp [1/Pa]."""
    u = max(overpressure / row[MODULUS], 0.0)
    return 1.0 / (row[MODULUS] * (1.0 + row[STIFFENING] * u))


@njit()
def pore_overpressure(strain, row):
    """p - p_rest [Pa] = P(J) at a strain J - 1."""
    if strain <= 0.0 or row[STIFFENING] == 0.0:
        return row[MODULUS] * strain
    return row[MODULUS] * np.expm1(row[STIFFENING] * strain) / row[STIFFENING]


@njit()
def kozeny_carman_ratio(strain, porosity):
    """(K/K0) of Kozeny-Carman for solids of constant volume: (1 + (J - 1)/phi0)^3 / J."""
    opened = 1.0 + strain / porosity
    return opened * opened * opened / (1.0 + strain)


@njit()
def conductivity_ratio(strain, row):
    """g = K/K0 at a strain J - 1: 1 below opening, exponential above, bounded by Kozeny-Carman."""
    if strain <= row[STRAIN_OPEN]:
        return 1.0
    if strain <= row[STRAIN_BOUND]:
        return np.exp(row[STRAIN_EXPONENT] * (strain - row[STRAIN_OPEN]))
    return kozeny_carman_ratio(strain, row[POROSITY])


@njit()
def _bounded_integral(start, end, row):
    """Integral of the Kozeny-Carman ratio over overpressure, between two strains, by composite Gauss quadrature."""
    panels = int(np.ceil((end - start) / _PANEL))
    total = 0.0
    for panel in range(panels):
        half = 0.5 * (end - start) / panels
        middle = start + (2 * panel + 1) * half
        for n in range(_NODES.size):
            x = middle + half * _NODES[n]
            slope = row[MODULUS] * np.exp(row[STIFFENING] * x)
            total += half * _WEIGHTS[n] * kozeny_carman_ratio(x, row[POROSITY]) * slope
    return total


@njit()
def kirchhoff_potential(overpressure, strain, row):
    """G = integral of g d(overpressure) from 0 [Pa]: the flux between equal tissues is K0 times its difference."""
    if strain <= row[STRAIN_OPEN]:
        return overpressure
    bound = min(strain, row[STRAIN_BOUND])
    exponent = row[STRAIN_EXPONENT] + row[STIFFENING]
    width = bound - row[STRAIN_OPEN]
    rise = width if exponent == 0.0 else np.expm1(exponent * width) / exponent
    total = row[OPENING] + row[MODULUS] * np.exp(row[STIFFENING] * row[STRAIN_OPEN]) * rise
    if strain > row[STRAIN_BOUND]:
        total += _bounded_integral(row[STRAIN_BOUND], strain, row)
    return total


@njit()
def _path_mean(over_a, over_b, row):
    """Mean of g along the path between two overpressures in one tissue."""
    if max(over_a, over_b) <= row[OPENING]:
        return 1.0
    x_a, x_b = pore_strain(over_a, row), pore_strain(over_b, row)
    if abs(over_a - over_b) <= 1e-5 * (abs(over_a) + abs(over_b)):
        return 0.5 * (conductivity_ratio(x_a, row) + conductivity_ratio(x_b, row))
    return (kirchhoff_potential(over_a, x_a, row) - kirchhoff_potential(over_b, x_b, row)) / (over_a - over_b)


@njit()
def face_conductivity_ratio(over_a, over_b, row_a, row_b, same):
    """One g per face, from the path between the two voxels; the mean of both tissues' laws where they differ."""
    mean = _path_mean(over_a, over_b, row_a)
    if same:
        return mean
    return 0.5 * (mean + _path_mean(over_a, over_b, row_b))


@njit()
def _face_flux(conductance, n, m, pressure, rest, label, table):
    """Flux [m3/s] from voxel n to voxel m; zero where their pressures are equal."""
    drop = pressure[n] - pressure[m]
    if conductance == 0.0 or drop == 0.0:
        return 0.0
    a, b = label[n], label[m]
    ratio = face_conductivity_ratio(pressure[n] - rest[n], pressure[m] - rest[m], table[a], table[b], a == b)
    return conductance * ratio * drop


@njit_parallel()
def face_fluxes(pressure, rest, label, table, conductances, boundary, fluxes):
    """Fluxes through all faces [m3/s], positive along the growing index, boundary faces included.

    conductances: (tx, ty, tz) at rest, (nx, ny, nz) each, last plane 0 [m3/(Pa s)]. boundary: six pairs (conductance,
    pressure) of 2-D arrays for the faces -x, +x, -y, +y, -z, +z. fluxes: (qx, qy, qz), overwritten.
    """
    tx, ty, tz = conductances
    qx, qy, qz = fluxes
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                n = (i, j, k)
                if i + 1 < nx:
                    qx[i + 1, j, k] = _face_flux(tx[n], n, (i + 1, j, k), pressure, rest, label, table)
                if j + 1 < ny:
                    qy[i, j + 1, k] = _face_flux(ty[n], n, (i, j + 1, k), pressure, rest, label, table)
                if k + 1 < nz:
                    qz[i, j, k + 1] = _face_flux(tz[n], n, (i, j, k + 1), pressure, rest, label, table)
    _outer_faces(pressure, rest, label, table, boundary, fluxes)


@njit()
def _outward(n, c, outside, pressure, rest, label, table):
    """Flux out of voxel n through a boundary face of conductance c towards the outside pressure [m3/s]."""
    if c == 0.0:
        return 0.0
    row = table[label[n]]
    return c * conductivity_ratio(pore_strain(pressure[n] - rest[n], row), row) * (pressure[n] - outside)


@njit()
def _outer_faces(pressure, rest, label, table, boundary, fluxes):
    """The fluxes through the outer faces of the grid."""
    (cw, pw), (ce, pe), (cs, ps), (cn, pn), (cb, pb), (ct, pt) = boundary
    qx, qy, qz = fluxes
    nx, ny, nz = pressure.shape
    for j in range(ny):
        for k in range(nz):
            qx[0, j, k] = -_outward((0, j, k), cw[j, k], pw[j, k], pressure, rest, label, table)
            qx[nx, j, k] = _outward((nx - 1, j, k), ce[j, k], pe[j, k], pressure, rest, label, table)
    for i in range(nx):
        for k in range(nz):
            qy[i, 0, k] = -_outward((i, 0, k), cs[i, k], ps[i, k], pressure, rest, label, table)
            qy[i, ny, k] = _outward((i, ny - 1, k), cn[i, k], pn[i, k], pressure, rest, label, table)
        for j in range(ny):
            qz[i, j, 0] = -_outward((i, j, 0), cb[i, j], pb[i, j], pressure, rest, label, table)
            qz[i, j, nz] = _outward((i, j, nz - 1), ct[i, j], pt[i, j], pressure, rest, label, table)


@njit_parallel()
def dilatation_rate(fluxes, pressure, vessel_fraction, label, table, needle, surface, volume, rate):
    """dJ/dt of every voxel [1/s] into `rate`, term by term as the statement has it.

    needle: (nx, ny, nz) [m3/s]. surface: (conductance, pressure) of seepage through a free surface inside the grid,
    arrays of the grid's shape, or of shape (0, 0, 0) where there is none. volume: of a voxel [m3].
    """
    qx, qy, qz = fluxes
    seep, outside = surface
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                row = table[label[i, j, k]]
                p = pressure[i, j, k]
                outflow = (
                    (qx[i + 1, j, k] - qx[i, j, k]) + (qy[i, j + 1, k] - qy[i, j, k]) + (qz[i, j, k + 1] - qz[i, j, k])
                )
                if seep.size:
                    outflow += seep[i, j, k] * (p - outside[i, j, k])
                rate[i, j, k] = volume_ratio_rate(
                    outflow / volume,
                    needle[i, j, k] / volume,
                    vessel_inflow(p, vessel_fraction[i, j, k], row),
                    lymph_outflow(p, row),
                )


@njit_parallel()
def stage_residual(pressure, rest, base, rate, step, label, table, active, residual, worst):
    """How far the pore space misses the flow, J(p) - (base + step rate), per voxel; the worst per i-plane in `worst`.

    base: J at the start of the stage plus what earlier stages gave. step: weight of this stage's rate [s].
    For a rigid pore space J(p) = 1 and `base` is 1, so this is -step times the volume error per second.
    """
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        top = 0.0
        for j in range(ny):
            for k in range(nz):
                value = 0.0
                if active[i, j, k]:
                    row = table[label[i, j, k]]
                    strain = pore_strain(pressure[i, j, k] - rest[i, j, k], row)
                    value = (1.0 - base[i, j, k]) + strain - step * rate[i, j, k]
                residual[i, j, k] = value
                # a NaN must win the comparison, or a broken state would count as converged
                if not abs(value) <= top:
                    top = abs(value)
        worst[i] = top


@njit_parallel()
def newton_system(pressure, rest, vessel_fraction, residual, step, label, table, active, fixed, volume, diagonal, rhs):
    """Diagonal and right-hand side of the Newton step in the Kirchhoff variable delta w = g delta p.

    In that variable the face part of the Jacobian is the constant, symmetric matrix of the conductances at rest
    (exactly so between equal tissues), so one multigrid hierarchy serves the whole run.
    fixed: boundary and surface conductance per voxel [m3/(Pa s)].
    """
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                if not active[i, j, k]:
                    diagonal[i, j, k] = 0.0
                    rhs[i, j, k] = 0.0
                    continue
                row = table[label[i, j, k]]
                over = pressure[i, j, k] - rest[i, j, k]
                ratio = conductivity_ratio(pore_strain(over, row), row)
                local = pore_compliance(over, row) / step + vessel_fraction[i, j, k] * row[VESSEL_FILTRATION]
                if pressure[i, j, k] > row[LYMPH_PRESSURE]:
                    local += row[LYMPH_FILTRATION]
                diagonal[i, j, k] = fixed[i, j, k] + volume * local / ratio
                rhs[i, j, k] = -residual[i, j, k] * volume / step


@njit_parallel()
def apply_newton(pressure, rest, label, table, update, damping):
    """Add delta p = damping delta w / g to the pressure."""
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                row = table[label[i, j, k]]
                strain = pore_strain(pressure[i, j, k] - rest[i, j, k], row)
                pressure[i, j, k] += damping * update[i, j, k] / conductivity_ratio(strain, row)


@njit_parallel()
def blend(first, second, weight_first, weight_second, out):
    """out = weight_first first + weight_second second, any 3-D arrays of one shape."""
    nx, ny, nz = out.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                out[i, j, k] = weight_first * first[i, j, k] + weight_second * second[i, j, k]


@njit_parallel()
def exchange_volumes(pressure, vessel_fraction, label, table, active, volume, weight, gained, drained, lymph):
    """Add to `gained`, `drained`, `lymph` [m3/s] `weight` times what vessels give, vessels take, lymphatics take."""
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                if active[i, j, k]:
                    row = table[label[i, j, k]]
                    flow = weight * volume * vessel_inflow(pressure[i, j, k], vessel_fraction[i, j, k], row)
                    if flow > 0.0:
                        gained[i, j, k] += flow
                    else:
                        drained[i, j, k] -= flow
                    lymph[i, j, k] += weight * volume * lymph_outflow(pressure[i, j, k], row)


@njit_parallel()
def dilatation_error(rate_a, rate_b, worst):
    """Largest |rate_a - rate_b| per i-plane into `worst`: the embedded error of the step, up to its factor."""
    nx, ny, nz = rate_a.shape
    for i in prange(nx):
        top = 0.0
        for j in range(ny):
            for k in range(nz):
                top = max(top, abs(rate_a[i, j, k] - rate_b[i, j, k]))
        worst[i] = top
