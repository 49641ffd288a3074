"""What every key of a case means, in a sentence or two, for the file that `new` writes and the schema for editors.

Ranges, choices and kinds are not here: they are read from the model, so that they cannot drift. A test holds that each
key of the model has a row and each row a key.
"""

from ..quantities.parameter_set import INJURY, MECHANICS

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
    "subject.scan.bone": "Segments of bone, by number or name, which no needle may pass; each also needs a tissue.",
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
        "Numbers in place of those of the set, as 'tissue.parameter: value with unit', "
        f"'{INJURY}.parameter' or '{MECHANICS}.parameter'; "
        "the report marks them as set by the user."
    ),
    "needle": "Where the liquid leaves the needle, and the way of its tube.",
    "needle.tip": "The needle's tip: the tumour's centroid, or a place in patient coordinates. This or 'sites'.",
    "needle.sites": "Instead of 'tip': needles spread over the tumour's shape (geometry only, nothing is optimised).",
    "needle.sites.count": "How many.",
    "needle.sites.approach": "From the tips towards where the needles come from, in the frame's axes.",
    "needle.entry": "Where the needle enters the body; with 'gauge' and 'length' the track along it is computed.",
    "needle.frame": (
        "Frame of coordinates: LPS as in DICOM and ITK, RAS as in 3D Slicer and NIfTI. Needed with any, and for "
        "directions."
    ),
    "needle.others": "Further needles like the first: the same tube, cavity and holes.",
    "needle.others.tip": "As of the first.",
    "needle.others.entry": "As of the first; needed.",
    "needle.cavity_radius": "Radius of the fluid-filled hole at the needle's opening.",
    "needle.gauge": "Gauge of the tube; its radii come from the table.",
    "needle.length": "Length of the tube from the hub to the tip; goes with 'gauge'.",
    "needle.side_holes": "Round holes in the side; the tip is then closed.",
    "needle.side_holes.distances": "From the tip to the middle of each hole, the nearest first.",
    "needle.side_holes.radii": "Radius of each hole, in the same order.",
    "needle.withdrawal": "How the needle is drawn back along its track while it gives, evenly between these times.",
    "needle.withdrawal.times": "From time zero on.",
    "needle.withdrawal.distances": "How far the tip is back at each of the times; zero first.",
    "injection": "What the drives do. All needles together give the volume, in equal parts.",
    "injection.volume": "Volume to give. Exactly one of this, 'fraction_of_tumour' and 'phases'.",
    "injection.fraction_of_tumour": "Volume to give as a share of the tumour's volume, instead of 'volume'.",
    "injection.phases": "One after another instead of one volume, each of them a 'give', a 'pause' or a 'dwell'.",
    "injection.phases.give": "Volume to give in this phase.",
    "injection.phases.flow_rate": "Flow rate of each pump in this phase; goes with 'give'.",
    "injection.phases.pause": "How long the line is shut between two phases that give.",
    "injection.phases.dwell": "How long the needle stays after the last phase that gives.",
    "injection.flow_rate": "Flow rate of each pump while it runs. This or 'hand', unless there are 'phases'.",
    "injection.hand": "Instead of 'flow_rate': a syringe pushed by hand, which gives way as the tissue pushes back.",
    "injection.hand.free_rate": "Flow rate without any load.",
    "injection.hand.stall_pressure": "Pressure in the barrel at which the thumb moves no more.",
    "injection.hand.compliance": "Volume by which barrel, plunger, line and bubbles give way per pressure.",
    "injection.start": "When the first drive starts.",
    "injection.needles": "With several needles: all on one hub and drive, each on its own at once, or in turn.",
    "injection.change": "Time between two needles in turn.",
    "arms": "What is injected, one agent in each arm; the arms are run side by side on the same subject.",
    "arms.agent": "Name of an agent, or of a TOML file beside this one.",
    "arms.concentration": "Concentration in the syringe, as mass or amount per volume; none for plain fluid.",
    "tracer": "A solute that reacts with nothing, in the liquid of every arm: a virtual contrast study.",
    "tracer.agent": "Name of an agent without reactions, or of a TOML file beside this one.",
    "tracer.concentration": "Concentration in the syringe, as mass or amount per volume.",
    "follow": "How long the subject is followed from time zero on.",
    "model": "Which physics.",
    "model.pores": (
        "Whether pores give way to the pressure of the fluid and stiffen, give way in proportion (linear theory, to "
        "show its error), or keep their size."
    ),
    "model.cracks": "Whether tissue cracks above its fracture pressure, with the cubic law for the flow in cracks.",
    "model.crack_memory": "Whether opened paths open more easily again, with what lies within a crack's length.",
    "model.track": "Whether liquid can flow back along the needle where its pressure opens a gap, or the tissue holds.",
    "model.beyond": "What lies beyond the computing grid: tissue at its own pressure, or a wall.",
    "model.injury": "By which dose cells die: loss of their thiols, exposure to the agent, or not at all.",
    "output": "What is kept.",
    "output.every": "Time between kept fields; the end of the injection and of the run are kept too.",
    "seed": "Seed of everything random: the same case gives the same bytes.",
}
