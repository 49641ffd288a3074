"""The track folded into the voxels gives what all unknowns solved together give."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import bmat, csc_matrix
from scipy.sparse.linalg import spsolve

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from track_cases import block, end_hole, side_holes, tissue_matrix, track

from oxablate.physics.track.tissue import PlainTissue

GROUPS = {
    "one end hole": ((end_hole(),),),
    "side holes": ((side_holes(),),),
    "two needles, one hub": ((end_hole(), side_holes(tip=(0.006, 0.006, 0.008), end=(0.006, 0.006, 0.02))),),
}
RATE = 2e-9


def folded(needles, matrix, grid, drives, duration, start):
    """Newton's method in the voxels alone, with the track's source and its Schur complement."""
    pressure, answer = start.copy(), None
    inlets = needles.inlets(drives)
    for _ in range(40):
        answer = needles.respond(pressure.reshape(grid.shape), inlets, duration, None, answer)
        assert answer.outcome.ok, str(answer.outcome)
        source = np.zeros(grid.shape)
        answer.add_source(source)
        residual = matrix @ pressure - source.ravel()
        if np.abs(residual).max() < 1e-13 * RATE:
            break
        low = answer.coupling()
        spread = np.zeros((len(low.stiffness), grid.size))
        spread[:, low.cells] = low.weights.toarray()
        pressure = pressure - spsolve((matrix + csc_matrix(spread.T @ low.stiffness @ spread)).tocsc(), residual)
    return pressure, answer


def together(needles, matrix, grid, drives, duration, start):
    """Newton's method in voxels and nodes at once; the derivative by differences of the joint residual's blocks."""
    network, inlets = needles.network, needles.inlets(drives)
    contacts = network.contacts
    spread = np.zeros((network.size, grid.size))
    spread[:, contacts.cells] = contacts.weights.toarray()
    pressure, nodes = start.copy(), needles.respond(start.reshape(grid.shape), inlets, duration).pressure.copy()
    for _ in range(60):
        walls = PlainTissue().at(contacts, pressure)
        leak, by_node, by_wall = contacts.leak(nodes, walls, network.wall)
        own = network.residual(nodes, walls, inlets, needles.volume, duration)
        tissue = matrix @ pressure - spread.T @ leak
        if max(np.abs(own).max(), np.abs(tissue).max()) < 1e-13 * RATE:
            break
        a = network.jacobian(nodes, walls, inlets, duration)
        t = matrix + csc_matrix(spread.T @ (by_wall[:, None] * spread))
        joint = bmat([[t, csc_matrix(-spread.T * by_node)], [csc_matrix(-by_wall[:, None] * spread), a]]).tocsc()
        step = spsolve(joint, np.concatenate([tissue, own]))
        pressure, nodes = pressure - step[: grid.size], nodes - step[grid.size :]
    return pressure, nodes


@pytest.mark.parametrize("duration", [np.inf, 0.5])
@pytest.mark.parametrize("name", GROUPS)
def test_folded_and_together_agree(name, duration):
    grid, conductivity, _ = block()
    needles = track(*GROUPS[name])
    needles.begin(np.zeros(grid.shape))
    matrix = tissue_matrix(grid, conductivity, storage=0.0 if np.isinf(duration) else 1e-13 / duration)
    drives = [(RATE, 1e-14)]
    pressure, answer = folded(needles, matrix, grid, drives, duration, np.zeros(grid.size))
    joint, nodes = together(needles, matrix, grid, drives, duration, np.zeros(grid.size))
    np.testing.assert_allclose(pressure, joint, rtol=1e-8, atol=1e-9 * joint.max())
    np.testing.assert_allclose(answer.pressure, nodes, rtol=1e-8, atol=1e-9 * nodes.max())
    lost, held = answer.lost.sum(), (answer.volume - needles.volume).sum() / duration
    assert answer.leak.sum() + lost + held == pytest.approx(answer.given.sum(), rel=1e-13)
    other = lost if np.isinf(duration) else held
    assert other > 0.02 * RATE and answer.leak.sum() > 0.05 * RATE  # a case in which both matter


@pytest.mark.parametrize("name", GROUPS)
def test_the_coupling_is_the_derivative_of_the_source(name):
    """W^T S W against central differences of the source in random directions."""
    grid, _, _ = block()
    needles = track(*GROUPS[name])
    random = np.random.default_rng(5)
    pressure = 100.0 * random.random(grid.shape)
    inlets = needles.inlets([(RATE, 0.0)])

    def source(p):
        out = np.zeros(grid.shape)
        needles.respond(p, inlets, 0.3, None, answer).add_source(out)
        return out

    answer = needles.respond(pressure, inlets, 0.3)
    low = answer.coupling()
    for _ in range(3):
        way = random.standard_normal(grid.shape)
        found = np.zeros(grid.shape)
        low.apply(way, found)
        slope = (source(pressure + 1e-3 * way) - source(pressure - 1e-3 * way)) / 2e-3
        np.testing.assert_allclose(found, -slope, atol=2e-5 * np.abs(slope).max())
    dense = low.weights.toarray()
    diagonal = np.zeros(grid.shape)
    low.add_diagonal(diagonal)
    np.testing.assert_allclose(diagonal.reshape(-1)[low.cells], np.diag(dense.T @ low.stiffness @ dense), rtol=1e-12)
