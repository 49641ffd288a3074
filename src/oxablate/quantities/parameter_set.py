"""Named parameter sets: for every tissue and every parameter the row that is used, chosen aloud and printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from .cite import Reference, owed
from .parameter import INJURY_PARAMETERS, MECHANICS_PARAMETERS, PARAMETERS, POOLS, TISSUE_PARAMETERS
from .quantity import USER, Quantity, set_by_user
from .refusal import BadInput, nearest
from .table import Named, look_up, read_toml

#: The tissues a subject may have (air has no properties).
TISSUES = ("host", "tumour_viable", "necrotic_core", "capsule", "septum", "skin", "large_vessel")

#: The section of a set that speaks of cells, whatever the tissue.
INJURY = "injury"

#: The section that speaks of cracks and of the injected liquid, whatever the tissue.
MECHANICS = "mechanics"

#: The sections that are no tissue.
OF_NO_TISSUE = (INJURY, MECHANICS)

_WANTED = {
    **{tissue: TISSUE_PARAMETERS for tissue in TISSUES},
    INJURY: INJURY_PARAMETERS,
    MECHANICS: MECHANICS_PARAMETERS,
}


class Section(Named):
    """The quantities of one tissue, of cells, or of cracks and liquid, by parameter name.

    label: the tissue, "injury" or "mechanics".
    """

    def __init__(self, label: str, quantities: Mapping[str, Quantity]) -> None:
        super().__init__(label, "parameter", quantities)
        self.label = label


@dataclass(frozen=True)
class SetRow:
    """One line of the report's table of parameters; all texts. key: "tissue.parameter". row: where it is kept."""

    key: str
    value: str
    unit: str
    spread: str
    grade: str
    source: str
    row: str
    note: str


class ParameterSet(Named):
    """Every number a run uses, by section and parameter: `chosen["tumour_viable"]["porosity"].si`.

    name and description: the set's own. sections: the tissues, "injury" and "mechanics". Overrides make a new set;
    this one does not change.
    """

    def __init__(self, name: str, description: str, sections: Mapping[str, Section]) -> None:
        super().__init__(f"the parameter set {name!r}", "section", sections)
        self.name = name
        self.description = description

    @property
    def tissues(self) -> tuple[str, ...]:
        """The tissues of the set."""
        return TISSUES

    def demands(self, tissue: str) -> tuple[float, ...]:
        """Demand of a tissue for agent, one number for each of POOLS [mol/m3 of tissue, in agent equivalents]."""
        return tuple(self[tissue][f"demand_{pool}"].si for pool in POOLS)

    def quantities(self) -> dict[str, Quantity]:
        """Every quantity by "section.parameter", in the order of the set."""
        return {f"{label}.{name}": one for label, section in self.items() for name, one in section.items()}

    def overridden(self) -> tuple[str, ...]:
        """The keys that a person set."""
        return tuple(key for key, one in self.quantities().items() if one.source == USER)

    def rows(self) -> list[SetRow]:
        """The table of parameters as the report prints it."""
        return [_printed(key, one) for key, one in self.quantities().items()]

    def references(self) -> list[Reference]:
        """What the numbers of this set owe."""
        return owed(self.quantities().values())

    def _nearest_key(self, key: str) -> str:
        """The clause that names the nearest key, or how a key is written: all of them would not help."""
        close = nearest(key, self.quantities())
        label, _, name = key.partition(".")
        if close.startswith("did"):
            return close
        return (
            nearest(name, self[label]) if label in self else f"write 'tissue.parameter', with one of {', '.join(self)}"
        )

    def with_overrides(self, overrides: Mapping[str, str | float]) -> "ParameterSet":
        """The same set with some numbers as a person wrote them.

        overrides: such as {"tumour_viable.hydraulic_conductivity": "1e-12 m^2/(Pa s)"}. They have no spread, and are
        marked as set by the user. Raises BadInput for an unknown key, a wrong unit or an impossible value.
        """
        sections = {label: dict(section) for label, section in self.items()}
        for key, text in overrides.items():
            label, _, name = str(key).partition(".")
            if label not in sections or name not in sections[label]:
                raise BadInput(f"the override {key!r} names no parameter of the set; {self._nearest_key(str(key))}")
            sections[label][name] = set_by_user(PARAMETERS[name], text, key)
        return ParameterSet(
            self.name, self.description, {label: Section(label, one) for label, one in sections.items()}
        )


def load_set(name: str | Path) -> ParameterSet:
    """A parameter set by name ("generic-tumour", "glioma-in-brain", "hcc-in-liver") or by the path of a TOML file.

    Raises BadInput where it does not exist, and, naming section and parameter, where a number is missing, unknown, or
    of another parameter. A file is read anew each time.
    """
    if str(name).endswith(".toml"):
        return _read_set(Path(name))
    if name not in set_names():
        raise BadInput(
            f"there is no parameter set {name!r}; {nearest(str(name), set_names())}, or the path of a TOML file"
        )
    return _packaged_set(name)


@lru_cache(maxsize=8)
def _packaged_set(name: str) -> ParameterSet:
    with resources.as_file(resources.files(__package__) / "sets" / f"{name}.toml") as path:
        return _read_set(path)


@lru_cache(maxsize=1)
def set_names() -> tuple[str, ...]:
    """Names of the parameter sets that come with the package."""
    folder = resources.files(__package__) / "sets"
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def _read_set(path: Path) -> ParameterSet:
    written = read_toml(path)
    description = written.pop("description", "")
    if not isinstance(description, str) or not description:
        raise BadInput(f"{path.name}: the set has no description; say in one sentence what it stands for")
    for label in written:
        if label not in _WANTED:
            raise BadInput(f"{path.name}: a set has no section {label!r}; {nearest(label, _WANTED)}")
    sections = {}
    for label, wanted in _WANTED.items():
        given = written.get(label, {})
        for name in given:
            if name not in wanted:
                raise BadInput(f"{path.name}, {label}: there is no parameter {name!r} here; {nearest(name, wanted)}")
        sections[label] = Section(label, {name: _chosen(given, label, name, path) for name in wanted})
    return ParameterSet(path.stem, description, sections)


def _chosen(given: Mapping[str, str], label: str, name: str, path: Path) -> Quantity:
    where = f"{path.name}, {label}.{name}"
    if name not in given:
        raise BadInput(f"{where}: the set names no row for this parameter; add one such as 'tissue/{name}.what'")
    quantity = look_up(given[name], where)
    if quantity.name != name:
        raise BadInput(f"{where}: the row {given[name]!r} gives {quantity.name}, not {name}; name a row of {name}")
    return quantity


def _printed(key: str, one: Quantity) -> SetRow:
    unit = "" if one.unit == "1" else one.unit
    evidence = one.evidence
    source = "set by the user" if one.source == USER else one.source
    return SetRow(key, f"{one.value:.4g}", unit, one.spread.describe(), one.grade.value, source, one.row, evidence.note)
