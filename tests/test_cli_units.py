"""Units are written by people: however a quantity is written, the case is the same."""

from fractions import Fraction

import pytest
from cases import small_case
from hypothesis import given, settings
from hypothesis import strategies as st

#: For each quantity of the case: what a value in the first unit becomes in the others, exactly.
WAYS = {
    "injection__flow_rate": {
        "mL/h": 1, "mL/min": Fraction(1, 60), "uL/h": 1000, "uL/min": Fraction(1000, 60), "L/day": Fraction(24, 1000),
        "cc/hour": 1, "cm^3/h": 1, "mm**3/s": Fraction(1000, 3600), "mL h^-1": 1, "m^3/s": Fraction(1, 3_600_000_000),
    },
    "injection__volume": {"mL": 1, "uL": 1000, "L": Fraction(1, 1000), "cc": 1, "cm^3": 1, "mm^3": 1000},
    "follow": {"h": 1, "min": 60, "s": 3600, "ms": 3_600_000, "hours": 1, "day": Fraction(1, 24)},
    "injection__start": {"min": 1, "s": 60, "h": Fraction(1, 60), "minutes": 1},
    "needle__cavity_radius": {"mm": 1, "um": 1000, "cm": Fraction(1, 10), "m": Fraction(1, 1000), "nm": 1_000_000},
    "subject__phantom__spacing": {"mm": 1, "um": 1000, "cm": Fraction(1, 10)},
}  # fmt: skip
LOW_HIGH = {
    "injection__flow_rate": (1, 1000),
    "injection__volume": (1, 900),
    "follow": (1, 160),
    "injection__start": (1, 1000),
    "needle__cavity_radius": (1, 9),
    "subject__phantom__spacing": (1, 19),
}


def value_of(case, key: str) -> float:
    for name in key.split("__"):
        case = getattr(case, name)
    return case


@st.composite
def written_twice(draw):
    """A quantity of the case, its number in the first unit, and another unit with the number in it."""
    key = draw(st.sampled_from(sorted(WAYS)))
    number = Fraction(draw(st.integers(*(1000 * edge for edge in LOW_HIGH[key]))), 1000)
    unit = draw(st.sampled_from(sorted(WAYS[key])))
    return key, number, unit


@given(written_twice(), st.sampled_from(["{:.17g}", "{:.17e}"]), st.sampled_from([" ", "", "  "]))
@settings(max_examples=150, deadline=None)
def test_the_same_quantity_in_other_units_is_the_same_case(chosen, form, gap):
    key, number, unit = chosen
    first = next(iter(WAYS[key]))
    plain = small_case(**{key: f"{float(number)!r} {first}"})
    other = small_case(**{key: form.format(float(number * WAYS[key][unit])) + gap + unit})
    assert value_of(other, key) == pytest.approx(value_of(plain, key), rel=4e-16)
    assert plain.model_copy(update={key.split("__")[0]: None}) == other.model_copy(update={key.split("__")[0]: None})


@pytest.mark.parametrize("text", ["10 mL/h", "10000 uL/h", "10 mL h^-1", "10.0 cm^3/hour", "1e1 mL/h", "0.24 L/day"])
def test_ten_millilitres_an_hour(text):
    assert small_case(injection__flow_rate=text) == small_case(injection__flow_rate="10 mL/h")
    assert small_case(injection__flow_rate=text).injection.flow_rate == 10e-6 / 3600


def test_ten_millilitres_an_hour_by_the_minute():
    assert small_case(injection__flow_rate="0.1666666667 mL/min").injection.flow_rate == pytest.approx(
        10e-6 / 3600, rel=1e-9
    )


@pytest.mark.parametrize(("share", "same"), [("30 %", 0.3), (0.3, "0.3"), ("0.3", "30 percent")])
def test_a_share_is_a_number_or_a_percentage(share, same):
    rate = {"flow_rate": "1 mL/h"}
    one, two = (small_case(injection=rate | {"fraction_of_tumour": text}) for text in (share, same))
    assert one == two and one.injection.fraction_of_tumour == 0.3


@pytest.mark.parametrize("text", ["3 g/L", "3000 mg/L", "3 mg/mL", "44.47739066 mmol/L", "0.04447739066 M"])
def test_a_concentration_is_mass_or_amount(text):
    """3 g/L at 67.45 g/mol (Cl 35.45, 2 O 16.00)."""
    from pathlib import Path

    from oxablate.protocol.setting import prepare

    setting = prepare(small_case(arms=[{"agent": "chlorine_dioxide", "concentration": text}]), Path())
    assert setting.arms[0].concentration == pytest.approx(3.0 / 0.06745, rel=1e-3)
    assert setting.arms[0].concentration == pytest.approx(44.47739066, rel=1e-3)
