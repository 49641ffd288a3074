"""Units at the door: what is read, what is refused by name, and that nothing is lost on the way back."""

import math
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oxablate.quantities import dimension as d
from oxablate.quantities.refusal import BadInput
from oxablate.quantities.unit import amount_concentration, read, read_concentration, show
from oxablate.quantities.unit_grammar import COMMON_UNITS, UnitTrouble, worth

MMHG = 133.322387415  # Pa, from 13.5951 g/cm3 and 9.80665 m/s2

# By hand: 1e-7 cm2/(mmHg s) = 1e-11 m2 / 133.322 Pa s = 7.50e-14; 10 mL/h = 1e-5 m3 / 3600 s.
BY_HAND = [
    ("10 mL/h", d.FLOW_RATE, 1e-5 / 3600),
    ("10ml/h", d.FLOW_RATE, 1e-5 / 3600),
    ("10 mL h-1", d.FLOW_RATE, 1e-5 / 3600),
    ("10 mL*h^-1", d.FLOW_RATE, 1e-5 / 3600),
    ("0.5 \u00b5L/min", d.FLOW_RATE, 0.5e-9 / 60),
    ("3 g/L", d.MASS_CONCENTRATION, 3.0),
    ("300 mg/L", d.MASS_CONCENTRATION, 0.3),
    ("36.8 mmHg", d.PRESSURE, 36.8 * MMHG),
    ("-0.3 mmHg", d.RELATIVE_PRESSURE, -0.3 * MMHG),
    ("1 cmH2O", d.PRESSURE, 98.0665),
    ("0.35 mm", d.LENGTH, 0.00035),
    ("+.5 m", d.LENGTH, 0.5),
    ("-12.5 mm", d.POSITION, -0.0125),
    ("5 min", d.TIME, 300.0),
    ("2 hours", d.TIME, 7200.0),
    ("30 %", d.FRACTION, 0.3),
    ("30%", d.FRACTION, 0.3),
    (0.3, d.FRACTION, 0.3),
    ("0.3", d.FRACTION, 0.3),
    (1, d.FRACTION, 1.0),
    ("4.2 mL", d.VOLUME, 4.2e-6),
    ("2 cc", d.VOLUME, 2e-6),
    ("45 mM", d.AMOUNT_CONCENTRATION, 45.0),
    ("45 mmol/L", d.AMOUNT_CONCENTRATION, 45.0),
    ("67.45 g/mol", d.MOLAR_MASS, 0.06745),
    ("1e-7 cm^2/(mmHg s)", d.HYDRAULIC_CONDUCTIVITY, 1e-11 / MMHG),
    ("1e-12 m^2/Pa/s", d.HYDRAULIC_CONDUCTIVITY, 1e-12),
    ("1e-12 m2 Pa-1 s-1", d.HYDRAULIC_CONDUCTIVITY, 1e-12),
    ("2.8e-7 cm/(mmHg s)", d.WALL_CONDUCTANCE, 2.8e-9 / MMHG),
    ("1.33e-5 1/(mmHg s)", d.FILTRATION, 1.33e-5 / MMHG),
    ("200 1/cm", d.SURFACE_DENSITY, 2e4),
    ("6.9e6 1/(M s)", d.RATE_CONSTANT, 6.9e3),
    ("6.9e6 L/(mol s)", d.RATE_CONSTANT, 6.9e3),
    ("1.75e-9 m**2/s", d.DIFFUSIVITY, 1.75e-9),
    ("10 mM min", d.EXPOSURE, 600.0),
    ("0.7 mPa s", d.VISCOSITY, 7e-4),
    ("0e-99999999 mL", d.VOLUME, 0.0),
    ("5.7 umol/g", d.AMOUNT_PER_MASS, 5.7e-3),
]


@pytest.mark.parametrize(("text", "dimension", "expected"), BY_HAND)
def test_reads_what_people_write(text, dimension, expected):
    assert read(text, dimension) == pytest.approx(expected, rel=1e-14, abs=0.0)


