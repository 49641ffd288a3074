"""What a number is: units at the door, tables with provenance, priors, citations, refusals."""
