"""What oxablate is made of, as CycloneDX JSON: `python sbom.py OUT` for the environment it runs in; needs no network.

Components are those that CycloneDX's own tool finds. What the package itself needs has the scope "required"; what only
its tests, docs and tools need is "excluded". Addresses are left out: they say nothing of what is installed.
"""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

#: Licences under which something may be a part of the core: permissive ones.
PERMISSIVE = {
    "MIT", "MIT-CMU", "MIT-0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "PSF-2.0", "ISC", "Zlib",
    "CC0-1.0", "HPND", "Python-2.0", "Apache-2.0 WITH LLVM-exception", "Unlicense",
}  # fmt: skip

#: What a classifier or an old, free licence field calls them.
_CLASSIFIERS = {
    "MIT License": "MIT", "BSD License": "BSD", "Apache Software License": "Apache-2.0", "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0", "zlib/libpng License": "Zlib",
}  # fmt: skip


def normal(name: str) -> str:
    """A project's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(root: str = "oxablate") -> dict[str, metadata.Distribution]:
    """Everything that is installed because `root` needs it, by normal name; without extras of its own."""
    found, waiting = {}, [root]
    while waiting:
        name = normal(waiting.pop())
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        for text in found[name].requires or []:
            wanted = Requirement(text)
            extras = ["", *wanted.extras]
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras[:1]):
                waiting.append(wanted.name)
    return found


def licences(about: metadata.PackageMetadata) -> set[str]:
    """The licences that a distribution states: its SPDX expression, or its classifiers, or its licence field."""
    if expression := about.get("License-Expression"):
        return {part.strip("() ") for part in re.split(r"\s+(?:AND|OR)\s+", expression)}
    stated = [line.rsplit(" :: ", 1)[1] for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    named = {_CLASSIFIERS.get(one, one) for one in stated if one != "OSI Approved"}
    return named or {(about.get("License") or "unstated").strip().splitlines()[0]}


def bill() -> dict:
    """The bill of materials of this environment."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON", "-o", "-"]
    done = subprocess.run([*command, sys.executable], capture_output=True, text=True, check=True)
    found, core = json.loads(done.stdout), closure()
    for component in found["components"]:
        component.pop("externalReferences", None)
        component["scope"] = "required" if normal(component["name"]) in core else "excluded"
    found.get("metadata", {}).get("tools", {}).pop("components", None)
    return found


def main(out: Path) -> None:
    """Write the bill and say how much is in it."""
    made = bill()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    core = sum(component["scope"] == "required" for component in made["components"])
    print(f"{out}: {len(made['components'])} components, {core} of them what oxablate itself needs")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
