"""The tables of the page as plain rows of text, in the order in which they are printed."""

from dataclasses import dataclass

from ..protocol.ledger import LEDGER_TOLERANCE
from ..quantities import dimension as dim
from ..quantities.parameter import PARAMETERS
from ..quantities.parameter_set import OF_NO_TISSUE
from .scene import Scene
from .wording import listed, number, numbers_in, percent, plain_name, power_of_ten, quantity, unit_of_flag, with_unit

#: What each dimensionless number says, and how to read it. Unknown ones are printed without a phrase.
PHRASES = {
    "fill": ("injected volume over the fluid volume of the tumour", "1 would exchange all fluid of the tumour once"),
    "peclet": ("flow against diffusion at the plume's edge", "above 1 the flow carries the agent, below it diffusion"),
    "cell_peclet": (
        "the same within one voxel",
        "above 2 the voxels, not diffusion, set how sharp the plume's edge is; that is usual in an injection",
    ),
    "damkoehler": (
        "reaction with the slowest pool against the passage of one voxel at the plume's edge",
        "far above 1 the agent is gone where it meets fresh tissue, and a sharp front forms",
    ),
    "dose": ("agent given over what the whole tumour can consume", "below 1 the agent cannot reach all of the tumour"),
    "washout": (
        "lives of the agent against wash-out during the injection",
        "far above 1 vessels set how far the agent gets, not the volume given",
    ),
    "starling": (
        "tumour radius over the length in which vessels take up pressure",
        "far above 1 the pressure inside is set by the vessels, except close to the needle",
    ),
    "voxel_over_cavity": (
        "voxel edge over the radius of the needle's cavity",
        "above 1 the needle is smaller than a voxel and stands in it as a well",
    ),
    "crack_filling": (
        "time of the injection over that in which pores between cracks fill",
        "far below 1 the pores beside cracks are said to hold too much, and too small a volume cracks",
    ),
    "plume_radius_mm": ("radius of the sphere of the largest volume reached or killed, mm", "the plume meant above"),
    "tumour_radius_mm": ("radius of the sphere of the tumour's volume, mm", "the length used above"),
}
#: Counts that stand in the outcomes beside those numbers.
_STEPS = {
    "flow_steps": ("steps of the flow", "what was computed, one after the other"),
    "refused_steps": ("steps that found no solution", "each was taken again, shorter; nothing of it is in the result"),
}


@dataclass(frozen=True)
class FlagLine:
    """A validity flag as the page prints it: what, how far out, what to distrust, in which arms."""

    quantity: str
    value: str
    limit: str
    meaning: str
    arms: str


def flag_lines(scene: Scene) -> list[FlagLine]:
    """Validity flags of all arms; the same flag of several arms is one line with the worst value."""
    worst: dict[tuple, tuple[float, list[str]]] = {}
    for arm in scene.arms:
        for flag in scene.summaries[arm]["flags"]:
            key = (flag["model"], flag["quantity"], flag["limit"], flag["unit"], flag["meaning"])
            value, arms = worst.get(key, (flag["value"], []))
            far = max(value, flag["value"]) if flag["value"] >= flag["limit"] else min(value, flag["value"])
            worst[key] = (far, [*arms, plain_name(arm)])
    return [
        FlagLine(
            f"{what} ({model} model)", unit_of_flag(value, unit), _bound(value, limit, unit), meaning, listed(arms)
        )
        for (model, what, limit, unit, meaning), (value, arms) in worst.items()
    ]


def _bound(value: float, limit: float, unit: str) -> str:
    """What the model allows: at most, or at least, the limit."""
    return f"at {'most' if value > limit else 'least'} {unit_of_flag(limit, unit)}"


