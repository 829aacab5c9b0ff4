"""Bases of columns and rows that keep a promise: exact, encrypted, append-only, remembered."""
