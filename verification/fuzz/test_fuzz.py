"""Every door against damaged files; what the harness counts, it can see; what was found once stays mended."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fuzz_doors import CORPUS, FORMATS, Found, seeds, stands_as_read
from fuzz_edits import EDITS
from fuzz_figures import COUNT, LIMIT, _line, findings, fuzz
from fuzz_mutate import GENERIC, WEIGHTS, Mutant, mutant
from fuzz_worker import FLOOR, Peak, lay_out, try_one

#: Verdicts that are no fault of a door.
FINE = {"refused", "same", "warned", "stated", "voxels", "as written"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_thousand_damaged_files(name):
    """No traceback, no hang, no untidy refusal, memory within twice the need, at most 1 % altered and not said."""
    tally = fuzz(name)
    print(tally.line())
    assert len(tally.rows) == COUNT >= 1000
    wrong = [row for row in findings(tally) if not row["verdict"].startswith("silent")]
    assert wrong == []
    assert tally.altered <= 0.01 * COUNT, [row for row in tally.rows if row["verdict"].startswith("silent")]
    assert tally.worst("seconds") < LIMIT and tally.worst("memory") <= 2
    assert tally.count("refused") > 0.2 * COUNT, "nearly everything is let in: does the harness still damage anything?"


FOUND = sorted(path.name for path in (CORPUS / "found").iterdir())


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_stays_mended(tmp_path, name):
    """FORMAT-NUMBER-NAME: files that were accepted although altered, that raised, or that took more than 5 s."""
    form, number, file = name.removesuffix(".seed").split("-", 2)
    every = seeds(form)
    seed = every[int(number) % len(every)]
    inside = next(one for one in seed.mutable if Path(one).name == file)
    sound = seed.read(lay_out(seed, tmp_path))
    damaged = Mutant({**seed.files, inside: (CORPUS / "found" / name).read_bytes()}, inside, "found", 0)
    row = try_one(seed, sound, damaged, lay_out(seed, tmp_path))
    assert row["verdict"] in FINE and row["seconds"] < LIMIT, row


@pytest.mark.parametrize("name", [one for one in FORMATS if one != "record"])
def test_mutants_follow_from_their_number_and_differ(name):
    for seed in seeds(name):
        for n in range(30):
            one, again = (mutant(seed.files, EDITS[name], seed.mutable, f"{name}:{n}") for _ in range(2))
            assert one == again and one.files != seed.files
            assert [key for key in one.files if one.files[key] != seed.files[key]] == [one.name]


def test_every_kind_of_mutation_is_used():
    seed = seeds("nifti")[0]
    kinds = {mutant(seed.files, EDITS["nifti"], seed.mutable, str(n)).kind.split()[0] for n in range(400)}
    assert kinds == set(WEIGHTS) == {*GENERIC, "edit"}


def naive(folder: Path) -> Found:
    """A door that believes what the library hands it."""
    import nibabel

    from oxablate.space.image import ImageGeometry, to_lps

    file = nibabel.load(folder / "image.nii", mmap=False)
    found, columns = Found(), to_lps("RAS", file.affine[:3, :3].T).T
    found.place("image", ImageGeometry.from_columns(file.shape, columns, to_lps("RAS", file.affine[:3, 3])))
    found.values["image"] = np.asarray(file.dataobj)
    return found


def test_a_door_without_checks_is_seen(tmp_path):
    """The harness can fail: the library alone lets altered places in, and raises all kinds of error."""
    seed = dataclasses.replace(seeds("nifti")[1], read=naive, mutable=["image.nii"])
    folder = lay_out(seed, tmp_path)
    sound, said = naive(folder), []
    for n in range(300):
        said.append(try_one(seed, sound, mutant(seed.files, EDITS["nifti"], seed.mutable, str(n)), folder)["verdict"])
    assert sum(verdict.startswith("silent") for verdict in said) > 0.02 * len(said)
    assert said.count("traceback") > 0 and said.count("voxels") > 0


@pytest.mark.parametrize(
    ("text", "verdict"), [("two\nlines, both of them", "untidy"), ("short", "untidy"), ("x" * 50, "refused")]
)
def test_a_refusal_that_is_no_sentence_is_seen(tmp_path, text, verdict):
    from oxablate.quantities.refusal import BadInput

    def refuse(folder):
        raise BadInput(text)

    seed = dataclasses.replace(seeds("yaml")[0], read=refuse)
    one = Mutant({"case.yaml": b"x: 1"}, "case.yaml", "byte", 0)
    assert try_one(seed, Found(), one, lay_out(seed, tmp_path))["verdict"] == verdict


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from /proc")
def test_memory_and_hangs_are_seen():
    with Peak() as peak:
        np.ones(8 * FLOOR // 8).sum()
    assert 0.9 * 8 * FLOOR < peak.taken < 1.3 * 8 * FLOOR
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sleeps:
        assert _line(sleeps, 0.2) is None
        sleeps.kill()
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], stdout=subprocess.PIPE, text=True) as dies:
        assert _line(dies, 20.0) == ""


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        (b"a: 30 uL\nb: x\n", True), (b"a: 30 uL\nb: x # c: 1\n", True), (b"a: 40 uL\nb: x", False),
        (b"a: 30 uL\nb: x\nb: y\n", False), (b"a: 30 uL\nb: x\nc: z\n", True),
    ],
)  # fmt: skip
def test_what_a_case_says_letter_for_letter(text, stands):
    """A value that is not in the text was made up; a key that stands there twice was lost once."""
    assert stands_as_read(text, Found(words={".a": "'30 uL'", ".b": "'x'"})) is stands


def test_the_corpus_is_small():
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 200_000
