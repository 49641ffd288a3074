"""oxablate: an open in-silico laboratory for intratumoral chemical ablation. Research use only."""
