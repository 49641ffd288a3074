"""References: the bibliography reads, prints, and is owed by numbers and methods."""

import re

import pytest

from oxablate.quantities.cite import bibliography, bibtex, methods, owed, plain, read_bibliography, references
from oxablate.quantities.refusal import BadInput
from oxablate.quantities.table import load_table, table_names


def test_every_method_cites_what_exists():
    assert methods()
    for key, method in methods().items():
        assert method.what and references(method.sources), key


def test_every_reference_is_used():
    used = {source for method in methods().values() for source in method.sources}
    for name in table_names():
        used |= {reference.key for quantity in load_table(name).values() for reference in quantity.references}
    assert used == set(bibliography()), "a reference that nothing owes is rot"


@pytest.mark.parametrize("key", bibliography())
def test_every_reference_can_be_found_again(key):
    fields = bibliography()[key].fields
    assert fields.get("doi") or fields.get("eprint") or fields.get("volume") or fields.get("year") or fields.get("note")
    if "doi" in fields:
        assert re.fullmatch(r"10\.\d{4,5}/\S+", fields["doi"])
    if "year" in fields:
        assert re.fullmatch(r"(18|19|20)\d\d", fields["year"])


def test_bibtex_reads_back(tmp_path):
    path = tmp_path / "out.bib"
    path.write_text(bibtex(bibliography().values()), "utf-8")
    assert read_bibliography(path) == dict(bibliography())


def test_plain_text_is_one_line_each_and_invents_nothing():
    text = plain(references(["salavati-2024", "liver-tumour-mre", "mcguire-2006"]))
    assert len(text.splitlines()) == 3
    assert "Salavati, Hooman; Pullens, Pim" in text and "doi:10.1002/btm2.10617" in text and "9(2)" in text
    assert "1. [MR elastography of 44 solid liver tumors]. PMC2894569" in text


def test_what_is_owed():
    conductivity = load_table("tissue")["hydraulic_conductivity.human_solid_tumour"]
    computed = load_table("vessels")["vessel_filtration.tumour"]
    bare = load_table("injury")["toxic_power.any_cell"]
    keys = [reference.key for reference in owed([conductivity, computed, bare, computed], ["multigrid"])]
    assert keys == ["baxter-jain-1989", "brandt-1977", "salavati-2024"]
    with pytest.raises(BadInput, match="the method 'multgrid' is not known; did you mean 'multigrid'"):
        owed([], ["multgrid"])
    with pytest.raises(BadInput, match="did you mean 'mcguire-2006'"):
        references(["mcguire-2007"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@article{a,\n  author = {X},\n}", "has no title"),
        ("@article{a,\n  title = {X},\n}\n@article{a,\n  title = {Y},\n}", "comes twice"),
        ("@article{a,\n  title = X,\n}", "cannot read"),
        ("@article{a,\n  title = {X},", "cannot read"),
        ("stray words", "cannot read"),
    ],
)
def test_a_broken_bibliography_is_refused(tmp_path, text, says):
    path = tmp_path / "mine.bib"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=says):
        read_bibliography(path)
