"""JSON files: equal data, equal bytes; and sealed ones, which carry the checksum of their own content."""

import hashlib
import json
from pathlib import Path

from ..quantities.refusal import BadInput
from .whole_file import write_whole

#: The key under which a sealed file holds the sha256 of its other data, as JSON with sorted keys and without spaces.
SEAL = "checksum"


def encode(data: dict) -> bytes:
    """JSON with sorted keys and a final newline. Numbers of numpy become plain ones; TypeError for what is not data."""
    return (json.dumps(data, indent=1, sort_keys=True, default=_plain) + "\n").encode()


def _plain(value):
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    raise TypeError(f"a record holds plain data, got {type(value).__name__}")


def seal(data: dict) -> dict:
    """The data with its checksum; one that is there already is renewed."""
    bare = {key: value for key, value in data.items() if key != SEAL}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), default=_plain)
    return bare | {SEAL: hashlib.sha256(text.encode()).hexdigest()}


def write_json(path: Path, data: dict) -> None:
    """Write JSON with sorted keys and a final newline, whole or not at all."""
    write_whole(path, encode(data))


def write_sealed(path: Path, data: dict) -> None:
    """Write JSON that carries the checksum of itself."""
    write_whole(path, encode(seal(data)))


def read_json(path: Path) -> dict:
    """Read a JSON object of a record, or refuse with the file's name."""
    return _parse(path, _read(path))


def read_sealed(path: Path) -> dict:
    """Read what `write_sealed` wrote, with its checksum; refuses a file that holds anything else."""
    found = read_json(path)
    require_seal(path, found)
    return found


def require_seal(path: Path, found: dict) -> None:
    """Refuse what was read from a file where it is not what was sealed."""
    try:
        whole = found.get(SEAL) == seal(found)[SEAL]
    except RecursionError:
        whole = False
    if not whole:
        raise damaged(path, "its content is not what its checksum says")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"{path}: no such file; give the folder that `oxablate run --out` wrote") from None
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from None


def _parse(path: Path, content: bytes) -> dict:
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(found, dict):
        raise damaged(path, f"it holds {type(found).__name__} where keys and values are needed")
    return found


def damaged(path: Path, why: str) -> BadInput:
    """The refusal of a file of a record that is not what was written."""
    return BadInput(f"{path} is damaged ({why}); run the case again in a new folder")
