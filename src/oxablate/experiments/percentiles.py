"""What a sweep says of its outcomes: how many members ended how, and percentiles of what they gave."""

import math

import numpy as np

from .folder import FIRST_COLUMNS
from .member import COMPLETE, FAILED, IMPOSSIBLE

PERCENTILES = (5, 50, 95)

#: Fewest members for which 5 and 95 % lie inside the range of what was found rather than at its ends.
ENOUGH = 20

#: What is printed: column, heading, unit, factor from SI.
MAIN = (
    ("killed_share_of_tumour", "killed share of the tumour", "%", 1e2),
    ("killed_tumour_m3", "killed in the tumour", "mL", 1e6),
    ("killed_outside_m3", "killed outside", "mL", 1e6),
    ("consumed_fraction", "agent that reacted", "%", 1e2),
    ("needle_pressure_max_Pa", "highest needle pressure", "kPa", 1e-3),
)


def summarised(rows: list[dict], arms: list[str]) -> dict:
    """Counts, flags and percentiles for each arm, over the members that ran to the end: plain data."""
    found = {}
    for arm in arms:
        mine = [row for row in rows if row["arm"] == arm]
        done = [row for row in mine if row["status"] == COMPLETE]
        found[arm] = {
            "members": {how: sum(row["status"] == how for row in mine) for how in (COMPLETE, FAILED, IMPOSSIBLE)},
            "flags": _flags(done),
            "percentiles": _percentiles(done),
        }
    return found


def _flags(rows: list[dict]) -> dict[str, int]:
    """In how many members each flag was raised."""
    counts: dict[str, int] = {}
    for row in rows:
        for flag in filter(None, row["flags"].split("; ")):
            counts[flag] = counts.get(flag, 0) + 1
    return counts


def _percentiles(rows: list[dict]) -> dict[str, dict]:
    """Linear interpolation between the members in order; the number of members that have the outcome."""
    columns = sorted({name for row in rows for name in row} - set(FIRST_COLUMNS) | {"flow_steps"})
    found = {}
    for name in columns:
        values = [row[name] for row in rows if name in row and math.isfinite(row[name])]
        if values:
            at = np.percentile(values, PERCENTILES)
            found[name] = {"members": len(values)} | {f"p{p}": float(v) for p, v in zip(PERCENTILES, at, strict=True)}
    return found


def sentence(members: int) -> str:
    """What the percentiles of so many members are, and are not."""
    said = f"{members} members; a sweep over the spreads in the tables, not a prediction for any person"
    if members < ENOUGH:
        said += f"; fewer than {ENOUGH} members say little of 5 and 95 %"
    return said


def table(arms: dict[str, dict]) -> str:
    """The main outcomes of every arm as text: what `summarised` found."""
    lines = []
    for arm, one in arms.items():
        counts = one["members"]
        lines.append(f"{arm}: " + ", ".join(f"{counts[how]} {how}" for how in (COMPLETE, FAILED, IMPOSSIBLE)))
        lines.append(f"  {'':<28}" + "".join(f"{p:>9} %" for p in PERCENTILES))
        for column, heading, unit, factor in MAIN:
            if column in one["percentiles"]:
                at = one["percentiles"][column]
                values = "".join(f"{at[f'p{p}'] * factor:>11.4g}" for p in PERCENTILES)
                lines.append(f"  {heading:<28}{values}  {unit}")
        lines += [f"  flag in {count} of {counts[COMPLETE]}: {flag}" for flag, count in one["flags"].items()]
    return "\n".join(lines)
