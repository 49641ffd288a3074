"""Every system call of a run that names a file or reaches for a network, by strace: nothing but what it needs.

`tests/test_nothing_let_in_files.py` holds the same by Python's audit hooks, which need no strace but see only what
Python itself opens.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from test_cli_scans import write_scan
from test_nothing_let_in_files import HOSTILE, outside

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian: strace)"),
]

_OPENED = re.compile(r'(?:open|openat|openat2|creat)\((?:AT_FDCWD, |\d+, )?"((?:[^"\\]|\\.)*)".*\) = \d+')
_STARTED = re.compile(r'execve\("((?:[^"\\]|\\.)*)".*\) = 0')

#: What reaches for somebody: a socket that could, and calls that name an address. The pair of sockets by which asyncio
#: wakes itself has none.
_NETWORK = re.compile(r"\b(?:socket\((?!AF_INET6).*|(?:connect|bind|listen|sendto|sendmsg)\(.*sa_family.*|listen\(.*)")

#: What urllib3 does when it is imported, as pydicom does where it is installed: it binds a socket to this very machine,
#: to see whether there is IPv6, and closes it. Nothing is sent.
_PROBE = re.compile(r'bind\(\d+, \{sa_family=AF_INET6, sin6_port=htons\(0\).*"::1"')

#: Devices, and what the dynamic loader asks.
LOADER = ("/dev/", "/etc/ld.so", "/etc/passwd", "/etc/nsswitch.conf", "/usr/lib64", "/lib64", "/usr/local/lib")


def unescaped(name: str) -> str:
    """A path as strace prints it, turned back: octal and C escapes."""
    return name.encode("latin-1").decode("unicode_escape").encode("latin-1").decode()


def traced(folder: Path, code_or_arguments: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Files opened, programs started, and lines about a network, of one Python process and all its children."""
    log = folder.parent / "calls"
    command = ["strace", "-f", "-qq", "-s", "4096", "-e", "trace=%file,%network", "-o", str(log), sys.executable, "-P"]
    environment = {**os.environ, "MPLBACKEND": "agg", "NUMBA_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*command, *code_or_arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = log.read_text("latin-1").splitlines()
    opened = [unescaped(m[1]) for line in lines if (m := _OPENED.search(line))]
    started = [m[1] for line in lines if (m := _STARTED.search(line))]
    return opened, started, [m[0] for line in lines if (m := _NETWORK.search(line)) and not _PROBE.search(line)]


def test_no_system_call_of_a_run_leaves_its_folder(tmp_path):
    folder = tmp_path / HOSTILE
    case, out = write_scan(folder), folder / "out"
    code = (
        "import sys\nfrom oxablate.cli.main import main\n"
        f"case, out = {str(case)!r}, {str(out)!r}\n"
        "for words in (['inspect', case], ['run', case, '--out', out], ['report', out]):\n"
        "    sys.argv = ['oxablate', *words]\n"
        "    try:\n        main()\n    except SystemExit as end:\n        assert not end.code, end.code\n"
    )
    opened, started, network = traced(folder, ["-c", code])
    assert str(folder / "image.nii.gz") in opened, "the trace sees nothing"
    events = [["open", path] for path in opened if not path.startswith(LOADER)]
    assert outside(events, [folder]) == []
    assert started == [sys.executable]
    assert network == []


def test_the_trace_sees_what_it_is_there_for(tmp_path):
    folder = tmp_path / "case"
    folder.mkdir()
    (tmp_path / "secret").write_text("s")
    code = (
        "import socket, subprocess\nopen('../secret').close()\nsubprocess.run(['true'])\n"
        "s = socket.socket(); s.settimeout(0.01); s.connect_ex(('127.0.0.1', 9))\n"
    )
    opened, started, network = traced(folder, ["-c", code])
    assert outside([["open", path] for path in opened if not path.startswith(LOADER)], [folder]) == ["open ../secret"]
    assert len(started) == 2 and any("connect(" in line and "127.0.0.1" in line for line in network)
