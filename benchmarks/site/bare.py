"""The product's settings without its middlewares, for the least that a view can cost."""

from benchmarks.site.settings import *  # noqa: F403

MIDDLEWARE: list[str] = []
