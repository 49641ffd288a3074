"""Tries mutants one after the other in a process of its own: `fuzz_worker.py FORMAT FIRST COUNT`, a JSON line each."""

import json
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

from fuzz_doors import Seed, seeds, stands_as_read, with_sound_voxels
from fuzz_edits import EDITS
from fuzz_mutate import Mutant, mutant

#: What a library may take to read anything at all, however small [bytes].
FLOOR = 8 * 2**20

#: Address space beyond what is taken at the start [bytes]: a bomb ends in MemoryError, not in the machine's end.
ROOM = 3 * 2**30

#: Longest sentence of a refusal.
LONGEST = 1000


def status(word: str) -> int:
    """A line of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(word):
            return 1024 * int(line.split()[1])
    raise LookupError(word)


class Peak:
    """Memory that a piece of code took at its highest beyond what was there before [bytes]."""

    def __enter__(self):
        Path("/proc/self/clear_refs").write_text("5")
        self.before, self.taken = status("VmRSS"), 0
        return self

    def __exit__(self, *_) -> None:
        self.taken = max(0, status("VmHWM") - self.before)


def try_one(seed: Seed, sound, one: Mutant, folder: Path) -> dict:
    """Put the mutant in its place, read it, and say what happened."""
    from oxablate.quantities.refusal import BadInput, RunFailed

    path, said = folder / one.name, {"kind": one.kind, "file": one.name}
    path.write_bytes(one.files[one.name])
    began = time.perf_counter()
    with Peak() as peak, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found, text = seed.read(folder), ""
            verdict = judged(seed, sound, one, found, caught)
        except (BadInput, RunFailed) as refusal:
            verdict, text = "refused", str(refusal)
            if "\n" in text or len(text) > LONGEST or len(text) < 20:
                verdict = "untidy"
        except BaseException as error:
            verdict, text = "traceback", f"{type(error).__name__}: {error}"
    said["seconds"] = time.perf_counter() - began
    if verdict in ("silent values", "warned") and only_voxels(seed, sound, one, folder):
        verdict = "voxels"
    path.write_bytes(seed.files[one.name])
    need = max(8 * seed.voxels, len(one.files[one.name])) + FLOOR
    return said | {"verdict": verdict, "memory": peak.taken / need, "text": text[:300]}


def judged(seed: Seed, sound, one: Mutant, found, caught: list) -> str:
    """The verdict on what was accepted."""
    difference = found.difference(sound)
    if not difference:
        return "same"
    if one.name == "case.yaml" and len(seed.files) == 1 and stands_as_read(one.files[one.name], found):
        return "as written"
    if found.warnings() - sound.warnings() or caught_by_us(caught):
        return "warned"
    # said of every file of the kind, but with the altered place in it, for the person to look at
    return "stated" if difference == "geometry" and found.warned != sound.warned else f"silent {difference}"


def only_voxels(seed: Seed, sound, one: Mutant, folder: Path) -> bool:
    """Whether nothing but voxels without a checksum made the difference."""
    mended = with_sound_voxels(one.name, seed.files[one.name], one.files[one.name])
    if mended is None:
        return False
    (folder / one.name).write_bytes(mended)
    try:
        return not seed.read(folder).difference(sound)
    except Exception:
        return False


def caught_by_us(caught: list) -> bool:
    """Whether the package itself warned; what libraries say to programmers reaches nobody."""
    return any("oxablate" in str(one.filename) for one in caught)


def lay_out(seed: Seed, home: Path) -> Path:
    """The sound files in a new folder."""
    folder = Path(tempfile.mkdtemp(dir=home))
    for name, content in seed.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def main(name: str, first: int, count: int) -> None:
    """Try `count` mutants of a format from number `first` on."""
    said, sys.stdout = sys.stdout, sys.stderr  # only verdicts go out
    with tempfile.TemporaryDirectory() as home:
        laid = []
        for seed in seeds(name):
            folder = lay_out(seed, Path(home))
            laid.append((seed, folder, seed.read(folder)))
            seed.read(folder)  # whatever is loaded once is loaded now
        resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + ROOM,) * 2)
        print(json.dumps({"ready": name}), file=said, flush=True)
        for n in range(first, first + count):
            seed, folder, sound = laid[n % len(laid)]
            one = mutant(seed.files, EDITS[name], seed.mutable, f"{name}:{n}")
            print(json.dumps({"number": n} | try_one(seed, sound, one, folder)), file=said, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
