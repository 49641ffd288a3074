"""Injections into swine liver with cracks and a track, for tissues drawn from the priors of the tables."""

from dataclasses import dataclass

import numpy as np

from oxablate.physics.flow.budget import fluid_booking
from oxablate.physics.flow.closures import (
    ConvexStiffening,
    CrackedTissues,
    ExponentialConductivity,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.crack_closures import CubicCracks, NoMemory
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.track.closures import OpenExit, OpenTip
from oxablate.physics.track.shafts import Hold, Shaft, Tube
from oxablate.physics.track.step import TrackNetwork
from oxablate.quantities.table import look_up
from oxablate.space.boundary import Dirichlet, OuterFaces
from oxablate.space.grid import VoxelGrid

EDGE, CELLS, DEPTH, PIECES, NEEDLE = 24e-3, 16, 12e-3, 16, 38e-3
VOLUME, SMALL = 500e-9, 50e-9  # m3
SLOW, FAST = 1e-6 / 3600, 10e-6 / 3600  # m3/s
ETHANOL, CEILING, TOLERANCE = 1.2e-3, 1e-9, 2e-2
DRAWS, SEED = 16, 2020
PRIORS = {
    "conductivity": "tissue/hydraulic_conductivity.organ_host",
    "porosity": "tissue/porosity.liver",
    "shear": "mechanics/shear_modulus.liver",
    "stiffening": "mechanics/stiffening_exponent.any_tissue",
    "rise": "mechanics/conductivity_strain_exponent.soft_tissue",
    "opening": "mechanics/opening_pressure.organ_host",
    "length": "mechanics/crack_length.soft_tissue",
    "spacing": "mechanics/crack_spacing.soft_tissue",
    "contact": "mechanics/contact_stress.soft_tissue",
    "fracture": "mechanics/fracture_pressure.soft_tissue",
}


@dataclass(frozen=True)
class Pores:
    """What is not known of the intact tissue, SI units; opening: pressure at which the conductivity starts to rise."""

    conductivity: float
    porosity: float
    shear: float
    stiffening: float
    rise: float
    opening: float
    poisson: float

    @property
    def modulus(self) -> float:
        """Aggregate modulus [Pa]."""
        return 2.0 * self.shear * (1.0 - self.poisson) / (1.0 - 2.0 * self.poisson)

    @property
    def plane_modulus(self) -> float:
        """E / (1 - nu^2) [Pa]."""
        return 2.0 * self.shear / (1.0 - self.poisson)


@dataclass(frozen=True)
class Liver:
    """What is not known of a liver and of the mixtures, SI units.

    length, spacing, fracture: of cracks; contact: stress on the needle; three, six: viscosity of the 3 % and 6 %
    mixtures over that of ethanol.
    """

    pores: Pores
    length: float
    spacing: float
    contact: float
    fracture: float
    three: float
    six: float

    def viscosity(self, share: int) -> float:
        """Of the mixture with `share` % of ethyl cellulose [Pa s]."""
        return ETHANOL * {0: 1.0, 3: self.three, 6: self.six}[share]


def draws() -> list[Liver]:
    """Livers from the priors; the same ones each time."""
    generator = np.random.default_rng(SEED)
    columns = {name: look_up(row, name).si_spread.sample(DRAWS, generator) for name, row in PRIORS.items()}
    columns["poisson"] = 0.1 + 0.35 * generator.random(DRAWS)
    columns["three"], columns["six"] = 2.0 * 5.0 ** generator.random(DRAWS), 5.0 * 10.0 ** generator.random(DRAWS)
    found = []
    for n in range(DRAWS):
        row = {name: float(column[n]) for name, column in columns.items()}
        pores = Pores(**{name: row.pop(name) for name in Pores.__annotations__})
        found.append(Liver(pores, **row))
    return found


def model(liver: Liver, viscosity: float) -> FlowModel:
    """The cube with its needle, at rest."""
    grid = VoxelGrid((CELLS,) * 3, (EDGE / CELLS,) * 3, (0.5 * EDGE / CELLS,) * 3)
    active, conductivity = np.ones(grid.shape, bool), np.full(grid.shape, liver.pores.conductivity)
    pores = liver.pores
    tissue = TissueFlow(
        pores.porosity,
        ConvexStiffening(pores.modulus, pores.stiffening),
        ExponentialConductivity(pores.rise, pores.opening),
        SealedTissue(),
        CubicCracks(liver.length, liver.spacing, pores.plane_modulus, viscosity, CEILING),
    )
    outer, inner = (look_up(f"device/needle_{side}_radius.gauge_27", side).si for side in ("outer", "inner"))
    cavity = look_up("device/cavity_radius.assumed", "cavity").si
    middle = 0.5 * EDGE
    shaft = Shaft(
        (middle, middle, EDGE - DEPTH), (middle, middle, EDGE), Tube(outer, inner, NEEDLE),
        Hold(liver.contact, pores.shear, 0.0), OpenTip(cavity), OpenExit(0.0), PIECES,
    )  # fmt: skip
    flow = FlowModel(
        grid,
        CrackedTissues((tissue,), np.full(grid.shape, liver.fracture), NoMemory()),
        np.zeros(grid.shape, np.uint8),
        conductivity,
        active,
        OuterFaces.uniform(Dirichlet(0.0)),
        track=TrackNetwork.in_voxels(((shaft,),), viscosity, grid, conductivity, active),
    )
    outcome = flow.find_rest(np.ones(grid.shape))
    assert outcome.ok, str(outcome)
    return flow


@dataclass
class Injection:
    """What an injection did. Volumes [m3]: by the track's exit, into open cracks, left in tissue; cracked_at: volume
    given when the pressure first passed the fracture pressure, infinite if it never did. peak: [Pa]. open_ledger: [1].
    """

    exit: float = 0.0
    cracks: float = 0.0
    kept: float = 0.0
    cracked_at: float = np.inf
    peak: float = 0.0
    refused: int = 0
    steps: int = 0
    open_ledger: float = 0.0

    @property
    def leaked(self) -> float:
        """Share of what was given."""
        return (self.exit + self.cracks) / VOLUME


def inject(liver: Liver, share: int, rate: float) -> Injection:
    """Give 500 uL of a mixture at a rate [m3/s], with the step control of a run; small steps up to 50 uL."""
    flow, done = model(liver, liver.viscosity(share)), Injection()
    ones, now, end = np.ones(flow.grid.shape), 0.0, VOLUME / rate
    pressure, ratio, gained = flow.rest.copy(), ones.copy(), 0.0
    start, dt = float(flow.along.track.volume.sum()), 0.02 * SMALL / rate
    while now < end:
        dt = min(dt, end - now, 0.2 * SMALL / rate if now * rate < SMALL else np.inf)
        trial = flow.try_step(pressure, ratio, ones, ((rate, 0.0),), dt)
        error = trial.error / (rate * max(now + dt, 1e-3 * end))
        if not trial.outcome.ok or error > TOLERANCE:
            done.refused += not trial.outcome.ok
            dt *= float(np.clip(0.9 * np.sqrt(TOLERANCE / error), 0.1, 0.9)) if trial.outcome.ok else 0.25
            if done.refused > 100:
                raise RuntimeError(f"{liver}, {share} %, {rate:.3g} m3/s, {now:.3g} s: {trial.outcome}")
            continue
        pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
        booking = fluid_booking(flow.flows, dt)
        gained += booking.net
        done.exit += booking.lost["track exit"]
        done.cracks += float(flow.flows.crack_needle.sum()) * dt
        flow.accept()
        now, done.steps = (end if dt == end - now else now + dt), done.steps + 1
        done.peak = max(done.peak, flow.needle_pressure(pressure, rate), float(pressure.max()))
        if done.peak > liver.fracture:
            done.cracked_at = min(done.cracked_at, now * rate)
        dt *= float(np.clip(0.9 * np.sqrt(TOLERANCE / max(error, 1e-300)), 0.2, 4.0))
    done.kept = float((ratio - 1.0).sum()) * flow.grid.voxel_volume
    held = float(flow.along.track.volume.sum()) - start
    done.open_ledger = abs(done.kept + held - gained) / VOLUME
    return done
