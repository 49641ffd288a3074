"""Agents: those that come along, those of one's own, and what is refused."""

import itertools

import pytest

from oxablate.device.agent import agent_names, load_agent
from oxablate.quantities.cite import owed
from oxablate.quantities.parameter import POOLS
from oxablate.quantities.refusal import BadInput

ROW = """
value = {value}
unit = "{unit}"
spread = {{ kind = "uniform", low = {low}, high = {high} }}
source = "{source}"
place = "page 3"
grade = "measured"
mark = "read"
"""


def ethanol(source="baxter-jain-1989", extra="", pool="thiols", rate="clo2/rate_constant.nadh"):
    mass = ROW.format(value=46.07, unit="g/mol", low=46, high=47, source=source)
    spread = ROW.format(value=1.24e-9, unit="m^2/s", low=1e-9, high=2e-9, source=source)
    return (
        f'name = "mine"\ndescription = "A test"\n{extra}\n'
        '[solute]\ndecay_rate = "clo2/decay_rate.chlorine_dioxide"\nleast = "1 g/L"\nmost = "790 g/L"\n'
        f"[solute.molar_mass]{mass}[solute.diffusivity]{spread}"
        f'[[reaction]]\npool = "{pool}"\nrate_constant = "{rate}"\nstoichiometry = "clo2/stoichiometry.nadh"\n'
    )


def load(folder, text):
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return load_agent(str(path))


def test_the_agents_that_come_along():
    assert agent_names() == ("chlorine_dioxide", "inert_tracer", "vehicle")
    kinds = {name: (load_agent(name).dissolved, load_agent(name).reactive) for name in agent_names()}
    assert kinds == {"chlorine_dioxide": (True, True), "inert_tracer": (True, False), "vehicle": (False, False)}
    for name in agent_names():
        agent = load_agent(name)
        assert agent.name == name and agent.description


def test_chlorine_dioxide_reacts_with_every_pool_fastest_first():
    agent = load_agent("chlorine_dioxide")
    rates = agent.rate_constants()
    assert len(rates) == len(POOLS) and all(a > 5 * b > 0 for a, b in itertools.pairwise(rates))
    # published ranges at pH 7.4, in 1/(M s): thiols 3.9e6 to 1.6e7, Tyr 2.5e5 to 3.8e5, Trp about 3.4e4
    for rate, (low, high) in zip(rates, ((3.9e6, 1.6e7), (2.5e5, 3.8e5), (3.3e4, 3.5e4)), strict=True):
        assert low <= rate * 1e3 <= high
    assert {reference.key for reference in owed(agent.quantities().values())} >= {"ison-2006", "stewart-2008"}
    assert load_agent("inert_tracer").rate_constants() == (0.0,) * len(POOLS)


def test_concentrations_in_mass_and_amount():
    agent = load_agent("chlorine_dioxide")
    assert agent.concentration("3 g/L") == pytest.approx(44.5, rel=1e-3)
    assert agent.concentration("20 g/L") == pytest.approx(296.5, rel=1e-3)
    assert agent.concentration("44.5 mM") == pytest.approx(44.5)
    assert agent.concentration("0 g/L") == 0.0
    with pytest.raises(BadInput, match=r"^dose: '30 g/L' is outside .* to 20 g/L, the range of chlorine_dioxide"):
        agent.concentration("30 g/L", "dose")
    with pytest.raises(BadInput, match="is a volume"):
        agent.concentration("3 mL")
    with pytest.raises(BadInput, match="plain fluid and has no concentration"):
        load_agent("vehicle").concentration("3 g/L")


def test_an_agent_of_ones_own(tmp_path):
    agent = load(tmp_path, ethanol())
    assert agent.reactive and agent.solute.molar_mass.si == pytest.approx(0.04607)
    assert agent.rate_constants() == (3.9e3, 0.0, 0.0)
    assert agent.concentration("460.7 g/L") == pytest.approx(1e4)


def test_an_agent_of_ones_own_with_its_own_sources(tmp_path):
    (tmp_path / "mine.bib").write_text("@misc{lab-book-7,\n  title = {Our bench},\n}\n", "utf-8")
    agent = load(tmp_path, ethanol("lab-book-7", 'bibliography = "mine.bib"'))
    assert "lab-book-7" in {reference.key for reference in owed(agent.quantities().values())}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ethanol("lab-book-7"), "'lab-book-7' is not in the bibliography"),
        (ethanol(pool="thiol"), "no pool 'thiol'; did you mean 'thiols'"),
        (ethanol(rate="clo2/stoichiometry.nadh"), "gives stoichiometry; name a row of rate_constant"),
        (ethanol(rate="clo2/rate_constant.nadhh"), "did you mean 'rate_constant.nadh'"),
        (ethanol(extra="colour = 1"), "no field 'colour'"),
        (ethanol().replace('least = "1 g/L"\n', ""), "'least' is missing"),
        (ethanol().replace('"1 g/L"', '"900 g/L"'), "least is not below most"),
        (ethanol().replace("grade =", "grad ="), "no field 'grad'; did you mean 'grade'"),
        (ethanol().replace("pool =", "pol ="), "no field 'pol'; did you mean 'pool'"),
        (ethanol() + ethanol()[ethanol().index("[[reaction") :], "a pool reacts twice"),
        ('name = "x"', "no description"),
        ('description = "x"', "no name"),
        ('name = "x"\ndescription = "y"\n' + ethanol()[ethanol().index("[[reaction") :], "plain fluid cannot react"),
        ('name = "x"\ndescription = "y"\nsolute = 3', "a table with"),
        ("name =", "cannot be read"),
    ],
)
def test_a_broken_agent_is_refused_by_name(tmp_path, text, says):
    with pytest.raises(BadInput, match=says) as refusal:
        load(tmp_path, text)
    assert "mine" in str(refusal.value), "the file is named"


def test_an_unknown_agent_is_refused_with_the_nearest():
    with pytest.raises(BadInput, match="no agent 'chlorine-dioxide'; did you mean 'chlorine_dioxide'"):
        load_agent("chlorine-dioxide")
    with pytest.raises(BadInput, match="cannot be read"):
        load_agent("nowhere.toml")
