"""Nothing that keeps macOS or Windows out: what exists on one system only stands in a function, behind a question."""

import ast

import pytest
from house import files, name_of, package_files, tree_of

#: Modules that not every system has.
LOCAL_MODULES = set(
    "fcntl resource pwd grp spwd termios tty pty posix syslog nis crypt msvcrt winreg winsound _winapi".split()
)

#: Functions and constants that not every system has, by module.
LOCAL_NAMES = {
    "os": set(
        "fork forkpty getuid geteuid getgid setsid setuid killpg getpgid uname chown lchown mkfifo mknod sync nice "
        "sched_getaffinity sched_setaffinity getloadavg wait waitpid wait3 wait4 pread pwrite posix_fadvise "
        "posix_fallocate posix_spawn O_DIRECT O_DIRECTORY O_NOFOLLOW statvfs sysconf ttyname".split()
    ),
    "signal": set("SIGKILL SIGHUP SIGALRM SIGUSR1 SIGUSR2 SIGQUIT SIGPIPE alarm setitimer pause sigwait".split()),
    "time": {"tzset"},
}

#: Places of one system in texts.
LOCAL_PLACES = ("/proc/", "/dev/", "/tmp", "/etc/", "/sys/", "/usr/", "C:\\")

#: Files that may hold such things, with what they hold; each asks before it uses them. It may only shrink.
ALLOWED = {
    "src/oxablate/experiments/executor.py": {"os.sched_getaffinity"},
    "src/oxablate/storage/host.py": {"/proc/"},
    "src/oxablate/storage/lock.py": {"fcntl", "msvcrt"},
}


def local_things(tree: ast.Module) -> set[str]:
    """What a file holds that not every system has; imports at its top are marked as such."""
    found = set()
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {node.module} if isinstance(node, ast.ImportFrom) else {alias.name for alias in node.names}
            found |= {f"{name} at the top" if id(node) in top else name for name in names & LOCAL_MODULES}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in LOCAL_NAMES.get(node.value.id, ()):
                found.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            found |= {place for place in LOCAL_PLACES if node.value.startswith(place)}
    return found


def unsettled_text(tree: ast.Module) -> list[str]:
    """Calls whose bytes depend on the system: text without an encoding, a rename that Windows refuses."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        named = {keyword.arg for keyword in node.keywords}
        if name == "rename" and isinstance(node.func, ast.Attribute):
            found.append(f"{node.lineno}: rename; os.replace does the same everywhere")
        if name == "write_text" and not {"encoding", "newline"} <= named:
            found.append(f"{node.lineno}: write_text without encoding and newline")
        if name == "read_text" and "encoding" not in named and not node.args:
            found.append(f"{node.lineno}: read_text without encoding")
        if name == "open" and isinstance(node.func, ast.Name):
            mode = node.args[1].value if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) else "r"
            if "b" not in str(mode) and "encoding" not in named:
                found.append(f"{node.lineno}: open as text without encoding")
    return found


def test_what_one_system_has_stands_behind_a_question():
    found = {name_of(path): things for path in package_files() if (things := local_things(tree_of(path)))}
    assert found == ALLOWED
    for name in ALLOWED:
        text = next(path for path in package_files() if name_of(path) == name).read_text(encoding="utf-8")
        assert any(question in text for question in ('os.name == "nt"', "hasattr(os, ", ".is_file()")), name


def test_text_is_the_same_on_every_system():
    wrong = [f"{name_of(path)}:{line}" for path in package_files() for line in unsettled_text(tree_of(path))]
    assert not wrong, wrong


def test_names_of_files_are_possible_on_every_system():
    names = [name_of(path) for path in files()]
    assert len({name.casefold() for name in names}) == len(names)
    reserved = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
    wrong = [
        name
        for name in names
        for part in name.split("/")
        if part.split(".")[0].casefold() in reserved or set(part) & set('<>:"\\|?*') or part.endswith((".", " "))
    ]
    assert not wrong and max(map(len, names)) < 120


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import fcntl", {"fcntl at the top"}),
        ("def f():\n    from resource import getrusage", {"resource"}),
        ("def f():\n    os.fork()", {"os.fork"}),
        ("x = Path('/dev/shm')", {"/dev/"}),
        ("'''talks of /dev/ and os.fork'''", set()),
        ("import os\nos.replace(a, b)", set()),
    ],
)
def test_what_one_system_has_is_seen(code, found):
    assert local_things(ast.parse(code)) == found


@pytest.mark.parametrize(
    "code", ["open(p)", "open(p, 'w')", "p.read_text()", "p.write_text(t, encoding='utf-8')", "os.rename(a, b)"]
)
def test_text_that_depends_on_the_system_is_seen(code):
    assert unsettled_text(ast.parse(code))
    assert not unsettled_text(
        ast.parse("open(p, 'rb'); p.read_text('utf-8'); open(p, encoding='utf-8'); os.replace(a, b)")
    )