def test_the_conversion_of_the_facts():
    assert read("1e-7 cm^2/(mmHg s)", d.HYDRAULIC_CONDUCTIVITY) == pytest.approx(7.50e-14, rel=5e-4)
    assert read("4.13e-8 cm^2/(mmHg s)", d.HYDRAULIC_CONDUCTIVITY) == pytest.approx(3.1e-14, rel=2e-3)


@pytest.mark.parametrize(
    ("text", "dimension", "says"),
    [
        ("10 mL", d.FLOW_RATE, "flow rate: '10 mL' is a volume; a flow rate such as '10 mL/h' is needed"),
        ("300 ppm", d.MASS_CONCENTRATION, "'300 ppm' is a fraction; a mass concentration such as '3 g/L' is needed"),
        ("5 mmol/L", d.MASS_CONCENTRATION, "is an amount concentration"),
        ("5 m^5", d.VOLUME, "is of another kind"),
        ("10", d.FLOW_RATE, "has no unit; write for example '10 mL/h'"),
        (10, d.FLOW_RATE, "has no unit"),
        ("-5 mL", d.VOLUME, "below zero"),
        ("nan mL", d.VOLUME, "does not begin with a finite number"),
        ("inf mL", d.VOLUME, "does not begin with a finite number"),
        (math.nan, d.FRACTION, "does not begin with a finite number"),
        (math.inf, d.FRACTION, "does not begin with a finite number"),
        ("1e999 mL", d.VOLUME, "too large or too small"),
        ("1e308 L/ns", d.FLOW_RATE, "too large or too small"),
        ("1e-999 mL", d.VOLUME, "too large or too small"),
        ("1e99999999 mL", d.VOLUME, "too large or too small"),
        ("1e-99999999 mL", d.VOLUME, "too large or too small"),
        ("1,5 mL", d.VOLUME, "decimal point"),
        ("1 000 mL", d.VOLUME, "cannot stand"),
        ("5 mll", d.VOLUME, "did you mean 'mL'?"),
        ("10 mL/hh", d.FLOW_RATE, "'hh' cannot be used here (did you mean 'h'?)"),
        ("30 pct", d.FRACTION, "'pct' cannot be used here"),
        ("5 MMHG", d.PRESSURE, "did you mean 'mmHg'?"),
        ("5 mL/H", d.FLOW_RATE, "did you mean 'h'?"),
        ("25 gauge", d.LENGTH, "'gauge' is not known"),
        ("37 degC", d.FRACTION, "cannot be used here"),
        ("3 pi", d.FRACTION, "cannot be used here"),
        ("5 m^2/Pa s", d.HYDRAULIC_CONDUCTIVITY, "two ways"),
        ("5 m^2/Pa*s", d.HYDRAULIC_CONDUCTIVITY, "two ways"),
        ("5 (m", d.LENGTH, "unpaired bracket"),
        ("5 m)", d.LENGTH, "unpaired bracket"),
        ("5 ((((m))))", d.LENGTH, "cannot stand"),
        ("5 m^", d.LENGTH, "not a whole number"),
        ("5 m^0.5", d.LENGTH, "cannot stand"),
        ("5 m^99", d.LENGTH, "beyond 9"),
        ("5 m/", d.LENGTH, "not complete"),
        ("5 __import__('os').system('true')", d.VOLUME, "cannot stand"),
        ("5 " + "m" * 200, d.LENGTH, "longer than"),
        ("", d.VOLUME, "does not begin with a finite number"),
        (True, d.FRACTION, "is not a quantity"),
        (None, d.FRACTION, "is not a quantity"),
        (["5 mL"], d.VOLUME, "is not a quantity"),
    ],
)
def test_refuses_by_name(text, dimension, says):
    with pytest.raises(BadInput) as refusal:
        read(text, dimension)
    sentence = str(refusal.value)
    assert says in sentence
    assert sentence.startswith(f"{dimension.name}: ")
    assert dimension.example in sentence, "what to do is always said by an example"
    assert "\n" not in sentence and refusal.value.exit_status == 2


def test_a_refusal_begins_with_the_name_of_the_input():
    with pytest.raises(BadInput, match=r"^injection rate: "):
        read("10 mL", d.FLOW_RATE, "injection rate")


