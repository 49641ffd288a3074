"""The outcomes of a run as a table for spreadsheets and statistics programs: DIR/outcomes.csv, one row per arm.

The unit ends the name of a column (`_m3`, `_mol`, `_s`); a column without one is a pure number, a share of 1. Columns
that an arm has no value for are empty.
"""

import csv
import io
import re
from pathlib import Path

from ..protocol.record import Record
from ..quantities.refusal import BadInput
from ..storage.whole_file import write_whole

#: Units that end the name of a group of outcomes, and move to the end of each column made of it.
_UNITS = ("_m3", "_mol", "_s")


def outcome_rows(record: Record, needed: bool) -> list[dict]:
    """A row for each arm that has outcomes. Fails with `BadInput` where none has and some are `needed`."""
    rows = [_row(record, arm) for arm in record.arms if (record.folder / "arms" / arm / "summary.json").is_file()]
    if needed and not rows:
        raise BadInput(f"{record.folder}: no arm of this run has an outcome yet; let it go on with --resume")
    return rows


def write_outcomes(record: Record, rows: list[dict]) -> list[Path]:
    """Write DIR/outcomes.csv and return its path; nothing without rows."""
    if not rows:
        return []
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.10g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    path = record.folder / "outcomes.csv"
    write_whole(path, text.getvalue().encode())
    return [path]


def _row(record: Record, arm: str) -> dict:
    """What one arm came to, by column: state, outcomes, who got the injected fluid, closure of the ledger, flags."""
    summary = record.summary(arm)
    row = {"arm": arm, "status": _text(summary["status"]), "time_s": summary["time_s"]}
    row["concentration_mol_m3"] = record.about["concentrations_mol_m3"].get(arm, "")
    for name, value in summary["outcomes"].items():
        row |= _flat(name, value)
    row |= _flat("fluid_m3", summary["fluid_shares"])
    row["ledger_error"] = max((account["error"] for account in summary["ledger"].values()), default="")
    row["flags"] = _text("; ".join(sorted({str(flag["quantity"]) for flag in summary["flags"]})))
    return row


def _flat(name: str, value) -> dict:
    """One column, or one for each entry of a group."""
    if not isinstance(value, dict):
        return {name: value}
    unit = next((unit for unit in _UNITS if name.endswith(unit)), "")
    stem = name.removesuffix(unit)
    return {re.sub(r"\W+", "_", f"{stem}_{key}") + unit: entry for key, entry in value.items()}


def _text(words) -> str:
    """Words for a cell; spreadsheets take a cell that begins with one of these signs for a formula."""
    return str(words).lstrip("=+-@\t\r")
