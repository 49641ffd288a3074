"""The shell's way in, one command per stage. Heavy imports wait for their command."""

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="oxablate",
    help=(
        "An open in-silico laboratory for intratumoral chemical ablation. "
        "Research only: no advice on treating a person."
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

#: Characters of a refusal that are printed.
_LONGEST = 1000

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
    """Entry point. Exit status 0 done, 2 bad input, 3 ran and failed, 130 stopped. OXABLATE_DEBUG=1: tracebacks.

    Also 1, when whoever read the output (such as `head`) went away.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a title may hold what the terminal's encoding does not
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] or ["--help"]
    warnings.filterwarnings("ignore", category=UserWarning)  # notes from libraries to programmers
    if os.environ.get("OXABLATE_DEBUG"):
        app(arguments, prog_name="oxablate")
        return
    try:
        sys.exit(app(arguments, prog_name="oxablate", standalone_mode=False))
    except KeyboardInterrupt:
        _stop("stopped", 130)
    except Exception as error:  # the last door: whatever happens becomes one sentence
        _stop(*_told(error))


def _told(error: Exception) -> tuple[str, int]:
    """What a person is told of an error, and the exit status."""
    if hasattr(error, "exit_status"):
        return str(error), error.exit_status
    if hasattr(error, "format_message"):  # typer: a misspelt command or option
        return f"{error.format_message().rstrip('.')}; see `oxablate --help`", 2
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; check the path, the permissions and the space on the disk", 3
    if isinstance(error, MemoryError):
        return "the memory ran out; take a larger spacing or a smaller margin, or end other programs", 3
    return f"{type(error).__name__}: {error}; please report it", 3


def _stop(text: str, status: int) -> None:
    """One printable line on standard error, and the end."""
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    print(f"oxablate: {line if len(line) <= _LONGEST else line[:_LONGEST] + '...'}", file=sys.stderr)
    sys.exit(status)
