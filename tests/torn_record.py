"""A small run's record with what cracks, track and tracer would add to it, by formulas, for the pages on them."""

from dataclasses import dataclass

import numpy as np

from oxablate.protocol.record import Record, open_record
from oxablate.protocol.whereabouts import PLACES

#: Figures of where the liquid went, which need columns or fields that not every run has.
OF_THE_LIQUID = ("liquid", "opened", "along_needle", "contrast", "distribution")
#: Shares of the injected volume when the pump stops, and at the end.
AT_STOP = {
    "cracks_tumour": 0.44, "pores_tumour": 0.17, "cracks_outside": 0.06, "pores_outside": 0.16, "track": 0.02,
    "vessels": 0.05, "lymph": -0.02, "far_tissue": 0.03, "surface": 0.09,
}  # fmt: skip
AT_END = {
    "cracks_tumour": 0.0, "pores_tumour": 0.21, "cracks_outside": 0.0, "pores_outside": 0.36, "track": 0.0,
    "vessels": 0.24, "lymph": 0.03, "far_tissue": 0.06, "surface": 0.10,
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class TornRecord(Record):
    """A record in which some arms have cracks, a track and a tracer. torn: the arms; apart: whether they differ."""

    torn: tuple[str, ...] = ()
    apart: bool = False

    def series(self, arm: str) -> dict[str, np.ndarray]:
        """The series with the columns of cracks, track and tracer."""
        found = dict(super().series(arm))
        if arm not in self.torn:
            return found
        given, end = found["injected_mL"], self.about["injection"]["end_s"]
        after = np.clip((found["time_s"] - end) / max(self.about["follow_s"] - end, 1e-9), 0.0, 1.0) ** 0.4
        for place in PLACES:
            found[f"liquid_{place}_mL"] = given * ((1 - after) * AT_STOP[place] + after * AT_END[place])
        if self.apart and arm == self.torn[-1]:
            found["liquid_track_mL"], found["liquid_surface_mL"] = found["liquid_surface_mL"], found["liquid_track_mL"]
        return found | {
            "track_open_mm": 9.0 * (1 - after), "track_width_max": 0.12 * (1 - after),
            "hub_pressure_Pa": 14e3 * (1 - after) + 2e3, "crack_mL": given * (1 - after) * 0.5,
            "tracer_reached_1_mL": 3.4 * given, "tracer_reached_10_mL": 2.1 * given,
            "tracer_reached_50_mL": 0.5 * given * (1 - after), "tracer_seen_tumour": 0.6 + 0 * given,
            "tracer_seen_outside": 0.2 + 0 * given, "tracer_in_track": 0.02 * (1 - after),
            "tracer_lost": 0.1 + 0 * given, "tracer_unseen": 0.1 - 0.02 * (1 - after),
        }  # fmt: skip

    def fields(self, arm: str):
        """The fields with a pot for cracks, a tracer, and the pressure at which tissue cracks."""
        found = super().fields(arm)
        if arm not in self.torn:
            return found
        time = found["time"].values
        index = np.stack(np.meshgrid(*(np.arange(found.sizes[a]) for a in "xyz"), indexing="ij"))
        affine = np.asarray(found.attrs["direction_matrix"]) * np.asarray(found.attrs["spacing_mm"])
        tip = np.linalg.solve(
            affine, 1e3 * np.array(self.about["injection"]["tip_lps_m"]) - np.asarray(found.attrs["origin_lps_mm"])
        )
        apart = (index - tip[:, None, None, None]) * np.asarray(found.attrs["spacing_mm"])[:, None, None, None]
        radius = np.sqrt((apart**2).sum(0))
        crack = 0.08 * np.clip(1.0 - radius / 7.0, 0.0, 1.0) * (np.abs(apart[0] + 0.5 * apart[1]) < 2.0)
        now = (np.minimum(time, self.about["injection"]["end_s"]) / self.about["injection"]["end_s"])[
            :, None, None, None
        ]
        swell = 0.15 * np.exp(-radius / 5.0)
        pores = found["fluid_fraction"].values[:, 0]
        both = np.stack([pores[:1] + now * swell, now * crack], axis=1).astype(np.float32)
        places = ("time", "x", "y", "z")
        ratio = (1.0 + now * (swell + crack)).astype(np.float32)
        tracer = (now * (0.5 * np.exp(-((radius / 5.0) ** 2)) + 4.0 * crack)).astype(np.float32)
        if "concentration" in found:
            carried = found["concentration"].values.max() * (now * (crack > 0)).astype(np.float32)
            found = found.assign(crack_concentration=(places, carried, {"units": "mol m-3", "long_name": "formula"}))
        one = {"units": "1", "long_name": "made by a formula"}
        return found.drop_vars("fluid_fraction").assign(
            fluid_fraction=(("time", "pot", "x", "y", "z"), both, one), volume_ratio=(places, ratio, one),
            tracer=(places, tracer, one),
            fracture_pressure=(("x", "y", "z"), np.full(radius.shape, 1e4, np.float32), one | {"units": "Pa"}),
        )  # fmt: skip


def torn_record(folder, arms: tuple[str, ...], apart: bool = False, **injection) -> TornRecord:
    """The record in a folder, its `arms` with cracks. injection: what about the injection is said otherwise."""
    record = open_record(folder)
    about = record.about | {"injection": record.about["injection"] | {"needles": []} | injection}
    about |= {"model": about["model"] | {"cracks": "cubic", "track": "gap"}}
    about |= {"tracers": {arm: {"agent": "inert_tracer", "concentration_mol_m3": 2.0} for arm in arms}}
    return TornRecord(record.folder, about, arms, apart)
