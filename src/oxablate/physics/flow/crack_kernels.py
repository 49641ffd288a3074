"""Compiled point functions of cracks and the sweeps over voxels and faces that use them."""

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .crack_closures import CUBIC, KINK, STORAGE
from .equations import lymph_outflow, vessel_inflow, volume_ratio_rate
from .kernels import _larger, _local_slope, face_flux, pore_strain

_SCALAR_LIMIT = 60
_SCALAR_TOLERANCE = 1e-4  # of the excess pressure: the update only has to be tame, Newton makes it exact


@njit()
def crack_conductivity(excess, cubic, kink):
    """K_c = A x^3 of an excess pressure x, constant beyond the kink where the ceiling is reached [m2/(Pa s)]."""
    if excess <= 0.0:
        return 0.0
    x = min(excess, kink)
    return cubic * x * x * x


@njit()
def crack_potential(excess, cubic, kink):
    """Integral of the crack conductivity over pressure: A x^4 / 4, continued on its tangent beyond the kink [m2/s]."""
    if excess <= 0.0:
        return 0.0
    x = min(excess, kink)
    return cubic * x * x * x * (0.25 * x + (excess - x))


@njit()
def joined_cubic(cubic_n, cubic_m):
    """Face value of A: conductances in series (harmonic); 0 where one side cannot crack."""
    both = cubic_n + cubic_m
    return 2.0 * cubic_n * (cubic_m / both) if both > 0.0 else 0.0


@njit()
def joined_law(same, cubic_n, kink_n, cubic_m, kink_m):
    """The one crack law of a face, (A, kink): that of its tissue, or of two tissues joined."""
    if same:
        return cubic_n, kink_n
    return joined_cubic(cubic_n, cubic_m), 0.5 * (kink_n + kink_m)


@njit()
def cracked_face(t, area, p_n, p_m, rest_n, rest_m, g_n, g_m, w_n, w_m, same, pf, cubic, kink):
    """Flux [m3/s] through a face, and its slopes by the pressures on the lower and the upper side [m3/(Pa s)].

    t: conductance at rest. area: area over distance [m]. pf, cubic, kink: the one crack law of this face. The slopes
    are exact but for the change of a mean conductivity between two different tissues.
    """
    if t == 0.0:
        return 0.0, 0.0, 0.0
    flux = face_flux(t, p_n, p_m, rest_n, rest_m, g_n, g_m, w_n, w_m, same)
    slope_n, slope_m = t * g_n, t * g_m
    if not same:
        slope_n = slope_m = 0.5 * t * (g_n + g_m)
    if cubic > 0.0 and max(p_n, p_m) > pf:
        flux += area * (crack_potential(p_n - pf, cubic, kink) - crack_potential(p_m - pf, cubic, kink))
        slope_n += area * crack_conductivity(p_n - pf, cubic, kink)
        slope_m += area * crack_conductivity(p_m - pf, cubic, kink)
    return flux, slope_n, slope_m


@njit_parallel()
def cracked_fluxes(
    axis, pressure, rest, label, table, fracture, t, area, g, w, flux, lower, upper
):  # fmt: skip
    """Fluxes through the interior faces across one axis [m3/s], and their slopes by the pressures on both sides.

    t: conductances at rest, last plane 0. area: face area over distance [m]. g, w: of `pore_state`. fracture: p_frac
    [Pa]. flux: face field of the axis, outer faces left alone. lower, upper: slopes, shaped like t.
    """
    nx, ny, nz = pressure.shape
    di, dj, dk = int(axis == 0), int(axis == 1), int(axis == 2)
    for i in prange(nx - di):
        for j in range(ny - dj):
            for k in range(nz - dk):
                a, b, c = i + di, j + dj, k + dk
                own, other = label[i, j, k], label[a, b, c]
                cubic, kink = joined_law(
                    own == other, table[own, CUBIC], table[own, KINK], table[other, CUBIC], table[other, KINK]
                )
                q, low, up = cracked_face(
                    t[i, j, k], area, pressure[i, j, k], pressure[a, b, c], rest[i, j, k], rest[a, b, c], g[i, j, k],
                    g[a, b, c], w[i, j, k], w[a, b, c], own == other, 0.5 * (fracture[i, j, k] + fracture[a, b, c]),
                    cubic, kink,
                )  # fmt: skip
                flux[a, b, c] = q
                lower[i, j, k] = low
                upper[i, j, k] = up


