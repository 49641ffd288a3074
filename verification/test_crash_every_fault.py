"""Every change that a three-step run makes on the disk fails once, in every way; and runs are killed a hundred times.

After each the folder is empty or a record of what was committed, its ledgers close, nothing half written lies under a
name of its own, and the resumed run ends with the bytes of the uninterrupted one (`tests/faults.py`).
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from faults import FAULTS, asked

VEHICLE = [{"agent": "vehicle"}]
TWO = [{"agent": "vehicle"}, {"agent": "chlorine_dioxide", "concentration": "3 g/L"}]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and signals are those of Unix")


def assert_fine(found: dict) -> None:
    """Nothing went wrong; what went wrong is told."""
    assert not found["wrong"], f"{len(found['wrong'])} of {found['tried']}:\n" + "\n".join(found["wrong"][:5])


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_change_of_the_disk_may_fail(tmp_path, fault):
    found = asked(tmp_path, "survey", VEHICLE, fault=fault)
    assert_fine(found)
    assert found["tried"] == found["changes"] > 200


@pytest.mark.slow
def test_a_resumed_run_may_fail_again(tmp_path):
    found = asked(tmp_path, "resumes", TWO, rounds=30, seed=20)
    assert_fine(found)
    assert found["tried"] == 30


@pytest.mark.slow
def test_a_hundred_kills_at_random_moments(tmp_path):
    """SIGKILL to a process that runs `oxablate run`, forked so that its moments fall into the run and not before it."""
    found = asked(tmp_path, "kills", TWO, number=100, seed=3)
    assert_fine(found)
    assert found["tried"] == 100 and found["states"].get("running", 0) > 30


@pytest.mark.slow
def test_kills_of_the_program_itself(tmp_path):
    """The same with an interpreter started anew each time, imports and all."""
    found = asked(tmp_path, "kills", TWO, number=10, seed=4, anew=True)
    assert_fine(found)
    assert found["tried"] == 10
