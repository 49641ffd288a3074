"""Words that came out of a file, made fit to be shown."""

from typing import Any


def printable(value: Any, most: int = 48) -> str:
    """Text of a header as it may be shown: printable characters in one line, cut to `most`, never more."""
    try:
        text = " ".join(str(value)[: 8 * most].split())
    except Exception:  # the text of a damaged value is decoded when it is asked for
        return "?"
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= most else text[: most - 3] + "..."
