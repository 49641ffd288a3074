"""Run every benchmark and print one table: `python benchmarks [name ...]`.

Each benchmark is a script that prints, with `--json`, a list of {"figure", "value", "unit", "target", "holds"} as the
last thing on its standard output. A row whose target is missed reads FAIL; a benchmark that breaks gives a FAIL row
with its reason. The exit status is 0 all the same: this is a measurement, not a test. `--json` prints the rows.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
#: The last three are parts of doors.py and mechanics.py.
NOT_A_BENCHMARK = {"__main__.py", "common.py", "record_step.py", "cracks.py", "terzaghi.py"}


def scripts(names: list[str]) -> list[Path]:
    """The benchmark scripts beside this file, in alphabetical order; only those named, if any are."""
    found = [path for path in sorted(HERE.glob("*.py")) if path.name not in NOT_A_BENCHMARK]
    unknown = set(names) - {path.stem for path in found}
    if unknown:
        sys.exit(f"no benchmark {sorted(unknown)}; there are {[path.stem for path in found]}")
    return [path for path in found if not names or path.stem in names]


def rows_of(script: Path) -> list[dict]:
    """The rows one script prints; a row that failed, when it does not print them."""
    done = subprocess.run([sys.executable, str(script), "--json"], capture_output=True, text=True)
    try:
        if done.returncode:
            raise ValueError(f"exit status {done.returncode}")
        start = re.search(r"^\[", done.stdout, re.MULTILINE)
        if not start:
            raise ValueError("it printed no rows")
        rows = json.loads(done.stdout[start.start() :])
        for row in rows:
            row["figure"], row["value"], row["unit"], row["target"], row["holds"]  # a row lacks nothing
        return rows
    except (ValueError, KeyError, TypeError) as error:
        reason = (done.stderr.strip().splitlines() or [str(error)])[-1]
        return [{"figure": script.stem, "value": None, "unit": "", "target": f"rows ({reason})", "holds": False}]


def verdict(row: dict) -> str:
    """The last column of the table. A figure without a target (holds is null) is a footnote."""
    return {True: "holds", False: "FAIL", None: ""}[row["holds"]]


def line(row: dict, width: int) -> str:
    """One row of the table as text."""
    value = row["value"]
    shown = f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    target = "" if row["target"] is None else str(row["target"])
    return f"{row['figure']:<{width}}  {shown:>10}  {row['unit'] or '':<12}  {target:<24}  {verdict(row)}".rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description="run the benchmarks and print one table")
    parser.add_argument("names", nargs="*", help="only these benchmarks (file names without .py)")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    arguments = parser.parse_args()
    rows = []
    for script in scripts(arguments.names):
        print(f"running {script.name} ...", file=sys.stderr, flush=True)
        rows += rows_of(script)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    width = max([len(row["figure"]) for row in rows] + [6])
    print(f"{'figure':<{width}}  {'value':>10}  {'unit':<12}  {'target':<24}  holds")
    for row in rows:
        print(line(row, width))
    missed = sum(row["holds"] is False for row in rows)
    print(f"{len(rows)} figures, {missed} FAIL")


if __name__ == "__main__":
    main()
