"""Dates and times as every page writes them, in each language: ``2026-11-26 23:08:06``."""
