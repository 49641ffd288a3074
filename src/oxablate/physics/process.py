"""What processes give back besides their fields: bookings for the ledger; and the flag of the validity meter."""

from dataclasses import dataclass, field


@dataclass
class Booking:
    """What one process did to one conserved quantity in one step, in the unit of that quantity (m3, mol).

    gained and lost: non-negative amounts by the name of the counterpart ("needle", "blood", "boundary",
    "consumed by thiols"); nothing leaves or enters without a name.
    """

    gained: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)

    def gain(self, name: str, amount: float) -> None:
        """Add to what came from the counterpart `name`: amount >= 0 in the unit of the quantity (m3, mol)."""
        self.gained[name] = self.gained.get(name, 0.0) + float(amount)

    def lose(self, name: str, amount: float) -> None:
        """Add to what went to the counterpart `name`: amount >= 0 in the unit of the quantity (m3, mol)."""
        self.lost[name] = self.lost.get(name, 0.0) + float(amount)

    @property
    def net(self) -> float:
        """Gains minus losses."""
        return sum(self.gained.values()) - sum(self.lost.values())


@dataclass(frozen=True)
class Flag:
    """A place where a model left the range in which it holds.

    model: which model; quantity: what was watched; value and limit: worst value seen and the bound, both in `unit`;
    meaning: one sentence, what a reader should distrust and why.
    """

    model: str
    quantity: str
    value: float
    limit: float
    unit: str
    meaning: str
