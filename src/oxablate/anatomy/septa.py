"""Fibrous sheets inside a synthetic tumour: sheets of stated thickness, fixed in space."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..quantities.refusal import BadInput
from .shape import Shape, require_positive, require_seed


@dataclass(frozen=True)
class NoSepta:
    """A tumour without septa."""

    kind: Literal["none"] = "none"

    def contains(self, points: np.ndarray, shape: Shape) -> np.ndarray:
        """False for every position (n, 3) [mm]."""
        return np.zeros(len(points), bool)


@dataclass(frozen=True)
class PlaneSepta:
    """Flat septa through the tumour, of random direction and offset.

    |n . x - o| < t/2; offsets o uniform within half the thinnest radius. count: 1 to 100. thickness_mm: t [mm]. seed.
    """

    count: int
    thickness_mm: float
    seed: int
    kind: Literal["planes"] = "planes"

    def __post_init__(self) -> None:
        _check(self.count, 1, self.thickness_mm, self.seed)

    def contains(self, points: np.ndarray, shape: Shape) -> np.ndarray:
        """Which positions (n, 3) [mm] lie in a septum. Shape (n,)."""
        random = np.random.default_rng([self.seed, 3])
        normals = random.normal(size=(self.count, 3))
        normals /= np.linalg.norm(normals, axis=1)[:, None]
        offsets = random.uniform(-0.5, 0.5, self.count) * shape.thinnest_mm
        inside = np.zeros(len(points), bool)
        for (a, b, c), offset in zip(normals, offsets, strict=True):
            distance = a * points[:, 0] + b * points[:, 1] + c * points[:, 2] - offset
            inside |= np.abs(distance) < 0.5 * self.thickness_mm
        return inside


@dataclass(frozen=True)
class VoronoiSepta:
    """Septa that part the tumour into compartments: the walls of the Voronoi cells of random points.

    (d2^2 - d1^2) / (2 |s2 - s1|) < t/2; d1, d2: distances to the two nearest points s1, s2

    count: number of compartments, 2 to 100. thickness_mm: t [mm]. seed: whole number. At an edge where three cells
    meet only the wall of the two nearest counts.
    """

    count: int
    thickness_mm: float
    seed: int
    kind: Literal["compartments"] = "compartments"

    def __post_init__(self) -> None:
        _check(self.count, 2, self.thickness_mm, self.seed)

    def _points(self, shape: Shape) -> np.ndarray:
        random = np.random.default_rng([self.seed, 4])
        low, high = np.asarray(shape.extent_mm).T
        found = np.empty((0, 3))
        while len(found) < self.count:
            tried = random.uniform(low, high, (64, 3))
            found = np.concatenate([found, tried[shape.level(*tried.T, 0.0) < 1.0]])
        return found[: self.count]

    def contains(self, points: np.ndarray, shape: Shape) -> np.ndarray:
        """Which positions (n, 3) [mm] lie in a septum. Shape (n,)."""
        seeds = self._points(shape)
        squares = np.zeros((len(points), len(seeds)))
        for axis in range(3):
            squares += (points[:, axis, None] - seeds[:, axis]) ** 2
        nearest_two = np.argsort(squares, axis=1, kind="stable")[:, :2]
        first, second = nearest_two.T
        rows = np.arange(len(points))
        apart = np.sqrt(((seeds[first] - seeds[second]) ** 2).sum(axis=1))
        wall = (squares[rows, second] - squares[rows, first]) / (2.0 * apart)
        return wall < 0.5 * self.thickness_mm


Septa = NoSepta | PlaneSepta | VoronoiSepta


def _check(count: int, least: int, thickness_mm: float, seed: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not least <= count <= 100:
        raise BadInput(f"count {count!r} of septa came, {least} to 100 is allowed")
    require_positive("thickness_mm", thickness_mm)
    require_seed("seed", seed)
