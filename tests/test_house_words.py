"""What is written in the repository: docstrings, characters, names, and nothing of the machines it was written on."""

import ast
import re

import pytest
from house import PACKAGE, files, name_of, package_files, python_files, text_files, tree_of

PLACEHOLDER = re.compile(r"_summary_|_type_|_description_|\bTODO\b|\bFIXME\b|\bXXX\b|lorem ipsum|docstring for", re.I)
LOOSE_NAMES = {"utils", "util", "helpers", "helper", "misc", "tools", "stuff"}
MEGABYTE = 1_000_000

#: Built from pieces, so that this file does not hold what it looks for.
OF_A_MACHINE = re.compile(
    "|".join(
        [
            r"/(?:home|root|Users)" + r"/\w",
            r"(?<![\w.])/wo" + r"rk/",
            r"\.\./sha" + r"red\b",
            r"(?<![\w/])sha" + r"red/(?:facts|data|design|model|cases|claims|stack|style|words|hooks)",
            r"[A-Z]:\\" + r"Users",
            r"py" + r"pi\.org|pythonho" + r"sted\.org|(?:extra-)?index-u" + r"rl\s*=|--index-u" + r"rl",
            r"registry\.np" + r"mjs|proxy\.gol" + r"ang",
        ]
    )
)


def wanting(docstring: str | None, name: str) -> str | None:
    """Why a docstring will not do; None when it will."""
    if not docstring or not docstring.strip():
        return "has no docstring"
    if PLACEHOLDER.search(docstring):
        return "has a placeholder for a docstring"
    words = re.findall(r"[a-z0-9]+", docstring.lower())
    if len(words) < 3 or set(words) <= set(re.findall(r"[a-z0-9]+", name.lower())):
        return "has a docstring that says no more than its name"
    return None


def public(tree: ast.Module) -> list[tuple[str, ast.AST]]:
    """The module, and its public functions and classes."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [("module", tree)] + [
        (node.name, node) for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")
    ]


def test_every_public_thing_says_what_it_is():
    wrong = []
    for path in package_files():
        for name, node in public(tree_of(path)):
            reason = wanting(ast.get_docstring(node), name)
            if reason:
                wrong.append(f"{name_of(path)}: {name} {reason}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", [None, "", "  ", "_summary_", "Solve pressure.", "TODO: write this down some day"])
def test_a_docstring_that_says_nothing_is_seen(text):
    assert wanting(text, "solve_pressure")


def test_code_is_ascii():
    wrong = []
    for path in python_files():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.isascii():
                wrong.append(f"{name_of(path)}:{number}")
    assert not wrong, wrong


def test_no_file_has_a_name_that_says_nothing():
    wrong = [
        name_of(path) for path in files() if LOOSE_NAMES & {part.lower() for part in (path.stem, path.parent.name)}
    ]
    assert not wrong, wrong


def test_nothing_of_a_machine_is_written_down():
    wrong = []
    for path, text in text_files():
        for number, line in enumerate(text.splitlines(), 1):
            if OF_A_MACHINE.search(line):
                wrong.append(f"{name_of(path)}:{number}: {line.strip()[:100]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line", ["see /ho" + "me/anna/x", "--index-u" + "rl=", "cd /wo" + "rk/main", "https://py" + "pi.org/x"]
)
def test_a_path_or_host_of_a_machine_is_seen(line):
    assert OF_A_MACHINE.search(line)


def test_no_file_is_heavy():
    wrong = {name_of(path): path.stat().st_size for path in files() if path.stat().st_size > 5 * MEGABYTE}
    assert not wrong, wrong


def test_what_it_is_not_for_is_worded_once_in_the_code():
    phrase = "not an approved " + "treatment anywhere"
    homes = {name_of(path) for path in package_files() if phrase in " ".join(path.read_text().replace('"', "").split())}
    assert homes == {"src/oxablate/quantities/research_only.py"}
    assert PACKAGE.joinpath("quantities", "research_only.py").is_file()
