"""What every key of a case means, in a sentence or two, for the file that `new` writes and the schema for editors.

Ranges, choices and kinds are not here: they are read from the model, so that they cannot drift. A test holds that each
key of the model has a row and each row a key.
"""

from ..quantities.parameter_set import INJURY

#: Path of a key in a case (list entries have no number) -> what it is.
WORDS = {
    "oxablate": "Version of this file format.",
    "title": "One line that names the case; it heads the report.",
    "question": "What the run is to answer, in words; it stands at the top of the report.",
    "subject": "Who is treated: exactly one of 'phantom' and 'scan'.",
    "subject.phantom": "A tumour drawn by formulas, no patient.",
    "subject.phantom.recipe": "What is drawn. Part by part:",
    "subject.phantom.spacing": "Edge of a voxel of the computing grid.",
    "subject.scan": "A scan with its segmentation.",
    "subject.scan.image": "Image file, or folder of one DICOM series, beside this file or below it.",
    "subject.scan.labels": "Segmentation of the same scan: a label map or segments, beside this file or below it.",
    "subject.scan.label_names": "Which tissue each label (0 is what nobody outlined) or named segment is.",
    "subject.scan.tissues": (
        "Instead of 'label_names': a file with the tissue of each label, as `oxablate labels` writes one to be edited."
    ),
    "subject.scan.host": "Name of the organ round the tumour; its numbers are those of 'host' in the parameter set.",
    "subject.scan.spacing": "Edge of a voxel of the computing grid, which is laid round the tumour.",
    "subject.scan.margin": "From the tumour to the faces of the computing grid.",
    "subject.scan.body": "What counts as body: what is brighter than air, or all of the image (crops without air).",
    "subject.scan.uneven_slices": (
        "What to do with a DICOM series whose slices lie unevenly or at a slant: refuse it, or interpolate it."
    ),
    "subject.scan.synthetic_lesion": (
        "Whether the tumour was put into the label map by a program: the record and the report then say so."
    ),
    "parameters": "The numbers of the tissues.",
    "parameters.set": "Name of a parameter set, or of a TOML file beside this one.",
    "parameters.override": (
        f"Numbers in place of those of the set, as 'tissue.parameter: value with unit' or '{INJURY}.parameter: value'; "
        "the report marks them as set by the user."
    ),
    "needle": "Where the liquid leaves the needle.",
    "needle.tip": "The needle's end hole: the tumour's centroid, or a place in patient coordinates.",
    "needle.entry": "Where the needle enters the body; kept in the record, nothing is computed from it yet.",
    "needle.frame": "Frame of coordinates: LPS as in DICOM and ITK, RAS as in 3D Slicer and NIfTI. Needed with any.",
    "needle.cavity_radius": "Radius of the fluid-filled hole at the needle's opening.",
    "injection": "What the pump does.",
    "injection.volume": "Volume to give. Exactly one of this and 'fraction_of_tumour'.",
    "injection.fraction_of_tumour": "Volume to give as a share of the tumour's volume, instead of 'volume'.",
    "injection.flow_rate": "Flow rate of the pump while it runs.",
    "injection.start": "When the pump starts.",
    "arms": "What is injected, one agent in each arm; the arms are run side by side on the same subject.",
    "arms.agent": "Name of an agent, or of a TOML file beside this one.",
    "arms.concentration": "Concentration in the syringe, as mass or amount per volume; none for plain fluid.",
    "follow": "How long the subject is followed from time zero on.",
    "model": "Which physics.",
    "model.pores": "Whether pores give way to the pressure of the fluid, or keep their size.",
    "model.beyond": "What lies beyond the computing grid: tissue at its own pressure, or a wall.",
    "model.injury": "By which dose cells die: loss of their thiols, exposure to the agent, or not at all.",
    "output": "What is kept.",
    "output.every": "Time between kept fields; the end of the injection and of the run are kept too.",
    "seed": "Seed of everything random: the same case gives the same bytes.",
}