@njit_parallel()
def cracked_balance(
    pressure, rest, base, vessel_fraction, needle, seep, outside, label, table, cracks, fracture, active, qx, qy, qz,
    volume, fixed, ratio, step, rate, rhs, diagonal, worst, sums,
):  # fmt: skip
    """The balance of every voxel at a trial pressure whose fluxes are known: `kernels.balance` with cracks.

    cracks: the crack table. fracture: p_frac [Pa]. Overwritten: rate = dJ/dt [1/s] with J the pores' and the cracks'
    volume; rhs [m3/s]; diagonal, the slope of the voxel's own terms by its pressure [m3/(Pa s)]; worst and sums, the
    largest and the summed |S(p) - (base + step rate)| per i-plane.
    """
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        top, total = 0.0, 0.0
        for j in range(ny):
            for k in range(nz):
                speed, miss, entry = 0.0, 0.0, 0.0
                if active[i, j, k]:
                    row = table[label[i, j, k]]
                    p, f_v = pressure[i, j, k], vessel_fraction[i, j, k]
                    over, excess, storage = p - rest[i, j, k], p - fracture[i, j, k], cracks[label[i, j, k], STORAGE]
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
                    held = pore_strain(over, row) + storage * max(excess, 0.0)
                    miss = (1.0 - base[i, j, k]) + held - step * speed
                    slope = _local_slope(p, over, f_v, step, row) + (storage / step if excess > 0.0 else 0.0)
                    entry = fixed[i, j, k] * ratio[i, j, k] + volume * slope
                rate[i, j, k] = speed
                rhs[i, j, k] = -miss * volume / step
                diagonal[i, j, k] = entry
                top = _larger(top, abs(miss))
                total += abs(miss)
        worst[i], sums[i] = top, total


@njit_parallel()
def column_scales(ax, ay, az, bx, by, bz, tx, ty, tz, areas_x, areas_y, areas_z, diagonal, scale):
    """Conductivity [m2/(Pa s)] by which a voxel's own pressure moves its six fluxes, into `scale` > 0.

    The unknown of the linear system is scale x pressure: both weights of a face are then of the size of area over
    distance, however much better one side conducts. A voxel without faces is scaled by its own term.
    """
    nx, ny, nz = diagonal.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                slopes, areas = ax[i, j, k] + ay[i, j, k] + az[i, j, k], 0.0
                areas += areas_x * (tx[i, j, k] > 0.0) + areas_y * (ty[i, j, k] > 0.0) + areas_z * (tz[i, j, k] > 0.0)
                if i > 0:
                    slopes += bx[i - 1, j, k]
                    areas += areas_x * (tx[i - 1, j, k] > 0.0)
                if j > 0:
                    slopes += by[i, j - 1, k]
                    areas += areas_y * (ty[i, j - 1, k] > 0.0)
                if k > 0:
                    slopes += bz[i, j, k - 1]
                    areas += areas_z * (tz[i, j, k - 1] > 0.0)
                if areas > 0.0:
                    scale[i, j, k] = slopes / areas
                else:
                    own = diagonal[i, j, k] / (areas_x + areas_y + areas_z)
                    scale[i, j, k] = own if own > 0.0 else 1.0


@njit_parallel()
def scale_columns(axis, scale, lower, upper):
    """Divide the slopes of the faces across one axis by the scale of the voxel they belong to."""
    nx, ny, nz = scale.shape
    di, dj, dk = int(axis == 0), int(axis == 1), int(axis == 2)
    for i in prange(nx - di):
        for j in range(ny - dj):
            for k in range(nz - dk):
                lower[i, j, k] /= scale[i, j, k]
                upper[i, j, k] /= scale[i + di, j + dj, k + dk]


@njit()
def tame_excess(start, change, slope, storage, conductance, cubic, kink):
    """Excess pressure after a Newton change > 0, taken in the voxel's own balance rather than in its pressure.

    Solves Y(x) = Y(start) + Y'(start) change, Y(x) = slope x + storage max(x, 0) + conductance times the crack
    potential: convex, so that Newton's method from the right cannot overshoot. Where a crack is about to open, the
    pressure itself would overshoot a hundredfold.
    """
    rise = slope + (storage if start > 0.0 else 0.0) + conductance * crack_conductivity(start, cubic, kink)
    own = slope * start + storage * max(start, 0.0)
    target = own + conductance * crack_potential(start, cubic, kink) + rise * change
    x = start + change
    if target > 0.0:
        root = np.sqrt(np.sqrt(4.0 * target / (conductance * cubic)))
        if root <= kink:
            x = min(x, root)
        x = min(x, target / (slope + storage))
    for _ in range(_SCALAR_LIMIT):
        excess = slope * x + storage * max(x, 0.0) + conductance * crack_potential(x, cubic, kink) - target
        tangent = slope + (storage if x > 0.0 else 0.0) + conductance * crack_conductivity(x, cubic, kink)
        step = excess / tangent
        x -= step
        if step <= _SCALAR_TOLERANCE * (x - start):
            break
    return max(x, start)


