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

#: Exit status after Ctrl-C.
_INTERRUPTED = 130

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
def new(
    path: Annotated[Path, typer.Argument(help="Case file to write, ending in .yaml; it must not exist yet.")],
    source: Annotated[str, typer.Option("--from", help="What it starts from: phantom, scan or dicom.")] = "phantom",
    image: Annotated[Path | None, typer.Option(help="Image beside the new file, or folder of a DICOM series.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Segmentation of that image, beside the new file.")] = None,
) -> None:
    """Write a commented case file to start from. Its numbers are no recommendation."""
    from ..protocol.new_case import new_case

    typer.echo(new_case(path, source, image, labels))


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", help="File to write; without it the schema is printed.")] = None,
) -> None:
    """Write the JSON Schema of a case file, with which editors complete and check it."""
    from ..protocol.schema import schema_text, write_schema

    typer.echo(schema_text(), nl=False) if out is None else typer.echo(write_schema(out))


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
def labels(
    path: Annotated[Path, typer.Argument(help="Label map, .seg.nrrd, DICOM-SEG or RTSTRUCT.")],
    image: Annotated[Path | None, typer.Option(help="What it was drawn on; needed for an RTSTRUCT.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File of guessed tissues to write, to be edited.")] = None,
) -> None:
    """List the segments of a file and guess the tissue of each by its name."""
    from ..protocol.label_names import labels_file

    typer.echo(labels_file(path, image, out))


@app.command("fetch-anatomy")
def fetch_anatomy(
    name: Annotated[str, typer.Argument(help="What to fetch: abdomen.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to make; it must not exist yet.")],
    lesion: Annotated[str, typer.Option(help="Diameter of the synthetic lesion put into the liver.")] = "25 mm",
    archive: Annotated[Path | None, typer.Option(help="The source distribution, where you have it already.")] = None,
) -> None:
    """Fetch a CT with labels by name and checksum, put a synthetic lesion into it, write a case."""
    from ..protocol.real_anatomy import fetch_anatomy as fetch

    case = fetch(name, out, lesion, archive, lambda line: typer.echo(line, err=True))
    typer.echo(f"{case}\nsource and licence: {case.parent / 'SOURCE.txt'}\nthe lesion is synthetic")


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
def sweep(
    case: Annotated[Path, typer.Argument(help="Case file (YAML).")],
    n: Annotated[int, typer.Option("-n", help="How many members: runs of the case, each with other numbers.")],
    out: Out,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; one per processor if left out.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the design; the case's own if left out.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Run only the members that are missing in --out.")] = False,
) -> None:
    """Run a case n times over the spreads in the tables. Ctrl-C keeps what is done; --resume goes on."""
    from .sweeping import sweep_with_progress

    sweep_with_progress(case, n, out, workers, seed, resume)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="Folder that `oxablate run` wrote.")]) -> None:
    """Write DIR/report.html: one self-contained page."""
    from ..report import report as write

    typer.echo(write(folder))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder that `oxablate run` wrote.")],
    times: Annotated[str, typer.Option(help="'last' or 'all' of the kept times.")] = "last",
    form: Annotated[str, typer.Option(help="Of nifti, vti, csv, dicom-seg, with commas between.")] = "nifti,vti,csv",
    dicom: Annotated[
        Path | None, typer.Option(help="For dicom-seg: folder of the series the run read; its headers go into the SEG.")
    ] = None,
    arm: Annotated[str | None, typer.Option(help="Only this arm.")] = None,
) -> None:
    """Write NIfTI on the input's own voxels, .vti for ParaView, a table of outcomes, DICOM-SEG on the input."""
    from ..report import export as write

    forms = tuple(word.strip() for word in form.split(","))
    for path in write(folder, times, forms, dicom, arm):
        typer.echo(path)
    if dicom is not None:
        typer.echo("The DICOM files name the patient of the series; the other files do not.", err=True)


@app.command()
def check(folder: Annotated[Path, typer.Argument(help="Folder that `oxablate run` wrote.")]) -> None:
    """Verify every checksum and every ledger of a record; a line for each problem."""
    from ..protocol.check import check as verify

    typer.echo(verify(folder, typer.echo))


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
        status = app(arguments, prog_name="oxablate", standalone_mode=False)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except Exception as error:  # the last door: whatever happens becomes one sentence
        _stop(*_told(error))
    if status == _INTERRUPTED:  # what typer makes of Ctrl-C; who has said already what is kept raises SystemExit
        _stop("stopped by Ctrl-C", _INTERRUPTED)
    sys.exit(status)


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
