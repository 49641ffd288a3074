"""What tests of the shell share: a command run in this process, and what a refusal has to look like."""

import contextlib
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from oxablate.cli.main import main


@dataclass(frozen=True)
class Said:
    """What a command said: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


def oxablate(*arguments) -> Said:
    """Run `oxablate ARGUMENTS` in this process."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with mock.patch.object(sys, "argv", ["oxablate", *map(str, arguments)]):
            try:
                main()
            except SystemExit as end:
                status = end.code or 0
    return Said(status, out.getvalue(), err.getvalue())


def files_under(folder: Path) -> dict[str, bytes | None]:
    """Every path under a folder with the bytes of the files: equal when nothing was written."""
    found = sorted(p for p in folder.rglob("*") if not p.is_symlink())
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in found}


def assert_refused(said: Said, *fragments: str, status: int = 2) -> None:
    """One sentence on standard error that holds every fragment, the exit status, and no traceback."""
    assert said.status == status, said
    assert said.err.startswith("oxablate: ") and said.err.count("\n") == 1 and said.err.endswith("\n"), said.err
    assert "Traceback" not in said.out + said.err and "please report" not in said.err
    for fragment in fragments:
        assert fragment in said.err, f"{fragment!r} is not in {said.err!r}"
