"""YAML under attack: what is not plain data is refused with the file and, where there is one, the line."""

import pytest
from cases import write_case
from shell import assert_refused, files_under, oxablate

TEXTS = {
    "key twice": (b"{good}\nseed: 2\n", "line 29", "duplicate key", "seed"),
    "key twice inside": (b"model: {pores: rigid, pores: opening}", "line 1", "duplicate key"),
    "alias": (b"title: &x 1\nquestion: *x\n", "line 1", "aliases are not read"),
    "tag that runs": (b"title: !!python/object/apply:os.system [ls]\n", "line 1", "tags", "not read"),
    "own tag": (b"title: !mine x\n", "line 1", "tags"),
    "merge key": (b"<<: {title: 1}\n", "line 1", "merge key"),
    "old YAML": (b"%YAML 1.1\n---\nfollow: 10:30\n", "directives are not read"),
    "deep": (b"title: " + b"[" * 50 + b"]" * 50, "line 1", "deeper than 20"),
    "very deep": (b"title: " + b"[" * 20000, "deeper than 20"),
    "laughs": (b"a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "aliases are not read"),
    "empty": (b"", "nothing", "mapping"),
    "comments only": (b"# nothing here\n", "nothing", "mapping"),
    "list at the top": (b"- a\n- b\n", "list", "mapping"),
    "a word": (b"hello", "str", "mapping"),
    "two documents": (b"{good}\n---\n{good}", "another document"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "byte 0", "UTF-8"),
    "all bytes": (bytes(range(256)), "UTF-8"),
    "nul": (b"title: \0", "not readable as YAML"),
    "other encoding": ("{good}".encode("utf-16"), "UTF-8"),
    "tabs": (b"model:\n\tpores: rigid\n", "line 2", "'\\t'"),
    "open quote": (b'title: "x', "line 1", "not YAML"),
    "two megabytes": (b"title: " + b"x" * 2_000_000, "2000007 bytes", "at most 1000000"),
    "no such day": (b"title: 2020-13-45\n", "not readable as YAML"),
    "endless number": (b"seed: " + b"9" * 5000, "not readable as YAML"),
    "a number as key": (b"{good}\n5: a\n", "quotes"),
    "nothing as key": (b"{good}\n~: a\n", "quotes"),
    "a mapping as key": (b"? {a: 1}\n: 2\n", "not YAML"),
}

VALUES = {
    "1e-3": ("follow", "has no unit"),
    "10:30": ("follow", "':30'"),
    "yes": ("follow", "'yes'"),
    "0x10": ("follow", "has no unit"),
    ".nan": ("follow", "'nan'"),
    ".inf": ("follow", "'inf'"),
    "null": ("follow", "'None'"),
    "2020-01-01": ("follow", "not a quantity"),
    "1_000 s": ("follow", "unit"),
    "1 000 s": ("follow", "'000 s'"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    return write_case(tmp_path_factory.mktemp("good") / "case.yaml").read_bytes()


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_not_plain_data_is_refused(tmp_path, good, name):
    content, *fragments = TEXTS[name]
    filled = good.decode().encode("utf-16") if name == "other encoding" else content.replace(b"{good}", good)
    (tmp_path / "mine.yaml").write_bytes(filled)
    before = files_under(tmp_path)
    assert_refused(oxablate("inspect", tmp_path / "mine.yaml"), "mine.yaml", *fragments)
    assert_refused(oxablate("run", tmp_path / "mine.yaml", "--out", tmp_path / "out"), "mine.yaml", *fragments)
    assert files_under(tmp_path) == before


@pytest.mark.parametrize("value", VALUES)
def test_what_YAML_takes_for_something_else_is_refused(tmp_path, good, value):
    (tmp_path / "mine.yaml").write_bytes(good.replace(b"follow: 3 min", f"follow: {value}".encode()))
    assert_refused(oxablate("inspect", tmp_path / "mine.yaml"), "mine.yaml: ", *VALUES[value])


@pytest.mark.parametrize("change", [lambda b: b"\xef\xbb\xbf" + b, lambda b: b.replace(b"\n", b"\r\n")])
def test_what_editors_add_is_no_harm(tmp_path, good, change):
    (tmp_path / "plain.yaml").write_bytes(good)
    (tmp_path / "changed.yaml").write_bytes(change(good))
    plain, changed = (oxablate("inspect", tmp_path / f"{name}.yaml") for name in ("plain", "changed"))
    assert plain.status == changed.status == 0
    without_memory = [said.out.rsplit("Memory", 1)[0] for said in (plain, changed)]
    assert without_memory[0] == without_memory[1]


@pytest.mark.parametrize(
    ("name", "reason"), [("absent.yaml", "no such file"), ("folder", "is no file"), ("", "no file")]
)
def test_what_is_no_file_is_refused(tmp_path, monkeypatch, name, reason):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for command in (["inspect"], ["run", "--out", "out"], ["phantom", "--out", "out"]):
        assert_refused(oxablate(*command, name), reason, "case file")
    assert not (tmp_path / "out").exists()


def test_a_long_refusal_is_cut(tmp_path):
    said = oxablate("inspect", "a" * 50_000)
    assert_refused(said)
    assert len(said.err) < 1100
