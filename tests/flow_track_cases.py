"""A lump that cracks in a softer box, with needles whose track is part of the flow, in any units."""

import numpy as np

from oxablate.physics.flow.budget import fluid_booking
from oxablate.physics.flow.closures import (
    ConvexStiffening,
    CrackedTissues,
    ExponentialConductivity,
    FixedConductivity,
    FluidExchange,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.crack_closures import CubicCracks, NoCracks, NoMemory, NonLocalMemory
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.physics.process import Booking
from oxablate.physics.track.closures import OpenExit, OpenTip, TightTrack
from oxablate.physics.track.shafts import Hold, Shaft, Tube
from oxablate.physics.track.step import TrackNetwork
from oxablate.space.boundary import Dirichlet, OuterFaces
from oxablate.space.grid import VoxelGrid

EYE = tuple(map(tuple, np.eye(3)))
SHAPE, H = (10, 9, 11), 1.5e-3
RATE = 2e-8  # m3/s
SI = (1.0, 1.0, 1.0)  # m, kg, s
TIP = (4.3, 4.1, 4.4)  # in voxels
TIGHT, LEAKY = TightTrack(), Hold(8.4e3, 1e4, 0.0)


class Units:
    """Factors from SI to other units, given by the size of the units of length, mass and time in SI."""

    def __init__(self, units):
        self.m, kg, self.s = (1.0 / unit for unit in units)
        self.pa, self.flow = kg / (self.m * self.s**2), self.m**3 / self.s


def needle(unit, tip=TIP, up=(0.0, 0.0, 1.0), hold=LEAKY, **changes) -> Shaft:
    """An end-hole needle of 22 gauge that leaves the box, or nearly so, in the direction `up`; tip in voxels."""
    h = H * unit.m
    if isinstance(hold, Hold):
        hold = Hold(hold.contact_stress * unit.pa, hold.shear_modulus * unit.pa, hold.standing_gap * unit.m)
    given = {
        "tip": tuple(float(x) * h for x in tip),
        "end": tuple(float(x + 6.0 * u) * h for x, u in zip(tip, up, strict=True)),
        "tube": Tube(0.36e-3 * unit.m, 0.2e-3 * unit.m, 0.09 * unit.m),
        "hold": hold,
        "opening": OpenTip(0.35e-3 * unit.m),
        "ending": OpenExit(0.0),
        "pieces": 9,
        "holes": (),
    }
    return Shaft(**(given | changes))


class Case:
    """An injection through a track. groups: of shafts, built by functions of the units; None: an end hole instead."""

    def __init__(self, groups=((needle,),), units=SI, cracking=True, memory=False, flip=None):
        unit = self.unit = Units(units)
        h, position = H * unit.m, np.indices(SHAPE).astype(float)
        self.grid = VoxelGrid(SHAPE, (h, h, h), (0.0, 0.0, 0.0), EYE)
        uneven = 1.0 + 0.1 * np.sin(0.7 * position[0] + 0.4 * position[1]) * np.cos(0.5 * position[2])
        middle = np.array(TIP)[:, None, None, None]
        label = (np.linalg.norm(position - middle, axis=0) > 3.2).astype(np.uint8)
        if flip is not None:
            uneven, label = np.flip(uneven, flip), np.flip(label, flip)
        self.ones, active = np.ones(SHAPE), np.ones(SHAPE, bool)
        scale = unit.m**2 / (unit.pa * unit.s)
        k = np.ascontiguousarray(np.where(label == 0, 1e-13, 1e-12) * scale)
        viscosity = 7e-4 * unit.pa * unit.s
        law = CubicCracks(3e-3 * unit.m, 3e-3 * unit.m, 2e4 * unit.pa, viscosity, 1e-9 * scale)
        given = self.tissues(law if cracking else NoCracks())
        if cracking:
            kept = NonLocalMemory(0.9, 2e-5 * unit.m) if memory else NoMemory()
            given = CrackedTissues(given, np.ascontiguousarray(1e4 * unit.pa * uneven), kept)
        end_hole, track = None, None
        if groups is None:
            end_hole = EndHole(self.grid, tuple(x * h for x in TIP), 0.35e-3 * unit.m, active)
        else:
            shafts = tuple(tuple(build(unit) for build in group) for group in groups)
            track = TrackNetwork.in_voxels(shafts, viscosity, self.grid, k, active)
        self.track = track
        outer = OuterFaces.uniform(Dirichlet(0.0))
        self.flow = FlowModel(self.grid, given, np.ascontiguousarray(label), k, active, outer, end_hole, track)
        assert self.flow.find_rest(self.ones).ok
        self.pressure, self.ratio, self.fluid = self.flow.rest.copy(), np.ones(SHAPE), Booking()
        self.begun = self.held()

    def tissues(self, law):
        pa, s = self.unit.pa, self.unit.s
        exchange = FluidExchange(2e-9 / (pa * s), 0.0, 1e-9 / (pa * s), 100.0 * pa)
        conductivity = ExponentialConductivity(2.0, 500.0 * pa)
        return (
            TissueFlow(0.3, ConvexStiffening(2e4 * pa, 2.0), conductivity, exchange, law),
            TissueFlow(0.3, ConvexStiffening(5e3 * pa, 2.0), FixedConductivity(), SealedTissue(), law),
        )

    def held(self) -> float:
        """Fluid beyond rest in pores, cracks and track [m3]."""
        return float((self.ratio - 1.0).sum()) * self.grid.voxel_volume + self.flow.track_volume()

    def go(self, steps, seconds=0.5, drives=RATE, tolerance=1e-7):
        """Accepted steps of equal length; drives: a flow rate, or pairs (rate, slope), in SI."""
        unit = self.unit
        if isinstance(drives, float):
            drives = drives * unit.flow
        else:
            drives = tuple((rate * unit.flow, slope * unit.flow / unit.pa) for rate, slope in drives)
        for _ in range(steps):
            done = self.flow.try_step(self.pressure, self.ratio, self.ones, drives, seconds * unit.s, tolerance)
            assert done.outcome.ok, done.outcome
            self.pressure[...], self.ratio[...] = self.flow.pressure_next, self.flow.ratio_next
            booking = fluid_booking(self.flow.flows, seconds * unit.s)
            for name, amount in booking.gained.items():
                self.fluid.gain(name, amount)
            for name, amount in booking.lost.items():
                self.fluid.lose(name, amount)
            self.flow.accept()
        return self
