"""The two ways a program stops a person: bad input (exit status 2) and a run that failed (exit status 3)."""

import difflib
from collections.abc import Iterable


class BadInput(ValueError):
    """Input that cannot be used. One sentence: what came, what is allowed, nearest match, what to do. Exit status 2."""

    exit_status = 2


class RunFailed(RuntimeError):
    """A run that started and could not go on; what it has is kept. Exit status 3."""

    exit_status = 3


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The clause that names the nearest allowed word, or lists what is allowed when none is near."""
    allowed = sorted(allowed)
    close = difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(map(repr, allowed))}"
