"""The agent's spread as a flip-book: one animated picture that needs no program, each frame stamped."""

import io

import numpy as np

from .canvas import encoded
from .panels import close_up, views
from .scene import Scene
from .slices import concentration

_MOST_FRAMES = 24
_FRAME_MS, _LAST_MS = 700, 2000
_DPI = 110
_MOST_ARMS = 4  # side by side in a frame: the first that hold a solute


def frame_times(scene: Scene) -> list[float]:
    """Times [s] of the frames: those kept by every arm with a solute, thinned evenly where there are many."""
    arms = [arm for arm in scene.arms if scene.has(arm, "concentration")]
    kept = [set(scene.times(arm).tolist()) for arm in arms]
    times = sorted(set.intersection(*kept)) if kept else []
    if len(times) <= _MOST_FRAMES:
        return times
    return [times[n] for n in np.unique(np.linspace(0, len(times) - 1, _MOST_FRAMES).round().astype(int))]


def spread_movie(scene: Scene) -> bytes | None:
    """An animated PNG of the concentration in the axial slice through the tip; None with fewer than three times.

    Every frame is the figure `concentration` at one kept time, on the scale of injected concentration; the close-up
    where the spread is small beside the tumour.
    """
    from PIL import Image

    times = [time for time in frame_times(scene) if time > 0.0]  # before the start there is nothing to see
    if len(times) < 3:
        return None
    arms = tuple(arm for arm in scene.arms if scene.has(arm, "concentration"))[:_MOST_ARMS]
    view, frames = close_up(scene) or views(scene)[0], []
    for time in times:
        figure = concentration(scene, time, arms, (view,), full_scale=True)
        frames.append(Image.open(io.BytesIO(encoded(figure, "png", _DPI))).convert("RGB"))
    target = io.BytesIO()
    lengths = [_FRAME_MS] * (len(frames) - 1) + [_LAST_MS]
    frames[0].save(target, "PNG", save_all=True, append_images=frames[1:], duration=lengths, loop=0)
    return target.getvalue()
