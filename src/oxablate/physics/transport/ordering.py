"""Fast voxels, solved exactly in upstream order.

A voxel that loses more than it holds in a sub-step must be treated implicitly. Fluid runs from high to low pressure,
so the graph of upwind fluxes has no cycle and the implicit equations of these voxels can be solved one by one, each
after those upstream of it (A. B. Kahn, Commun. ACM 5 (1962) 558-562, doi:10.1145/368996.369025). Fluxes that do
circulate leave voxels without an order: those are solved together, by elimination on the diagonal, which keeps every
intermediate number of the right sign because the matrix is a column-dominant M-matrix.
"""

import numpy as np

from ...numerics.jit import njit
from .equations import implicit_share
from .kernels import carried_in, flattened, upwind_terms


@njit(forceinline=True)
def neighbour(i, j, k, side, flow):
    """Voxel across face `side` (0..5: -x, +x, -y, +y, -z, +z) and the flux out of (i, j, k) through it [m3/s].

    The first number is False when the face lies on the outside of the grid.
    """
    qx, qy, qz = flow[0], flow[1], flow[2]
    nx, ny, nz = flow[6].shape
    if side == 0:
        return i > 0, i - 1, j, k, -qx[i, j, k]
    if side == 1:
        return i + 1 < nx, i + 1, j, k, qx[i + 1, j, k]
    if side == 2:
        return j > 0, i, j - 1, k, -qy[i, j, k]
    if side == 3:
        return j + 1 < ny, i, j + 1, k, qy[i, j + 1, k]
    if side == 4:
        return k > 0, i, j, k - 1, -qz[i, j, k]
    return k + 1 < nz, i, j, k + 1, qz[i, j, k + 1]


@njit()
def mark_fast(planes, degree, flow, whole, longest):
    """Set degree to 0 in voxels that a sub-step of length `longest` could overdraw; return their count.

    planes: the i-planes to look at; degree: -1 everywhere; whole: length of the flow step [s], over which W is linear.
    """
    lost, out, net, volume = flow[5], flow[6], flow[7], flow[8]
    _, ny, nz = out.shape
    count = 0
    for i in planes:
        for j in range(ny):
            for k in range(nz):
                least = volume[i, j, k] + min(whole * net[i, j, k], 0.0)
                if longest * (out[i, j, k] + lost[i, j, k]) > least:
                    degree[i, j, k] = 0
                    count += 1
    return count


@njit()
def upstream_order(planes, degree, order, flow):
    """Fill `order` with the marked voxels (flat indices), upstream first; return how many could be ordered.

    planes: the i-planes that hold marked voxels; degree: from `mark_fast`, put back to -1. Voxels that lie on a
    cycle, or below one, follow behind the ordered ones, in growing order.
    """
    _, ny, nz = degree.shape
    filled = _sources_first(planes, degree, order, flow)
    taken = 0
    while taken < filled:
        i, j, k = order[taken] // (ny * nz), order[taken] // nz % ny, order[taken] % nz
        degree[i, j, k] = -1
        taken += 1
        for side in range(6):
            inside, ii, jj, kk, flux = neighbour(i, j, k, side, flow)
            if inside and flux > 0.0 and degree[ii, jj, kk] > 0:
                degree[ii, jj, kk] -= 1
                if degree[ii, jj, kk] == 0:
                    order[filled] = (ii * ny + jj) * nz + kk
                    filled += 1
    left = filled
    for i in planes:
        for j in range(ny):
            for k in range(nz):
                if degree[i, j, k] > 0:
                    order[left] = (i * ny + j) * nz + k
                    degree[i, j, k] = -1
                    left += 1
    return filled


@njit()
def _sources_first(planes, degree, order, flow):
    """Count the marked voxels upstream of each marked voxel into `degree`; list those that have none."""
    _, ny, nz = degree.shape
    filled = 0
    for i in planes:
        for j in range(ny):
            for k in range(nz):
                if degree[i, j, k] < 0:
                    continue
                for side in range(6):
                    inside, ii, jj, kk, flux = neighbour(i, j, k, side, flow)
                    if inside and flux < 0.0 and degree[ii, jj, kk] >= 0:
                        degree[i, j, k] += 1
                if degree[i, j, k] == 0:
                    order[filled] = (i * ny + j) * nz + k
                    filled += 1
    return filled


