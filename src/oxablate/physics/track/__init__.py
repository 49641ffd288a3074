"""Backflow: the gap along the needle, as nodes attached to voxels."""
