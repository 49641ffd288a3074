"""Pinned versions against known advisories: `python advisories.py` asks pip-audit and looks into the list beside it.

Status 0: nothing known, and everything was asked. 1: something known. 3: nothing known in the list beside this file,
but the database could not be asked, in whole or for some packages. pip-audit itself says "no known vulnerabilities"
also when it could ask about nothing; here that counts as not asked.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

HERE = Path(__file__).resolve().parent
PINS = HERE.parent / "constraints.txt"
SNAPSHOT = HERE / "advisories.json"


def pins(text: str) -> list[tuple[str, str]]:
    """(name, version) of every line of a constraints file, whatever Python it is for."""
    return re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==([^\s;]+)", text, re.M)


def known(pinned: list[tuple[str, str]], advisories: list[dict]) -> list[str]:
    """A sentence for every pinned version that lies in a listed range."""
    return [
        f"{name} {version} is affected by {one['id']} ({one['affected']}): {one['what']}"
        for name, version in pinned
        for one in advisories
        if one["package"] == name and Version(version) in SpecifierSet(one["affected"], prereleases=True)
    ]


def asked(pinned: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """What the database knows, and the packages about which it could not be asked."""
    found, missing = [], []
    rounds = [dict(pinned), dict(reversed(pinned))]  # a package may be pinned twice, for older and newer Python
    for round_ in [rounds[0]] + ([rounds[1]] if rounds[1] != rounds[0] else []):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(f"{name}=={version}" for name, version in round_.items()))
            file.flush()
            command = [sys.executable, "-m", "pip_audit", "-r", file.name, "--no-deps", "--disable-pip", "-f", "json"]
            done = subprocess.run([*command, "--timeout", "15"], capture_output=True, text=True)
        try:
            rows = json.loads(done.stdout)["dependencies"]
        except (ValueError, KeyError):
            return found, sorted(round_)
        for row in rows:
            found += [f"{row['name']} {row['version']}: {one['id']}" for one in row.get("vulns", [])]
            missing += [row["name"]] if "skip_reason" in row else []
    return found, sorted(set(missing))


def main() -> int:
    """Ask, look into the list, say what is known and what is not."""
    pinned, snapshot = pins(PINS.read_text()), json.loads(SNAPSHOT.read_text())
    listed, (found, missing) = known(pinned, snapshot["advisories"]), asked(pinned)
    for line in [*listed, *found]:
        print(line)
    count = len({name for name, _ in pinned})
    print(
        f"list of {snapshot['date']}: {len(snapshot['advisories'])} advisories, {len(listed)} pinned versions in range"
    )
    print(f"database: asked about {count - len(missing)} of {count} packages, {len(found)} advisories")
    if missing:
        print(
            f"not asked: {', '.join(missing[:8])}{' ...' if len(missing) > 8 else ''} (no network, or not served there)"
        )
    return 1 if listed or found else 3 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
