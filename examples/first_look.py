# %% [markdown]
# # A first look: from a case to a record to a figure
#
# A small tumour drawn by formulas, an inert tracer and chlorine dioxide side by side, three minutes. It runs in
# seconds once the kernels are compiled (the first time takes minutes on a slow machine).
#
# The numbers are there to show how things are done. They are no recommendation, and nothing here is advice on treating
# a person: see `INTENDED_USE.md`.
#
# This file is a script (`python first_look.py`) and a notebook (`jupytext --to ipynb first_look.py`) from one source.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import oxablate
from oxablate.quantities.research_only import RESEARCH_ONLY_SHORT

folder = Path(tempfile.mkdtemp(prefix="oxablate-"))

# %% [markdown]
# ## A case
#
# `new_case` writes a commented case file to start from: open it in an editor and change what you need.

# %%
case_file = oxablate.new_case(folder / "case.yaml")
case = oxablate.load_case(case_file)
case  # noqa: B018 - a notebook shows it

# %% [markdown]
# What it would run, with what is outside the models before anything is computed:

# %%
print(oxablate.inspect(case_file))

# %% [markdown]
# ## A record

# %%
record = oxablate.run(case_file, folder / "record")
record  # noqa: B018

# %% [markdown]
# All arms as one xarray tree, with units and names; nothing is read before it is used.

# %%
tree = record.to_xarray()
print(tree["chlorine_dioxide"].to_dataset())

# %% [markdown]
# ## Where it can be believed
#
# The first thing to read of any result: which models were used outside their range.

# %%
for arm in record.arms:
    for flag in record.summary(arm)["flags"]:
        print(f"{arm}: {flag['quantity']} {flag['value']:.3g} {flag['unit']}: {flag['meaning']}")

# %% [markdown]
# ## A figure
#
# Left: the pressure that the injection makes in the tissue, in the plane through the needle's tip, with the outline of
# the tumour. Right: where the agent went.

# %%
fields, series = tree["chlorine_dioxide"], record.series("chlorine_dioxide")
plane = {"z": fields.sizes["z"] // 2}
pressure = fields.pressure.isel(plane).sel(time=60.0) / 1e3
outline = fields.tissue.isel(plane) > 1

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
drawn = left.pcolormesh(pressure.x, pressure.y, pressure.T, cmap="magma")
left.contour(outline.x, outline.y, outline.T, levels=[0.5], colors="white")
left.set(title="after 1 min", xlabel="x [mm]", ylabel="y [mm]", aspect="equal")
figure.colorbar(drawn, ax=left, label="interstitial fluid pressure [kPa]")
minutes = series["time_s"] / 60.0
for name in ("given", "consumed", "to_vessels", "held"):
    right.plot(minutes, 1e3 * series[f"agent_{name}_umol"], label=name.replace("_", " "))
right.set(title="chlorine dioxide", xlabel="time [min]", ylabel="amount [nmol]")
right.legend()
figure.suptitle(RESEARCH_ONLY_SHORT, fontsize=9)
figure.savefig(folder / "first_look.png", dpi=120)
print(folder / "first_look.png")

# %% [markdown]
# ## The report
#
# One self-contained page: what was asked, what happened, what to distrust, every number with its source.

# %%
print(oxablate.report(folder / "record"))