@pytest.mark.parametrize("dimension", d.DIMENSIONS.values(), ids=lambda one: one.name)
def test_every_dimension_reads_its_own_example_and_units(dimension):
    assert read(dimension.example, dimension) != 0
    for unit in (dimension.si_unit, *dimension.shown_in):
        assert worth(unit)[1] == worth(dimension.si_unit)[1]
        assert worth(unit)[0] > 0


@pytest.mark.parametrize("unit", COMMON_UNITS)
def test_every_unit_that_is_offered_is_read(unit):
    assert worth(unit)[0] > 0


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (1e-5 / 3600, d.FLOW_RATE, "10 mL/h"),
        (1e-6 / 60, d.FLOW_RATE, "1 mL/min"),
        (5e-6, d.VOLUME, "5 mL"),
        (5e-8, d.VOLUME, "50 uL"),
        (0.00035, d.LENGTH, "0.35 mm"),
        (300.0, d.TIME, "5 min"),
        (-40.0, d.RELATIVE_PRESSURE, "-40 Pa"),
        (0.3, d.FRACTION, "0.3"),
        (0.0, d.VOLUME, "0 mL"),
        (0.0, d.TIME, "0 s"),
        (1e-14, d.HYDRAULIC_CONDUCTIVITY, "1e-14 m^2/(Pa s)"),
        (4906.26, d.PRESSURE, "4.91 kPa"),
    ],
)
def test_shows_what_people_read(value, dimension, text):
    assert show(value, dimension) == text


@settings(deadline=None)
@given(st.sampled_from(sorted(d.DIMENSIONS)), st.floats(1e-30, 1e30))
@example("flow rate", 2.7777777777777776e-09)
def test_what_is_shown_reads_back(name, value):
    dimension = d.DIMENSIONS[name]
    assert read(show(value, dimension, digits=17), dimension) == pytest.approx(value, rel=1e-14, abs=0.0)


BY_HAND_FACTORS = {"mL/h": (10**6 * 3600), "uL/min": 10**9 * 60, "L/s": 1000, "m^3/d": 86400, "cc/week": 10**6 * 604800}


@settings(deadline=None)
@given(st.floats(1e-12, 1e12), st.sampled_from(sorted(BY_HAND_FACTORS)))
def test_is_rounded_only_once(number, unit):
    exact = Fraction(repr(number)) / BY_HAND_FACTORS[unit]
    assert read(f"{number!r} {unit}", d.FLOW_RATE) == float(exact)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="0123456789.eE+-*/^() mLgshPaHMolcu%\u00b5'\"[]_", max_size=30))
def test_any_text_is_read_or_refused(text):
    for dimension in (d.VOLUME, d.FRACTION):
        try:
            value = read(text, dimension)
        except BadInput:
            continue
        assert math.isfinite(value) and value >= 0


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_unit_is_worth_something_or_refused(unit):
    try:
        factor, exponents = worth(unit)
    except UnitTrouble:
        return
    assert factor > 0 and len(exponents) == 4


def test_mass_to_amount_needs_a_molar_mass():
    # 300, 3000, 20000 mg/L of 67.45 g/mol are 4.45, 44.5, 296.5 mM
    for written, expected in (("300 mg/L", 4.45), ("3 g/L", 44.5), ("20000 mg/L", 296.5)):
        assert read_concentration(written, 0.06745) == pytest.approx(expected, rel=1e-3)
    assert read_concentration("44.5 mM", 0.06745) == pytest.approx(44.5, rel=1e-14)
    assert amount_concentration(6.745, 0.06745) == pytest.approx(100.0, rel=1e-14)
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(BadInput, match="molar mass"):
            amount_concentration(1.0, wrong)
    with pytest.raises(BadInput, match="is a volume"):
        read_concentration("3 mL", 0.06745)
    with pytest.raises(BadInput, match="not known"):
        read_concentration("3 foo", 0.06745)


def test_pint_is_not_imported_before_a_unit_is_read():
    code = "import sys, oxablate.quantities.unit, oxablate.quantities.table; sys.exit('pint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
