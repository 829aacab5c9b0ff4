"""The project: settings, URLs, pages of their own."""

__version__ = "0.1.0"
