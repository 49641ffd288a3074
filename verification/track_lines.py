"""Tracks without voxels: a straight gap whose wall takes fluid at a given rate, for cases with known answers."""

import numpy as np
from scipy.sparse import csr_matrix

from oxablate.physics.track.closures import Contacts, GapWall
from oxablate.physics.track.network import Exits, Gap, Inlet, Lumen, Network
from oxablate.physics.track.solve import Surroundings, solve_network
from oxablate.physics.track.tissue import PlainUptake

NONE = np.zeros(0, int)


def straight(wall: GapWall, length: float, leak: float, exit_pressure: float | None, span=np.inf, tip=0.0) -> Network:
    """Pieces of equal length from the tip on, node 0 the tip's face. leak: lambda per length [m2/(Pa s)].

    The tip's node has no length and, unless `tip` [m3/(Pa s)] is given, no contact. Tissue at pressure 0.
    """
    count = len(wall.radius)
    piece = length / count
    places = np.maximum(np.arange(count + 1) - 1, 0)
    nodes = wall.at(places)
    first, second = np.arange(count), np.arange(1, count + 1)
    distance = np.full(count, piece)
    distance[0] = 0.5 * piece
    last = NONE if exit_pressure is None else np.array([count])
    exits = Exits(last, np.full(len(last), 0.5 * piece), nodes.at(last), np.full(len(last), exit_pressure or 0.0))
    conductance = np.full(count + 1, leak * piece)
    conductance[0] = tip
    spans = np.full(count + 1, span)
    spans[0] = np.inf
    contacts = Contacts(conductance, spans, np.arange(1), csr_matrix((count + 1, 1)))
    lengths = np.full(count + 1, piece)
    lengths[0] = 0.0
    gap = Gap(first, second, distance, nodes.between(first, second))
    return Network(nodes, lengths, gap, exits, Lumen(NONE, NONE, np.zeros(0)), contacts)


def solved(network: Network, rate: float, duration=np.inf, before=None, guess=None, tissue=0.0):
    """Pressures of the nodes [Pa] with `rate` [m3/s] given to node 0, tissue at one pressure [Pa]."""
    zeros = np.zeros(network.size)
    held = zeros if before is None else before
    walls = PlainUptake(zeros + tissue, np.ones(network.size), network.contacts.weights)
    around = Surroundings(walls, (Inlet(0, rate, 0.0),), held, duration)
    pressure, outcome = solve_network(network, around, guess)
    assert outcome.ok, str(outcome)
    return pressure
