"""Compiled parts of multigrid by aggregation: sparse graphs of couplings, their pairing, contraction and sweeps.

A graph of n nodes is (start, other, coupling, s): node a has couplings coupling[e] > 0 to nodes other[e] for
start[a] <= e < start[a + 1], and the diagonal term s[a]. It stands for (A x)_a = s_a x_a + sum_e T_e (x_a - x_other).
All run on one thread: the order of visits is part of the result.
"""

import numpy as np

from .jit import njit

#: Two nodes join when the harmonic sum of their weights is at most this many times their coupling. On a uniform box
#: the ratio is 3. The bound keeps two islands, stiff inside and loose between, from becoming one: their shift against
#: each other would be seen neither by the smoother nor by the next level (Napov & Notay, SIAM J. Sci. Comput. 34
#: (2012) A1079).
QUALITY = 8.0

#: A node whose diagonal exceeds its couplings this many times is left to the smoother.
SETTLED = 4.0

ALONE = -1


@njit()
def graph_of_box(tx, ty, tz, s):
    """The graph of a multigrid level (padded float32 arrays); node of voxel (i, j, k) is its flat index in the box."""
    nx, ny, nz = s.shape[0] - 2, s.shape[1] - 2, s.shape[2] - 2
    start = np.zeros(nx * ny * nz + 1, np.int32)
    other = np.empty(0, np.int32)
    coupling = np.empty(0, np.float32)
    diagonal = np.empty(nx * ny * nz, np.float32)
    for filling in (False, True):
        edge, node = 0, 0
        if filling:
            other, coupling = np.empty(start[-1], np.int32), np.empty(start[-1], np.float32)
        for i in range(1, nx + 1):
            for j in range(1, ny + 1):
                for k in range(1, nz + 1):
                    sides = (
                        (tx[i - 1, j, k], -ny * nz),
                        (ty[i, j - 1, k], -nz),
                        (tz[i, j, k - 1], -1),
                        (tz[i, j, k], 1),
                        (ty[i, j, k], nz),
                        (tx[i, j, k], ny * nz),
                    )
                    for t, offset in sides:
                        if t > 0.0:
                            if filling:
                                other[edge], coupling[edge] = node + offset, t
                            edge += 1
                    diagonal[node] = s[i, j, k]
                    node += 1
                    start[node] = edge
    return start, other, coupling, diagonal


@njit()
def weigh(start, coupling, s):
    """Weight of each node, the diagonal of A, and 0 for those left to the smoother."""
    weight = np.zeros(s.size)
    for a in range(s.size):
        total = 0.0
        for e in range(start[a], start[a + 1]):
            total += coupling[e]
        weight[a] = total + s[a] if s[a] < SETTLED * total else 0.0
    return weight


@njit()
def pair(start, other, coupling, weight):
    """Join each node with the free neighbour it is closest to; returns (label of each node or ALONE, number of labels).

    weight: sum over the voxels or nodes in a node of the diagonal on the level where pairing began; 0: stays ALONE.
    """
    n = weight.size
    unseen = ALONE - 1
    label = np.full(n, unseen, np.int32)
    count = 0
    for a in range(n):
        if label[a] != unseen:
            continue
        if weight[a] == 0.0:
            label[a] = ALONE
            continue
        best, mate = 1.0 / QUALITY, -1
        for e in range(start[a], start[a + 1]):
            b = other[e]
            if label[b] == unseen and weight[b] > 0.0:
                closeness = coupling[e] * (1.0 / weight[a] + 1.0 / weight[b])
                if closeness > best:
                    best, mate = closeness, b
        label[a] = count
        if mate >= 0:
            label[mate] = count
        count += 1
    return label, count


@njit()
def contract(start, other, coupling, s, label, count):
    """The graph whose nodes are the labels: couplings and diagonals summed; nodes ALONE count as fixed at 0."""
    n = s.size
    first = np.zeros(count + 1, np.int32)
    for a in range(n):
        if label[a] >= 0:
            first[label[a] + 1] += 1
    for c in range(count):
        first[c + 1] += first[c]
    members, place = np.empty(first[count], np.int32), first[:-1].copy()
    for a in range(n):
        if label[a] >= 0:
            members[place[label[a]]] = a
            place[label[a]] += 1
    new_start = np.zeros(count + 1, np.int32)
    new_other, new_coupling = np.empty(other.size, np.int32), np.empty(other.size, np.float32)
    new_s = np.zeros(count, np.float32)
    seen = np.full(count, -1, np.int32)
    edge = 0
    for c in range(count):
        begin = edge
        for m in range(first[c], first[c + 1]):
            a = members[m]
            new_s[c] += s[a]
            for e in range(start[a], start[a + 1]):
                d = label[other[e]]
                if d < 0:
                    new_s[c] += coupling[e]
                elif d != c:
                    if seen[d] < begin:
                        seen[d] = edge
                        new_other[edge], new_coupling[edge] = d, np.float32(0.0)
                        edge += 1
                    new_coupling[seen[d]] += coupling[e]
        new_start[c + 1] = edge
    return new_start, new_other, new_coupling, new_s


@njit()
def compose(label, then):
    """label <- then[label], leaving ALONE alone."""
    for a in range(label.size):
        if label[a] >= 0:
            label[a] = then[label[a]]


@njit()
def sweep(start, other, coupling, s, b, x, forward):
    """Gauss-Seidel over all nodes, in rising or falling order."""
    n = s.size
    for m in range(n):
        a = m if forward else n - 1 - m
        diagonal, right = float(s[a]), b[a]
        for e in range(start[a], start[a + 1]):
            diagonal += coupling[e]
            right += coupling[e] * x[other[e]]
        x[a] = right / diagonal if diagonal > 0.0 else 0.0


@njit()
def image(start, other, coupling, s, x, out):
    """out <- A x."""
    for a in range(s.size):
        here = x[a]
        total = s[a] * here
        for e in range(start[a], start[a + 1]):
            total += coupling[e] * (here - x[other[e]])
        out[a] = total


@njit()
def gather(label, values, out):
    """out[c] <- sum of `values` over the nodes with label c."""
    out[:] = 0.0
    for a in range(label.size):
        if label[a] >= 0:
            out[label[a]] += values[a]


@njit()
def spread(label, coarse, x):
    """x[a] += coarse[label[a]]."""
    for a in range(label.size):
        if label[a] >= 0:
            x[a] += coarse[label[a]]


@njit()
def gather_box(label, r, out):
    """`gather` from the inner voxels of a padded array."""
    nx, ny, nz = r.shape
    out[:] = 0.0
    node = 0
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                if label[node] >= 0:
                    out[label[node]] += r[i, j, k]
                node += 1


@njit()
def spread_box(label, coarse, x):
    """`spread` to the inner voxels of a padded array."""
    nx, ny, nz = x.shape
    node = 0
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                if label[node] >= 0:
                    x[i, j, k] += np.float32(coarse[label[node]])
                node += 1


@njit()
def dot(u, v):
    """Scalar product, in one order."""
    total = 0.0
    for a in range(u.size):
        total += u[a] * v[a]
    return total
