"""A small case that tests share: a phantom of 16 x 16 x 15 voxels, seconds to run."""

import copy

from oxablate.protocol.case import Case, parse_case

SMALL = {
    "oxablate": 1,
    "title": "Small phantom",
    "question": "How far does the agent get?",
    "subject": {
        "phantom": {
            "spacing": "2 mm",
            "recipe": {
                "shape": {"kind": "ellipsoid", "semi_axes": ["9 mm", "9 mm", "8 mm"]},
                "core": "none",
                "capsule": "none",
                "septa": "none",
                "surroundings": {"host": "liver", "margin": "7 mm", "skin": "none"},
                "heterogeneity": {"kind": "log_normal", "log_variance": 0.2, "correlation_length": "6 mm", "seed": 5},
            },
        }
    },
    "parameters": {
        "set": "generic-tumour",
        "override": {"tumour_viable.hydraulic_conductivity": "1e-12 m^2/(Pa s)"},
    },
    "needle": {"tip": "centroid", "cavity_radius": "0.35 mm"},
    "injection": {"volume": "20 uL", "flow_rate": "10 uL/min"},
    "arms": [{"agent": "chlorine_dioxide", "concentration": "3 g/L"}],
    "follow": "3 min",
    "model": {"pores": "opening", "cracks": "none", "beyond": "tissue", "injury": "thiol_loss"},
    "output": {"every": "1 min"},
    "seed": 1,
}


def small_data(**changes) -> dict:
    """The plain data of the small case; keys such as injection__volume replace nested values."""
    data = copy.deepcopy(SMALL)
    for key, value in changes.items():
        *path, last = key.split("__")
        part = data
        for name in path:
            part = part[name]
        part[last] = value
    return data


def small_case(**changes) -> Case:
    """The small case, checked; see `small_data`."""
    return parse_case(small_data(**changes), "small case")


def write_case(path, **changes):
    """Write the small case as a YAML file; returns its path."""
    from ruamel.yaml import YAML

    with open(path, "w") as file:
        YAML(typ="safe", pure=True).dump(small_data(**changes), file)
    return path
