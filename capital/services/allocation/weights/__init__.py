"""Weights of several strategies changed at once, with the run that follows; and what came of it."""
