"""One module for each simulated venue: how it is signed, how it refuses and what it answers."""