@njit_parallel()
def apply_cracked(
    update, scale, label, cracks, fracture, diagonal, g, conductivity, area, volume, step, pressure
):  # fmt: skip
    """pressure += update / scale, tamed where a crack opens or widens.

    g, conductivity: of the pores. area: sum of area over distance of a voxel's six faces [m].
    """
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                p = pressure[i, j, k]
                change = update[i, j, k] / scale[i, j, k]
                cubic, excess = cracks[label[i, j, k], CUBIC], p - fracture[i, j, k]
                if cubic > 0.0 and change > 0.0 and excess + change > 0.0:
                    storage = volume * cracks[label[i, j, k], STORAGE] / step
                    own = diagonal[i, j, k] - (storage if excess > 0.0 else 0.0)
                    own += area * conductivity[i, j, k] * g[i, j, k]
                    wider = tame_excess(excess, change, own, storage, area, cubic, cracks[label[i, j, k], KINK])
                    change = min(change, wider - excess)
                pressure[i, j, k] = p + change


@njit_parallel()
def torn_planes(pressure, label, cracks, fracture, active, tx, ty, tz, torn):
    """Which planes hold a voxel or a face above its fracture pressure, into torn (nx,) bool: all that cracks act on."""
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        found = False
        for j in range(ny):
            for k in range(nz):
                if active[i, j, k] and cracks[label[i, j, k], CUBIC] > 0.0:
                    p, f = pressure[i, j, k], fracture[i, j, k]
                    found = found or p > f
                    if i + 1 < nx and tx[i, j, k] > 0.0 and cracks[label[i + 1, j, k], CUBIC] > 0.0:
                        found = found or max(p, pressure[i + 1, j, k]) > 0.5 * (f + fracture[i + 1, j, k])
                    if j + 1 < ny and ty[i, j, k] > 0.0 and cracks[label[i, j + 1, k], CUBIC] > 0.0:
                        found = found or max(p, pressure[i, j + 1, k]) > 0.5 * (f + fracture[i, j + 1, k])
                    if k + 1 < nz and tz[i, j, k] > 0.0 and cracks[label[i, j, k + 1], CUBIC] > 0.0:
                        found = found or max(p, pressure[i, j, k + 1]) > 0.5 * (f + fracture[i, j, k + 1])
        torn[i] = found


@njit_parallel()
def crack_volumes(pressure, label, cracks, fracture, active, out):
    """Crack volume per reference volume, w / b_c [1], into `out`."""
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                excess = max(pressure[i, j, k] - fracture[i, j, k], 0.0) if active[i, j, k] else 0.0
                out[i, j, k] = cracks[label[i, j, k], STORAGE] * excess


@njit_parallel()
def crack_fluxes(axis, pressure, label, table, fracture, t, area, weight, keep, flux):
    """flux = keep flux + weight x the part of the fluxes across one axis that goes through cracks [m3/s].

    t, area, fracture: as in `cracked_fluxes`, whose fluxes hold this part. flux: face field of the axis.
    """
    nx, ny, nz = pressure.shape
    di, dj, dk = int(axis == 0), int(axis == 1), int(axis == 2)
    for i in prange(nx - di):
        for j in range(ny - dj):
            for k in range(nz - dk):
                a, b, c = i + di, j + dj, k + dk
                own, other = label[i, j, k], label[a, b, c]
                cubic, kink = joined_law(
                    own == other, table[own, CUBIC], table[own, KINK], table[other, CUBIC], table[other, KINK]
                )
                pf, part = 0.5 * (fracture[i, j, k] + fracture[a, b, c]), 0.0
                p_n, p_m = pressure[i, j, k], pressure[a, b, c]
                if t[i, j, k] > 0.0 and cubic > 0.0 and max(p_n, p_m) > pf:
                    part = area * (crack_potential(p_n - pf, cubic, kink) - crack_potential(p_m - pf, cubic, kink))
                flux[a, b, c] = keep * flux[a, b, c] + weight * part
