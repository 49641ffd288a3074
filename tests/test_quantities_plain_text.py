"""Files of text that people write, under attack: bounded in size and time, nothing hidden, one sentence."""

import pytest

from oxablate.device.agent import load_agent
from oxablate.quantities.cite import read_bibliography
from oxablate.quantities.plain_text import read_plain_text
from oxablate.quantities.refusal import BadInput
from oxablate.quantities.table import read_toml

HEAD = 'name = "mine"\ndescription = "d"\n'


def refusal(action, path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(BadInput) as caught:
        action(path)
    text = str(caught.value)
    assert path.name in text and len(text) < 600 and "\n" not in text
    return text


TOML = {
    "key of many parts": ("a." * 40_000 + "a = 1", "more than 20 parts"),
    "quoted parts": ('"a".' * 20_000 + "a = 1", "more than 20 parts"),
    "table of many parts": ("[" + "a." * 30 + "a]", "line 1", "more than 20 parts"),
    "brackets": ("a = " + "[" * 90_000, "cannot be read"),
    "digits": ("a = " + "9" * 90_000, "cannot be read"),
    "size": ("a = 1\n" * 20_000, "at most 100000"),
    "an escape": (r'a = "\u001b[31m"', "control characters (U+001B)"),
    "an escape in a list": (r'a = [["x", {b = "\u202e"}]]', "U+202E"),
    "an escape in a key": (r'"\u0007" = 1', "U+0007"),
    "an override": ("# \u202e\na = 1", "line 1", "U+202E"),
    "nul": ("a = 1\0", "U+0000"),
    "twice": ("a = 1\na = 2", "cannot be read"),
}


@pytest.mark.parametrize("name", TOML)
def test_toml_that_is_made_to_harm_is_refused(tmp_path, name):
    content, *fragments = TOML[name]
    path = tmp_path / "mine.toml"
    path.write_text(content)
    said = refusal(read_toml, path)
    assert all(fragment in said for fragment in fragments), said


BIB = {
    "entries": ("@a{b,\n title = {t}\n}\n" * 2000, "more than 1000 entries"),
    "openings": ("@a{b," * 999 + "x" * 90_000, "close each entry"),
    "a terminal": ("@a{b,\n title = {\x1b[31mred}\n}\n", "line 2", "U+001B"),
    "size": ("%\n" * 60_000, "at most 100000"),
}


@pytest.mark.parametrize("name", BIB)
def test_bibtex_that_is_made_to_harm_is_refused(tmp_path, name):
    content, *fragments = BIB[name]
    path = tmp_path / "mine.bib"
    path.write_text(content)
    with pytest.raises(BadInput) as caught:
        read_bibliography(path)
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value


AGENTS = {
    "reaction that is no table": ("reaction = 5", "[[reaction]]"),
    "reaction that is a table": ("[reaction]\npool = 1", "[[reaction]]"),
    "bibliography that is no name": ("bibliography = 5", "no name of a file"),
    "bibliography elsewhere": ('bibliography = "../x.bib"', "outside the folder"),
    "bibliography that is not there": ('bibliography = "x.bib"', "no such file"),
    "solute that is a word": ('solute = "x"', "a table with"),
}


@pytest.mark.parametrize("name", AGENTS)
def test_agents_that_are_made_to_harm_are_refused(tmp_path, name):
    content, fragment = AGENTS[name]
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + content)
    with pytest.raises(BadInput, match=r"mine\.toml|x\.bib") as caught:
        load_agent(str(path))
    assert fragment in str(caught.value)


def test_a_number_beyond_all_reals_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    row = '{value = %s, unit = "g/mol", spread = {}, source = "s", place = "p", grade = "measured", mark = "read"}'
    path.write_text(HEAD + f"[solute]\nmolar_mass = {row % ('9' * 4000)}\n")
    with pytest.raises(BadInput, match=r"mine\.toml"):
        load_agent(str(path))


def test_what_editors_add_is_no_harm(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_plain_text(path, 100, "note") == "one\ntwo\nthree\n"
    path.write_bytes("na\u00efve \u4e2d\u6587 \u0645\u0631\u062d\u0628\u0627 caf\u00e9\tx\n".encode())
    assert "\t" in read_plain_text(path, 100, "note")


@pytest.mark.parametrize(
    ("content", "fragment"), [(b"\xff\xfe", "not UTF-8"), (b"x" * 101, "101 bytes where a note has at most 100")]
)
def test_what_is_no_text_is_refused(tmp_path, content, fragment):
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    assert fragment in refusal(lambda one: read_plain_text(one, 100, "note"), path)


def test_what_is_no_file_is_refused(tmp_path):
    assert "is no file" in refusal(lambda one: read_plain_text(one, 100, "note"), tmp_path)
    assert "no such file" in refusal(lambda one: read_plain_text(one, 100, "note"), tmp_path / "absent")
