"""The network's own equations at given pressures of the tissue: Newton's method from a guess that cannot miss."""

from dataclasses import dataclass

import numpy as np

from ...numerics.outcome import Ending, SolveOutcome
from .network import Inlet, Network

_LIMIT = 120  # and two per node: a front may have to pass them one by one
_FEW = 24  # from a good guess; a cold one is better off in the nodes' own balances
_SCALAR_LIMIT = 60
_SCALAR_TOLERANCE = 0.05  # of a node's change: it only has to be tame, Newton's method makes it exact
_SCALAR_DIGITS = 1e-14  # of a node's balance that is round-off
_INNER = 0.9  # a tangent's aim this near to an end of the bracket gains less than halving it
_TOLERANCE = 1e-11  # of the largest flow in the network
_DIGITS = 16  # of round-off that a balance may gather


@dataclass(frozen=True)
class Surroundings:
    """What the network is asked about.

    uptake: what the tissue takes, as a law of `tissue` gives it. inlets: what the drives give. before: fluid in the
    gap (n,) [m3] at the start. duration: of the step [s], infinite for steady.
    """

    uptake: object
    inlets: tuple[Inlet, ...]
    before: np.ndarray
    duration: float

    @property
    def drive(self):
        """The arguments that the network's terms share."""
        return self.uptake, self.inlets


def _round_off(network: Network, pressure: np.ndarray, derivative) -> np.ndarray:
    """What of each node's balance is round-off, not to be solved away (n,) [m3/s]: sum_j |A_ij| eps (|p| + sigma)_j."""
    size = np.abs(pressure) + np.abs(network.wall.contact_stress)
    return _DIGITS * np.finfo(float).eps * (abs(derivative) @ size)


def _level_pressure(network: Network, around: Surroundings) -> np.ndarray:
    """Pressures as if nothing resisted within the network: one level, never below the tissue's (n,) [Pa].

    The level carries off all that is given, so every gap that the fluid needs stands open; from there Newton's method
    comes down. From closed gaps it would shoot far beyond, their conductance being zero.
    """
    wall = np.where(network.contacts.conductance > 0, around.uptake.pressure, -np.inf)

    def excess(level: float) -> float:
        p = np.maximum(wall, level)
        leak, _, _ = network.contacts.leak(p, around.uptake, network.wall)
        stored = (network.volume(p) - around.before) / around.duration
        out = leak.sum() + stored.sum() + network.exits.flow(p).sum()
        return float(out - network.given(p, around.inlets).sum())

    touching = network.contacts.conductance > 0
    low = float(np.min(wall[touching]))
    if excess(low) >= 0.0:
        return np.maximum(wall, low)
    reach = max(abs(low), float(np.max(np.abs(network.wall.contact_stress))), np.finfo(float).tiny)
    while excess(low + reach) < 0.0:
        reach *= 4.0
    high = low + reach
    for _ in range(60):
        middle = 0.5 * (low + high)
        if excess(middle) < 0.0:
            low = middle
        else:
            high = middle
    return np.maximum(wall, high)


def _throughput(network: Network, around: Surroundings) -> float:
    """More than can flow anywhere in the network once solved [m3/s]: all that drives, tissue and gaps may give."""
    over, _ = around.uptake.difference(network.wall.contact_stress)
    drained = (network.contacts.conductance * np.maximum(-over, 0.0)).sum()
    driven = sum(abs(inlet.rate) for inlet in around.inlets)
    return float(driven + drained + np.abs(around.before).sum() / around.duration)


