"""Orders: what the simulated venues take, fill and tell of them, each in its own wire format."""
