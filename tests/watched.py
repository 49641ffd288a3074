"""Runs commands of `oxablate` in an interpreter whose every open, connection and program start is written down.

`python watched.py LOG COMMANDS`, where COMMANDS is a JSON list of argument lists. LOG gets a JSON line per event.
"""

import contextlib
import io
import json
import os
import sys

#: Events of Python's audit hooks (PEP 578) that read a file, reach for the network, or start a program.
WATCHED = ("open", "os.listdir", "os.scandir", "os.readlink", "glob.glob", "shutil.copyfile", "mmap.__new__")
FORBIDDEN = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr",
    "socket.sendto", "socket.sendmsg", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
    "os.startfile", "os.fork", "os.forkpty", "pty.spawn", "urllib.Request", "http.client.connect", "pickle.find_class",
    "webbrowser.open",
)  # fmt: skip


def harmless() -> bool:
    """Whether it is Numba that unpickles, or urllib3 that looks for IPv6.

    Numba keeps compiled kernels in the person's own cache folder that way. urllib3, which pydicom imports where it is
    installed, binds a socket to this very machine when it is imported, and closes it; nothing is sent.
    """
    ends = ("numba/core/caching.py", "numba/core/serialize.py", "urllib3/util/connection.py")
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.replace(os.sep, "/").endswith(ends):
            return True
        frame = frame.f_back
    return False


def main(log: str, commands: list[list[str]]) -> list[dict]:
    """Run the commands one after the other; returns their exit statuses and what they said."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    on = [False]

    def write_down(event: str, arguments: tuple) -> None:
        if not on[0] or event not in (*WATCHED, *FORBIDDEN, "socket.__new__"):
            return
        on[0] = False
        try:
            if event in ("pickle.find_class", "socket.__new__", "socket.bind") and harmless():
                return
            first = [str(one) for one in arguments[:3]]
            os.write(out, (json.dumps([event, *first]) + "\n").encode())
        finally:
            on[0] = True

    sys.addaudithook(write_down)
    from oxablate.cli.main import main as oxablate

    said = []
    for command in commands:
        text, errors, status = io.StringIO(), io.StringIO(), 0
        sys.argv = ["oxablate", *command]
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(errors):
            on[0] = True
            try:
                oxablate()
            except SystemExit as end:
                status = end.code or 0
            finally:
                on[0] = False
        said.append({"status": status, "out": text.getvalue(), "err": errors.getvalue()})
    return said


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
