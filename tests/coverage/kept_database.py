"""A pytest plugin that keeps the database of the tests in a file.

    pytest -p tests.coverage.kept_database --reuse-db

Many runs behind each other, as ``make mutants`` does them, then migrate once (``--reuse-db``).
"""

import os

from django.conf import settings
from django.db import connections

VARIABLE = "TESTS_KEPT_DATABASE"


def pytest_configure() -> None:
    """The file is where the variable says."""
    settings.DATABASES["default"]["TEST"]["NAME"] = os.environ[VARIABLE]


def pytest_unconfigure() -> None:
    """Whoever is forked from this process opens the file for itself."""
    connections.close_all()
