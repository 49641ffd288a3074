"""`oxablate run` with a progress bar that shows simulated and remaining time, and a Ctrl-C that keeps what there is."""

import signal
import sys
from pathlib import Path

import typer

from ..protocol.run import Asked, run
from ..protocol.stages import inspect
from ..quantities import dimension as dim
from ..quantities.refusal import BadInput
from ..quantities.research_only import RESEARCH_ONLY
from ..quantities.unit import show


def run_with_progress(case: Path, out: Path, resume: bool) -> None:
    """Run a case in the foreground; raises what `run` raises, exits with 130 after Ctrl-C."""
    typer.echo(inspect(case))
    if resume and not (out / "record.json").is_file():
        raise BadInput(f"--resume: {out} holds no run to go on with; leave --resume out to start one there")
    stopping = _StopFlag()
    with stopping, _bar() as progress:
        tasks: dict[str, int] = {}

        def show_progress(arm: str, time: float, end: float) -> None:
            if arm not in tasks:
                tasks[arm] = progress.add_task(arm, total=end, simulated="")
            progress.update(tasks[arm], completed=time, simulated=f"{show(time, dim.TIME)} of {show(end, dim.TIME)}")

        try:
            record = run(case, out, resume, Asked(show_progress, stopping.asked))
        except KeyboardInterrupt:  # the second Ctrl-C
            if not (out / "record.json").is_file():
                raise
            record = None
    if record is None or record.about["status"] == "stopped":
        kept = "what was kept last is safe" if record is None else "what was computed is kept"
        typer.echo(f"stopped; {kept}. Go on with: oxablate run {case} --out {out} --resume", err=True)
        raise SystemExit(130)
    typer.echo(f"record: {out}\n{RESEARCH_ONLY}\nnext: oxablate report {out}")


def _bar():
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description:<18}"), BarColumn(bar_width=30), TextColumn("{task.fields[simulated]:<24}"),
        TextColumn("elapsed"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        console=console, transient=False, refresh_per_second=4, disable=not console.is_terminal,
    )  # fmt: skip


class _StopFlag:
    """Catches the first Ctrl-C as a request to stop after the current step; a second one is immediate."""

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
        print("stopping after this step; press Ctrl-C again to stop at once", file=sys.stderr)

    def asked(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._wanted
