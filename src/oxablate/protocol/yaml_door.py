"""The strict door for YAML: plain data only, no duplicate keys, no tags, no aliases, bounded size."""

from pathlib import Path

from ..quantities.refusal import BadInput

MAX_BYTES = 1_000_000
MAX_DEPTH = 20


def read_yaml(path: Path) -> dict:
    """Read a YAML 1.2 file that holds one mapping of plain values.

    Refused with one sentence (BadInput): a missing or unreadable file, one over 1 MB, bytes that are not UTF-8,
    broken YAML, a key that stands twice, tags, aliases, merge keys, directives, nesting deeper than 20.
    """
    text = read_text(path)
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        _refuse_machinery(text, path)
        data = YAML(typ="safe", pure=True).load(text)
    except BadInput:
        raise
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadInput(f"{path.name}: line {line}: {_first_line(error.problem)}; keep one of the two") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadInput(f"{path.name}: line {line} is not YAML: {_first_line(error.problem)}; mend that line") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name}: not readable as YAML ({_first_line(error)}); mend the file") from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise BadInput(
            f"{path.name}: holds {found} where a mapping of keys to values is needed; begin with 'title: ...'"
        )
    return data


def read_text(path: Path) -> str:
    """The text of a file of at most 1 MB in UTF-8, or BadInput."""
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "no such file"
            raise BadInput(f"{path}: {what}; give the path of a case file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(f"{path.name}: {size} bytes where a case has at most {MAX_BYTES}; is this a case file?")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def _refuse_machinery(text: str, path: Path) -> None:
    """Refuse tags, anchors, aliases, merge keys, directives and deep nesting before any object is built."""
    from ruamel.yaml import YAML
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent

    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise BadInput(f"{path.name}: line {line}: anchors and aliases are not read; write the value out")
        if getattr(event, "tag", None) is not None and str(event.tag) != "None":
            raise BadInput(f"{path.name}: line {line}: tags such as {event.tag} are not read; write a plain value")
        if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
            # YAML 1.1 can be asked for there, in which 10:30 is a number and yes is true
            raise BadInput(f"{path.name}: line {line}: directives are not read; remove the line that begins with '%'")
        if getattr(event, "value", None) == "<<":
            raise BadInput(f"{path.name}: line {line}: the merge key '<<' is not read; write the keys out")
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise BadInput(f"{path.name}: line {line}: nested deeper than {MAX_DEPTH}; flatten the case")


def _first_line(error) -> str:
    return (str(error).strip() or "unknown problem").splitlines()[0]
