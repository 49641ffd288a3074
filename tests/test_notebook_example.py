"""An example is script and notebook from one source, and both run."""

import re
import runpy

import pytest
from house import ROOT

from oxablate.quantities.research_only import RESEARCH_ONLY_SHORT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def plain_figures(monkeypatch, tmp_path):
    """Figures without a screen, temporary folders where the test can look into them."""
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    import matplotlib.pyplot as plt

    plt.close("all")


def test_there_is_an_example():
    assert [path.name for path in EXAMPLES] == ["first_look.py"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_script_runs_as_it_is(path, plain_figures, capsys):
    import matplotlib.pyplot as plt

    left = runpy.run_path(str(path), run_name="__main__")
    assert left["record"].about["status"] == "complete"
    (picture,) = plain_figures.glob("*/first_look.png")
    (page,) = plain_figures.glob("*/record/report.html")
    assert picture.read_bytes().startswith(b"\x89PNG") and page.is_file()
    assert str(picture) in capsys.readouterr().out
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    assert RESEARCH_ONLY_SHORT in figure.get_suptitle() and figure.axes[0].get_xlabel() == "x [mm]"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_notebook_has_the_same_cells_and_runs(path, plain_figures):
    jupytext = pytest.importorskip("jupytext")
    notebook = jupytext.read(path)
    assert jupytext.writes(jupytext.reads(jupytext.writes(notebook, "ipynb"), "ipynb"), "py:percent").count(
        "# %%"
    ) == len(notebook.cells)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    source = path.read_text()
    assert len(code) + len(text) == len(re.findall(r"^# %%", source, re.M)) and all(cell in source for cell in code)
    assert "no recommendation" in " ".join(text) and "advice on treating" in " ".join(" ".join(text).split())
    namespace = {"__name__": "__main__"}
    for cell in code:
        exec(compile(cell, path.name, "exec"), namespace)
    assert namespace["record"].arms == tuple(namespace["tree"].children)
