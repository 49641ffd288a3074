"""No file outside the case's folder is read and nothing is sent: every open of a run is written down and looked at.

Python's audit hooks see what Python opens; `verification/test_traced.py` sees every system call.
"""

import json
import os
import site
import subprocess
import sys
import sysconfig
from pathlib import Path
from socket import AF_UNIX

import pytest
from house import ROOT
from test_cli_scans import image, write_scan
from watched import FORBIDDEN

from oxablate.space.files import write_image

#: A name that a shell would run, that climbs, and that HTML would take for a tag.
HOSTILE = "a b;$(touch pwned) & <b>x"


def allowed_folders() -> list[str]:
    """Where a program may read whatever case it is given: the interpreter, what is installed, the person's caches."""
    paths = sysconfig.get_paths()
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages(), *paths.values(), str(ROOT / "src")]
    home = Path.home()
    found += [str(home / name) for name in (".cache", ".config", ".local", ".matplotlib", "Library/Caches")]
    found += [os.environ[name] for name in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR") if name in os.environ]
    found += ["/proc", "/sys/devices/system", "/sys/fs/cgroup", "/dev/null", "/dev/urandom", "/dev/shm"]
    found += [
        "/usr/share/zoneinfo",
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "/usr/share/mime",
        "/usr/lib",
        "/lib",
    ]
    found += ["/usr/share/locale", "/usr/lib/locale"]
    return sorted({os.path.realpath(path) for path in found} | set(found))


#: Single files of a system that say where it is and what it can do, and nothing of anybody.
ALLOWED_FILES = {
    "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/os-release", "/usr/lib/os-release", "/etc/ld.so.cache",
    "/etc/matplotlibrc", "/etc/nsswitch.conf", "/etc/passwd", "/etc/debian_version",
    "/etc/locale.alias", "/etc/ssl/openssl.cnf",
}  # fmt: skip


def outside(events: list[list[str]], own: list[Path]) -> list[str]:
    """What was opened that lies neither in the given folders nor where any program may read."""
    folders = [*allowed_folders(), *(os.path.realpath(path) for path in own)]
    found = set()
    for event, path, *_ in events:
        if event in ("socket.__new__", *FORBIDDEN) or path.lstrip("-").isdigit() or path == "None":
            continue
        real = os.path.realpath(os.path.join(str(own[0]), path))
        inside = any(real == folder or real.startswith(folder.rstrip("/") + "/") for folder in folders)
        if not inside and real not in ALLOWED_FILES:
            found.add(f"{event} {path}")
    return sorted(found)


def called_out(events: list[list[str]]) -> list[str]:
    """Connections, programs, things unpickled. A pair of local sockets, as asyncio makes one, is no connection."""
    found = [f"{event} {rest}" for event, *rest in events if event in FORBIDDEN]
    return found + [str(rest) for event, *rest in events if event == "socket.__new__" and int(rest[1]) != AF_UNIX]


def watch(folder: Path, *commands: list) -> tuple[list[dict], list[list[str]]]:
    """Run commands under watch in `folder`; returns what they said and what happened."""
    log = folder.parent / "events.jsonl"
    told = json.dumps([[str(word) for word in command] for command in commands])
    environment = {**os.environ, "MPLBACKEND": "agg", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-P", str(ROOT / "tests" / "watched.py"), str(log), told],
        cwd=folder, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    return json.loads(done.stdout.splitlines()[-1]), events


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A scan whose files have hostile names, inspected, run, reported and exported under watch."""
    folder = tmp_path_factory.mktemp("traced") / HOSTILE
    names = {key: f"{HOSTILE} {key}.nii.gz" for key in ("image", "labels")}
    case = write_scan(folder, **names)
    for key, name in names.items():
        (folder / f"{key}.nii.gz").rename(folder / name)
    out = folder / "--out `id`"
    commands = [["inspect", case], ["run", case, "--out", out], ["report", out], ["export", out], ["cite", out]]
    said, events = watch(folder, *commands)
    return folder, said, events


def test_a_run_reads_nothing_outside_its_folder(ran):
    folder, said, events = ran
    assert [one["status"] for one in said] == [0] * 5, said
    opened = {path for event, path, *_ in events if event == "open"}
    assert any(path.endswith(f"{HOSTILE} image.nii.gz") for path in opened), "the watch sees nothing"
    assert outside(events, [folder]) == []


def test_a_run_calls_nobody_and_starts_nothing(ran):
    folder, _, events = ran
    assert called_out(events) == []
    assert not list(folder.rglob("pwned"))


def test_the_watch_sees_what_it_is_there_for(tmp_path):
    """A program that reads elsewhere, connects, and starts another: each is in the log and is found."""
    folder = tmp_path / "case"
    folder.mkdir()
    (tmp_path / "secret").write_text("s")
    code = (
        "import sys, runpy, socket, subprocess\n"
        f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "import watched, oxablate.cli.main as m\n"
        "def bad():\n"
        f"    open({str(tmp_path / 'secret')!r}).close(); open('../secret').close()\n"
        "    s = socket.socket(); s.settimeout(0.01); s.connect_ex(('127.0.0.1', 9)); s.close()\n"
        "    subprocess.run(['true'])\n"
        "m.main = bad\n"
        "watched.main('../log', [['x']])\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert outside(events, [folder]) == ["open ../secret", f"open {tmp_path / 'secret'}"]
    found = " ".join(called_out(events))
    assert "socket.connect" in found and "subprocess.Popen" in found and "'2', '1'" in found


DETACHED_NRRD = (
    b"NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 2 2\nencoding: raw\n"
    b"space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"
)
MHA = (
    b"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = False\nElementSpacing = 1 1 1\n"
    b"DimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = "
)
AGENT = 'name = "mine"\ndescription = "d"\nbibliography = "%s"\n'

#: By name: a file to put beside the case, and what the case says; "SECRET" stands for a file outside its folder.
TRESPASSES = {
    "climbs": (None, b"", {"image": "../secret.nii.gz"}),
    "climbs deep": (None, b"", {"image": "data/../../secret.nii.gz"}),
    "absolute": (None, b"", {"labels": "SECRET"}),
    "a home": (None, b"", {"image": "~/secret.nii.gz"}),
    "a link": ("link.nii.gz", "link", {"image": "link.nii.gz"}),
    "a linked folder": ("linked", "link to folder", {"image": "linked/secret.nii.gz"}),
    "a file of names": (None, b"", {"tissues": "../names.yaml", "label_names": None}),
    "detached": ("a.nrrd", DETACHED_NRRD + b"data file: ../secret.raw\n\n", {"image": "a.nrrd"}),
    "detached, absolute": ("a.nrrd", DETACHED_NRRD + b"datafile: SECRET\n\n", {"image": "a.nrrd"}),
    "detached, shouted": ("a.nrrd", DETACHED_NRRD + b"DATA FILE: ../secret.raw\n\n", {"image": "a.nrrd"}),
    "a list of files": ("a.nrrd", DETACHED_NRRD + b"data file: LIST\n../secret.raw\n\n", {"image": "a.nrrd"}),
    "detached MetaImage": ("a.mha", MHA + b"../secret.raw\n", {"image": "a.mha"}),
    "absolute MetaImage": ("a.mha", MHA + b"SECRET\n", {"image": "a.mha"}),
    "listed MetaImage": ("a.mha", MHA + b"LIST\n../secret.raw\n", {"image": "a.mha"}),
    "a pattern of files": ("a.mha", MHA + b"../secret%d.raw 1 2 1\n", {"image": "a.mha"}),
    "a header file": ("a.mhd", MHA + b"../secret.raw\n", {"image": "a.mhd"}),
    "a header of NRRD": ("a.nhdr", DETACHED_NRRD + b"data file: ../secret.raw\n\n", {"image": "a.nhdr"}),
    "an agent": (None, b"", {"agent": "../secret.toml"}),
    "a bibliography": ("mine.toml", (AGENT % "../secret.bib").encode(), {"agent": "mine.toml"}),
    "a bibliography, absolute": ("mine.toml", (AGENT % "SECRET").encode(), {"agent": "mine.toml"}),
    "a set": (None, b"", {"set": "../secret.toml"}),
}


def trespass(home: Path, name: str) -> tuple[Path, list[Path]]:
    """A case that reaches for a file outside its folder, and the files it may not open."""
    secrets = [home / f"secret{ending}" for ending in (".nii.gz", ".raw", ".toml", ".bib", "1.raw")] + [
        home / "names.yaml"
    ]
    write_image(secrets[0], image())
    for path in secrets[1:]:
        path.write_bytes(bytes(8000) if path.suffix == ".raw" else b"tissues: {1: tumour_viable}\n")
    beside, content, asked = TRESPASSES[name]
    folder = home / "case"
    scan = {k: v if v is None else v.replace("SECRET", str(secrets[0])) for k, v in asked.items()}
    changes = {"agent": scan.pop("agent", None), "set": scan.pop("set", None)}
    case = write_scan(folder, **scan)
    text = case.read_text()
    text = text.replace("chlorine_dioxide", changes["agent"]) if changes["agent"] else text
    case.write_text(text.replace("generic-tumour", changes["set"]) if changes["set"] else text)
    if content == "link":
        (folder / beside).symlink_to(secrets[0])
    elif content == "link to folder":
        (folder / beside).symlink_to(home)
    elif beside:
        (folder / beside).write_bytes(content.replace(b"SECRET", str(secrets[1]).encode()))
    return case, secrets


def test_whatever_a_case_names_elsewhere_is_refused_unopened(tmp_path):
    """All in one watched process: each refused with its status, and no secret ever opened, not even to look."""
    commands, secrets = [], set()
    for number, name in enumerate(TRESPASSES):
        home = tmp_path / f"{number}"
        home.mkdir()
        case, hidden = trespass(home, name)
        secrets |= {os.path.realpath(path) for path in hidden}
        commands.append(["inspect", case])
    # beside the case, the same name is no secret: the refusals are of the place, not of the file
    control = write_scan(tmp_path / "control", image="secret.nii.gz")
    write_image(tmp_path / "control" / "secret.nii.gz", image())
    said, events = watch(tmp_path, *commands, ["inspect", control])
    assert said.pop()["status"] == 0
    for name, one in zip(TRESPASSES, said, strict=True):
        assert one["status"] == 2 and one["err"].count("\n") == 1 and "Traceback" not in one["err"], (name, one)
    opened = {os.path.realpath(path) for event, path, *_ in events if event in ("open", "mmap.__new__")}
    assert opened & secrets == set()
    assert os.path.realpath(tmp_path / "control" / "secret.nii.gz") in opened, "the watch sees nothing"


def test_an_array_of_pickles_is_not_unpacked(tmp_path):
    """A record made by somebody else may name a codec that runs what it unpacks; the library refuses it unread."""
    import pickle

    import xarray

    class Runs:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "pwned",))

    array = tmp_path / "fields.zarr" / "x"
    array.mkdir(parents=True)
    (array.parent / ".zgroup").write_text('{"zarr_format": 2}')
    (array / ".zattrs").write_text('{"_ARRAY_DIMENSIONS": ["t"]}')
    (array / "0").write_bytes(pickle.dumps([Runs(), "O", [1]]))
    about = {"zarr_format": 2, "shape": [1], "chunks": [1], "order": "C", "fill_value": None}
    for dtype in ("|O", "<f8"):
        for where in (
            {"filters": [{"id": "pickle"}], "compressor": None},
            {"filters": None, "compressor": {"id": "pickle"}},
        ):
            (array / ".zarray").write_text(json.dumps(about | where | {"dtype": dtype}))
            with pytest.raises(Exception, match=r"pickle|dtype|data type"):
                xarray.open_zarr(array.parent, consolidated=False).load()
            assert not (tmp_path / "pwned").exists()
    pickle.loads((array / "0").read_bytes())
    assert (tmp_path / "pwned").exists(), "the trap does not work"
