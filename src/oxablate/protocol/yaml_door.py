"""The strict door for YAML: plain data of YAML 1.2 only; no tags, anchors, aliases or second documents; bounded.

Plain words become values by the core schema of YAML 1.2 and nothing else: `true`, `null`, whole numbers, reals. So
`1e-3` is a number, and `10:30`, `yes`, `1_000` and `2020-01-01` stay text.
Source: YAML 1.2.2, section 10.3, core schema.
"""

import math
import re
import unicodedata
from pathlib import Path

from ..quantities.plain_text import read_plain_text, refuse_unwanted
from ..quantities.refusal import BadInput

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
#: Keys, values, lists and mappings of one file: a case has about a hundred.
MAX_NODES = 20_000
#: Characters of one text, and of one number.
MAX_TEXT = 10_000
MAX_NUMBER = 40

_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_yaml(path: Path) -> dict:
    """Read a YAML 1.2 file that holds one mapping of plain values.

    Refused with one sentence (BadInput) that names file and line: a missing or unreadable file, one over 1 MB, bytes
    that are not UTF-8, characters that hide text, broken YAML, a key that stands twice (with both lines), tags,
    anchors, aliases, merge keys, directives, a second document, nesting deeper than 20, more than 20,000 values, a text
    of more than 10,000 characters, a number that is not finite or of more than 40 digits.
    """
    text = read_text(path)
    # the scanner's time grows with the square of the length of a tag
    if run := re.search(rf"!\S{{{MAX_TEXT}}}", text):
        line = text.count("\n", 0, run.start()) + 1
        raise BadInput(f"{path.name}: line {line}: tags are not read, least of all long ones; write a plain value")
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        data = _Builder(path.name).build(YAML(typ="safe", pure=True).parse(text))
    except BadInput:
        raise
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadInput(f"{path.name}: line {line} is not YAML: {_first_line(error.problem)}; mend that line") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name}: not readable as YAML ({_first_line(error)}); mend the file") from None
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise BadInput(
            f"{path.name}: holds {found} where a mapping of keys to values is needed; begin with 'title: ...'"
        )
    return data


def read_text(path: Path) -> str:
    """The text of a case file of at most 1 MB in UTF-8, lines ended by newlines, or BadInput."""
    return read_plain_text(path, MAX_BYTES, "case file")


class _Builder:
    """Builds plain data from the events of a parser; all bounds are checked before anything is kept.

    source: the name of the file, with which refusals begin.
    """

    def __init__(self, source: str) -> None:
        self.source, self.nodes, self.line = source, 0, 0

    def build(self, events) -> object:
        """The value of the only document; None where there is none."""
        from ruamel.yaml.events import DocumentStartEvent, NodeEvent

        data, documents = None, 0
        for event in events:
            self.line = event.start_mark.line + 1
            if isinstance(event, DocumentStartEvent):
                documents += 1
                self._document(event, documents)
            elif isinstance(event, NodeEvent):
                data = self._node(event, events, 0)
        return data

    def _document(self, event, number: int) -> None:
        if number > 1:
            raise self._bad("another document begins here; keep one in a file")
        if event.version or event.tags:
            # YAML 1.1 can be asked for there, in which 10:30 is a number and yes is true
            raise self._bad("directives are not read; remove the line that begins with '%'")

    def _bad(self, what: str) -> BadInput:
        return BadInput(f"{self.source}: line {self.line}: {what}")

    def _node(self, event, events, depth: int) -> object:
        """The value that begins with this event."""
        from ruamel.yaml.events import AliasEvent, MappingStartEvent, ScalarEvent

        self.line, self.nodes = event.start_mark.line + 1, self.nodes + 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise self._bad("anchors and aliases are not read; write the value out")
        if event.ctag is not None and str(event.ctag) not in ("None", ""):
            raise self._bad(f"tags such as {str(event.ctag)[:40]} are not read; write a plain value")
        if self.nodes > MAX_NODES:
            raise self._bad(f"more than {MAX_NODES} values; is this a case file?")
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if depth == MAX_DEPTH:
            raise self._bad(f"nested deeper than {MAX_DEPTH}; flatten the case")
        inside = self._mapping if isinstance(event, MappingStartEvent) else self._sequence
        return inside(events, depth + 1)

    def _sequence(self, events, depth: int) -> list:
        from ruamel.yaml.events import SequenceEndEvent

        found = []
        while not isinstance(event := next(events), SequenceEndEvent):
            found.append(self._node(event, events, depth))
        return found

    def _mapping(self, events, depth: int) -> dict:
        from ruamel.yaml.events import MappingEndEvent

        found, lines = {}, {}
        while not isinstance(event := next(events), MappingEndEvent):
            line, key = event.start_mark.line + 1, self._key(event, events, depth)
            self.line = line
            # as text, so that 1 and "1" are one key, and so are two spellings of one accented letter
            name = unicodedata.normalize("NFC", str(key))
            if name in lines:
                raise self._bad(
                    f"duplicate key {name[:60]!r}, which stands on line {lines[name]} too; keep one of the two"
                )
            lines[name] = line
            found[key] = self._node(next(events), events, depth)
        return found

    def _key(self, event, events, depth: int) -> str | int:
        """A key: a text or a whole number."""
        key = self._node(event, events, depth)
        if key == "<<":
            raise self._bad("the merge key '<<' is not read; write the keys out")
        if isinstance(key, str) or type(key) is int:
            return key
        raise self._bad(f"a {type(key).__name__} cannot be a key; write a word, or put it in quotes")

    def _scalar(self, event) -> object:
        """The value of one scalar: quoted and block ones are text, plain ones follow the core schema."""
        text = event.value
        if len(text) > MAX_TEXT:
            raise self._bad(f"a text of {len(text)} characters, at most {MAX_TEXT} are allowed; shorten it")
        refuse_unwanted(text, f"{self.source}: line {self.line}")  # written as an escape such as "\x1b"
        return text if event.style else self._plain(text)

    def _plain(self, text: str) -> object:
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.lower() == "true"
        whole = _WHOLE.fullmatch(text)
        if not whole and not _REAL.fullmatch(text):
            if _NO_NUMBER.fullmatch(text):
                raise self._bad(f"{text!r} is not finite; write a number")
            return text
        if len(text) > MAX_NUMBER:
            raise self._bad(f"a number of {len(text)} digits, at most {MAX_NUMBER} are allowed; round it")
        if whole:
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if not math.isfinite(value := float(text)):
            raise self._bad(f"{text!r} is too large for a number; write a smaller one")
        return value


def _first_line(error) -> str:
    return (str(error).strip() or "unknown problem").splitlines()[0][:200]
