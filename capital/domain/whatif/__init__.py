"""What days on record would have come to by another policy. Nothing is decided by it."""
