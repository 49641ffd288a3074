"""Multigrid by aggregation: the preconditioner for coefficients that no regular coarsening can follow.

Where strongly coupled voxels form islands and threads of every shape (contrast 1e8 from voxel to voxel), the blocks of
`multigrid` cut through them. Here voxels are joined along their strongest couplings, three pairings from one level to
the next (about 8 to 1), corrections are constant over an aggregate, and each coarse problem is solved by two steps of
conjugate gradients preconditioned by the next level, the K-cycle. After Notay, ETNA 37 (2010) 123, and Notay &
Vassilevski, Numer. Linear Algebra Appl. 15 (2008) 473. Dearer than `multigrid` by the step, so it is called in when
that one is seen to crawl.
"""

from dataclasses import dataclass, field

import numpy as np

from .clusters import (
    compose,
    contract,
    dot,
    gather,
    gather_box,
    graph_of_box,
    image,
    pair,
    spread,
    spread_box,
    sweep,
    weigh,
)
from .multigrid import Level
from .smoothing import relax, restrict_residual

PAIRINGS = 3

#: The second step of the K-cycle is saved where the first left less than this share of the residual.
ENOUGH = 0.25

#: Coarsening goes on to the last node, because a closed region with a weak outlet is solved only where it is one node;
#: it ends early where a level keeps more than this share of the nodes of the one above.
SLOW = 0.9
LAST_SWEEPS = 8


@dataclass
class Cluster:
    """One level: its graph (see `clusters`), the labels of its nodes on the next level (or None), and work vectors."""

    graph: tuple[np.ndarray, ...]
    label: np.ndarray | None = None
    work: list[np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.work = [np.zeros(self.graph[3].size) for _ in range(6)]

    @property
    def memory_bytes(self) -> int:
        held = sum(a.nbytes for a in self.graph) + sum(a.nbytes for a in self.work)
        return held + (0 if self.label is None else self.label.nbytes)


def _joined(graph: tuple[np.ndarray, ...]) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Labels of the nodes after PAIRINGS pairings, and the graph of the labels."""
    label = None
    weight = weigh(graph[0], graph[2], graph[3])
    for _ in range(PAIRINGS):
        now, count = pair(*graph[:3], weight)
        weight = np.bincount(now[now >= 0], weights=weight[now >= 0], minlength=count)
        start, other, coupling, s = contract(*graph, now, count)
        graph = (start, other[: start[-1]].copy(), coupling[: start[-1]].copy(), s)
        if label is None:
            label = now
        else:
            compose(label, now)
    return label, graph


class Aggregation:
    """The same services as `Multigrid` (b, x, cycle) on top of its finest level, which both share."""

    def __init__(self, fine: Level):
        self._fine = fine
        self._rest = np.zeros_like(fine.b)
        self._label, graph = _joined(graph_of_box(*fine.operator))
        self._clusters = [Cluster(graph)]
        while graph[3].size > 1:
            label, graph = _joined(graph)
            if graph[3].size > SLOW * label.size:
                break
            self._clusters[-1].label = label
            self._clusters.append(Cluster(graph))

    @property
    def b(self) -> np.ndarray:
        return self._fine.b

    @property
    def x(self) -> np.ndarray:
        return self._fine.x

    @property
    def memory_bytes(self) -> int:
        return self._rest.nbytes + self._label.nbytes + sum(cluster.memory_bytes for cluster in self._clusters)

    def cycle(self) -> None:
        """One cycle from zero: x becomes an approximation of A^-1 b."""
        fine, coarse = self._fine, self._clusters[0].work
        relax(*fine.operator, fine.b, fine.x, 0, True)
        relax(*fine.operator, fine.b, fine.x, 1, False)
        restrict_residual(*fine.operator, fine.b, fine.x, self._rest, 1, 1, 1)
        gather_box(self._label, self._rest, coarse[0])
        self._solve(0)
        spread_box(self._label, coarse[1], fine.x)
        relax(*fine.operator, fine.b, fine.x, 1, False)
        relax(*fine.operator, fine.b, fine.x, 0, False)

    def _solve(self, index: int) -> None:
        """work[1] <- approximate solution for the right-hand side work[0], which is used up: the K-cycle."""
        cluster = self._clusters[index]
        b, x, z, first, first_image, z_image = cluster.work
        self._precondition(index)
        first[:] = z
        image(*cluster.graph, first, first_image)
        curvature, slope = dot(first, first_image), dot(first, b)
        if not curvature > 0.0:
            x[:] = first
            return
        step = slope / curvature
        before = dot(b, b)
        b -= step * first_image
        x[:] = step * first
        if dot(b, b) <= ENOUGH**2 * before or cluster.label is None:
            return
        self._precondition(index)
        image(*cluster.graph, z, z_image)
        beta = dot(z, first_image) / curvature
        z -= beta * first
        z_image -= beta * first_image
        curvature = dot(z, z_image)
        if curvature > 0.0:
            x += (dot(z, b) / curvature) * z

    def _precondition(self, index: int) -> None:
        """work[2] <- one cycle applied to work[0]; work[5] is scratch."""
        cluster = self._clusters[index]
        b, z, rest = cluster.work[0], cluster.work[2], cluster.work[5]
        z.fill(0.0)
        sweep(*cluster.graph, b, z, True)
        if cluster.label is None:
            for _ in range(LAST_SWEEPS):
                sweep(*cluster.graph, b, z, False)
                sweep(*cluster.graph, b, z, True)
        else:
            image(*cluster.graph, z, rest)
            np.subtract(b, rest, out=rest)
            below = self._clusters[index + 1].work
            gather(cluster.label, rest, below[0])
            self._solve(index + 1)
            spread(cluster.label, below[1], z)
        sweep(*cluster.graph, b, z, False)
