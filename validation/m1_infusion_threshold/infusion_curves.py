"""Steady flow against infusion pressure in one tissue that opens, for tissues drawn from the priors of the tables."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from oxablate.physics.flow.closures import (
    ConvexStiffening,
    CrackedTissues,
    ExponentialConductivity,
    FixedConductivity,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.crack_closures import CubicCracks, NoMemory
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.quantities.table import look_up
from oxablate.space.boundary import Dirichlet, OuterFaces
from oxablate.space.grid import VoxelGrid

EDGE, CELLS, CAVITY, VISCOSITY, CEILING = 9e-3, 24, 0.35e-3, 0.7e-3, 1e-9
DRAWS, SEED = 16, 2006
PRIORS = {
    "conductivity": "tissue/hydraulic_conductivity.human_solid_tumour",
    "porosity": "tissue/porosity.generic_tumour",
    "modulus": "mechanics/aggregate_modulus.generic_tumour",
    "stiffening": "mechanics/stiffening_exponent.any_tissue",
    "rise": "mechanics/conductivity_strain_exponent.soft_tissue",
    "length": "mechanics/crack_length.soft_tissue",
    "spacing": "mechanics/crack_spacing.soft_tissue",
}


@dataclass(frozen=True)
class Tissue:
    """What is not known of a tumour, SI units; plane: plane modulus over the aggregate modulus."""

    conductivity: float
    porosity: float
    modulus: float
    stiffening: float
    rise: float
    length: float
    spacing: float
    plane: float


def draws(count: int = DRAWS) -> list[Tissue]:
    """Tissues from the priors; the same ones each time."""
    generator = np.random.default_rng(SEED)
    columns = {name: look_up(row, name).si_spread.sample(DRAWS, generator) for name, row in PRIORS.items()}
    columns["plane"] = 0.5 + 0.5 * generator.random(DRAWS)
    return [Tissue(**{name: float(column[n]) for name, column in columns.items()}) for n in range(count)]


def model(tissue: Tissue, threshold: float, cracks: bool) -> FlowModel:
    """The cube, whose tissue opens at `threshold` [Pa]: by cracks, or by pores that conduct better."""
    grid = VoxelGrid((CELLS,) * 3, (EDGE / CELLS,) * 3)
    active = np.ones(grid.shape, bool)
    law = FixedConductivity() if cracks else ExponentialConductivity(tissue.rise, threshold)
    given = [tissue.porosity, ConvexStiffening(tissue.modulus, tissue.stiffening), law, SealedTissue()]
    if cracks:
        plane = tissue.plane * tissue.modulus
        given.append(CubicCracks(tissue.length, tissue.spacing, plane, VISCOSITY, CEILING))
    tissues = (TissueFlow(*given),)
    needle = EndHole(grid, tuple(map(float, grid.index_to_world([(CELLS - 1) / 2] * 3))), CAVITY, active)
    flow = FlowModel(
        grid,
        CrackedTissues(tissues, np.full(grid.shape, threshold), NoMemory()) if cracks else tissues,
        np.zeros(grid.shape, np.uint8),
        np.full(grid.shape, tissue.conductivity),
        active,
        OuterFaces.uniform(Dirichlet(0.0)),
        needle,
    )
    assert flow.find_rest(np.ones(grid.shape)).ok
    return flow


class Curve:
    """Pressure [Pa] at the needle for steady rates [m3/s], each state reached from the last one."""

    def __init__(self, tissue: Tissue, threshold: float, cracks: bool):
        self.flow = model(tissue, threshold, cracks)
        self.ones = np.ones(self.flow.grid.shape)
        self.passage = EDGE**2 / (tissue.conductivity * tissue.modulus)
        self.easy = 4.0 * np.pi * tissue.conductivity * CAVITY  # rate over pressure of intact tissue
        self.forget()

    def forget(self) -> None:
        """Back to rest."""
        self.pressure, self.ratio = self.flow.rest.copy(), self.ones.copy()

    def pressure_at(self, rate: float) -> float:
        """The needle's pressure [Pa] once nothing changes any more."""
        step, last, steps = 1e2 * self.passage, np.inf, 0
        while steps < 200:
            # what may be left over in a voxel is a share of what the needle gives, however long the step
            left = max(1e-7, 1e-9 * rate * step / self.flow.grid.voxel_volume)
            done = self.flow.try_step(self.pressure, self.ratio, self.ones, rate, step, left)
            steps += 1
            if not done.outcome.ok:
                step *= 0.125
                continue
            self.pressure[...], self.ratio[...] = self.flow.pressure_next, self.flow.ratio_next
            found = self.flow.needle_pressure(self.pressure, rate)
            if step >= 1e2 * self.passage and abs(found - last) <= 1e-8 * found:
                return found
            last, step = found, min(16.0 * step, 1e3 * self.passage)
        raise RuntimeError(f"no steady state at {rate:.3g} m3/s")

    def rate_at(self, pressure: float, guess: float) -> float:
        """The steady rate [m3/s] that needs this pressure [Pa]: secants of logarithms, to 1e-5."""
        x, goal, slope = np.log(guess), np.log(pressure), 1.0
        y = np.log(self.pressure_at(guess))
        for _ in range(60):
            if abs(y - goal) <= 1e-5:
                break
            before = (x, y)
            x = x + np.clip((goal - y) / slope, -1.5, 1.5)
            y = np.log(self.pressure_at(float(np.exp(x))))
            slope = min(max((y - before[1]) / (x - before[0]), 0.02), 1.0)
        return float(np.exp(x))

    def rates(self, pressures) -> np.ndarray:
        """Steady rates [m3/s] at rising pressures [Pa]."""
        found = [self.rate_at(pressures[0], self.easy * pressures[0])]
        for last, pressure in pairwise(pressures):
            found.append(self.rate_at(pressure, found[-1] * pressure / last))
        return np.array(found)
