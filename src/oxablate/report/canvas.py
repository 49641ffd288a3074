"""Blank figures that carry the research-only stamp, and the same bytes for the same figure.

Figures are made without pyplot: nothing here keeps state between calls.
"""

import base64
import io
from functools import wraps
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..protocol.record import Record
from ..quantities.refusal import BadInput, nearest
from ..quantities.research_only import RESEARCH_ONLY_SHORT
from ..storage.whole_file import write_whole
from .scene import Scene

#: Everything a figure takes from matplotlib's settings, so that a user's own file changes nothing.
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#55606b",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e7eb",
    "grid.linewidth": 0.6,
    "xtick.color": "#55606b",
    "ytick.color": "#55606b",
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "oxablate",
    "svg.fonttype": "path",
    "savefig.facecolor": "white",
}

#: Colours of the arms, told apart by the colour-blind (Wong, Nat Methods 8 (2011) 441), and dashes for print.
ARM_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
ARM_DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))

SCREEN_DPI = 240
_STAMP_HEIGHT = 0.17  # inches
_DATELESS = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def settings() -> dict:
    """The complete settings of a figure: matplotlib's own defaults with `STYLE` on top."""
    return {k: v for k, v in matplotlib.rcParamsDefault.items() if k not in ("backend", "toolbar")} | STYLE


def drawn(draw):
    """Make a drawing function take a `Record` or a `Scene`, whatever settings the machine it runs on has."""

    @wraps(draw)
    def draw_with_own_settings(record: Record | Scene, *given, **named) -> Figure:
        scene = record if isinstance(record, Scene) else Scene(record)
        with matplotlib.rc_context(settings()):
            return draw(scene, *given, **named)

    return draw_with_own_settings


def blank(width: float, height: float) -> Figure:
    """An empty stamped figure of `width` x `height` inches; the stamp has its own strip below everything else."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    strip = _STAMP_HEIGHT / height
    figure.get_layout_engine().set(rect=(0.0, strip, 1.0, 1.0 - strip))
    figure.text(0.995, 0.25 * strip, RESEARCH_ONLY_SHORT, ha="right", va="bottom", fontsize=6.0, color="#8a5a00")
    return figure


def is_stamped(figure: Figure) -> bool:
    """Whether a figure says what it is not for."""
    return any(text.get_text() == RESEARCH_ONLY_SHORT for text in figure.texts)


def encoded(figure: Figure, kind: str, dpi: int = SCREEN_DPI) -> bytes:
    """A figure as a file of the kind "png", "svg" or "pdf", without date: the same figure, the same bytes."""
    if kind not in _DATELESS:
        raise BadInput(f"a figure of the kind {kind!r} cannot be written; {nearest(kind, _DATELESS)}")
    if not is_stamped(figure):
        raise BadInput("a figure without the research-only stamp is not written; begin it with canvas.blank")
    target = io.BytesIO()
    with matplotlib.rc_context(settings()):
        figure.savefig(target, format=kind, dpi=dpi, metadata=_DATELESS[kind])
    return target.getvalue()


def data_uri(content: bytes, kind: str) -> str:
    """A file as an address that needs no other file. kind: "png" or "svg"."""
    media = {"png": "image/png", "svg": "image/svg+xml"}[kind]
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure to a .png, .svg or .pdf file; returns the path."""
    path = Path(path)
    write_whole(path, encoded(figure, path.suffix.lstrip(".").lower()))
    return path


def arm_style(number: int) -> dict:
    """Colour and dashes of the arm with this number."""
    return {
        "color": ARM_COLOURS[number % len(ARM_COLOURS)],
        "linestyle": ARM_DASHES[(number + number // len(ARM_COLOURS)) % len(ARM_DASHES)],
    }
