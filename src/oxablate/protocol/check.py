"""Whether a record is what was written: every checksum, every ledger, and nothing that no marker vouches for."""

from collections.abc import Callable
from math import fsum
from pathlib import Path

from ..quantities.refusal import BadInput, RunFailed
from ..storage.commits import CommitLog, Stamp, named_files
from ..storage.json_file import SEAL, read_sealed
from ..storage.whole_file import PARTIAL
from .arm_book import verify_files
from .checkpoint import load_checkpoint
from .field_files import GROUP
from .ledger import Ledger
from .record import Record, open_record, verify_series


def check(folder: str | Path, tell: Callable[[str], object] = lambda problem: None) -> str:
    """Verify a whole record; returns a sentence that says what was found sound.

    tell: called with a sentence for every problem. Raises BadInput with the first, and how many more there are.
    """
    found = problems(folder)
    for problem in found:
        tell(problem)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BadInput(found[0] + more)
    record = open_record(folder)
    kept = ", ".join(f"{arm} {len(record.commits(arm))}" for arm in record.arms)
    return f"{folder}: {record.about['status']}; every checksum fits and every ledger closes; times kept: {kept}"


def problems(folder: str | Path) -> list[str]:
    """Everything wrong with a record, a sentence for each; empty for a sound one.

    A run that was killed or stopped is sound as far as it was committed. Files that were made from a record later
    (report, exports) are not looked at.
    """
    try:
        record = open_record(folder)
    except BadInput as refused:
        return [str(refused)]
    found = []
    if (record.folder / "provenance.json").exists():
        found += _said(read_sealed, record.folder / "provenance.json")
    for name in record.about["files"]:
        if not (record.folder / name).is_file() and record.about["status"] in ("complete", "stopped"):
            found.append(f"{record.folder / name} is missing; run the case again in a new folder")
    for arm in record.arms:
        found += _arm_problems(record, arm)
    return found


def _said(action, *arguments) -> list[str]:
    """The refusal of a check as a list of one sentence; empty where it passes."""
    try:
        action(*arguments)
    except (BadInput, RunFailed) as refused:
        return [str(refused)]
    return []


def _arm_problems(record: Record, arm: str) -> list[str]:
    """What is wrong with one arm."""
    folder = record.folder / "arms" / arm
    log = CommitLog(folder / "commits")
    try:
        markers, head = log.read(), log.head()
        names = named_files(log.folder, markers)
    except BadInput as refused:
        return [str(refused)]
    has_summary = (folder / "summary.json").exists()
    if head is None:
        return [f"{folder}: outcomes without any commit marker"] if has_summary else []
    found = [said for name, stamp in names.items() for said in _said(verify_files, folder, {name: stamp})]
    found += _said(verify_series, folder, head, log.head_path())
    if has_summary:
        found += _said(_check_summary, record, arm, head)
    if not has_summary or record.about["status"] in ("running", "stopped"):
        found += _said(_check_checkpoint, folder, head, log)
    if record.about["status"] == "complete":
        found += _strays(folder, set(names), head)
    return found


def _check_summary(record: Record, arm: str, head: dict) -> None:
    """The outcomes are sealed, of the last commit, and their ledger closes."""
    summary = record.summary(arm)
    path = record.folder / "arms" / arm / "summary.json"
    if summary["commit"] != head[SEAL]:
        raise BadInput(f"{path} does not belong to the last commit marker; let the run go on with --resume")
    _check_ledger(path, Ledger.from_dict(summary["ledger"]))


def _check_checkpoint(folder: Path, head: dict, log: CommitLog) -> None:
    """The checkpoint that the last marker names can be gone on from, unless the arm has ended."""
    kept = head["checkpoint"]
    if kept is None or _ended(folder):
        return
    _, ledger, _ = load_checkpoint(folder / kept["name"], Stamp.read(log.head_path(), kept), head["key"])
    _check_ledger(folder / kept["name"], ledger)


def _ended(folder: Path) -> bool:
    path = folder / "summary.json"
    return path.exists() and read_sealed(path).get("status") == "complete"


def _check_ledger(path: Path, ledger: Ledger) -> None:
    if (account := ledger.broken()) is not None:
        gap = account.held - account.initial - fsum(account.gained.values()) + fsum(account.lost.values())
        raise BadInput(f"{path}: the ledger of {account.name} does not close (by {gap:.3g} {account.unit})")


def _strays(folder: Path, names: set[str], head: dict) -> list[str]:
    """Files of a finished arm that no marker names, though a reader of its fields would take them in."""
    found = []
    for path in sorted((folder / GROUP).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in names and not name.endswith(PARTIAL):
            found.append(f"{path} belongs to no commit; remove it")
    stamp = Stamp.read(folder, head["series"]) if head["series"] else None
    series = folder / "series.csv"
    if stamp and series.is_file() and series.stat().st_size > stamp.bytes:
        found.append(f"{series} holds more than was committed; run the case again in a new folder")
    return found
