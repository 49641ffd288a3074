"""Files, functions and constructors stay small. Exceptions are named here with their size, and may only shrink."""

import ast

from house import functions, name_of, python_files, tree_of

FILE_LINES = 400
BODY_LINES = 40
CONSTRUCTOR_ARGUMENTS = 8

#: What is larger, by name, with the size measured now. Lower a number when it falls; delete it when it is no longer
#: needed (the test says so). Never raise one, never add one without a reason in the commit that does.
EXCEPTIONS: dict[str, int] = {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the end; blank lines and comments count."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def is_dataclass(node: ast.ClassDef) -> bool:
    names = [decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list]
    return any(getattr(name, "id", getattr(name, "attr", "")) == "dataclass" for name in names)


def constructor_arguments(node: ast.ClassDef) -> int:
    """What must or may be given to build one: arguments of __init__ but self, or the fields of a dataclass."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            arguments = child.args
            return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs) - 1
    if not is_dataclass(node):
        return 0
    fields = [child for child in node.body if isinstance(child, ast.AnnAssign)]
    texts = [(ast.unparse(f.annotation), ast.unparse(f.value) if f.value else "") for f in fields]
    return sum("ClassVar" not in annotation and "init=False" not in value for annotation, value in texts)


def oversize(tree: ast.Module, lines: int, name: str) -> dict[str, int]:
    """Whatever in one file is above its limit: {name: measured}."""
    found = {name: lines} if lines > FILE_LINES else {}
    for function, node in functions(tree):
        if body_lines(node) > BODY_LINES:
            found[f"{name}::{function}"] = body_lines(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and constructor_arguments(node) > CONSTRUCTOR_ARGUMENTS:
            found[f"{name}::{node.name}()"] = constructor_arguments(node)
    return found


def test_everything_is_small_but_what_is_named():
    measured = {}
    for path in python_files():
        measured |= oversize(tree_of(path), len(path.read_text().splitlines()), name_of(path))
    grown = {name: size for name, size in measured.items() if size > EXCEPTIONS.get(name, 0)}
    shrunk = {name: measured.get(name, 0) for name in EXCEPTIONS if measured.get(name, 0) < EXCEPTIONS[name]}
    assert not grown, f"too large: {grown}"
    assert not shrunk, f"smaller than EXCEPTIONS says; lower or delete the entry: {shrunk}"


def test_what_is_too_large_is_seen():
    long_body = "def f():\n    'doc'\n" + "    x = 1\n" * 41
    many = "class A:\n    def __init__(self, a, b, c, d, e, f, g, *, h, i): ...\n"
    fields = "@dataclass(frozen=True)\nclass B:\n" + "".join(f"    a{i}: int\n" for i in range(9))
    tree = ast.parse(long_body + many + fields)
    assert oversize(tree, 401, "m") == {"m": 401, "m::f": 41, "m::A()": 9, "m::B()": 9}


def test_what_just_fits_passes():
    body = "def f():\n    '''doc\n" + "    more\n" * 60 + "    '''\n" + "    x = 1\n" * 40
    fields = "@dataclass\nclass B:\n    n: ClassVar[int] = 3\n    w: int = field(init=False)\n" + "".join(
        f"    a{i}: int\n" for i in range(8)
    )
    assert oversize(ast.parse(body + fields), 400, "m") == {}
