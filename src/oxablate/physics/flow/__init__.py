"""Fluid pressed into a pore space that opens under it."""
