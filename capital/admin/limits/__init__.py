"""Limits and stops in the admin."""
