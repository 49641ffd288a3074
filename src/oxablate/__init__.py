"""oxablate: an open in-silico laboratory for intratumoral chemical ablation. Research use only.

This module is the way in for people: `import oxablate` costs nothing, and each name below is loaded when it is first
used. Nothing inside the package imports it (a test watches), so the layers below stay visible.
"""

from importlib import import_module

#: Public name -> module it lives in. The only table of this kind; a test loads every row.
_EXPORTS = {
    "phantom": "oxablate.protocol.stages",
    "inspect": "oxablate.protocol.stages",
    "load_case": "oxablate.protocol.case",
    "run": "oxablate.protocol.run",
    "open_record": "oxablate.protocol.record",
    "report": "oxablate.report",
    "cite": "oxablate.protocol.stages",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str):
    """Load a public name from its module on first use; keep it."""
    if name == "__version__":
        from importlib.metadata import version

        value = version("oxablate")
    elif name in _EXPORTS:
        value = getattr(import_module(_EXPORTS[name]), name)
    else:
        raise AttributeError(f"oxablate has no {name!r}; it has {', '.join(sorted(__all__))}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
