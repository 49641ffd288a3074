"""Every block of code in the docs runs; the runner itself reports failures with page and line."""

import subprocess
import sys

import pytest
from house import ROOT

DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

from code_blocks import Session, blocks  # noqa: E402 - found through the line above

PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
PAGES_WITH_CODE = [path for path in PAGES if blocks(path.read_text())]


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_the_code_of_a_page_runs(page):
    session = Session(page.relative_to(ROOT).as_posix())
    printed = [session.run(block.language, block.code, block.line) for block in blocks(page.read_text())]
    assert any(printed)


@pytest.mark.slow
def test_the_pages_build_without_a_warning(tmp_path):
    pytest.importorskip("sphinx")
    command = [sys.executable, "-m", "sphinx", "-E", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "54 days" in (tmp_path / "validity.html").read_text()


def test_every_page_is_linked():
    index = " ".join(path.read_text() for path in PAGES)
    linked = {word.strip() for word in index.split()}
    orphans = [
        path.relative_to(DOCS).as_posix()
        for path in PAGES
        if path.stem not in {"index"}
        and path.parent.name != "decisions"
        and not {path.stem, path.relative_to(DOCS).with_suffix("").as_posix()} & linked
    ]
    assert not orphans, orphans


PAGE = """text

```{run}
x = 20
```

~~~
```{run} python
:output: markdown
:code: hide
x += 1
print(x)
```
"""


def test_blocks_are_found_with_their_lines_and_share_a_namespace():
    first, second = blocks(PAGE)
    assert (first.line, second.line) == (3, 8)
    assert second.code == "x += 1\nprint(x)\n"
    session = Session("page.md")
    assert [session.run(b.language, b.code, b.line) for b in (first, second)] == ["", "21\n"]


@pytest.mark.parametrize(("language", "code"), [("python", "1 / 0\n"), ("shell", "false\n"), ("fortran", "stop\n")])
def test_a_block_that_fails_names_page_and_line(language, code):
    with pytest.raises((RuntimeError, ValueError), match=r"page\.md:7"):
        Session("page.md").run(language, code, 7)