def _held_back(network: Network, around: Surroundings, pressure: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The pressure after a Newton change, without the leaps that a gap with next to no conductance invites.

    A gap that opens stops at its kink: only from there on does the derivative know that it stores fluid. An open one at
    most doubles its excess over the contact stress, or takes the one at which a thin gap drops over one piece what it
    needs to carry all the flow. Where the tissue would take all there is, no pressure needs to go.
    """
    ahead, flow = pressure + change, _throughput(network, around)
    wall, soft = network.wall, network.in_gap & np.isfinite(network.wall.shear_modulus)
    modulus = np.where(soft, wall.shear_modulus, 1.0)
    carries = 2.0 * modulus * (1.5 * network.longest * flow / (modulus * wall.scale)) ** 0.25
    excess = pressure - wall.contact_stress
    opening = np.where(soft & (excess < 0.0) & (ahead > wall.contact_stress), wall.contact_stress, ahead)
    limit = wall.contact_stress + np.maximum(2.0 * excess, 2.0 * carries)
    ahead = np.where(soft & (excess >= 0.0), np.minimum(opening, limit), opening)
    touching = network.contacts.conductance > 0
    needed = np.divide(flow, network.contacts.conductance, out=np.full(network.size, np.inf), where=touching)
    enough = np.where(touching, around.uptake.enough(needed), np.inf)
    return np.where(pressure < enough, np.minimum(ahead, enough), ahead)


def _own_side(network: Network, around: Surroundings, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Y_i(p_i) [m3/s], the part of each node's balance that its own pressure moves, and its slope (n,) each."""
    return network.own_side(pressure, around.uptake, around.inlets, around.duration)


def _taken(network: Network, around: Surroundings, pressure: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The pressure after a Newton change, taken in each node's own balance: Y(p_new) = Y(p) + Y'(p) change.

    A gap that opens, or tissue that cracks at a hole, conducts ten thousand times better within a few hundred pascals:
    in the pressure itself Newton's method would leap far beyond, and from there creep or circle. In terms of Y what
    neighbours exchange has slopes below one on both sides of the kink. Falling pressures are taken as they come: Y is
    flat where a gap is shut, and its aim may lie below anything.
    """
    start, slope = _own_side(network, around, pressure)
    goal, rising = slope * change, change > 0.0
    low, high, found = pressure, np.where(rising, np.inf, 0.0), pressure + change
    for _ in range(_SCALAR_LIMIT):
        value, tangent = _own_side(network, around, found)
        beyond = value - start - goal
        off = rising & ~(np.abs(beyond) <= _SCALAR_TOLERANCE * goal + _SCALAR_DIGITS * (np.abs(value) + np.abs(start)))
        if not off.any():
            break
        high, low = np.where(beyond > 0.0, found, high), np.where(beyond > 0.0, low, found)
        ahead, shut = found - beyond / tangent, np.isfinite(high)
        middle = np.where(shut, 0.5 * (low + np.where(shut, high, 0.0)), np.maximum(ahead, 2.0 * found - pressure))
        between = shut & (np.abs(ahead - middle) < _INNER * (middle - low))
        found = np.where(off, np.where(between, ahead, middle), found)
    return found


def _newton(network: Network, pressure: np.ndarray, around: Surroundings, limit: int, move):
    """Newton's method from a pressure; returns the pressure and how it ended. move: `_held_back` or `_taken`."""
    from scipy.sparse.linalg import splu

    worst = np.inf
    for iteration in range(limit):
        residual = network.residual(pressure, *around.drive, around.before, around.duration)
        scale = max(network.turnover(pressure, *around.drive), np.finfo(float).tiny)
        worst = float(np.abs(residual).max() / scale)
        if not np.isfinite(worst):
            return pressure, SolveOutcome(Ending.NOT_FINITE, iteration, worst)
        derivative = network.jacobian(pressure, *around.drive, around.duration)
        if np.all(np.abs(residual) <= _TOLERANCE * scale + _round_off(network, pressure, derivative)):
            return pressure, SolveOutcome(Ending.CONVERGED, iteration, worst)
        try:
            factors = splu(derivative)
        except RuntimeError:  # singular to round-off: gaps so wide that nothing tells their pressures apart
            return pressure, SolveOutcome(Ending.STALLED, iteration, worst)
        pressure = move(network, around, pressure, -factors.solve(residual))
    return pressure, SolveOutcome(Ending.TOO_MANY_ITERATIONS, limit, worst)


def _attempts(network: Network, around: Surroundings, guess: np.ndarray | None):
    """Where to start from, how often to iterate and how to move, the likeliest and cheapest first."""
    if guess is not None:
        yield guess, _FEW, _held_back
    level = _level_pressure(network, around)
    yield level, _FEW, _held_back
    if guess is not None:
        yield guess, _LIMIT, _taken
        if np.isfinite(around.duration):  # a step that leads nowhere by now is better cut than chased
            return
    whole = _LIMIT + 2 * network.size
    yield level, whole, _held_back
    yield level, whole, _taken


def solve_network(network: Network, around: Surroundings, guess: np.ndarray | None = None):
    """Pressures of the nodes (n,) [Pa] and how the solve ended.

    guess: pressures to start from, for example those of the last step; the level start is taken where they lead nowhere
    or none are given. Fails with an outcome, never an exception.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # an overflow ends as an outcome
        for start, limit, move in _attempts(network, around, guess):
            pressure, outcome = _newton(network, start, around, limit, move)
            if outcome.ok:
                break
    return pressure, outcome