@njit()
def set_shares(order, theta, flow, start, end, chosen):
    """Set the implicit share of the listed voxels for the sub-step; copy those above zero to `chosen`."""
    lost, out, net, volume = flow[5], flow[6], flow[7], flow[8]
    _, ny, nz = theta.shape
    count = 0
    for cell in order:
        i, j, k = cell // (ny * nz), cell // nz % ny, cell % nz
        before = volume[i, j, k] + start * net[i, j, k]
        theta[i, j, k] = implicit_share(before, (end - start) * (out[i, j, k] + lost[i, j, k]))
        chosen[count] = cell
        count += theta[i, j, k] > 0.0
    return count


@njit()
def solve_in_order(order, c, low, theta, flow, species, start, end):
    """Fill `low` with the upwind solution of the ordered voxels."""
    _, _, _, needle, gained, lost, out, net, volume, supplied = flow
    faces, parts = flattened(flow, c, low, theta)
    _, ny, nz = theta.shape
    for cell in order:
        i, j, k = cell // (ny * nz), cell // nz % ny, cell % nz
        amount, fluid = carried_in(i, j, k, c.shape, faces, parts, species[0])
        amount, fluid = amount + supplied[i, j, k], fluid + needle[i, j, k] + gained[i, j, k]
        here, share, leaving, taken = c[i, j, k], theta[i, j, k], out[i, j, k], lost[i, j, k]
        change, w = net[i, j, k], volume[i, j, k]
        above, below = upwind_terms(here, share, amount, fluid, leaving, taken, change, w, species[1], start, end)
        low[i, j, k] = above / below


@njit()
def widen(cells, window, low, threshold):
    """Widen `window` in place by the listed voxels whose solution exceeds the threshold [mol/m3]."""
    _, ny, nz = low.shape
    for cell in cells:
        i, j, k = cell // (ny * nz), cell // nz % ny, cell % nz
        if low[i, j, k] > threshold:
            window[0], window[1] = min(window[0], i), max(window[1], i + 1)
            window[2], window[3] = min(window[2], j), max(window[3], j + 1)
            window[4], window[5] = min(window[4], k), max(window[5], k + 1)


@njit()
def cycle_rows(cells, c, low, theta, flow, species, start, end):
    """The implicit equations of voxels without an order: diagonal, right side, and per face column (-1: none), value.

    cells: flat indices, growing; `low` must be zero there, so that the right side holds only what is known.
    """
    _, _, _, needle, gained, lost, out, net, volume, supplied = flow
    faces, parts = flattened(flow, c, low, theta)
    _, ny, nz = theta.shape
    count = cells.size
    diagonal, right = np.empty(count), np.empty(count)
    columns, values = np.full((count, 6), -1), np.zeros((count, 6))
    for row in range(count):
        i, j, k = cells[row] // (ny * nz), cells[row] // nz % ny, cells[row] % nz
        amount, fluid = carried_in(i, j, k, c.shape, faces, parts, species[0])
        amount, fluid = amount + supplied[i, j, k], fluid + needle[i, j, k] + gained[i, j, k]
        here, share, leaving, taken = c[i, j, k], theta[i, j, k], out[i, j, k], lost[i, j, k]
        change, w = net[i, j, k], volume[i, j, k]
        right[row], diagonal[row] = upwind_terms(
            here, share, amount, fluid, leaving, taken, change, w, species[1], start, end
        )
        for side in range(6):
            inside, ii, jj, kk, flux = neighbour(i, j, k, side, flow)
            if inside and flux < 0.0:
                flat = (ii * ny + jj) * nz + kk
                column = np.searchsorted(cells, flat)
                if column < count and cells[column] == flat:
                    columns[row, side] = column
                    values[row, side] = (end - start) * flux * theta[ii, jj, kk]
    return diagonal, right, columns, values


def solve_together(cells, c, low, theta, flow, species, start, end):
    """Upwind solution of voxels on or below a cycle of fluxes; `cells`: flat indices, growing. Writes into `low`."""
    from scipy.sparse import csc_matrix, diags
    from scipy.sparse.linalg import splu

    low.reshape(-1)[cells] = 0.0
    diagonal, right, columns, values = cycle_rows(cells, c, low, theta, flow, species, start, end)
    rows, sides = np.nonzero(columns >= 0)
    entries = values[rows, sides], (rows, columns[rows, sides])
    matrix = csc_matrix(diags(diagonal) + csc_matrix(entries, shape=(cells.size, cells.size)))
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    low.reshape(-1)[cells] = factors.solve(right)
