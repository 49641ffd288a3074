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
def face_flux(conductance, p_n, p_m, rest_n, rest_m, g_n, g_m, w_n, w_m, same):
    """Flux [m3/s] from voxel n to voxel m = conductance g_face (p_n - p_m); zero where their pressures are equal.

    g_face is one value per face: the mean of g along the path between the two overpressures, that is the difference
    of the Kirchhoff potentials w over that of the overpressures; the mean of both ends where the tissues differ.
    Plain numbers go in: passing arrays or tuples of them here costs a hundred times the arithmetic.
    """
    between = 0.5 * (g_n + g_m)
    if same and between != 1.0:
        over_n, over_m = p_n - rest_n, p_m - rest_m
        if abs(over_n - over_m) > 1e-5 * (abs(over_n) + abs(over_m)):
            between = (w_n - w_m) / (over_n - over_m)
    return conductance * between * (p_n - p_m)


@njit_parallel()
def pore_state(pressure, rest, label, table, ratio, potential):
    """Conductivity ratio g and Kirchhoff potential G of every voxel at a pressure [Pa], into `ratio`, `potential`."""
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                row = table[label[i, j, k]]
                over = pressure[i, j, k] - rest[i, j, k]
                if over <= row[OPENING]:
                    ratio[i, j, k] = 1.0
                    potential[i, j, k] = over
                else:
                    strain = pore_strain(over, row)
                    ratio[i, j, k] = conductivity_ratio(strain, row)
                    potential[i, j, k] = kirchhoff_potential(over, strain, row)


@njit()
def _local_slope(pressure, overpressure, vessel_fraction, step, row):
    """Derivative of a voxel's own terms by its pressure, per volume and with the sign of the matrix [1/(Pa s)]."""
    slope = pore_compliance(overpressure, row) / step + vessel_fraction * row[VESSEL_FILTRATION]
    return slope + (row[LYMPH_FILTRATION] if pressure > row[LYMPH_PRESSURE] else 0.0)


@njit()
def _larger(a, b):
    """The larger of two numbers; a NaN wins, or a broken state would count as converged."""
    return a if b <= a or a != a else b


@njit_parallel()
def balance(
    pressure,
    rest,
    base,
    vessel_fraction,
    needle,
    seep,
    outside,
    label,
    table,
    active,
    fluxes,
    volume,
    fixed,
    ratio,
    step,
    rate,
    rhs,
    diagonal,
    worst,
):
    """The balance of every voxel at a trial pressure whose `fluxes` (qx, qy, qz) are known.

    seep, outside: conductance [m3/(Pa s)] and pressure of a free surface, or arrays of shape (0, 0, 0). volume: of a
    voxel [m3]. ratio: g. step: weight of this stage's rate [s]. Overwritten: rate = dJ/dt [1/s]; rhs and diagonal, the
    Newton system in the Kirchhoff variable delta w = g delta p, in which the face part of the Jacobian is the
    constant, symmetric matrix of the conductances at rest (exactly so between equal tissues); worst, the largest
    |J(p) - (base + step rate)| per i-plane. For a rigid pore space J(p) = 1 and `base` is 1.
    """
    qx, qy, qz = fluxes
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        top = 0.0
        for j in range(ny):
            for k in range(nz):
                row = table[label[i, j, k]]
                p, f_v = pressure[i, j, k], vessel_fraction[i, j, k]
                over = p - rest[i, j, k]
                speed, miss, entry = 0.0, 0.0, 0.0
                if active[i, j, k]:
                    outflow = (
                        (qx[i + 1, j, k] - qx[i, j, k])
                        + (qy[i, j + 1, k] - qy[i, j, k])
                        + (qz[i, j, k + 1] - qz[i, j, k])
                    )
                    if seep.size:
                        outflow += seep[i, j, k] * (p - outside[i, j, k])
                    speed = volume_ratio_rate(
                        outflow / volume, needle[i, j, k] / volume, vessel_inflow(p, f_v, row), lymph_outflow(p, row)
                    )
                    miss = (1.0 - base[i, j, k]) + pore_strain(over, row) - step * speed
                    entry = fixed[i, j, k] + volume * _local_slope(p, over, f_v, step, row) / ratio[i, j, k]
                rate[i, j, k] = speed
                rhs[i, j, k] = -miss * volume / step
                diagonal[i, j, k] = entry
                top = _larger(top, abs(miss))
        worst[i] = top


@njit_parallel()
def inner_fluxes(pressure, rest, label, tx, ty, tz, g, w, qx, qy, qz):
    """Fluxes through the interior faces [m3/s], positive along the growing index.

    tx, ty, tz: conductances at rest, (nx, ny, nz) each, last plane 0 [m3/(Pa s)]. g, w: ratio and potential of
    `pore_state`. qx, qy, qz: face fields; their outer faces are left alone.
    """
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                p, r, g_n, w_n, own = pressure[i, j, k], rest[i, j, k], g[i, j, k], w[i, j, k], label[i, j, k]
                if i + 1 < nx:
                    a = i + 1
                    qx[a, j, k] = face_flux(
                        tx[i, j, k], p, pressure[a, j, k], r, rest[a, j, k], g_n, g[a, j, k], w_n, w[a, j, k],
                        own == label[a, j, k],
                    )  # fmt: skip
                if j + 1 < ny:
                    a = j + 1
                    qy[i, a, k] = face_flux(
                        ty[i, j, k], p, pressure[i, a, k], r, rest[i, a, k], g_n, g[i, a, k], w_n, w[i, a, k],
                        own == label[i, a, k],
                    )  # fmt: skip
                if k + 1 < nz:
                    a = k + 1
                    qz[i, j, a] = face_flux(
                        tz[i, j, k], p, pressure[i, j, a], r, rest[i, j, a], g_n, g[i, j, a], w_n, w[i, j, a],
                        own == label[i, j, a],
                    )  # fmt: skip


@njit_parallel()
def apply_newton(start, update, damping, pressure):
    """pressure = start + damping update."""
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                pressure[i, j, k] = start[i, j, k] + damping * update[i, j, k]


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
def dilatation_error(rate_a, rate_b, sums):
    """Sum of |rate_a - rate_b| per i-plane into `sums`: the embedded error of the step, up to its factor."""
    nx, ny, nz = rate_a.shape
    for i in prange(nx):
        total = 0.0
        for j in range(ny):
            for k in range(nz):
                total += abs(rate_a[i, j, k] - rate_b[i, j, k])
        sums[i] = total
