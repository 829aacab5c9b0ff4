"""Fills are recorded once, whoever tells of them: what is refused, known, and told otherwise."""
