"""What policies need to know, how a run keeps it, and how its steps are told."""
