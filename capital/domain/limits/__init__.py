"""Whether a link or an account has lost so much that it gets no new entries."""
