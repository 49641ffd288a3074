"""The shell's way in: `oxablate phantom | inspect | run | report | cite`. Heavy imports wait for their command."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="oxablate",
    help=(
        "An open in-silico laboratory for intratumoral chemical ablation. "
        "Research only: no advice on treating a person."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", help="Folder to write into; it must not hold a run yet.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from ..quantities.research_only import RESEARCH_ONLY

        typer.echo(f"oxablate {version('oxablate')}\n{RESEARCH_ONLY}\nIntended use: INTENDED_USE.md")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Version and intended use.")
    ] = False,
) -> None:
    """The commands, and --version."""


@app.command()
def phantom(
    recipe: Annotated[Path, typer.Argument(help="YAML with recipe and spacing, or a case with a phantom.")],
    out: Out,
    form: Annotated[str, typer.Option(help="File format: .nii.gz, .nii or .nrrd.")] = ".nii.gz",
) -> None:
    """Draw a phantom as an image and a label map."""
    from ..protocol.stages import phantom as draw

    for path in draw(recipe, out, form):
        typer.echo(path)


@app.command()
def inspect(case: Annotated[Path, typer.Argument(help="Case file (YAML).")]) -> None:
    """Check a case and show what it would run, with the memory it needs."""
    from ..protocol.stages import inspect as look

    typer.echo(look(case))


@app.command()
def run(
    case: Annotated[Path, typer.Argument(help="Case file (YAML).")],
    out: Out,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that lies in --out.")] = False,
) -> None:
    """Run a case. Ctrl-C keeps what there is; --resume goes on from there."""
    from .running import run_with_progress

    run_with_progress(case, out, resume)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="Folder that `oxablate run` wrote.")]) -> None:
    """Write DIR/report.html: one self-contained page."""
    from ..report import report as write

    typer.echo(write(folder))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder that `oxablate run` wrote.")],
    times: Annotated[str, typer.Option(help="'last' or 'all' of the kept times.")] = "last",
) -> None:
    """Write NIfTI files on the input's own voxels and .vti files for ParaView."""
    from ..report import export as write

    for path in write(folder, times):
        typer.echo(path)


@app.command()
def cite(
    folder: Annotated[Path, typer.Argument(help="Folder that `oxablate run` wrote.")],
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print BibTeX instead of plain text.")] = False,
) -> None:
    """Print the references that a run owes: numbers, methods, software."""
    from ..quantities.cite import bibtex as as_bibtex
    from ..quantities.cite import plain
    from ..report import cite as collect

    references = collect(folder)
    typer.echo(as_bibtex(references) if bibtex else plain(references))


def main() -> None:
    """Entry point. Exit status 0 done, 2 bad input, 3 ran and failed, 130 stopped; OXABLATE_DEBUG=1 shows tracebacks."""
    if os.environ.get("OXABLATE_DEBUG"):
        app()
        return
    try:
        app()
    except Exception as error:  # the last door: whatever happens becomes one sentence
        status = getattr(error, "exit_status", 3)
        known = hasattr(error, "exit_status")
        text = str(error) if known else f"{type(error).__name__}: {error}; please report it"
        print(f"oxablate: {' '.join(text.split())}", file=sys.stderr)
        sys.exit(status)
