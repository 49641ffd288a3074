"""Injections into tissue that cracks: 4.2 mL at 1 mL/min into a 3 cm tumour, flow only. A part of mechanics.py.

For each conductivity of the tumour: seconds, peak memory, error of the fluid's ledger, pressure at the needle over the
middle fracture pressure, the share of steps that the non-linear solver refused, its work, and where the liquid went.
The fracture pressure is a log-normal field with a correlation length of 6 mm. Steps are controlled as in a run. Seconds
are those of a clock: judge them on an idle machine; cpu_time is what this process had, of all its threads.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np

from oxablate.anatomy.heterogeneity import LogNormal
from oxablate.physics.flow.budget import fluid_booking
from oxablate.physics.flow.closures import (
    ConvexStiffening,
    CrackedTissues,
    FixedConductivity,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.crack_closures import CubicCracks, NoMemory
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.physics.process import Booking
from oxablate.physics.track.closures import OpenExit, OpenTip
from oxablate.physics.track.shafts import Hold, Shaft, Tube
from oxablate.physics.track.step import TrackNetwork
from oxablate.space.boundary import Dirichlet, OuterFaces
from oxablate.space.grid import VoxelGrid

EDGE, TUMOUR, CAVITY, VISCOSITY = 48e-3, 15e-3, 0.35e-3, 7e-4
VOLUME, RATE = 4.2e-6, 1e-6 / 60
FRACTURE, LOG_VARIANCE, CORRELATION_MM, SEED = 10e3, 0.05, 6.0, 1
CONDUCTIVITIES = (1e-15, 1e-14, 1e-13)
TOLERANCE = 2e-2  # of the volume given so far, as in a run
#: With a track: contact stress and shear modulus [Pa], a 22 G needle of 9 cm [m]; cracks and gap compete.
CONTACT, SHEAR, TUBE = 9e3, 5e3, Tube(0.36e-3, 0.2e-3, 0.09)


def needle(grid: VoxelGrid, conductivity: np.ndarray, active: np.ndarray, track: bool) -> dict:
    """Where the fluid enters in the middle: a cavity alone, or a needle from the upper face with the gap along it."""
    tip = tuple(float(x) for x in grid.index_to_world([(n - 1) / 2 for n in grid.shape]))
    if not track:
        return {"needle": EndHole(grid, tip, CAVITY, active)}
    end = (*tip[:2], tip[2] + 0.5 * EDGE)
    hold = Hold(CONTACT, SHEAR, 0.0)
    shaft = Shaft(tip, end, TUBE, hold, OpenTip(CAVITY), OpenExit(0.0), grid.shape[2] // 2)
    return {"track": TrackNetwork.in_voxels(((shaft,),), VISCOSITY, grid, conductivity, active)}


def ball(n: int, conductivity: float, track: bool = False) -> FlowModel:
    """A tumour of 3 cm in a softer host, both cracking."""
    h = EDGE / n
    grid = VoxelGrid((n,) * 3, (h,) * 3, (0.0,) * 3, tuple(map(tuple, np.eye(3))))
    r = np.linalg.norm((np.indices(grid.shape) - (n - 1) / 2) * h, axis=0)
    label, active = (r >= TUMOUR).astype(np.uint8), np.ones(grid.shape, bool)
    law = CubicCracks(3e-3, 3e-3, 20e3, VISCOSITY, 1e-9)
    tissues = tuple(
        TissueFlow(0.3, ConvexStiffening(modulus, 2.0), FixedConductivity(), SealedTissue(), law)
        for modulus in (20e3, 5e3)
    )
    fracture = FRACTURE * LogNormal(LOG_VARIANCE, CORRELATION_MM, SEED).factor(grid)
    field = np.where(label == 0, conductivity, 1e-13)
    flow = FlowModel(
        grid, CrackedTissues(tissues, fracture, NoMemory()), label, field, active, OuterFaces.uniform(Dirichlet(0.0)),
        **needle(grid, field, active, track),
    )  # fmt: skip
    outcome = flow.find_rest(np.ones(grid.shape))
    if not outcome.ok:
        raise SystemExit(str(outcome))
    return flow


def add(total: Booking, step: Booking) -> None:
    """Enter the booking of a step."""
    for name, amount in step.gained.items():
        total.gain(name, amount)
    for name, amount in step.lost.items():
        total.lose(name, amount)


def inject(flow: FlowModel, volume: float) -> dict:
    """Inject a volume [m3] with the step control of a run; counts, pressures, ledger."""
    ones, now, end = np.ones(flow.grid.shape), 0.0, volume / RATE
    pressure, ratio, booked, highest = flow.rest.copy(), ones.copy(), Booking(), 0.0
    empty = in_track(flow)
    dt, steps, refused, rejected = 0.2 * flow.grid.voxel_volume / RATE, 0, 0, 0
    begin, cpu = time.perf_counter(), time.process_time()
    while now < end:
        dt = min(dt, end - now)
        trial = flow.try_step(pressure, ratio, ones, RATE, dt)
        error = trial.error / (RATE * max(now + dt, 1e-3 * end))
        if not trial.outcome.ok:
            refused, dt = refused + 1, 0.25 * dt
        elif error > TOLERANCE:
            rejected, dt = rejected + 1, dt * float(np.clip(0.9 * np.sqrt(TOLERANCE / error), 0.1, 0.9))
        else:
            pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
            flow.accept()
            add(booked, fluid_booking(flow.flows, dt))
            now, steps = (end if dt == end - now else now + dt), steps + 1
            highest = max(highest, flow.needle_pressure(pressure, RATE))
            dt *= float(np.clip(0.9 * np.sqrt(TOLERANCE / max(error, 1e-300)), 0.2, 4.0))
        if refused > 200:
            raise SystemExit(f"gave up at {now:.6g} s: {trial.outcome}")
    return {
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "pressure": highest / FRACTURE,
        "refused": refused / (steps + refused + rejected),
        "steps": steps,
        "rejected": rejected,
        "newton_per_stage": flow.joint.newton_steps / max(flow.joint.stages, 1),
        "linear_per_newton": flow.joint.linear_steps / max(flow.joint.newton_steps, 1),
        **went(flow, pressure, ratio, booked, in_track(flow) - empty),
    }


def in_track(flow: FlowModel) -> float:
    """Volume [m3] in the gaps."""
    return 0.0 if flow.along is None else float(flow.along.track.volume.sum())


def went(flow: FlowModel, pressure, ratio, booked: Booking, held: float) -> dict:
    """Where the liquid is, in mL, and by how much its ledger is open, over the volume given. held: in the gaps [m3]."""
    cell = flow.grid.voxel_volume
    stored, cracked = float((ratio - 1.0).sum()) * cell, float(flow.crack_volume(pressure).sum()) * cell
    places = {
        "in_pores": stored - cracked,
        "in_cracks": cracked,
        "beyond_the_box": booked.lost["far tissue"] - booked.gained["far tissue"],
        "in_track": held,
        "out_of_track": booked.lost.get("track exit", 0.0),
        "torn_tissue": float((pressure > flow.joint.fracture).sum()) * cell,
    }
    return {"ledger": abs(stored + held - booked.net) / booked.gained["needle"]} | {
        f"{name}_mL": 1e6 * v for name, v in places.items()
    }


def run_apart(n: int, conductivity: float, volume: float = VOLUME, track: bool = False) -> dict:
    """One injection in a process of its own: its peak memory is its own, its kernels come from the cache."""
    command = [sys.executable, __file__, str(n), repr(conductivity), repr(volume), str(int(track))]
    out = subprocess.run(command, capture_output=True, text=True)
    if out.returncode:
        raise RuntimeError((out.stderr.strip().splitlines() or ["it ended without a word"])[-1])
    return json.loads(out.stdout.splitlines()[-1])


def figures(n: int, conductivities, track: bool = False) -> list:
    """The rows of one size; a short injection first, which compiles. track: with the gap along the needle."""
    from common import Figure

    run_apart(n, CONDUCTIVITIES[0], 1e-3 * VOLUME, track)
    limit, rows = {48: "<= 60", 96: "<= 720"}.get(n, ""), []
    for conductivity in conductivities:
        found = run_apart(n, conductivity, VOLUME, track)
        name = f"cracks.{n}.K{conductivity:.0e}{'.track' if track else ''}"
        rows += [
            Figure.judged(f"{name}.time", found.pop("seconds"), "s", limit),
            Figure.judged(f"{name}.cpu_time", found.pop("cpu"), "s", ""),
            Figure.judged(f"{name}.memory", found.pop("bytes") / 1e9, "GB", "<= 1"),
            Figure.judged(f"{name}.ledger_error", found.pop("ledger"), "1", "<= 1e-9"),
            Figure.judged(f"{name}.needle_over_fracture_pressure", found.pop("pressure"), "1", "<= 3"),
            Figure.judged(f"{name}.refused_share", found.pop("refused"), "1", "<= 0.05"),
        ]
        for what, value in found.items():
            rows.append(Figure.judged(f"{name}.{what}", value, "mL" if what.endswith("mL") else "1", ""))
    return rows


if __name__ == "__main__":
    size, k, given, gap = sys.argv[1:]
    print(json.dumps(inject(ball(int(size), float(k), gap == "1"), float(given))))
