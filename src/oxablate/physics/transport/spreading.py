"""Pore diffusion along lines of voxels, and exchange through vessel walls.

Diffusion is taken one axis at a time. On a line the amount crossing a face in a step tau is

    E (c_next - c) + (tau T - E) (c_next' - c'),     E = min(tau T, W, W_next) / 2

with c' the new values: Crank-Nicolson, second order in time, while D tau / h^2 <= 1, and beyond that only as implicit
as positivity asks. Every row is a weighted mean of old and new neighbours (an M-matrix) and is solved directly, so a
sweep conserves amounts, keeps constants and makes no new extrema at any step length. The three axes are taken in
turn, in reversed order at the next call, which makes two calls symmetric in time.

Traffic in float64 words per voxel, nothing kept in cache: a line sweep reads c, W and dW/dt and writes c and a factor
on its way up, reads both and writes c on its way down.
"""

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .equations import diffusive_conductance
from .kernels import uint

#: float64 words moved per voxel by one diffusion step (three axes) of one species.
DIFFUSION_WORDS = 3 * (3 + 2 + 2 + 1)


@njit_parallel()
def line_sweep(window, steps, fields, tissue, when, inverse_square, tau):
    """Diffuse along one axis for a time tau [s], within the window (closed at its rim), in place.

    window: as always, but with the swept axis first; steps: ((c strides), (diffusivity strides), (closed strides)) in
    elements along the swept and the two other axes, zero where a field is one number; fields = (c, factor, volume,
    net), flat, factor a workspace; tissue = (diffusivity, closed), flat; when: time at which W = volume + when net is
    taken [s]; inverse_square: 1/h^2 [1/m2].
    """
    a0, a1, b0, b1, k0, k1 = window
    (sa, sb, sk), (da, db, dk), (ma, mb, mk) = steps
    c, factor, volume, net = fields
    diffusivity, closed = tissue
    for b in prange(b0, b1):
        explicit_low, implicit_low, old = np.zeros(k1 - k0), np.zeros(k1 - k0), np.zeros(k1 - k0)
        for a in range(a0, a1):
            base, d0, m0 = a * sa + b * sb + k0 * sk, a * da + b * db + k0 * dk, a * ma + b * mb + k0 * mk
            # steps to the voxels above and below, none at the rim
            up, up_d, up_m = (sa, da, ma) if a + 1 < a1 else (0, 0, 0)
            down = sa if a > a0 else 0
            for q in range(k1 - k0):
                at, after, before = uint(base + q * sk), uint(base + q * sk + up), uint(base + q * sk - down)
                here, w = c[at], volume[at] + when * net[at]
                w_next = volume[after] + when * net[after]
                content = w * diffusivity[uint(d0 + q * dk)]
                next_content = w_next * diffusivity[uint(d0 + q * dk + up_d)]
                shut = up == 0 or closed[uint(m0 + q * mk)] or closed[uint(m0 + q * mk + up_m)]
                crossing = 0.0 if shut else tau * diffusive_conductance(content, next_content, inverse_square)
                explicit = 0.5 * min(crossing, w, w_next)
                implicit, implicit_before, explicit_before = crossing - explicit, implicit_low[q], explicit_low[q]
                right = (w - explicit_before - explicit) * here + explicit_before * old[q] + explicit * c[after]
                right += implicit_before * c[before]
                diagonal = (w + implicit) + implicit_before * (1.0 - factor[before])
                inverse = 1.0 / diagonal if diagonal > 0.0 else 0.0
                factor[at], c[at] = implicit * inverse, right * inverse if diagonal > 0.0 else here
                explicit_low[q], implicit_low[q], old[q] = explicit, implicit, here
        for a in range(a1 - 2, a0 - 1, -1):
            base = a * sa + b * sb + k0 * sk
            for q in range(k1 - k0):
                at = uint(base + q * sk)
                c[at] += factor[at] * c[uint(base + q * sk + sa)]


@njit()
def exchange_sweep(window, c, volume, net, when, rate, plasma, tau):
    """Relax c towards `plasma` [mol/m3] for a time tau, in place; return the amounts gained and lost [mol].

        c' = c_plasma + (c - c_plasma) exp(-k tau)

    rate: k [1/s], the shape of c or (1, 1, 1).
    """
    i0, i1, j0, j1, k0, k1 = window
    r0, r1, r2 = rate.shape[0] - 1, rate.shape[1] - 1, rate.shape[2] - 1
    gained, lost = 0.0, 0.0
    for i in range(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                fraction = -np.expm1(-tau * rate[min(i, r0), min(j, r1), min(k, r2)])
                change = fraction * (plasma - c[i, j, k])
                amount = change * (volume[i, j, k] + when * net[i, j, k])
                gained += max(amount, 0.0)
                lost -= min(amount, 0.0)
                c[i, j, k] += change
    return gained, lost
