"""No case, agent or label file is ever run: what could run it does not stand in the package."""

import ast

import pytest
from house import name_of, package_files, tree_of

#: Modules that turn data into code, or start programs.
MODULES = {
    "pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "dbm", "subprocess", "pty",
    "code", "os.system", "codeop", "runpy", "imp", "commands", "popen2",
    "multiprocessing.managers", "xmlrpc", "yaml", "jsonpickle",
}  # fmt: skip

#: Modules that open connections. `platform` and `uuid` do not.
NETWORK = {
    "socket", "ssl", "http", "urllib.request", "urllib3", "requests", "ftplib", "smtplib", "telnetlib", "imaplib",
    "poplib", "socketserver", "asyncio", "aiohttp", "httpx", "webbrowser", "fsspec", "pydicom.data", "pooch",
}  # fmt: skip

#: Builtins that run text.
BUILTINS = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}

#: Attributes that run text, programs or unpickle, whatever they hang on, but for `re.compile` and the like.
ATTRIBUTES = {
    "popen", "execv", "execve", "execvp", "execl", "execlp", "spawnv", "spawnl", "posix_spawn", "startfile",
    "import_module", "unsafe_load", "full_load", "load_all", "read_pickle", "loadtxt", "genfromtxt", "query", "eval",
    "exec", "exec_module", "load_module", "from_string", "memmap", "fromfile",
}  # fmt: skip

#: What stands where none may, by file, with the reason. It may only shrink.
EXCEPTIONS: dict[str, set[str]] = {
    # fetches the anatomy that a person asked for by name, checks it, unpacks data only; asks pip where its index is
    "src/oxablate/storage/package_index.py": {"ssl", "subprocess", "urllib.request"},
}


def trespasses(tree: ast.Module) -> set[str]:
    """What a file holds that could run data or open a connection, by word."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if _of(alias.name, MODULES | NETWORK)}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            found |= {name for name in names if _of(name, MODULES | NETWORK)}
        elif isinstance(node, ast.Name) and node.id in BUILTINS:
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and (node.attr in ATTRIBUTES or ast.unparse(node) == "os.system"):
            found.add(node.attr)
        elif isinstance(node, ast.keyword):
            found |= _keyword(node)
        elif isinstance(node, ast.Call):
            found |= _call(node)
    return found


def _of(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in modules)


def _keyword(node: ast.keyword) -> set[str]:
    """allow_pickle and shell other than a plain False; a YAML loader that is not the safe, pure one."""
    value = node.value.value if isinstance(node.value, ast.Constant) else "?"
    if node.arg in ("allow_pickle", "shell") and value is not False:
        return {f"{node.arg}={value}"}
    return {f"typ={value}"} if node.arg == "typ" and value != "safe" else set()


def _call(node: ast.Call) -> set[str]:
    """YAML() without a word on which; np.load() without allow_pickle=False; Environment() that does not escape."""
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    keywords = {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}
    base = getattr(getattr(node.func, "value", None), "id", "")
    if name == "YAML" and keywords.get("typ") != "safe":
        return {"YAML() of an unsafe kind"}
    if name == "load" and base in ("np", "numpy") and keywords.get("allow_pickle") is not False:
        return {"np.load without allow_pickle=False"}
    if name == "Environment" and keywords.get("autoescape") is not True:
        return {"Environment() without autoescape=True"}
    return set()


def test_nothing_in_the_package_runs_data_or_calls_out():
    found = {name_of(path): words for path in package_files() if (words := trespasses(tree_of(path)))}
    more = {name: words - EXCEPTIONS.get(name, set()) for name, words in found.items()}
    assert not {name: words for name, words in more.items() if words}
    gone = {name: words - found.get(name, set()) for name, words in EXCEPTIONS.items()}
    assert not {name: words for name, words in gone.items() if words}, "no longer needed: delete from EXCEPTIONS"


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "import numpy.f2py, marshal", "eval('1')", "x = exec",
        "compile('1', '', 'eval')", "import os; os.system('ls')", "from os import system",
        "import subprocess", "from subprocess import run", "np.load(p)", "np.load(p, allow_pickle=True)",
        "f(allow_pickle=flag)",
        "f(shell=True)", "import yaml", "YAML()", "YAML(typ='unsafe')", "YAML(typ=kind)",
        "importlib.import_module(name)",
        "__import__('os')", "import urllib.request", "from urllib import request", "import socket",
        "import requests",
        "Environment(loader=x)", "Environment(autoescape=False)", "environment.from_string(title)", "frame.eval('a')",
        "import http.client", "from http import client", "import webbrowser", "import shelve", "pandas.read_pickle(p)",
    ],
)  # fmt: skip
def test_what_runs_data_is_seen(code):
    assert trespasses(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "re.compile('x')", "np.load(p, allow_pickle=False)", "YAML(typ='safe', pure=True)", "import urllib.parse",
        "Environment(loader=x, autoescape=True)", "from .model import evaluate", "json.loads(text)", "import platform",
    ],
)  # fmt: skip
def test_what_is_harmless_passes(code):
    assert trespasses(ast.parse(code)) - {"compile"} == set()
