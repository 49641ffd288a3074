"""YAML under attack: what is not plain data is refused with the file and, where there is one, the line."""

import time

import pytest
from cases import write_case
from shell import assert_refused, files_under, oxablate

from oxablate.protocol.yaml_door import read_yaml
from oxablate.quantities.refusal import BadInput

TEXTS = {
    "key twice": (b"{good}\nseed: 2\n", "line 29", "duplicate key", "seed", "stands on line {seed} too"),
    "key twice inside": (b"model: {pores: rigid,\n  pores: opening}", "line 2", "duplicate key", "on line 1 too"),
    "key twice, once as a number": (b"{good}\nmore: {1: a, '1': b}", "duplicate key '1'"),
    "key twice, composed and not": (b"{\xc3\xa9: 1,\n e\xcc\x81: 2}", "line 2", "duplicate key", "on line 1 too"),
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
    "nul": (b"title: \0", "line 1", "U+0000"),
    "other encoding": ("{good}".encode("utf-16"), "UTF-8"),
    "tabs": (b"model:\n\tpores: rigid\n", "line 2", "'\\t'"),
    "open quote": (b'title: "x', "line 1", "not YAML"),
    "two megabytes": (b"title: " + b"x" * 2_000_000, "2000007 bytes", "at most 1000000"),
    "endless number": (b"seed: " + b"9" * 5000, "line 1", "a number of 5000 digits, at most 40"),
    "endless fraction": (b"seed: 0." + b"9" * 9000, "line 1", "a number of 9002 digits"),
    "endless text": (b"title: " + b"x" * 20_000, "line 1", "a text of 20000 characters, at most 10000"),
    "endless key": (b"k" * 20_000 + b": 1", "line 1", "a text of 20000 characters"),
    "endless escapes": (b'title: "' + rb"\u0041" * 20_000 + b'"', "a text of 20000 characters"),
    "many values": (b"a: [" + b"1," * 100_000 + b"1]", "line 1", "more than 20000 values"),
    "many keys": (b"".join(b"k%d: 1\n" % n for n in range(20_000)), "more than 20000 values"),
    "many dashes": (b"- " * 100_000, "deeper than 20"),
    "beyond all numbers": (b"seed: 1e999", "line 1", "too large for a number"),
    "text that runs backwards": ("{good}\n# \u202e txet".encode(), "line 29", "U+202E"),
    "nothing between letters": ("title: a\u200bb".encode(), "line 1", "U+200B"),
    "a mark of order inside": ("title: a\ufeffb".encode(), "line 1", "U+FEFF"),
    "a line that few see": ("# comment\u2028seed: 2".encode(), "line 1", "U+2028"),
    "a tag of Unicode": ("title: a\U000e0041".encode(), "line 1", "U+E0041"),
    "an escape": (b'title: "\\x1b[31m"', "line 1", "control characters (U+001B)"),
    "an escaped nul": (b'title: "\\0"', "line 1", "control characters (U+0000)"),
    "half a pair": (b'title: "\\ud800"', "line 1", "U+D800"),
    "an escaped override": (b'title: "\\u202e"', "line 1", "U+202E"),
    "binary": (b"title: !!binary aGVsbG8=", "tags", "not read"),
    "a set": (b"title: !!set {a, b}", "tags", "not read"),
    "an anchor alone": (b"title: &a x", "anchors"),
    "a tag on a list": (b"arms: !!python/tuple [1]", "tags"),
    "a list as key": (b"[a, b]: 1", "a list cannot be a key"),
    "a fraction as key": (b"1.5: 1", "a float cannot be a key"),
    "a number as key": (b"{good}\n5: a\n", "quotes"),
    "nothing as key": (b"{good}\n~: a\n", "quotes"),
    "a mapping as key": (b"? {a: 1}\n: 2\n", "a dict cannot be a key"),
}

VALUES = {
    "1e-3": ("follow", "has no unit"),
    "10:30": ("follow", "':30'"),
    "yes": ("follow", "'yes'"),
    "0x10": ("follow", "has no unit"),
    ".nan": ("line 3", "'.nan' is not finite"),
    "-.inf": ("line 3", "'-.inf' is not finite"),
    "null": ("follow", "'None'"),
    "2020-01-01": ("follow", "write for example"),
    "1_000": ("follow", "unit"),
    "1_000 s": ("follow", "unit"),
    "1 000 s": ("follow", "'000 s'"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    return write_case(tmp_path_factory.mktemp("good") / "case.yaml").read_bytes()


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_not_plain_data_is_refused(tmp_path, good, name):
    content, *fragments = TEXTS[name]
    line = 1 + good.decode().splitlines().index("seed: 1")
    fragments = [fragment.replace("{seed}", str(line)) for fragment in fragments]
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


#: A megabyte each, of what costs a parser the most.
HEAVY = {
    "brackets": "a: " + "[" * 999_000,
    "braces": "a: " + "{b: " * 249_000,
    "numbers": "a: [" + "1," * 499_000 + "1]",
    "keys": "".join(f"key{n}: value\n" for n in range(60_000)),
    "one word": "a: " + "x" * 999_000,
    "words": "a: " + "x " * 499_000,
    "lines": "a:\n" + " x\n" * 333_000,
    "empty lines": "a: b\n" + "\n" * 999_000,
    "literal": "a: |\n" + " x\n" * 333_000,
    "folded": "a: >\n" + " x\n" * 333_000,
    "escapes": 'a: "' + "\\u0041" * 166_000 + '"',
    "open quote": "a: '" + "x " * 499_000,
    "anchors": "a: [" + "&a x," * 199_000 + "1]",
    "question marks": "? " * 499_000,
    "dashes": "- " * 499_000,
    "tag": "a: !" + "x" * 999_000,
    "comments": "# c\n" * 249_000 + "a: b",
    "stairs": "".join(" " * n + "k:\n" for n in range(1_400)),
    "digits": "a: " + "9" * 999_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_no_megabyte_takes_five_seconds(tmp_path, name):
    """A door that takes long is shut as surely as one that is broken. Processor time: the machine may be busy."""
    path = tmp_path / "heavy.yaml"
    path.write_text(HEAVY[name])
    began = time.process_time()
    try:
        read_yaml(path)
    except BadInput as refusal:
        assert len(str(refusal)) < 300
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-3", 1e-3), ("-1E+2", -100.0), (".5", 0.5), ("5.", 5.0), ("0o17", 15), ("0x1F", 31), ("+7", 7), ("010", 10),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("10:30", "10:30"), ("yes", "yes"),
        ("off", "off"), ("1_000", "1_000"), ("2020-01-01", "2020-01-01"), ("0b1", "0b1"), ("1e", "1e"), ("=", "="),
        ("'1e-3'", "1e-3"), ('"true"', "true"), ("|\n  1\n", "1\n"), ("1.2.3", "1.2.3"), ("0x", "0x"), ("nan", "nan"),
    ],
)  # fmt: skip
def test_plain_words_follow_the_core_schema(tmp_path, written, value):
    """YAML 1.2.2, section 10.3.2: what each plain word stands for; everything else is text."""
    path = tmp_path / "one.yaml"
    path.write_text(f"a: {written}\n")
    found = read_yaml(path)["a"]
    assert found == value and type(found) is type(value)
