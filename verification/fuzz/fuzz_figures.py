"""Thousands of damaged files against every door: `python fuzz_figures.py [FORMAT ...]` prints what became of them.

Verdicts: refused (one sentence), same (read, and nothing that counts had changed), warned (read, and something was said
that is not said of the sound file), stated (read; the reader says of every file of the kind that nothing checks its
place, and prints it), voxels (undetectable: a voxel of a file without checksum), as written (a case that says something
else, letter for letter), silent (read, altered, and nothing said), traceback, untidy (a refusal that is no sentence),
hang, crash.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_doors import FORMATS, seeds
from fuzz_edits import EDITS
from fuzz_mutate import mutant

HERE = Path(__file__).parent

#: Mutants per format, and seconds that one may take.
COUNT, LIMIT = 1000, 5.0

#: Seconds until a worker has loaded and compiled what it needs.
START = 300.0


@dataclass
class Tally:
    """What became of the mutants of one format. rows: one per mutant, as the worker said it."""

    name: str
    rows: list[dict] = field(default_factory=list)

    def count(self, verdict: str) -> int:
        """Mutants with this verdict, or one that begins with it."""
        return sum(row["verdict"].split()[0] == verdict for row in self.rows)

    @property
    def altered(self) -> int:
        """Mutants that were read although geometry or values had changed, and nothing was said."""
        return self.count("silent")

    @property
    def undetectable(self) -> int:
        """Mutants that no reader could tell from a sound file."""
        return self.count("voxels") + self.count("as")

    def worst(self, what: str) -> float:
        """The largest `seconds` or `memory` of any."""
        return max((row.get(what, 0.0) for row in self.rows), default=0.0)

    def line(self) -> str:
        """One line for people."""
        verdicts = Counter(row["verdict"] for row in self.rows)
        said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        return f"{self.name}: {said}; slowest {self.worst('seconds'):.2f} s, memory {self.worst('memory'):.2f} x need"


def fuzz(name: str, count: int = COUNT, first: int = 0) -> Tally:
    """Try mutants number `first` and on of a format; a worker that hangs or dies is replaced by another."""
    tally, after = Tally(name), first + count
    while first < after:
        for row in _rows_of(name, first, after - first):
            tally.rows.append(row)
            first = row["number"] + 1
    return tally


def _rows_of(name: str, first: int, count: int):
    """The rows of one worker; its last one says "hang" or "crash" where it did not come to its end."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "fuzz_worker.py"), name, str(first), str(count)]
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=environment, text=True) as work,
    ):
        try:
            ready = _line(work, START)
            if not ready:
                raise RuntimeError(f"the worker for {name} did not start: {_end_of(complaints)}")
            for number in range(first, first + count):
                line = _line(work, LIMIT)
                if not line:
                    verdict = "hang" if line is None else "crash"
                    row = {"number": number, "verdict": verdict, "kind": "?", "file": "?", "seconds": LIMIT}
                    yield row | {"text": _end_of(complaints)}
                    return
                yield json.loads(line)
        finally:
            work.kill()


def _end_of(complaints) -> str:
    """The last of what a worker said on its standard error."""
    complaints.seek(0)
    return complaints.read()[-500:]


def _line(work: subprocess.Popen, seconds: float) -> str | None:
    """The next line, "" at the end, None when it takes too long. One line comes at a time, so nothing is buffered."""
    there, _, _ = select.select([work.stdout], [], [], seconds)
    return work.stdout.readline() if there else None


def fuzz_figures(count: int = COUNT, formats: tuple[str, ...] = FORMATS) -> list[tuple[str, float, str, str]]:
    """Rows (figure, value, unit, target) for a benchmark: per format, and what is to be nought over all of them."""
    tallies = [fuzz(name, count) for name in formats]
    rows = []
    for tally in tallies:
        share = 100.0 / len(tally.rows)
        rows += [
            (f"fuzz.{tally.name}.inputs", len(tally.rows), "1", ">= 1000"),
            (f"fuzz.{tally.name}.silent", share * tally.altered, "%", "<= 1"),
            (f"fuzz.{tally.name}.stated", share * tally.count("stated"), "%", ""),
            (f"fuzz.{tally.name}.undetectable", share * tally.undetectable, "%", ""),
            (f"fuzz.{tally.name}.memory", tally.worst("memory"), "x need", "<= 2"),
        ]
    for word in ("traceback", "hang", "crash", "untidy"):
        rows.append((f"fuzz.{word}s", sum(tally.count(word) for tally in tallies), "1", "<= 0"))
    return rows


def findings(tally: Tally) -> list[dict]:
    """The rows that somebody should look at."""
    fine = {"refused", "same", "warned", "stated", "voxels", "as"}
    return [row for row in tally.rows if row["verdict"].split()[0] not in fine or row.get("memory", 0.0) > 2]


def keep(name: str, rows: list[dict], home: Path) -> None:
    """Write the changed file of each row into a folder, by number, for whoever mends the reader."""
    home.mkdir(parents=True, exist_ok=True)
    sound = seeds(name)
    for row in rows:
        one = sound[row["number"] % len(sound)]
        altered = mutant(one.files, EDITS[name], one.mutable, f"{name}:{row['number']}")
        path = home / f"{name}-{row['number']}-{Path(altered.name).name}"
        path.write_bytes(altered.files[altered.name])


def main(formats: list[str]) -> None:
    """Print a line per format, its findings by kind, and keep the files where --keep=FOLDER says so."""
    folder = next((word.removeprefix("--keep=") for word in formats if word.startswith("--keep=")), "")
    for name in [word for word in formats if not word.startswith("--")] or FORMATS:
        tally = fuzz(name)
        print(tally.line(), flush=True)
        groups: dict[str, list] = {}
        for row in findings(tally):
            text = row["text"].split(":")[0][:60]
            groups.setdefault(f"{row['verdict']} by {row['kind']} in {row['file']} {text}", []).append(row["number"])
        for what, numbers in sorted(groups.items()):
            print(f"    {len(numbers):4d} {what}: numbers {numbers[:6]}")
        if folder:
            keep(name, findings(tally), Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
