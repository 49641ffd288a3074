"""`python benchmarks` gathers rows, marks what is missed, and survives a benchmark that breaks."""

import json
import runpy

import pytest
from house import ROOT

bench = runpy.run_path(str(ROOT / "benchmarks" / "__main__.py"), run_name="bench")


def row(figure="a.b", value=2.0, unit="s", target="<= 3", holds=True):
    return {"figure": figure, "value": value, "unit": unit, "target": target, "holds": holds}


def test_rows_are_read_after_whatever_else_is_printed(tmp_path):
    script = tmp_path / "good.py"
    script.write_text(f"print('warming up [1/2]')\nprint({json.dumps([row()])!r})")
    assert bench["rows_of"](script) == [row()]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('no peer')", "no peer"),
        ("print('nothing')", "no rows"),
        ('print(\'[{"figure": "x"}]\')', "value"),
    ],
)
def test_a_benchmark_that_breaks_is_a_row_that_fails(tmp_path, body, reason):
    script = tmp_path / "bad.py"
    script.write_text(body)
    (only,) = bench["rows_of"](script)
    assert only["holds"] is False and reason in only["target"] and only["figure"] == "bad"
    assert bench["line"](only, 5).endswith("FAIL")


@pytest.mark.parametrize(("holds", "word"), [(True, "holds"), (False, "FAIL"), (None, "")])
def test_a_row_says_whether_it_holds(holds, word):
    assert bench["line"](row(holds=holds), 6).endswith(word or "<= 3")


def test_an_unknown_benchmark_is_answered_with_the_known_ones():
    with pytest.raises(SystemExit, match="no benchmark"):
        bench["scripts"](["presure"])
