"""With what: needle, pump, agent."""
