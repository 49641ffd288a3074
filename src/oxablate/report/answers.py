"""What a run found, in plain words and in one table, computed from its outcomes and nothing else."""

from dataclasses import dataclass

from ..protocol.outcomes import REACHED
from ..quantities import dimension as dim
from ..quantities.unit import si_factor
from .scene import Scene
from .tables import grade_counts
from .wording import duration, listed, percent, plain_name, quantity, volume

#: Numbers of the tumour that decide a result more than others; which of them are known is said beside the answer.
_DECISIVE = (
    "hydraulic_conductivity", "aggregate_modulus", "stiffening_exponent", "opening_pressure", "collapse_pressure",
    "exchange_rate", "demand_thiols", "demand_tyrosine", "demand_tryptophan",
)  # fmt: skip
#: Those that decide as well where a part of the model is on: by the part and its name.
_DECISIVE_WITH = {
    ("cracks", "cubic"): ("fracture_pressure", "crack_length", "crack_spacing"),
    ("track", "gap"): ("contact_stress",),
}


@dataclass(frozen=True)
class Answer:
    """One arm in words. name; verdict: the share of the tumour that was killed; sentences: the rest."""

    name: str
    verdict: str
    sentences: list[str]


def answer(scene: Scene, arm: str) -> Answer:
    """What became of one arm."""
    found = scene.summaries[arm]["outcomes"]
    dead, outside = found["killed_tumour_m3"], found["killed_outside_m3"]
    verdict = f"killed {percent(found['killed_share_of_tumour'])} of the tumour"
    sentences = [_given(scene, arm)]
    if "agent_given_mol" in found and found["agent_given_mol"] > 0:
        sentences += _fate(scene, arm)
    if dead == 0.0 and outside == 0.0:
        sentences.append("In this model no cell was killed, neither in the tumour nor outside it.")
    else:
        sentences.append(
            f"Killed cells fill {volume(dead)} of the tumour's "
            f"{volume(found['tumour_volume_m3'])}, and {volume(outside)} outside it."
        )
    if scene.summaries[arm].get("status") != "complete":
        at = duration(scene.summaries[arm]["time_s"])
        sentences.append(f"This arm was stopped at {at}; everything said of it refers to that time.")
    return Answer(plain_name(arm), verdict, sentences)


def _given(scene: Scene, arm: str) -> str:
    found = scene.summaries[arm]["outcomes"]
    filled = volume(found["injected_m3"])
    amount = given_amount(scene, arm)
    return f"{filled} given, with {amount} of agent." if amount else f"{filled} given, with nothing dissolved."


def given_amount(scene: Scene, arm: str) -> str:
    """Amount and mass of the agent that was given, empty for plain fluid."""
    amount = scene.summaries[arm]["outcomes"].get("agent_given_mol", 0.0)
    if amount <= 0:
        return ""
    molar = scene.agent_number(arm, "molar_mass")
    text = quantity(amount, dim.AMOUNT)
    if molar is None:
        return text
    mass = amount * molar["value"] * float(si_factor(molar["unit"], dim.MOLAR_MASS))
    return f"{text} ({quantity(mass, dim.MASS)})"


def _fate(scene: Scene, arm: str) -> list[str]:
    found = scene.summaries[arm]["outcomes"]
    given = found["agent_given_mol"]
    consumed, held = percent(found["consumed_fraction"]), percent(found["agent_held_mol"] / given)
    now, drained = duration(scene.summaries[arm]["time_s"]), percent(to_vessels(found) / given)
    sentences = [
        f"By {now}, tissue had consumed {consumed} of the agent, vessels and lymph had taken {drained}, "
        f"{held} was left."
    ]
    if (lost := out_at_surface(found)) > 0:
        sentences.append(
            f"{percent(lost / given)} of it came out at the surface, along the needle or through the skin."
        )
    time, all_tissue, in_tumour = widest_reach(scene, arm)
    if all_tissue > 0:
        sentences.append(
            f"At its widest, at {duration(time)}, fluid {_in_which(scene)}with more than {percent(REACHED)} of the "
            f"injected concentration lay in {volume(all_tissue)} of tissue, "
            f"{percent(in_tumour / found['tumour_volume_m3'])} of the tumour."
        )
    else:
        sentences.append(f"Nowhere did a voxel reach {percent(REACHED)} of the injected concentration.")
    demand = found.get("demand_of_tumour_mol", 0.0)
    if demand > 0:
        sentences.append(
            f"The tumour as a whole can consume {quantity(demand, dim.AMOUNT)} of the agent; what was given is "
            f"{percent(given / demand)} of that."
        )
    return sentences


