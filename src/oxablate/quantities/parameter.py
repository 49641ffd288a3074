"""The parameters that tables may give: what each means, of which dimension it is, and what is physically possible."""

import math
from dataclasses import dataclass

from . import dimension as d
from .dimension import Dimension
from .refusal import BadInput, nearest


@dataclass(frozen=True)
class Parameter:
    """A named physical parameter. meaning: one phrase. low, high: what is physically possible, SI, ends included."""

    name: str
    dimension: Dimension
    meaning: str
    low: float = 0.0
    high: float = math.inf

    def check(self, value: float, what: str) -> None:
        """Raise BadInput unless an SI value is physically possible."""
        if not self.low <= value <= self.high:
            unit = "" if self.dimension.si_unit == "1" else f" {self.dimension.si_unit}"
            allowed = f"{self.low:g} to {self.high:g}{unit}"
            raise BadInput(
                f"{what}: {value:g}{unit} is not possible for {self.name}, allowed is {allowed}; "
                f"write for example {self.dimension.example!r}"
            )


_TISSUE = (
    Parameter("hydraulic_conductivity", d.HYDRAULIC_CONDUCTIVITY, "K = k/mu at rest"),
    Parameter("porosity", d.FRACTION, "fluid volume fraction at rest, phi0", 0.0, 1.0),
    Parameter("aggregate_modulus", d.PRESSURE, "drained aggregate modulus H"),
    Parameter("stiffening_exponent", d.NUMBER, "b in P(J) = (H/b)(exp(b(J-1)) - 1)"),
    Parameter("conductivity_strain_exponent", d.NUMBER, "M in K = K0 exp(M (J-1))"),
    Parameter("opening_pressure", d.PRESSURE, "fluid pressure above rest at which flow starts"),
    Parameter("poisson_ratio", d.FRACTION, "drained Poisson ratio nu, below one half", 0.0, 0.5),
    Parameter("fracture_pressure", d.PRESSURE, "fluid pressure at which the tissue cracks"),
    Parameter("crack_length", d.LENGTH, "material length of a crack"),
    Parameter("crack_spacing", d.LENGTH, "distance between cracks"),
    Parameter("contact_stress", d.PRESSURE, "stress of the tissue on the needle"),
    Parameter("standing_gap", d.LENGTH, "gap along the needle that stands open without pressure"),
    Parameter("vessel_filtration", d.FILTRATION, "L_p S/V of the functional vessels"),
    Parameter("vascular_pressure", d.PRESSURE, "mean blood pressure in the exchange vessels, p_v"),
    Parameter("reflection_coefficient", d.FRACTION, "osmotic reflection coefficient sigma", 0.0, 1.0),
    Parameter("oncotic_difference", d.RELATIVE_PRESSURE, "oncotic pressure of plasma minus interstitium", -math.inf),
    Parameter("collapse_pressure", d.PRESSURE, "excess of tissue over blood pressure that closes half the vessels"),
    Parameter("collapse_width", d.PRESSURE, "range of pressure over which the vessels close"),
    Parameter("collapse_lag", d.TIME, "time in which vessels follow the pressure"),
    Parameter("lymph_filtration", d.FILTRATION, "L_pl S_l/V of the lymphatics"),
    Parameter("lymph_pressure", d.RELATIVE_PRESSURE, "pressure in the lymphatics", -math.inf),
    Parameter("exchange_rate", d.RATE, "permeability times surface per fluid volume for a small solute"),
    Parameter("diffusion_hindrance", d.FRACTION, "diffusivity in the tissue's fluid over that in water", 0.0, 1.0),
    Parameter("demand_thiols", d.AMOUNT_CONCENTRATION, "fast reductants (thiols, NADH) per tissue, agent equivalents"),
    Parameter("demand_tyrosine", d.AMOUNT_CONCENTRATION, "accessible tyrosine per tissue, agent equivalents"),
    Parameter("demand_tryptophan", d.AMOUNT_CONCENTRATION, "accessible tryptophan per tissue, agent equivalents"),
)

_INJURY = (
    Parameter("lethal_thiol_loss", d.FRACTION, "fraction of the fast pool whose loss kills half the cells", 0.0, 1.0),
    Parameter("thiol_loss_steepness", d.NUMBER, "steepness of death against thiol loss"),
    Parameter("lethal_exposure", d.EXPOSURE, "exposure that kills half the cells, at toxic power 1"),
    Parameter("toxic_power", d.NUMBER, "n in the dose C^n t"),
    Parameter("exposure_steepness", d.NUMBER, "steepness of death against the logarithm of the dose"),
    Parameter("selectivity", d.NUMBER, "lethal dose of normal over tumour cells; 1 is the null value"),
)

