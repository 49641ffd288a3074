"""The processes; siblings that see fields and never each other."""
