"""The kinds of quantity that people may write, each with the unit it is stored in and the units it is shown in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dimension:
    """A named kind of quantity.

    name: the field's word ("flow rate"). si_unit: the unit used inside. example: what a person may write. shown_in:
    units for people, the preferred one first (empty: the SI unit). signed: whether a value below zero has a meaning.
    bare: whether a number without unit is allowed (fractions and exponents only). zero_in: unit of an exact zero
    (empty: the preferred one).
    """

    name: str
    si_unit: str
    example: str
    shown_in: tuple[str, ...] = ()
    signed: bool = False
    bare: bool = False
    zero_in: str = ""


VOLUME = Dimension("volume", "m^3", "5 mL", ("mL", "uL", "L", "nL"))
FLOW_RATE = Dimension("flow rate", "m^3/s", "10 mL/h", ("mL/min", "mL/h", "uL/min", "uL/h", "nL/min"))
MASS = Dimension("mass", "kg", "30 mg", ("mg", "g", "ug", "kg"))
MASS_CONCENTRATION = Dimension("mass concentration", "kg/m^3", "3 g/L", ("g/L", "mg/L", "ug/L"))
AMOUNT = Dimension("amount of substance", "mol", "0.4 mmol", ("mmol", "umol", "nmol", "mol"))
AMOUNT_CONCENTRATION = Dimension("amount concentration", "mol/m^3", "45 mmol/L", ("mmol/L", "umol/L", "mol/L"))
AMOUNT_PER_MASS = Dimension("amount per mass of tissue", "mol/kg", "5.7 umol/g", ("umol/g",))
MOLAR_MASS = Dimension("molar mass", "kg/mol", "67.45 g/mol", ("g/mol", "kg/mol"))
PRESSURE = Dimension("pressure", "Pa", "36.8 mmHg", ("kPa", "Pa", "MPa"))
RELATIVE_PRESSURE = Dimension("pressure against rest", "Pa", "-0.3 mmHg", ("kPa", "Pa", "MPa"), signed=True)
LENGTH = Dimension("length", "m", "0.35 mm", ("mm", "um", "m", "nm"))
POSITION = Dimension("position", "m", "-12.5 mm", ("mm", "um", "m"), signed=True)
SURFACE_DENSITY = Dimension("surface per volume", "1/m", "200 1/cm", ("1/cm", "1/mm", "1/m"))
TIME = Dimension("time", "s", "5 min", ("d", "h", "min", "s", "ms", "us"), zero_in="s")
RATE = Dimension("rate", "1/s", "0.012 1/s")
VELOCITY = Dimension("velocity", "m/s", "0.6 um/s", ("mm/s", "um/s", "m/s"))
FRACTION = Dimension("fraction", "1", "30 %", bare=True)
NUMBER = Dimension("number", "1", "2.5", bare=True)
HYDRAULIC_CONDUCTIVITY = Dimension("hydraulic conductivity", "m^2/(Pa s)", "1e-14 m^2/(Pa s)")
WALL_CONDUCTANCE = Dimension("hydraulic conductance of a wall", "m/(Pa s)", "2.1e-11 m/(Pa s)")
FILTRATION = Dimension("filtration coefficient", "1/(Pa s)", "4.2e-7 1/(Pa s)")
RATE_CONSTANT = Dimension("second-order rate constant", "m^3/(mol s)", "6.9e6 1/(M s)", ("1/(M s)",))
DIFFUSIVITY = Dimension("diffusivity", "m^2/s", "1.75e-9 m^2/s")
EXPOSURE = Dimension("exposure", "mol s/m^3", "10 mM s", ("mM s", "mM min"))
VOLUME_COMPLIANCE = Dimension("volume per pressure", "m^3/Pa", "1.4e-8 L/Pa", ("uL/kPa", "m^3/Pa"))
VISCOSITY = Dimension("viscosity", "Pa s", "0.7 mPa s", ("mPa s", "Pa s"))

#: Every dimension by its name. Where two share a unit the first names it in refusals.
DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        VOLUME,
        FLOW_RATE,
        MASS,
        MASS_CONCENTRATION,
        AMOUNT,
        AMOUNT_CONCENTRATION,
        AMOUNT_PER_MASS,
        MOLAR_MASS,
        PRESSURE,
        RELATIVE_PRESSURE,
        LENGTH,
        POSITION,
        SURFACE_DENSITY,
        TIME,
        RATE,
        VELOCITY,
        FRACTION,
        NUMBER,
        HYDRAULIC_CONDUCTIVITY,
        WALL_CONDUCTANCE,
        FILTRATION,
        RATE_CONSTANT,
        DIFFUSIVITY,
        EXPOSURE,
        VISCOSITY,
        VOLUME_COMPLIANCE,
    )
}