_MECHANICS = (
    Parameter("viscosity", d.VISCOSITY, "viscosity of the injected liquid"),
    Parameter("fracture_log_variance", d.NUMBER, "variance of the logarithm of the fracture pressure", 0.0, 16.0),
    Parameter("fracture_correlation_length", d.LENGTH, "length over which the fracture pressure varies"),
    Parameter("track_fracture_share", d.FRACTION, "fracture pressure along the needle over the tissue's", 0.0, 1.0),
    Parameter("track_damage_radius", d.LENGTH, "distance from the needle's axis within which tissue is cut"),
    Parameter("reopening_share", d.FRACTION, "pressure that re-opens torn tissue over its fracture pressure", 0.0, 1.0),
    Parameter("full_opening", d.LENGTH, "opening of a crack at which the tissue is fully torn"),
    Parameter("crack_ceiling", d.HYDRAULIC_CONDUCTIVITY, "largest conductivity of cracks; a number of the method"),
)

_OTHERS = (
    Parameter("correlation_length", d.LENGTH, "length over which K varies inside a tissue"),
    Parameter("wall_conductance", d.WALL_CONDUCTANCE, "hydraulic conductance of the vessel wall, L_p"),
    Parameter("vessel_surface", d.SURFACE_DENSITY, "vessel surface per tissue volume, S/V"),
    Parameter("interstitial_pressure", d.RELATIVE_PRESSURE, "interstitial fluid pressure at rest", -math.inf),
    Parameter("shear_modulus", d.PRESSURE, "shear modulus G"),
    Parameter("molar_mass", d.MOLAR_MASS, "molar mass of the agent"),
    Parameter("diffusivity", d.DIFFUSIVITY, "diffusivity in water"),
    Parameter("decay_rate", d.RATE, "loss of agent without any partner"),
    Parameter("rate_constant", d.RATE_CONSTANT, "second-order rate constant, agent with substrate"),
    Parameter("stoichiometry", d.NUMBER, "moles of agent consumed per mole of substrate"),
    Parameter("glutathione", d.AMOUNT_CONCENTRATION, "glutathione per tissue volume"),
    Parameter("glutathione_content", d.AMOUNT_PER_MASS, "glutathione per tissue mass"),
    Parameter("tumour_to_normal_glutathione", d.NUMBER, "glutathione of tumour over that of its normal tissue"),
    Parameter("residue_content", d.AMOUNT_PER_MASS, "amino-acid residues per tissue mass"),
    Parameter("total_demand", d.AMOUNT_CONCENTRATION, "all pools of a tissue together, agent equivalents"),
    Parameter("gas_water_partition", d.NUMBER, "concentration in gas over that in water"),
    Parameter("product_yield", d.FRACTION, "moles of product per mole of agent consumed", 0.0, 1.0),
    Parameter(
        "half_lethal_concentration", d.AMOUNT_CONCENTRATION, "concentration that kills half the cells of an assay"
    ),
    Parameter("needle_outer_radius", d.LENGTH, "outer radius of the needle tube"),
    Parameter("needle_inner_radius", d.LENGTH, "radius of the lumen of the needle tube"),
    Parameter("density", d.MASS_CONCENTRATION, "density of the injected liquid"),
    Parameter("stall_pressure", d.PRESSURE, "pressure in a syringe at which a thumb moves no more"),
    Parameter("free_rate", d.FLOW_RATE, "flow rate of a syringe pushed by hand without load"),
    Parameter("syringe_compliance", d.VOLUME_COMPLIANCE, "volume by which syringe and line give way per pressure"),
    Parameter("cavity_radius", d.LENGTH, "radius of the fluid cavity at the needle's opening"),
)

PARAMETERS = {parameter.name: parameter for parameter in (*_TISSUE, *_INJURY, *_MECHANICS, *_OTHERS)}

#: What a parameter set must give for each tissue, for cells, and for cracks and liquid.
TISSUE_PARAMETERS = tuple(parameter.name for parameter in _TISSUE)
INJURY_PARAMETERS = tuple(parameter.name for parameter in _INJURY)
MECHANICS_PARAMETERS = tuple(parameter.name for parameter in _MECHANICS)

#: The reductant pools, fastest first; the demand of a tissue for pool x is its parameter demand_x.
POOLS = ("thiols", "tyrosine", "tryptophan")


def parameter(name: str, what: str) -> Parameter:
    """The parameter of that name; raises BadInput, which begins with `what`, where there is none."""
    if name not in PARAMETERS:
        raise BadInput(f"{what}: there is no parameter {name!r}; {nearest(name, PARAMETERS)}")
    return PARAMETERS[name]
