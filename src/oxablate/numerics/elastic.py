"""The elastic operator on a box of voxels: its coefficients on one level, and its action.

    - d_b [ l (div u) delta_ab + (m - l) d_a u_a delta_ab + t (d_a u_b + d_b u_a) (1 - delta_ab) ]

in the weights of `elastic_kernels`: m = V (lambda + 2 G), l = V lambda, t = V_edge G_edge. Isotropic and in equilibrium
of forces over the control volume of every face.
"""

from dataclasses import dataclass, field

import numpy as np

from . import elastic_kernels as kernels

#: Cells round an edge that must be filled for it to carry shear: with two, the edge lies on a free surface.
FILLED = 3


@dataclass(frozen=True)
class Sides:
    """What the six outer faces do, in the order -x, +x, -y, +y, -z, +z.

    still: the displacement normal to the face is given. sticky: those along it are given too, at the face.
    """

    still: tuple[bool, ...]
    sticky: tuple[bool, ...]


def padded(values: np.ndarray) -> np.ndarray:
    """A cell field (nx, ny, nz) inside its ghosts (nx + 3, ny + 3, nz + 3), which are 0."""
    out = np.zeros(tuple(n + 3 for n in values.shape), values.dtype)
    out[tuple(slice(1, n + 1) for n in values.shape)] = values
    return out


def spacings(widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(r, d) of one axis: 1 / width per cell, 1 / distance between centres per face (half a cell at the ends).

    widths: (n,) lengths. Returns two arrays (n + 3,), 1 in the ghosts.
    """
    n = widths.size
    r, d = np.ones(n + 3), np.ones(n + 3)
    r[1 : n + 1] = 1.0 / widths
    gaps = np.concatenate([widths[:1], widths[:-1] + widths[1:], widths[-1:]]) / 2.0
    d[1 : n + 2] = 1.0 / gaps
    return r, d


def edge_weights(shear: np.ndarray, widths: tuple[np.ndarray, ...], axes: tuple[int, int], sides: Sides) -> np.ndarray:
    """V_edge G_edge for the edges across two axes, shape (n + 1) along these and n along the third.

    G_edge is the harmonic mean over the filled cells round the edge, as for layers in series, times their share of the
    four: stress along a layer is continuous whichever way the layer lies. Fewer than three of four: a free surface, no
    shear. On an outer face the cells inside count alone, and only where the face is sticky. shear: (nx, ny, nz), 0
    where there is nothing.
    """
    filled = shear > 0
    terms = np.stack([filled.astype(float), np.divide(1.0, shear, out=np.zeros_like(shear), where=filled)])
    around = np.ones_like(terms[0])
    for axis in axes:
        terms, around = sum_beside(terms, axis + 1), sum_beside(around, axis)
    count, resistance = terms
    carries = (count >= FILLED * around / 4.0) & may_carry(shear.shape, axes, sides)
    mean = np.divide(count, resistance, out=np.zeros_like(count), where=resistance > 0)
    volume = 1.0
    for axis in range(3):
        width = 1.0 / spacings(widths[axis])[1][1:-1] if axis in axes else widths[axis]
        volume = volume * width.reshape([-1 if a == axis else 1 for a in range(3)])
    return np.where(carries, mean * count / around * volume, 0.0)


def sum_beside(values: np.ndarray, axis: int) -> np.ndarray:
    """Sum of the two cells beside each face along an axis, of the one inside at the ends."""
    shape = list(values.shape)
    shape[axis] += 1
    out = np.zeros(shape)
    low, high = [slice(None)] * values.ndim, [slice(None)] * values.ndim
    low[axis], high[axis] = slice(0, -1), slice(1, None)
    out[tuple(low)] += values
    out[tuple(high)] += values
    return out


def may_carry(shape, axes: tuple[int, int], sides: Sides) -> np.ndarray:
    """Edges that may carry shear: all inside, and on the outer faces those of sticky ones."""
    full = tuple(n + (a in axes) for a, n in enumerate(shape))
    carries, sticky = np.ones(full, bool), np.zeros(full, bool)
    for number in range(6):
        axis, end = divmod(number, 2)
        if axis in axes:
            where = tuple(slice(None) if a != axis else -end for a in range(3))
            carries[where] = False
            sticky[where] |= sides.sticky[number]
    return carries | sticky


@dataclass
class ElasticLevel:
    """Coefficients of one level, in one precision, with ghosts.

    cells: (m, l), each (nx + 3, ny + 3, nz + 3). edges: (txy, txz, tyz). metric: (rx, ry, rz, dx, dy, dz). moves:
    (3, ...) 1 / diagonal, 0 on faces that do not move (given, or with nothing on either side).
    """

    shape: tuple[int, int, int]
    cells: tuple[np.ndarray, np.ndarray]
    edges: tuple[np.ndarray, np.ndarray, np.ndarray]
    metric: tuple[np.ndarray, ...]
    moves: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, cells, edges, widths, sides: Sides, dtype) -> "ElasticLevel":
        """From m and l (nx, ny, nz), the weights of the edges, the widths per axis and what the outer faces do."""
        shape = cells[0].shape
        metric = tuple(spacings(w)[part].astype(dtype) for part in range(2) for w in widths)
        cells = tuple(padded(c.astype(dtype)) for c in cells)
        edges = tuple(_with_ghosts(e.astype(dtype), shape) for e in edges)
        size = np.zeros((3, *cells[0].shape), dtype)
        kernels.diagonal(cells[0], *edges, *metric, size)
        for number, still in enumerate(sides.still):
            axis, end = divmod(number, 2)
            if still:
                size[axis][tuple(slice(None) if a != axis else 1 + end * shape[axis] for a in range(3))] = 0
        moves = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        return cls(shape, cells, edges, metric, moves)

    @property
    def arguments(self) -> tuple[np.ndarray, ...]:
        """(m, l, txy, txz, tyz, rx, ry, rz, dx, dy, dz), the order in which kernels take them."""
        return (*self.cells, *self.edges, *self.metric)

    @property
    def memory_bytes(self) -> int:
        return sum(a.nbytes for a in (*self.arguments, self.moves))

    def apply(self, u: np.ndarray, out: np.ndarray) -> None:
        """A u into the faces of `out`, whatever their condition. u, out: (3 or 4, nx + 3, ny + 3, nz + 3)."""
        kernels.apply(u, *self.arguments, out)


def _with_ghosts(values: np.ndarray, shape) -> np.ndarray:
    out = np.zeros(tuple(n + 3 for n in shape), values.dtype)
    out[tuple(slice(1, 1 + n) for n in values.shape)] = values
    return out
