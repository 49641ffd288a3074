"""A page from a record."""
