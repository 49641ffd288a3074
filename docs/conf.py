"""How the documentation is built: `make docs`. Offline, warnings are errors, code in the pages is run."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import oxablate
from oxablate.quantities.research_only import RESEARCH_ONLY

project = "oxablate"
author = "the oxablate developers"
copyright = author
release = version = oxablate.__version__

extensions = ["myst_parser", "run_code"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_generated", "_ext"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"oxablate {release}"
html_theme_options = {"announcement": RESEARCH_ONLY}
html_show_copyright = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["run.css"]


def make_notebooks() -> None:
    """Every example as a notebook for download, from the same source as the script."""
    import jupytext

    made = Path(__file__).parent / "_generated"
    made.mkdir(exist_ok=True)
    for script in sorted((Path(__file__).parent.parent / "examples").glob("*.py")):
        jupytext.write(jupytext.read(script), made / f"{script.stem}.ipynb")


make_notebooks()
