"""The door for files of text that people write: bounded, UTF-8, and with nothing in them that hides what they say."""

import re
from pathlib import Path

from .refusal import BadInput

#: What is not seen and changes how the rest is seen: marks and overrides of direction, nothing of width nought, breaks
#: of lines that few editors show, tags. By number, since they must not stand here either.
#: Source: Boucher and Anderson, Trojan Source: Invisible Vulnerabilities, 2021, arXiv:2111.00169.
_HIDDEN_RANGES = (
    (0x85, 0x85), (0x61C, 0x61C), (0x200B, 0x200B), (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F),
    (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),
)  # fmt: skip
_HIDDEN = "".join(f"{chr(first)}-{chr(last)}" for first, last in _HIDDEN_RANGES)

#: Those, the controls of a terminal, and halves of surrogate pairs: none has a place in what people read.
UNWANTED = re.compile(f"[{_HIDDEN}\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")


def read_plain_text(path: Path, most: int, kind: str) -> str:
    """The text of a file of at most `most` bytes, without the mark of byte order and with lines ended by newlines.

    kind: what the file should be, such as "case file". Refused with one sentence (BadInput) that names the file: one
    that is missing, is no file, cannot be read, is longer, is not UTF-8, or holds characters that hide text.
    """
    path = Path(path)
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "no such file"
            raise BadInput(f"{path}: cannot be read ({what}); give the path of a {kind}")
        with open(path, "rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            size = path.stat().st_size
            raise BadInput(f"{path.name}: {size} bytes where a {kind} has at most {most}; is this a {kind}?")
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except BadInput:
        raise
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path.name}: cannot be read (byte {error.start} is not UTF-8); save the {kind} as UTF-8"
        ) from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from None
    except ValueError:  # a zero byte in the path itself
        raise BadInput(f"{str(path)[:60]!r} is no path; give the path of a {kind}") from None
    if found := UNWANTED.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise BadInput(
            f"{path.name}: line {line}: the character U+{ord(found[0]):04X} is not seen and changes what is; "
            "type the line anew"
        )
    return text


def refuse_unwanted(text: str, where: str) -> None:
    """Refuse a text that holds such characters after its escapes were resolved; `where` begins the sentence."""
    if found := UNWANTED.search(text):
        raise BadInput(f"{where}: {text[:40]!r} holds control characters (U+{ord(found[0]):04X}); write plain text")
