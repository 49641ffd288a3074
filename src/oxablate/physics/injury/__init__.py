"""Death as a law on a dose."""