def share_rows(scene: Scene) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Places that took injected volume, in order, and by arm the change of each [m3]."""
    rows = {arm: scene.summaries[arm]["fluid_shares"] for arm in scene.arms}
    places: list[str] = []
    for shares in rows.values():
        places += [place for place in shares if place not in places]
    places.sort(key=lambda place: (place.startswith("to "), -max(abs(rows[a].get(place, 0.0)) for a in rows)))
    return places, rows


def share_table(scene: Scene) -> dict:
    """Who got the injected volume: a row per place, then the sum, what was given, and how far they are apart."""
    places, rows = share_rows(scene)
    given = {arm: scene.summaries[arm]["outcomes"]["injected_m3"] for arm in scene.arms}
    sums = {arm: sum(rows[arm].values()) for arm in scene.arms}
    lines = [
        [plain_name(place)] + [_volume_and_share(rows[arm].get(place, 0.0), given[arm]) for arm in scene.arms]
        for place in places
    ]
    lines.append(["sum of the above"] + [quantity(sums[a], dim.VOLUME, 6) for a in scene.arms])
    lines.append(["given by the pump"] + [quantity(given[a], dim.VOLUME, 6) for a in scene.arms])
    apart = [abs(sums[a] - given[a]) / given[a] if given[a] else 0.0 for a in scene.arms]
    lines.append(["difference, of what was given"] + [f"{power_of_ten(f'{100 * d:.1g}')}\u202f%" for d in apart])
    return {"head": ["place", *map(plain_name, scene.arms)], "rows": lines, "foot": 3}


def _volume_and_share(volume: float, given: float) -> str:
    if given and abs(volume) < 1e-9 * given:
        return "0"
    return f"{quantity(volume, dim.VOLUME)} ({percent(volume / given)})" if given else quantity(volume, dim.VOLUME)


def ledger_table(scene: Scene) -> dict:
    """Every account of every arm: what was there, came, went, is there, and how well it closes."""
    rows = []
    for arm in scene.arms:
        for name, account in sorted(scene.summaries[arm]["ledger"].items()):
            factor, unit = (1e6, "mL") if account["unit"] == "m3" else (1e6, "\u00b5mol")
            sums = [account["initial"], account["gained"], account["lost"], account["held"]]
            texts = [_entry(s, factor) for s in sums]
            closed = "closed" if account["error"] <= LEDGER_TOLERANCE else "NOT CLOSED"
            rows.append([plain_name(arm), plain_name(name), unit, *texts, number(account["error"], 2), closed])
    head = ["arm", "account", "unit", "at the start", "gained", "lost", "held at the end", "relative error", ""]
    return {"head": head, "rows": rows}


def _entry(amount, factor: float):
    """A number, or the lines "counterpart: number" of a table of them, largest first, without the zeros."""
    if not isinstance(amount, dict):
        return number(factor * amount, 6)
    lines = sorted(amount.items(), key=lambda item: -abs(item[1]))
    return [f"{plain_name(name)}: {number(factor * value, 6)}" for name, value in lines if value != 0.0] or ["nothing"]


def ledger_limit() -> str:
    """The relative error above which a run stops."""
    return number(LEDGER_TOLERANCE, 1)


def number_table(scene: Scene) -> dict:
    """Dimensionless numbers by arm, each with what it says; then the steps that were taken and refused."""
    names = list(dict.fromkeys(name for arm in scene.arms for name in scene.summaries[arm]["numbers"]))
    names.sort(key=lambda name: list(PHRASES).index(name) if name in PHRASES else len(PHRASES))
    rows = []
    for name in names:
        what, reading = PHRASES.get(name, ("", ""))
        values = [scene.summaries[arm]["numbers"].get(name) for arm in scene.arms]
        rows.append(
            [
                plain_name(name.removesuffix("_mm")),
                *("\u2013" if v is None else number(v) for v in values),
                what,
                reading,
            ]
        )
    for name, (what, reading) in _STEPS.items():
        if all(name in scene.summaries[arm] for arm in scene.arms):  # records of earlier versions lack some
            rows.append([plain_name(name), *(number(scene.summaries[a][name], 6) for a in scene.arms), what, reading])
    return {"head": ["number", *map(plain_name, scene.arms), "what it compares", "how to read it"], "rows": rows}


@dataclass(frozen=True)
class ParameterLine:
    """One parameter as the page prints it."""

    name: str
    meaning: str
    value: str
    spread: str
    grade: str
    source: str
    note: str
    by_user: bool


@dataclass(frozen=True)
class Section:
    """The parameters of one tissue, or of cells. used: whether this subject has that tissue."""

    title: str
    used: bool
    lines: list[ParameterLine]


def parameter_sections(scene: Scene) -> list[Section]:
    """The table of parameters by tissue, those of this subject first."""
    overridden, present = set(scene.about["overridden"]), {*scene.about["subject"]["volumes_m3"], *OF_NO_TISSUE}
    sections: dict[str, list[ParameterLine]] = {}
    for row in scene.about["parameters"]:
        label, _, name = row["key"].partition(".")
        sections.setdefault(label, []).append(_parameter_line(row, name, row["key"] in overridden))
    found = [Section(plain_name(label), label in present, lines) for label, lines in sections.items()]
    return sorted(found, key=lambda section: not section.used)


def _parameter_line(row: dict, name: str, by_user: bool) -> ParameterLine:
    meaning = PARAMETERS[name].meaning if name in PARAMETERS else ""
    value = with_unit(row["value"], row["unit"])
    return ParameterLine(
        plain_name(name),
        meaning,
        value,
        numbers_in(row["spread"]),
        row["grade"],
        _source(row["source"]),
        row["note"],
        by_user,
    )


def _source(key: str) -> str:
    return {"none": "none", "computed": "computed, see note", "convention": "convention"}.get(key, key)


def agent_table(scene: Scene) -> dict:
    """The numbers of the agents with their grade and source."""
    rows = []
    for row in scene.about["agent_numbers"]:
        agent, _, name = row["key"].partition(".")
        value = with_unit(f"{row['value']:.4g}", row["unit"])
        rows.append([plain_name(agent), plain_name(name), value, row["grade"], _source(row["source"]), row["row"]])
    return {"head": ["agent", "number", "value", "grade", "source", "kept in"], "rows": rows}


def grade_counts(scene: Scene) -> dict[str, int]:
    """How many numbers that this subject uses have each grade, firmest first."""
    used = {*scene.about["subject"]["volumes_m3"], *OF_NO_TISSUE}
    grades = [row["grade"] for row in scene.about["parameters"] if row["key"].partition(".")[0] in used]
    grades += [row["grade"] for row in scene.about["agent_numbers"]]
    return {grade: grades.count(grade) for grade in ("measured", "analogue", "estimated", "unknown")}
