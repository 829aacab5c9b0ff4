"""The product's settings, with one more view to compare with."""

from capital_project.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.site.urls"
