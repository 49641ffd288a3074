"""The Green function of the seven-point lattice: what a source in one voxel does to its neighbours."""

from functools import lru_cache

import numpy as np

_PANELS, _NODES = 47, 12
_LOW, _HIGH = -30.0, 17.0


@lru_cache(maxsize=32)
def lattice_table(reach: int, spacing: tuple[float, float, float]) -> np.ndarray:
    """Values at lattice offsets 0..reach per axis from a unit point source on the unbounded seven-point lattice.

    g(n) = integral over s from 0 to infinity of the product over the axes of exp(-2 t s) I_n(2 t s),
    t = A/d the face conductance of the axis at unit conductivity; far away 1 / (4 pi r)

    spacing: (dx, dy, dz) in any unit of length. Shape (reach + 1,)*3, per that unit. Accurate to about 1e-9. Source:
    G. N. Watson, Quarterly Journal of Mathematics 10 (1939) 266, doi 10.1093/qmath/os-10.1.266.
    """
    from scipy.special import ive

    dx, dy, dz = spacing
    t = np.array([dy * dz / dx, dx * dz / dy, dx * dy / dz])
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    half = 0.5 * (_HIGH - _LOW) / _PANELS
    middles = _LOW + half * (2 * np.arange(_PANELS) + 1)
    s = np.exp((middles[:, None] + half * points).ravel()) / t.max()
    weights = np.tile(half * weights, _PANELS) * s
    factors = [ive(np.arange(reach + 1)[:, None], 2.0 * a * s) for a in t]
    table = np.einsum("as,bs,cs->abc", factors[0] * weights, factors[1], factors[2], optimize=True)
    # beyond the upper limit the product decays as s^-1.5: that tail in closed form
    table += 2.0 / np.sqrt(np.exp(_HIGH) / t.max() * np.prod(4.0 * np.pi * t))
    table.flags.writeable = False
    return table


def lattice_energy(first, first_weights, second, second_weights, spacing, reach: int = 8) -> float:
    """Mean over one set of voxels of what a unit source spread over another does to them, at unit conductivity.

    sum_ab w_a w_b g(a - b), g from `lattice_table` up to `reach` voxels apart, 1 / (4 pi r) beyond

    first, second: voxel indices (m, 3), (n, 3); weights (m,), (n,). Per unit of length of `spacing`.
    """
    offset = np.abs(np.asarray(first)[:, None, :] - np.asarray(second)[None, :, :])
    distance = np.sqrt(((offset * np.asarray(spacing)) ** 2).sum(-1))
    near = (offset <= reach).all(-1)
    table = lattice_table(reach, tuple(float(d) for d in spacing))
    inside = np.minimum(offset, reach)
    far = 1.0 / (4.0 * np.pi * np.where(near, 1.0, distance))
    values = np.where(near, table[inside[..., 0], inside[..., 1], inside[..., 2]], far)
    return float(first_weights @ values @ second_weights)
