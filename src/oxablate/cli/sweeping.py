"""`oxablate sweep` with a progress bar that counts members, and a Ctrl-C that keeps those that are done."""

import signal
import sys
from pathlib import Path

import typer

from ..experiments.executor import LocalProcesses
from ..experiments.folder import DESIGN
from ..experiments.sweep import plan_sweep, sweep
from ..protocol.run import Asked
from ..quantities.refusal import BadInput
from ..quantities.research_only import RESEARCH_ONLY


def sweep_with_progress(case: Path, n: int, out: Path, workers: int | None, seed: int | None, resume: bool) -> None:
    """Run a sweep in the foreground; raises what `sweep` raises, exits with 130 after Ctrl-C."""
    if workers is not None and workers < 1:
        raise BadInput(
            f"--workers: {workers} came, a whole number from 1 on is allowed; leave it out or give 1 or more"
        )
    if resume and not (out / DESIGN).is_file():
        raise BadInput(f"--resume: {out} holds no sweep to go on with; leave --resume out to start one there")
    plan = plan_sweep(case, n, seed)
    count, fewer = plan.workers(workers)
    typer.echo(f"{plan}\nWorkers  {fewer or count}")
    stopping = _StopFlag()
    with stopping, _bar() as bar:
        task = bar.add_task("members", total=n)

        def show(what: str, done: float, total: float) -> None:
            bar.update(task, description=what, completed=done, total=total)

        asked = Asked(show, stopping.asked)
        try:
            found = sweep(plan, None, out, resume=resume, executor=LocalProcesses(count), asked=asked)
        except KeyboardInterrupt:  # the second Ctrl-C
            if not (out / DESIGN).is_file():
                raise
            found = None
    if found is None or found.about["status"] == "stopped":
        again = f"oxablate sweep {case} -n {n} --seed {plan.seed} --out {out} --resume"
        typer.echo(f"stopped; the members that were done are kept. Go on with: {again}", err=True)
        raise SystemExit(130)
    typer.echo(f"{found}\n{RESEARCH_ONLY}\nresults: {out / 'results.csv'}")


def _bar():
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description:<18}"), BarColumn(bar_width=30), MofNCompleteColumn(),
        TextColumn("elapsed"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        console=console, transient=False, refresh_per_second=4, disable=not console.is_terminal,
    )  # fmt: skip


class _StopFlag:
    """Catches the first Ctrl-C as a request to stop and keep what is done; a second one is immediate."""

    def __init__(self) -> None:
        self._wanted = False
        self._before = None

    def __enter__(self):
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, *_) -> None:
        if self._wanted:
            raise KeyboardInterrupt
        self._wanted = True
        print("stopping; members that are done are kept, those in flight are dropped", file=sys.stderr)

    def asked(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._wanted
