"""The injection benchmark: 10 mL/h into K = 1e-12, H = 5 kPa, 5 minutes of injection and 10 of rest, three pools.

Prints time and peak memory at n^3 voxels, the exponent of time in voxels from 64^3 to n^3, and for each kernel the
time per voxel-step over the time to move its bytes once (the roofline), with the bandwidth measured in the same run.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from oxablate.protocol.case import parse_case
from oxablate.protocol.coupling import ArmRun
from oxablate.protocol.run import event_times
from oxablate.protocol.setting import prepare
from oxablate.quantities.parameter_set import TISSUES

EDGE_MM = 64.0


def benchmark_case(n: int):
    """The case on n^3 voxels of one 64 mm cube; everything but the voxel size is the same for every n."""
    spacing = EDGE_MM / n
    override = {f"{t}.hydraulic_conductivity": "1e-12 m^2/(Pa s)" for t in TISSUES}
    override |= {f"{t}.aggregate_modulus": "5 kPa" for t in TISSUES}
    return parse_case(
        {
            "oxablate": 1,
            "title": "Injection benchmark",
            "question": "How long does it take?",
            "subject": {
                "phantom": {
                    "spacing": f"{spacing!r} mm",
                    "recipe": {
                        "shape": {"kind": "ellipsoid", "semi_axes": ["16 mm"] * 3},
                        "core": "none",
                        "capsule": "none",
                        "septa": "none",
                        "surroundings": {"host": "liver", "margin": "16 mm", "skin": "none"},
                        "heterogeneity": "uniform",
                    },
                }
            },
            "parameters": {"set": "generic-tumour", "override": override},
            "needle": {"tip": "centroid", "cavity_radius": "0.35 mm"},
            "injection": {"volume": f"{10 / 12!r} mL", "flow_rate": "10 mL/h"},
            "arms": [{"agent": "chlorine_dioxide", "concentration": "3 g/L"}],
            "follow": "15 min",
            "model": {"pores": "opening", "beyond": "tissue", "injury": "thiol_loss"},
            "output": {"every": "5 min"},
            "seed": 1,
        },
        "benchmark",
    )


def run_once(n: int) -> dict:
    """Set up and run the case in this process: seconds, peak bytes, counts."""
    case = benchmark_case(n)
    begin = time.perf_counter()
    setting = prepare(case, Path.cwd())
    model = ArmRun(setting, setting.arms[0])
    for until in event_times(setting):
        while model.state.clock.time < until:
            model.step(until)
        if until in (setting.pump.start, setting.pump.end):
            model.state.clock.next_step = 0.0
    seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "voxels": setting.subject.grid.size,
        "flow_steps": model.state.clock.steps,
        "substeps": model.substeps,
        "ledger_error": model.ledger.worst_error,
    }


def run_apart(n: int) -> dict:
    """The same in a process of its own, so that its peak memory is its own and its kernels are loaded from the cache."""
    out = subprocess.run([sys.executable, __file__, "--child", str(n)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=int)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(run_once(arguments.child)))
        return
    from common import Figure, report, triad_bandwidth

    run_apart(16)  # compiles what is not in the cache
    small, large = run_apart(64), run_apart(arguments.n)
    import math

    exponent = math.log(large["seconds"] / small["seconds"]) / math.log(large["voxels"] / small["voxels"])
    figures = [
        Figure(f"injection.time_{arguments.n}", large["seconds"], "s", "<= 120", large["seconds"] <= 120),
        Figure(f"injection.memory_{arguments.n}", large["bytes"] / 1e9, "GB", "<= 1.5", large["bytes"] <= 1.5e9),
        Figure("injection.voxel_exponent_64_128", exponent, "1", "<= 1.15", exponent <= 1.15),
    ]
    notes = {"bandwidth_GB_s": triad_bandwidth() / 1e9, "small": small, "large": large}
    report(figures, notes, as_json=arguments.json)


if __name__ == "__main__":
    main()
