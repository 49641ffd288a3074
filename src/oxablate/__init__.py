"""oxablate: an open in-silico laboratory for intratumoral chemical ablation. Research use only.

This module is the way in for people: `import oxablate` costs nothing, and each name below is loaded when it is first
used. Nothing inside the package imports it (a test watches), so the layers below stay visible.
"""

import sys
from importlib import import_module
from types import ModuleType

#: Public name -> module it lives in. The only table of this kind; a test loads every row.
_EXPORTS = {
    "new_case": "oxablate.protocol.new_case",
    "schema": "oxablate.protocol.schema",
    "fetch_anatomy": "oxablate.protocol.real_anatomy",
    "labels_file": "oxablate.protocol.label_names",
    "phantom": "oxablate.protocol.stages",
    "inspect": "oxablate.protocol.stages",
    "load_case": "oxablate.protocol.case",
    "run": "oxablate.protocol.run",
    "open_record": "oxablate.protocol.record",
    "sweep": "oxablate.experiments.sweep",
    "open_sweep": "oxablate.experiments.sweep",
    "report": "oxablate.report",
    "export": "oxablate.report",
    "cite": "oxablate.report",
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


class _Facade(ModuleType):
    """This module, on which a public name stays the function it promises.

    Importing the subpackage `oxablate.report` would otherwise put the subpackage in the place of the function of the
    same name, and what `oxablate.report` means would depend on what was imported before.
    """

    def __setattr__(self, name: str, value) -> None:
        if not (name in _EXPORTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Facade
