"""Files that a case names lie in the case's own folder."""

from pathlib import Path

from ..quantities.refusal import BadInput


def inside_folder(name: str, folder: Path, what: str) -> Path:
    """The path of a file of a case; `BadInput` for one outside the case's folder, and for links that leave it."""
    path = (folder / name).resolve()
    if Path(name).is_absolute() or not path.is_relative_to(folder.resolve()):
        raise BadInput(f"{what}: {name!r} lies outside the folder of the case; copy the file beside the case")
    return path
