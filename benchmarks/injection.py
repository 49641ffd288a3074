"""The injection benchmark: 10 mL/h into K = 1e-12, H = 5 kPa, 5 minutes of injection and 10 of rest, three pools.

Prints time and peak memory at n^3 voxels, the exponent of time in voxels from 64^3 to n^3, and for each kernel the
time per voxel-step over the time to move its bytes once (the roofline), with the bandwidth measured in the same run.
"""

import argparse
import json
import math
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


#: Bytes that each sweep must move per voxel when every array passes the memory once (float64 words and label bytes).
BYTES = {"pore_state": 4 * 8 + 1, "inner_fluxes": 11 * 8 + 1, "balance": 13 * 8 + 2, "blend": 3 * 8, "apply_newton": 24}


class Clocked:
    """A kernel that counts its calls and seconds."""

    def __init__(self, kernel) -> None:
        self.kernel, self.calls, self.seconds = kernel, 0, 0.0

    def __call__(self, *arguments):
        begin = time.perf_counter()
        result = self.kernel(*arguments)
        self.seconds += time.perf_counter() - begin
        self.calls += 1
        return result


def clocked_kernels() -> dict[str, Clocked]:
    """Put a clock on the sweeps of the flow, and on the operator of its linear solver."""
    from oxablate.numerics import elliptic
    from oxablate.physics.flow import kernels

    clocks = {name: Clocked(getattr(kernels, name)) for name in BYTES}
    for name, clock in clocks.items():
        setattr(kernels, name, clock)
    clocks["apply_operator"] = Clocked(elliptic.apply_operator)
    elliptic.apply_operator = clocks["apply_operator"]
    return clocks


def run_once(n: int) -> dict:
    """Set up and run the case in this process: seconds, peak bytes, counts, seconds per sweep."""
    clocks = clocked_kernels()
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
        "per_call": {name: clock.seconds / clock.calls for name, clock in clocks.items() if clock.calls},
    }


def run_apart(n: int) -> dict:
    """The same in a process of its own: its peak memory is its own, and its kernels come from the cache."""
    out = subprocess.run([sys.executable, __file__, "--child", str(n)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout.splitlines()[-1])


def figures(n: int) -> list:
    """All rows: a run that compiles, then one each on 64^3 and n^3 voxels."""
    from common import Figure, triad_bandwidth

    run_apart(64)  # compiles, the kernels for large arrays too; its time is not used
    small, large = run_apart(64), run_apart(n)
    exponent = math.log(large["seconds"] / small["seconds"]) / math.log(large["voxels"] / small["voxels"])
    bandwidth = triad_bandwidth()
    rows = [
        Figure.judged(f"injection.time_{n}", large["seconds"], "s", "<= 120"),
        Figure.judged(f"injection.memory_{n}", large["bytes"] / 1e9, "GB", "<= 1.5"),
        Figure.judged(f"injection.voxel_exponent_64_{n}", exponent, "1", "<= 1.15"),
        Figure.judged("injection.time_64", small["seconds"], "s", ""),
        Figure.judged(f"injection.flow_steps_{n}", large["flow_steps"], "1", ""),
        Figure.judged(f"injection.substeps_{n}", large["substeps"], "1", ""),
        Figure.judged("injection.ledger_error", large["ledger_error"], "1", ""),
        Figure.judged("injection.bandwidth", bandwidth, "GB/s", ""),
    ]
    for name, bytes_moved in (BYTES | {"apply_operator": 6 * 8}).items():
        if name in large["per_call"]:
            roofline = bytes_moved * large["voxels"] / (bandwidth * 1e9)
            rows.append(Figure.judged(f"injection.roofline_{name}", large["per_call"][name] / roofline, "1", ""))
    return rows


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=int)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(run_once(arguments.child)))
        return
    from common import report

    report(figures(arguments.n), arguments.json)


if __name__ == "__main__":
    main()
