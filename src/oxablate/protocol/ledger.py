"""The ledger: what entered, left and is held, for the fluid and every species; it closes or the run stops."""

from dataclasses import dataclass, field
from math import fsum

from ..physics.process import Booking

#: Allowed |held - (initial + gained - lost)| relative to initial content plus gross inflow.
LEDGER_TOLERANCE = 1e-9


@dataclass
class Account:
    """One conserved quantity. name; unit ("m3" or "mol"); initial: content at the start; entries by counterpart."""

    name: str
    unit: str
    initial: float
    gained: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    held: float = 0.0

    def __post_init__(self) -> None:
        self.held = self.initial

    def book(self, booking: Booking, held: float) -> None:
        """Enter what one process did and the content found after it."""
        for name, amount in booking.gained.items():
            self.gained[name] = self.gained.get(name, 0.0) + amount
        for name, amount in booking.lost.items():
            self.lost[name] = self.lost.get(name, 0.0) + amount
        self.held = held

    @property
    def scale(self) -> float:
        """Initial content plus gross inflow."""
        return abs(self.initial) + fsum(self.gained.values())

    @property
    def error(self) -> float:
        """Relative closure error; 0 where nothing was ever there and nothing is."""
        gap = self.held - self.initial - fsum(self.gained.values()) + fsum(self.lost.values())
        if self.scale == 0.0:
            return 0.0 if gap == 0.0 else float("inf")
        return abs(gap) / self.scale

    @property
    def closed(self) -> bool:
        """Whether the closure error is within the tolerance; a NaN is not."""
        return self.error <= LEDGER_TOLERANCE

    def as_dict(self) -> dict:
        """Plain numbers for the record."""
        return {
            "name": self.name,
            "unit": self.unit,
            "initial": self.initial,
            "gained": dict(sorted(self.gained.items())),
            "lost": dict(sorted(self.lost.items())),
            "held": self.held,
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, data: dict) -> "Account":
        """The account that `as_dict` wrote, to go on with."""
        account = cls(data["name"], data["unit"], data["initial"], dict(data["gained"]), dict(data["lost"]))
        account.held = data["held"]
        return account


@dataclass
class Ledger:
    """All accounts of a run, by name."""

    accounts: dict[str, Account] = field(default_factory=dict)

    def open(self, name: str, unit: str, initial: float) -> None:
        """Open an account: its name, its unit ("m3" or "mol"), and the content at the start in that unit.

        An account of the same name is replaced.
        """
        self.accounts[name] = Account(name, unit, float(initial))

    def book(self, name: str, booking: Booking, held: float) -> None:
        """Enter into the account `name` what one process did, and the content found after it, in the account's unit.

        KeyError for an account that was not opened.
        """
        self.accounts[name].book(booking, float(held))

    def broken(self) -> Account | None:
        """The account that closes worst, if it does not close; a NaN does not close."""
        worst = max(self.accounts.values(), key=lambda a: a.error if a.error == a.error else float("inf"), default=None)
        return None if worst is None or worst.closed else worst

    @property
    def worst_error(self) -> float:
        """The largest relative closure error of all accounts; 0 without accounts."""
        return max((a.error for a in self.accounts.values()), default=0.0)

    def as_dict(self) -> dict:
        """Every account as plain numbers for the record, by name; `from_dict` takes it back."""
        return {name: account.as_dict() for name, account in sorted(self.accounts.items())}

    @classmethod
    def from_dict(cls, data: dict) -> "Ledger":
        """The ledger that `as_dict` wrote, to go on with."""
        return cls({name: Account.from_dict(entry) for name, entry in data.items()})
