"""Agents as data: what is injected, how it spreads, with what it reacts.

An agent file holds `name`, `description` and, unless the agent is plain fluid, `[solute]` with `molar_mass`,
`diffusivity`, `decay_rate`, `least` and `most` (concentrations), and any number of `[[reaction]]` with `pool`,
`rate_constant` and `stoichiometry`. A number is the name of a table's row ("clo2/molar_mass.chlorine_dioxide") or a row
written out. `bibliography` names a BibTeX file beside the agent file for sources the package does not know.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from ..quantities.cite import bibliography, read_bibliography
from ..quantities.parameter import POOLS
from ..quantities.quantity import Quantity
from ..quantities.refusal import BadInput, nearest
from ..quantities.table import look_up, read_row, read_toml
from ..quantities.unit import read_concentration
from ..storage.inside import inside_folder

_AGENT_FIELDS = ("name", "description", "bibliography", "solute", "reaction")
_SOLUTE_FIELDS = ("molar_mass", "diffusivity", "decay_rate", "least", "most")
_REACTION_FIELDS = ("pool", "rate_constant", "stoichiometry")


@dataclass(frozen=True)
class Solute:
    """What is dissolved in the injected fluid.

    molar_mass, diffusivity (in water) and decay_rate (loss without partner). least, most: concentrations that may be
    injected [mol/m3]; the range in which the data mean something, not advice.
    """

    molar_mass: Quantity
    diffusivity: Quantity
    decay_rate: Quantity
    least: float
    most: float


@dataclass(frozen=True)
class Reaction:
    """One reductant pool that the agent consumes.

    dR/dt = - k c R, dc/dt = - k c R

    pool: one of POOLS, its demand R in agent equivalents per tissue volume. rate_constant: k. stoichiometry: moles of
    agent per mole of substrate, already contained in R.
    """

    pool: str
    rate_constant: Quantity
    stoichiometry: Quantity


@dataclass(frozen=True)
class Agent:
    """An injectable fluid. solute: what is dissolved in it, None for plain fluid. reactions: what it consumes."""

    name: str
    description: str
    solute: Solute | None
    reactions: tuple[Reaction, ...]

    @property
    def dissolved(self) -> bool:
        """Whether there is anything in the fluid to follow."""
        return self.solute is not None

    @property
    def reactive(self) -> bool:
        """Whether the agent consumes any pool."""
        return bool(self.reactions)

    def concentration(self, text: str, what: str = "concentration") -> float:
        """An injected concentration such as "3 g/L" or "45 mmol/L", in mol/m3; zero is always allowed.

        Raises BadInput for plain fluid and for a concentration outside the range of the agent.
        """
        if self.solute is None:
            raise BadInput(f"{what}: {self.name} is plain fluid and has no concentration, got {text!r}; leave it out")
        value = read_concentration(text, self.solute.molar_mass.si, what)
        slack = 1.0 + 1e-9
        if value != 0 and not self.solute.least / slack <= value <= self.solute.most * slack:
            low, high = (f"{edge * self.solute.molar_mass.si:g} g/L" for edge in (self.solute.least, self.solute.most))
            raise BadInput(f"{what}: {text!r} is outside {low} to {high}, the range of {self.name}; choose one inside")
        return value

    def rate_constants(self) -> tuple[float, ...]:
        """Rate constants for each of POOLS [m3/(mol s)]; zero for a pool the agent leaves alone."""
        by_pool = {reaction.pool: reaction.rate_constant.si for reaction in self.reactions}
        return tuple(by_pool.get(pool, 0.0) for pool in POOLS)

    def quantities(self) -> dict[str, Quantity]:
        """Every number of the agent by name, for the report and its references."""
        found = {}
        if self.solute is not None:
            for name in ("molar_mass", "diffusivity", "decay_rate"):
                found[name] = getattr(self.solute, name)
        for reaction in self.reactions:
            found[f"rate_constant.{reaction.pool}"] = reaction.rate_constant
            found[f"stoichiometry.{reaction.pool}"] = reaction.stoichiometry
        return found


def load_agent(name: str | Path) -> Agent:
    """An agent by name ("chlorine_dioxide", "inert_tracer", "vehicle") or by the path of a TOML file.

    Raises BadInput where it does not exist and, naming file and field, where the file is not as described above. A file
    is read anew each time.
    """
    if str(name).endswith(".toml"):
        return _read_agent(Path(name))
    if name not in agent_names():
        raise BadInput(f"there is no agent {name!r}; {nearest(str(name), agent_names())}, or the path of a TOML file")
    return _packaged_agent(name)


@lru_cache(maxsize=8)
def _packaged_agent(name: str) -> Agent:
    with resources.as_file(resources.files(__package__) / "agents" / f"{name}.toml") as path:
        return _read_agent(path)


@lru_cache(maxsize=1)
def agent_names() -> tuple[str, ...]:
    """Names of the agents that come with the package."""
    folder = resources.files(__package__) / "agents"
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def _read_agent(path: Path) -> Agent:
    written = read_toml(path)
    _only(written, _AGENT_FIELDS, path.name)
    for field in ("name", "description"):
        if not isinstance(written.get(field), str) or not written[field].strip():
            raise BadInput(f"{path.name}: the agent has no {field}; add it as a text")
    known = dict(bibliography())
    if "bibliography" in written:
        named = written["bibliography"]
        if not isinstance(named, str):
            raise BadInput(f"{path.name}, bibliography: {str(named)[:60]!r} is no name of a file; put it in quotes")
        known |= read_bibliography(inside_folder(named, path.parent, f"{path.name}, bibliography"))
    solute = _solute(written["solute"], path.name, known) if "solute" in written else None
    listed = written.get("reaction", [])
    if not isinstance(listed, list):
        raise BadInput(f"{path.name}, reaction: {str(listed)[:60]!r} came where [[reaction]] tables are needed")
    reactions = tuple(_reaction(one, path.name, known) for one in listed)
    pools = [reaction.pool for reaction in reactions]
    if len(set(pools)) < len(pools):
        raise BadInput(f"{path.name}: a pool reacts twice ({', '.join(pools)}); give each pool once")
    if reactions and solute is None:
        raise BadInput(f"{path.name}: plain fluid cannot react; add [solute] or remove the reactions")
    return Agent(written["name"], written["description"], solute, reactions)


def _solute(written: dict, where: str, known: dict) -> Solute:
    _only(written, _SOLUTE_FIELDS, f"{where}, solute")
    numbers = [
        _number(written, name, f"{where}, solute", known) for name in ("molar_mass", "diffusivity", "decay_rate")
    ]
    ends = []
    for end in ("least", "most"):
        if end not in written:
            raise BadInput(f"{where}, solute: the concentration {end!r} is missing; write for example '0.2 g/L'")
        ends.append(read_concentration(written[end], numbers[0].si, f"{where}, solute, {end}"))
    if not ends[0] < ends[1]:
        raise BadInput(
            f"{where}, solute: least is not below most ({written['least']!r}, {written['most']!r}); swap them"
        )
    return Solute(*numbers, *ends)


def _reaction(written: dict, where: str, known: dict) -> Reaction:
    _only(written, _REACTION_FIELDS, f"{where}, reaction")
    pool = written.get("pool")
    if pool not in POOLS:
        raise BadInput(f"{where}, reaction: there is no pool {pool!r}; {nearest(str(pool), POOLS)}")
    place = f"{where}, reaction with {pool}"
    return Reaction(pool, *(_number(written, name, place, known) for name in ("rate_constant", "stoichiometry")))


def _number(written: dict, name: str, where: str, known: dict) -> Quantity:
    """A row that is named or written out, of the parameter with this name."""
    if name not in written:
        raise BadInput(f"{where}: {name} is missing; name a table's row such as 'clo2/{name}.what' or write one out")
    if isinstance(written[name], dict):
        return read_row(written[name], name, f"{where}, {name}", known)
    quantity = look_up(written[name], f"{where}, {name}")
    if quantity.name != name:
        raise BadInput(f"{where}, {name}: the row {written[name]!r} gives {quantity.name}; name a row of {name}")
    return quantity


def _only(written: object, fields: tuple[str, ...], where: str) -> None:
    if not isinstance(written, dict):
        raise BadInput(f"{where}: a table with {', '.join(fields)} is needed, got {written!r}")
    for field in written:
        if field not in fields:
            raise BadInput(f"{where}: there is no field {field!r}; {nearest(field, fields)}")
