"""DICOM at the door: series, segmentations and structure sets in; derived objects out."""
