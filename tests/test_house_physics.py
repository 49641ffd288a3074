"""Every process states its equation, is entered the same way, and has no number of nature built in as a default."""

import ast
import re

import pytest
from house import PACKAGE, name_of, package_files, tree_of

PROCESSES = sorted(path for path in (PACKAGE / "physics").iterdir() if path.is_dir() and any(path.glob("*.py")))


#: Settings of a method, without dimension, that may have a default. Nothing of nature goes here.
SETTINGS = {"tolerance", "courant", "spreading", "zone"}


def numeric_defaults(tree: ast.Module) -> list[tuple[int, str]]:
    """(line, name) of every argument or dataclass field whose default is a floating-point literal."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = node.args
            given = arguments.posonlyargs + arguments.args
            pairs = list(zip(given[len(given) - len(arguments.defaults) :], arguments.defaults, strict=True))
            pairs += [pair for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if pair[1]]
            found += [(node.lineno, argument.arg) for argument, value in pairs if is_float(value)]
        elif isinstance(node, ast.ClassDef):
            fields = [child for child in node.body if isinstance(child, ast.AnnAssign) and child.value]
            found += [(field.lineno, field.target.id) for field in fields if is_float(field.value)]
    return found


def is_float(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


@pytest.mark.parametrize("folder", PROCESSES, ids=lambda path: path.name)
def test_a_process_states_its_equation_and_is_entered_through_its_step(folder):
    assert (folder / "equations.py").is_file() and (folder / "step.py").is_file()
    statement = ast.get_docstring(tree_of(folder / "equations.py"))
    assert re.search(r"^    .* = .*", statement, re.M), "no equation set off from the text"
    assert re.search(r"\| unit \||\[(1|m|s|Pa|mol)", statement), "no units of its symbols"
    assert re.search(r"Sources?:|doi", statement), "no source"


def test_no_quantity_of_physics_has_a_default():
    wrong = [
        f"{name_of(path)}:{line} {name}"
        for path in package_files()
        if path.is_relative_to(PACKAGE / "physics") or path.is_relative_to(PACKAGE / "device")
        for line, name in numeric_defaults(tree_of(path))
        if name not in SETTINGS
    ]
    assert not wrong, wrong


def test_a_default_is_seen():
    source = "def f(a, viscosity=1.0e-3, *, n=3, rate=-2.0): ...\nclass A:\n    porosity: float = 0.2\n    k: int = 1\n"
    assert [name for _, name in numeric_defaults(ast.parse(source))] == ["viscosity", "rate", "porosity"]