def _in_which(scene: Scene) -> str:
    """Whose fluid counts as reached: it goes by pores or cracks, whichever holds more, where there are both."""
    return "in pores or cracks " if scene.about["model"].get("cracks") == "cubic" else ""


def to_vessels(outcomes: dict) -> float:
    """Amount [mol] that vessels took."""
    return sum(v for k, v in outcomes.get("agent_lost_mol", {}).items() if k.startswith("vessels"))


def out_at_surface(outcomes: dict) -> float:
    """Amount [mol] that left the body at its surface."""
    lost = outcomes.get("agent_lost_mol", {})
    return sum(lost.get(name, 0.0) for name in ("track exit", "surface"))


def widest_reach(scene: Scene, arm: str) -> tuple[float, float, float]:
    """When [s] the reached volume was largest, and how much it was in all tissue and in the tumour [m3].

    A voxel counts whole, by the concentration in its pores or its cracks, whichever is higher.
    """
    series = scene.series[arm]
    if "reached_mL" not in series or not series["reached_mL"].size:
        return 0.0, 0.0, 0.0
    row = int(series["reached_mL"].argmax())
    return (
        float(series["time_s"][row]),
        1e-6 * float(series["reached_mL"][row]),
        1e-6 * float(series["reached_tumour_mL"][row]),
    )


def answer_table(scene: Scene) -> dict:
    """The outcomes side by side, a column per arm."""
    rows: list[list[str]] = [
        [label, *(say(arm) for arm in scene.arms)]
        for label, say in (
            ("concentration injected", lambda arm: concentration(scene, arm)),
            ("volume given", lambda arm: volume(scene.summaries[arm]["outcomes"]["injected_m3"])),
            ("agent given", lambda arm: given_amount(scene, arm) or "none"),
            (f"widest reach (above {percent(REACHED)})", lambda arm: _reach(scene, arm)),
            (
                "consumed by tissue",
                lambda arm: _of_given(scene, arm, lambda o: o["consumed_fraction"] * o["agent_given_mol"]),
            ),
            ("carried off by vessels and lymph", lambda arm: _of_given(scene, arm, to_vessels)),
            ("out at the surface", lambda arm: _of_given(scene, arm, out_at_surface)),
            ("still there at the end", lambda arm: _of_given(scene, arm, lambda o: o["agent_held_mol"])),
            ("killed, of the tumour", lambda arm: percent(scene.summaries[arm]["outcomes"]["killed_share_of_tumour"])),
            (
                "killed in the tumour",
                lambda arm: volume(scene.summaries[arm]["outcomes"]["killed_tumour_m3"]),
            ),
            (
                "killed outside it",
                lambda arm: volume(scene.summaries[arm]["outcomes"]["killed_outside_m3"]),
            ),
        )
    ]
    return {"head": ["", *map(plain_name, scene.arms)], "rows": rows}


def concentration(scene: Scene, arm: str) -> str:
    """The injected concentration as amount and as mass per volume."""
    injected = scene.about["concentrations_mol_m3"][arm]
    if injected <= 0:
        return "nothing dissolved"
    molar = scene.agent_number(arm, "molar_mass")
    text = quantity(injected, dim.AMOUNT_CONCENTRATION)
    if molar is None:
        return text
    mass = injected * molar["value"] * float(si_factor(molar["unit"], dim.MOLAR_MASS))
    return f"{quantity(mass, dim.MASS_CONCENTRATION)} ({text})"


def _reach(scene: Scene, arm: str) -> str:
    if "reached_mL" not in scene.series[arm]:
        return "\u2013"
    _, all_tissue, _ = widest_reach(scene, arm)
    return volume(all_tissue)


def _of_given(scene: Scene, arm: str, amount) -> str:
    found = scene.summaries[arm]["outcomes"]
    given = found.get("agent_given_mol", 0.0)
    return percent(amount(found) / given) if given > 0 else "\u2013"


def firmness(scene: Scene) -> list[str]:
    """How firm the answer is: the grades of its numbers, and the decisive ones that nobody has measured."""
    counts = grade_counts(scene)
    said = ", ".join(f"{count} {grade}" for grade, count in counts.items())
    sentences = [f"Grades of the {sum(counts.values())} numbers behind this page: {said}."]
    grades = {row["key"]: row["grade"] for row in scene.about["parameters"]}
    model = scene.about["model"]
    names = [*_DECISIVE, *(n for (part, on), more in _DECISIVE_WITH.items() if model.get(part) == on for n in more)]
    weak = [plain_name(name) for name in names if grades.get(f"tumour_viable.{name}") == "unknown"]
    if weak:
        sentences.append(
            f"Among those that decide a result, these are graded unknown for the tumour: {listed(weak)}. No answer "
            "here is firmer than they are."
        )
    return sentences
