"""Start-up: how long `oxablate --help` takes, and whether a second run compiles anything.

Help is timed in fresh processes, median of seven. For the second figure a small case is run twice in fresh processes
that share a new cache folder; the second must find every kernel there, so that no file of the cache appears or changes.
The two runs are of different cases (another volume and rate), since a user's second run is seldom the first one again.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import Figure, report, seconds

PROGRAM = [sys.executable, "-c", "from oxablate.cli.main import main; main()"]
CASE = """
oxablate: 1
title: Start-up
question: Is anything compiled twice?
subject:
  phantom:
    recipe:
      shape: {{kind: ellipsoid, semi_axes: [9 mm, 9 mm, 8 mm]}}
      core: none
      capsule: none
      septa: none
      surroundings: {{host: liver, margin: 7 mm, skin: none}}
      heterogeneity: {{kind: log_normal, log_variance: 0.2, correlation_length: 6 mm, seed: 5}}
    spacing: 2 mm
parameters: {{set: generic-tumour}}
needle: {{tip: centroid, cavity_radius: 0.35 mm}}
injection: {{volume: {volume}, flow_rate: {rate}}}
arms:
  - {{agent: inert_tracer, concentration: 1 g/L}}
  - {{agent: vehicle}}
  - {{agent: chlorine_dioxide, concentration: 3 g/L}}
follow: 30 s
model: {{pores: opening, beyond: tissue, injury: thiol_loss}}
output: {{every: 10 s}}
seed: 1
"""


def command(arguments: list[str], **environment: str) -> None:
    """Run one command in a fresh process; fails when it fails."""
    subprocess.run(PROGRAM + arguments, check=True, capture_output=True, env=os.environ | environment)


def cache_state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of the cache with its size and the time of its last change."""
    stats = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def two_runs(folder: Path) -> list[Figure]:
    """Run two cases one after the other with a cache of their own."""
    cache, times, states = folder / "cache", [], []
    for name, volume, rate in (("first", "1 uL", "2 uL/min"), ("second", "2 uL", "6 uL/min")):
        (folder / f"{name}.yaml").write_text(CASE.format(volume=volume, rate=rate))
        arguments = ["run", str(folder / f"{name}.yaml"), "--out", str(folder / name)]
        times.append(seconds(lambda arguments=arguments: command(arguments, NUMBA_CACHE_DIR=str(cache))))
        states.append(cache_state(cache))
    if not states[0]:
        raise RuntimeError("the first run left no compiled kernels; the figure would say nothing")
    fresh = sum(states[0].get(name) != stat for name, stat in states[1].items())
    return [
        Figure.judged("startup.second_run_new_cache_files", fresh, "files", "<= 0"),
        Figure.judged("startup.first_run_seconds", times[0], "s", ""),
        Figure.judged("startup.second_run_seconds", times[1], "s", ""),
        Figure.judged("startup.cache_files", len(states[0]), "files", ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    command(["--help"])
    help_seconds = statistics.median(seconds(lambda: command(["--help"])) for _ in range(7))
    rows = [Figure.judged("startup.help_seconds", help_seconds, "s", "<= 0.5")]
    with tempfile.TemporaryDirectory() as folder:
        rows += two_runs(Path(folder))
    report(rows, arguments.json)


if __name__ == "__main__":
    main()
