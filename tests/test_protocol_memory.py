"""How much memory a case is said to need: by its model and species, and never less than it takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cases import small_case, write_case
from needle_cases import HAND, OTHER, TUBE

from oxablate.protocol.memory import BASE_BYTES, COUPLED, CRACKED, FLOW, SPECIES, memory_needed
from oxablate.protocol.stages import inspect

SHAPE = (50, 40, 30)
VOXELS = 60_000
CRACKS = dict(model__cracks="cubic")
GAP, TIGHT = (TUBE | dict(model__track=kind) for kind in ("gap", "tight"))
TRACER = dict(tracer={"agent": "inert_tracer", "concentration": "1 g/L"})
PLAIN = dict(arms=[{"agent": "vehicle"}])


@pytest.mark.parametrize(
    ("changes", "coupled", "species"),
    [
        (PLAIN, 0, 0), ({}, 0, 1), (TRACER, 0, 2), (CRACKS, 1, 1), (GAP, 1, 1), (TIGHT, 0, 1),
        (TIGHT | dict(needle=TUBE["needle"] | {"others": [OTHER]}, injection__needles="one_hub"), 1, 1),
        (TIGHT | dict(injection={"volume": "20 uL", "hand": HAND}), 1, 1), (PLAIN | GAP | CRACKS | TRACER, 1, 1),
        (dict(arms=[{"agent": "vehicle"}, {"agent": "chlorine_dioxide", "concentration": "3 g/L"}]), 0, 1),
    ],
)  # fmt: skip
def test_cracks_a_track_and_every_species_need_more(changes, coupled, species):
    needed = memory_needed(SHAPE, small_case(**changes))
    parts = coupled * COUPLED + ("model__cracks" in changes) * CRACKED + species * SPECIES
    assert needed == BASE_BYTES + VOXELS * (FLOW + parts)


def test_inspect_says_what_the_model_of_the_case_needs(tmp_path):
    plain, torn = (inspect(write_case(tmp_path / f"{n}.yaml", **c)) for n, c in enumerate(({}, CRACKS)))
    voxels = plain.setting.subject.grid.size
    assert torn.memory_needed - plain.memory_needed == (COUPLED + CRACKED) * voxels


#: Runs a case for some steps in a process of its own, and prints its peak of memory and the voxels of its grid.
CHILD = """
import json, sys
from oxablate.protocol.run import Asked, run
from oxablate.protocol.stages import inspect
steps = iter(range(8))
inspected = inspect(sys.argv[1])
run(sys.argv[1], sys.argv[2], asked=Asked(stop=lambda: next(steps, None) is None))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([1024 * int(peak.split()[1]), inspected.memory_needed, inspected.setting.subject.grid.size]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the system does not say what a process took")
@pytest.mark.parametrize("changes", [{}, GAP | CRACKS | TRACER], ids=["plain", "cracks, gap and tracer"])
def test_what_is_said_is_what_a_run_takes(tmp_path, changes):
    """At most what is said, and of what goes by voxel at least a half, on about 60^3 voxels."""
    case = write_case(tmp_path / "case.yaml", subject__phantom__spacing="0.55 mm", **changes)
    # the first compiles, and its memory is that of the compiler
    for out in ("first", "second"):
        said = subprocess.run(
            [sys.executable, "-c", CHILD, case, tmp_path / out], check=True, capture_output=True, text=True
        )
    peak, needed, voxels = json.loads(said.stdout.splitlines()[-1])
    assert voxels > 50**3
    assert peak <= needed
    assert peak - 0.5 * BASE_BYTES > 0.5 * (needed - BASE_BYTES)
