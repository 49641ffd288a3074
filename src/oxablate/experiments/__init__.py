"""Many runs of one case: ensembles over what is uncertain."""
