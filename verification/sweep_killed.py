"""A sweep that is killed again and again: what was lost, what was computed twice, and whether the results are the same.

`killed_sweep` starts `oxablate sweep` in a process group of its own, kills the whole group with SIGKILL while it works,
looks at which members lie in the folder, resumes, and so on. Workers note every start of a member in an append-only
log, outside the program's own files. Run as a script it is the sweep itself, with that log.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from oxablate.experiments.executor import LocalProcesses
from oxablate.experiments.member import Computed, Member, MemberTask

#: A phantom of 24 x 24 x 24 voxels, an agent that reacts and plain fluid, a short injection.
CASE_24 = """
oxablate: 1
title: Sweep
question: Is a member lost or run twice when the sweep is killed?
subject:
  phantom:
    recipe:
      shape: {kind: ellipsoid, semi_axes: [10 mm, 10 mm, 10 mm]}
      core: none
      capsule: none
      septa: none
      surroundings: {host: liver, margin: 14 mm, skin: none}
      heterogeneity: {kind: log_normal, log_variance: 0.2, correlation_length: 6 mm, seed: 5}
    spacing: 2 mm
parameters: {set: generic-tumour, override: {tumour_viable.hydraulic_conductivity: "1e-12 m^2/(Pa s)"}}
needle: {tip: centroid, cavity_radius: 0.35 mm}
injection: {volume: 5 uL, flow_rate: 10 uL/min}
arms:
  - {agent: chlorine_dioxide, concentration: 3 g/L}
  - {agent: vehicle}
follow: 1 min
model: {pores: opening, beyond: tissue, injury: thiol_loss}
output: {every: 30 s}
seed: 1
"""


class LoggedTask(MemberTask):
    """A member task that notes each start before it computes."""

    def __call__(self, member: Member) -> Computed:
        handle = os.open(os.environ["SWEEP_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{member.number}\n".encode())
        os.close(handle)
        return super().__call__(member)


def killed_sweep(folder: Path, members: int = 200, kills: int = 10, seed: int = 1, workers: int = 2) -> dict:
    """Kill a sweep of the 24^3 case at random moments and resume it each time; plain figures.

    lost: members whose file was there after a kill and was missing, or other, later, or that the results lack. twice:
    members started although their file was there. kills: how many met a working sweep. seconds: of all sessions.
    sha256: of the results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    case, out, log = folder / "case.yaml", folder / "out", folder / "started.log"
    case.write_text(CASE_24)
    log.touch()
    moments, done, lost, twice, met, begun = random.Random(seed), {}, set(), set(), 0, time.perf_counter()
    while True:
        already = len(log.read_text().split())
        share = 1.0 / (kills - met + 1) if met < kills else None
        goal = None if share is None else len(done) + moments.random() * 2.0 * share * (members - len(done))
        killed = _session(case, out, log, members, workers, goal, moments.random() * 0.3)
        started = {int(word) for word in log.read_text().split()[already:]}
        twice |= started & set(done)
        now = _members_in(out)
        lost |= {number for number, content in done.items() if now.get(number) != content}
        done = now
        met += killed
        if not killed:
            break
    seconds = time.perf_counter() - begun
    results = (out / "results.csv").read_bytes()
    found = {int(line.split(",")[0]) for line in results.decode().splitlines()[1:]}
    lost |= set(range(1, members + 1)) - found
    figures = {"lost": len(lost), "twice": len(twice), "kills": met, "members": len(found), "seconds": seconds}
    return figures | {"rows": results.count(b"\n") - 1, "sha256": hashlib.sha256(results).hexdigest()}


def _session(case: Path, out: Path, log: Path, members: int, workers: int, goal: float | None, wait: float) -> bool:
    """Start or resume the sweep; kill the group a moment after `goal` members are there. Whether it was killed."""
    resume = ["--resume"] if (out / "design.csv").exists() else []
    command = [sys.executable, __file__, str(case), str(members), str(out), str(workers), *resume]
    process = subprocess.Popen(command, env=os.environ | {"SWEEP_LOG": str(log)}, start_new_session=True)
    while goal is not None and process.poll() is None:
        if len(list((out / "members").glob("*.json"))) >= goal:
            time.sleep(wait)
            break
        time.sleep(0.01)
    if goal is not None and process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    status = process.wait()
    if status not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the sweep ended with exit status {status}")
    return status != 0


def _members_in(out: Path) -> dict[int, bytes]:
    """The members that lie in a folder, with their bytes."""
    return {int(path.stem): path.read_bytes() for path in (out / "members").glob("*.json")}


def main() -> None:
    """The sweep with the log, as a process that can be killed: CASE N OUT WORKERS [--resume]."""
    # workers know this file by its name in the folder, not as the script that was started
    import sweep_killed

    from oxablate.experiments import sweep as module

    module.MemberTask = sweep_killed.LoggedTask
    case, members, out, workers, *resume = sys.argv[1:]
    module.sweep(case, int(members), out, resume=bool(resume), executor=LocalProcesses(int(workers)))


if __name__ == "__main__":
    main()
