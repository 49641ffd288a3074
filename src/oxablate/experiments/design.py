"""Latin hypercube designs: which values each member of an ensemble has."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .uncertain import Uncertain

#: Places inside a stratum.
_DIVISION = 2**20


def latin_hypercube(names: Sequence[str], n: int, seed: int) -> np.ndarray:
    """A Latin hypercube of `n` points in the open unit cube with one axis for each name, shape (n, len(names)).

    u_ij = (pi_j(i) + r_ij) / n, pi_j: a random order of 0..n-1, r_ij: uniform on (0, 1)

    Each axis has exactly one point in each of its n strata of equal probability. Axes are independent. An axis depends
    on its name, n and seed alone, so another axis more or less leaves it as it is; the same arguments give the same
    bytes. Source: McKay, Beckman and Conover, Technometrics 21 (1979) 239, doi 10.2307/1268522.
    """
    cube = np.empty((n, len(names)))
    for column, name in enumerate(names):
        words = np.frombuffer(hashlib.sha256(name.encode()).digest(), "<u4")
        generator = np.random.Generator(np.random.PCG64([seed, *map(int, words)]))
        # plain doubles of the generator rather than its permutations, whose method numpy may change
        order = np.argsort(generator.random(n), kind="stable")
        # midpoints of a fine division, so that no rounding carries a point onto the edge of its stratum
        inside = (np.floor(generator.random(n) * _DIVISION) + 0.5) / _DIVISION
        cube[:, column] = (order + inside) / n
    return cube


@dataclass(frozen=True, eq=False)
class Design:
    """The members of a sweep. numbers: what varies. values: SI, shape (members, numbers)."""

    numbers: tuple[Uncertain, ...]
    values: np.ndarray

    @classmethod
    def drawn(cls, numbers: tuple[Uncertain, ...], n: int, seed: int) -> "Design":
        """A Latin hypercube carried through the quantiles of every spread: x_ij = F_j^-1(u_ij)."""
        cube = latin_hypercube([one.row for one in numbers], n, seed)
        values = np.empty_like(cube)
        for column, one in enumerate(numbers):
            values[:, column] = one.spread.ppf(cube[:, column])
        return cls(numbers, values)

    @property
    def members(self) -> int:
        """How many members there are; they are counted from 1."""
        return len(self.values)

    def of_member(self, member: int) -> tuple[float, ...]:
        """The values of one member, SI."""
        return tuple(float(value) for value in self.values[member - 1])

    def csv(self) -> bytes:
        """One row per member, one column per number with its SI unit; digits enough to read the same number back."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["member", *(f"{one.row} [{one.unit}]" for one in self.numbers)])
        for member in range(1, self.members + 1):
            writer.writerow([member, *map(repr, self.of_member(member))])
        return text.getvalue().encode()
