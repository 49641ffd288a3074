"""Find the blocks of code in a page that are to be run, and run them. Knows nothing of Sphinx.

A page holds them as

    ```{run} python
    :output: markdown
    :code: hide
    print("**computed**", 1 + 1)
    ```

The language is `python` (default) or `shell`. Blocks of a page share one namespace and one temporary working folder,
and run in order. Options: `:output:` text (default), markdown (what is printed becomes part of the page) or none;
`:code:` show (default) or hide.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(
    r"^(?P<fence>`{3,})\{run\}[ \t]*(?P<language>\w*)[ \t]*\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.M | re.S
)
OPTION = re.compile(r":(\w+):[ \t]*(\w+)[ \t]*\n")


@dataclass(frozen=True)
class Block:
    """One block: its language, its code, and the line of the page on which its fence stands (1 is the first)."""

    language: str
    code: str
    line: int


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    found = []
    for match in FENCE.finditer(page):
        body = match["body"]
        while option := OPTION.match(body):
            body = body[option.end() :]
        found.append(Block(match["language"] or "python", body, page.count("\n", 0, match.start()) + 1))
    return found


@dataclass
class Session:
    """What the blocks of one page share: a namespace, and a working folder that vanishes with the session."""

    where: str
    namespace: dict = field(default_factory=lambda: {"__name__": "page"})

    def __post_init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="oxablate-docs-")

    def run(self, language: str, code: str, line: int) -> str:
        """Run one block and return what it printed. A block that fails raises, naming the page and the line."""
        if language not in {"python", "shell"}:
            raise ValueError(f"{self.where}:{line}: cannot run {language!r}; allowed are 'python' and 'shell'")
        before = os.getcwd()
        os.chdir(self._folder.name)
        try:
            return self._shell(code) if language == "shell" else self._python(code, line)
        except Exception as error:
            raise RuntimeError(f"{self.where}:{line}: {type(error).__name__}: {error}") from error
        finally:
            os.chdir(before)

    def _python(self, code: str, line: int) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + code, self.where, "exec"), self.namespace)  # the point of this module
        return printed.getvalue()

    def _shell(self, code: str) -> str:
        """Run shell commands with the `oxablate` of this interpreter on the path; a non-zero status is a failure."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        environment = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        done = subprocess.run(["sh", "-e", "-c", code], capture_output=True, text=True, env=environment)
        if done.returncode:
            raise ValueError(f"exit status {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout
