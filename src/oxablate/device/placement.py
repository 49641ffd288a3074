"""Sites spread over a tumour's shape, for phantoms and retrospective images.

Geometry only: no site is claimed to be good, let alone best, and nothing here is written in a format that a navigation
or treatment system reads.
"""

from itertools import product

import numpy as np

from ..quantities.refusal import BadInput
from ..space.grid import VoxelGrid

_ROUNDS = 200
_TIE = 1e-9  # relative difference of squared distances below which a voxel belongs to both sites
_CHUNK = 50_000


def spread_sites(tumour: np.ndarray, grid: VoxelGrid, count: int) -> np.ndarray:
    """Centres of `count` parts of a tumour that are alike in size, LPS [m]. Shape (count, 3).

    Lloyd's iteration, sites = centroids of the voxels nearest to them, from seeds that lie farthest from each other.
    Without chance: the same mask gives the same sites, a mirrored mask the mirrored ones; so a tumour that is its own
    mirror image gets sites that are (two, four or eight mirrored ones, the rest on its planes of symmetry).

    tumour: bool (nx, ny, nz). A site that would fall outside it moves to the nearest of its voxels. Raises BadInput for
    an empty mask, and for fewer than one site or more than voxels. Source: Lloyd, IEEE Trans Inf Theory 28 (1982) 129,
    doi 10.1109/TIT.1982.1056489; seeds after Gonzalez, Theor Comput Sci 38 (1985) 293,
    doi 10.1016/0304-3975(85)90224-5.
    """
    cells = np.argwhere(tumour)
    if tumour.shape != grid.shape or not len(cells):
        raise BadInput("sites in a tumour: the mask holds no voxel of this grid; give the tumour's mask on the grid")
    if not 1 <= count <= len(cells):
        raise BadInput(f"{count!r} sites in a tumour of {len(cells)} voxels; give a number from 1 to {len(cells)}")
    low, high = cells.min(0), cells.max(0) + 1
    box = tumour[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    flips, symmetries = _orientation(box)
    turned = np.flip(box, np.flatnonzero(flips))
    index = _sites_of(turned, np.asarray(grid.spacing), count, symmetries)
    index = np.where(flips, high - low - 1 - index, index) + low
    return grid.index_to_world(index)


def _orientation(box: np.ndarray):
    """The axes to flip (3,) bool that bring a mask to one of its eight mirror images, whichever it came in; and the
    flips (g, 3) under which that image stays the same, the identity among them."""
    ways = [np.array(way, bool) for way in product((False, True), repeat=3)]
    texts = [np.packbits(np.flip(box, np.flatnonzero(way))).tobytes() for way in ways]
    best = max(range(8), key=lambda n: texts[n])
    same = [ways[n] ^ ways[best] for n in range(8) if texts[n] == texts[best]]
    return ways[best], np.array(same)


def _orbit(point: np.ndarray, symmetries: np.ndarray) -> np.ndarray:
    """A point and its mirror images."""
    images = np.where(symmetries, -point, point) + 0.0  # no minus zero
    return np.unique(images, axis=0)


def _seeds(points: np.ndarray, count: int, symmetries: np.ndarray) -> np.ndarray:
    """Seeds far from each other, mirror images together; where too few are left, on the planes of symmetry."""
    found = np.zeros((0, 3))
    distance = (points**2).sum(1)
    while len(found) < count:
        point = points[int(np.argmax(distance))]
        images = _orbit(point, symmetries)
        while len(images) > count - len(found):
            free = np.flatnonzero(point)
            point = point.copy()
            point[free[np.argmin(np.abs(point[free]))]] = 0.0
            images = _orbit(point, symmetries)
        near = ((points[:, None, :] - images) ** 2).sum(-1).min(1)
        distance = near if not len(found) else np.minimum(distance, near)
        found = np.concatenate([found, images])
    return found


def _moved(points: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Centroids of the voxels nearest to each site; a voxel between several counts in parts. An empty site stays."""
    sums, sizes = np.zeros_like(sites), np.zeros(len(sites))
    for start in range(0, len(points), _CHUNK):
        part = points[start : start + _CHUNK]
        square = ((part[:, None, :] - sites) ** 2).sum(-1)
        share = (square <= square.min(1, keepdims=True) * (1.0 + _TIE)).astype(float)
        share /= share.sum(1, keepdims=True)
        sums += share.T @ part
        sizes += share.sum(0)
    return np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1e-300)[:, None], sites)


def _evened(sites: np.ndarray, symmetries: np.ndarray, partners: np.ndarray) -> np.ndarray:
    """The sites averaged with the mirror images of their partners: round-off may not break the symmetry."""
    images = [np.where(way, -sites[partner], sites[partner]) for way, partner in zip(symmetries, partners, strict=True)]
    return np.mean(images, axis=0)


def _sites_of(box: np.ndarray, spacing: np.ndarray, count: int, symmetries: np.ndarray) -> np.ndarray:
    """Continuous indices of the sites within the box of a mask. Shape (count, 3)."""
    cells = np.argwhere(box)
    scale = spacing / spacing.max()
    middle = cells.sum(0) / len(cells)
    points = (cells * len(cells) - cells.sum(0)) / len(cells) * scale  # whole numbers first: mirrored to the bit
    sites = _seeds(points, count, symmetries)
    partners = np.array(
        [[int(np.argmin(((np.where(way, -site, site) - sites) ** 2).sum(1))) for site in sites] for way in symmetries]
    )
    for _ in range(_ROUNDS):
        ahead = _evened(_moved(points, sites), symmetries, partners)
        step, sites = np.abs(ahead - sites).max(), ahead
        if step <= 1e-9:
            break
    index = sites / scale + middle
    for n, site in enumerate(index):
        nearest = np.clip(np.rint(site).astype(int), 0, np.asarray(box.shape) - 1)
        if not box[tuple(nearest)]:
            index[n] = cells[int(np.argmin((((cells - site) * scale) ** 2).sum(1)))]
    return index
