"""Words from headers, cases and agents stay words: on the page, in JSON, on the terminal, in tables."""

import csv
import json
import re
from html.parser import HTMLParser

import pytest
from hostile import PERSON, write_hostile_case
from shell import files_under, oxablate

#: Tags of the report's own template.
TAGS = set(
    "html head meta title style body p main section h1 h2 h3 header div table caption thead tbody tr th td span b "
    "article figure img figcaption details summary ol ul li a footer br strong em code sub sup".split()
)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The folder of a hostile case after every command, and what each said."""
    folder = tmp_path_factory.mktemp("hostile")
    case, out = write_hostile_case(folder), folder / "out"
    commands = [("inspect", case), ("run", case, "--out", out), ("report", out), ("export", out), ("cite", out)]
    return folder, {command[0]: oxablate(*command) for command in commands}


class Strict(HTMLParser):
    """Tags and attributes of a page, and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text.append(data)


def test_everything_ran(told):
    _, said = told
    assert {name: one.status for name, one in said.items()} == dict.fromkeys(said, 0), said


def test_the_page_holds_hostile_words_as_text_only(told):
    folder, _ = told
    page = Strict((folder / "out" / "report.html").read_text())
    assert page.tags <= TAGS
    assert not [one for one in page.attributes if one[1].startswith("on")]
    addresses = [value for _, name, value in page.attributes if name in ("src", "href", "action", "data", "srcset")]
    assert addresses and all(value.startswith(("data:image/", "#")) for value in addresses)
    words = " ".join(" ".join(page.text).split())
    for text in ("<script>window.__pwned=1</script>", "{{7*7}}{% raw %}", "javascript:window.__pwned=1", "<svg/onload"):
        assert text in words, f"{text!r} is not on the page as text"
    policy = [
        value for tag, name, value in page.attributes if tag == "meta" and name == "content" and "default" in value
    ]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_terminal_gets_printable_lines_only(told):
    _, said = told
    for name, one in said.items():
        bad = [c for c in one.out + one.err if not c.isprintable() and c != "\n"]
        assert not bad, (name, bad)


def test_no_person_and_no_escape_reaches_any_file(told):
    """What a header says of a person stays there; escapes and overrides of direction are nowhere in what is written."""
    folder, _ = told
    for name, content in files_under(folder / "out").items():
        if content is not None and not name.endswith("segmentation.dcm") and "/seg" not in name:
            assert PERSON.encode() not in content, name
            if name.endswith((".json", ".csv", ".html", ".yaml", ".vti")):
                text = content.split(b"<AppendedData")[0].decode()
                assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text), name


def test_json_is_json_and_tables_hold_no_formula(told):
    folder, _ = told
    written = list((folder / "out").rglob("*"))
    for path in (one for one in written if one.suffix == ".json"):
        json.loads(path.read_text())
    tables = [one for one in written if one.suffix == ".csv"]
    assert tables
    for path in tables:
        with open(path, newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        wrong = [cell for cell in cells if re.match(r"[=+@\t\r]|-(?![\d.]|inf|nan)", cell)]
        assert not wrong, (path, wrong)


def test_a_formula_in_a_cell_would_be_seen():
    assert re.match(r"[=+@\t\r]|-(?![\d.]|inf|nan)", "=cmd|'/C calc'!A0") and re.match(r"-(?![\d.])", "-cmd")


def test_refusals_about_hostile_words_are_one_printable_line(tmp_path):
    case = write_hostile_case(tmp_path)
    text = case.read_text()
    wrongs = {
        "label": (tmp_path / "tissues.yaml").write_text('tissues: {"<script>": tumour_viable}\n') and text,
        "word": text.replace("host: liver", 'host: "<script>alert(1)</script>"'),
        "key": text.replace("seed: 1", '"=cmd|x": 1\nseed: 1'),
        "file": text.replace("image: series", 'image: "<img src=x>.nii"'),
    }
    for name, content in wrongs.items():
        case.write_text(content)
        said = oxablate("inspect", case)
        assert said.status == 2 and said.err.count("\n") == 1 and len(said.err) < 1200, (name, said)
        assert all(c.isprintable() for c in said.err[:-1]), (name, said)
