"""A row of voxels between two walls: the reaction and its fronts with the least diffusion that can go with them.

Diffusion between ordinary voxels is Crank-Nicolson on one line, walls at half a voxel, so that nothing but the reaction
package is under test. Steps: mark the fronts, diffuse, react, mark again, advance the fronts.
"""

import numpy as np
from scipy.linalg import solve_banded

from oxablate.physics.reaction.budget import agent_held, demand_held
from oxablate.physics.reaction.closures import Kinetics, SharpFront
from oxablate.physics.reaction.front import Donors, FrontState, advance_front, front_mask
from oxablate.physics.reaction.step import react

OPEN = np.zeros((1, 1, 1), dtype=bool)


class Column:
    """n voxels of edge h, fluid fraction theta, pore diffusivity D; pools (n_pools,), rates [m3/(mol s)]."""

    def __init__(self, n, h, theta, diffusivity, pools, rates, walls, law=None):
        shape = (n, 1, 1)
        self.h, self.walls, self.law = h, walls, law or SharpFront()
        self.c, self.theta = np.zeros(shape), np.full(shape, theta)
        self.diffusivity, self.exposure = np.full(shape, diffusivity), np.zeros(shape)
        self.pools = np.repeat(np.array(pools, float), n).reshape(-1, *shape)
        self.kinetics = Kinetics(tuple(f"pool {i}" for i in range(len(pools))), tuple(rates), 0.0)
        self.front = FrontState.fresh(shape)
        self.time, self.through, self.entered, self.lost = 0.0, 0.0, 0.0, 0.0
        self.start = self.pools.copy()

    def _around(self):
        return self.c, self.theta, self.pools, self.kinetics, self.diffusivity, (self.h,) * 3

    def _diffuse(self, dt):
        """Crank-Nicolson in parts of at most a quarter of h^2/D; counts what enters and what leaves by the walls."""
        mask = self.front.mask[:, 0, 0]
        n, parts = mask.size, int(np.ceil(4 * self.diffusivity[0, 0, 0] * dt / self.h**2))
        number = self.diffusivity[0, 0, 0] * dt / parts / self.h**2
        up, down = np.zeros(n), np.zeros(n)
        up[:-1] = down[1:] = number * (~mask[:-1] & ~mask[1:])
        ends = np.array([0.0 if mask[0] else 2 * number, 0.0 if mask[-1] or self.walls[1] is None else 2 * number])
        at_walls = np.array([self.walls[0], self.walls[1] or 0.0])
        diagonal = up + down
        diagonal[[0, -1]] += ends
        matrix = np.zeros((3, n))
        matrix[0, 1:], matrix[1], matrix[2, :-1] = -0.5 * up[:-1], 1 + 0.5 * diagonal, -0.5 * down[1:]
        for _ in range(parts):
            old = self.c[:, 0, 0].copy()
            right = old * (1 - 0.5 * diagonal)
            right[:-1] += 0.5 * up[:-1] * old[1:]
            right[1:] += 0.5 * down[1:] * old[:-1]
            right[[0, -1]] += ends * at_walls
            new = solve_banded((1, 1), matrix, right)
            inwards = ends * (at_walls - 0.5 * (old + new)[[0, -1]]) * self.theta[0, 0, 0] * self.h**3
            self.entered += inwards.sum()
            self.through -= inwards[1]
            self.c[:, 0, 0] = new

    def advance(self, dt):
        front_mask(self.front, *self._around(), self.law)
        self._diffuse(dt)
        self._book(react(self.c, self.theta, self.pools, self.kinetics, dt, self.exposure, self.h**3))
        front_mask(self.front, *self._around(), self.law)
        walls = (self.walls[0], self.walls[1] or 0.0, 0.0, 0.0, 0.0, 0.0)
        self._book(advance_front(self.front, *self._around(), self.law, Donors(OPEN, OPEN, walls), dt))
        self.time += dt

    def _book(self, booking):
        self.entered += sum(booking.gained.values())
        self.lost += sum(booking.lost.values())

    @property
    def depth(self):
        """Consumed demand as a depth of fresh tissue [m]."""
        return float((self.start - self.pools).sum() / self.start.sum(axis=0).max()) * self.h

    @property
    def imbalance(self):
        """Agent entered, less lost and held, relative to the larger; and demand used against agent lost."""
        volume = self.h**3
        agent = self.entered - self.lost - agent_held(self.c, self.theta, volume, self.front.shielded)
        used = float((demand_held(self.start, volume) - demand_held(self.pools, volume)).sum())
        return max(abs(agent), abs(used - self.lost)) / max(self.entered, self.lost)
