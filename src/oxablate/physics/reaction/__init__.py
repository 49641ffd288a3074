"""What the tissue takes from the agent, and what is left."""
