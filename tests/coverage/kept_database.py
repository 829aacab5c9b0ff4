"""A pytest plugin that keeps the database of the tests in a file.

    pytest -p tests.coverage.kept_database --reuse-db

Many runs behind each other, as ``make mutants`` does them, then migrate once (``--reuse-db``).
Each is forked from a process that ran the tests before: what that has cached is forgotten, or a
fault in what makes it, such as a query that is compiled once, would change nothing.
"""

import functools
import gc
import os
from typing import Any

from django.conf import settings
from django.db import connections

VARIABLE = "TESTS_KEPT_DATABASE"


def pytest_configure() -> None:
    """The file is where the variable says."""
    settings.DATABASES["default"]["TEST"]["NAME"] = os.environ[VARIABLE]
    forget_cached()


def forget_cached() -> None:
    """Empty the caches of the application's functions, and of its prepared queries."""
    # mutmut freezes what there is before it forks.
    gc.unfreeze()
    for each in gc.get_objects():
        if type(each) is functools._lru_cache_wrapper and _is_ours(each):
            each.cache_clear()


def _is_ours(cached: Any) -> bool:
    return str(getattr(cached, "__module__", "")).startswith("capital.")


def pytest_unconfigure() -> None:
    """Whoever is forked from this process opens the file for itself."""
    connections.close_all()
