"""The static files, listed once for a process and not once for each test client.

A client builds its own middlewares, and WhiteNoise then looks for every file of every package and
asks the disk about it: four tenths of what a test of a page took. They do not change while tests
run.
"""

from typing import Any

from whitenoise.middleware import WhiteNoiseMiddleware


def list_once() -> None:
    """From now on the first middleware's list serves the others too."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[tuple[Any, ...], dict[str, Any]] = {}

    def add_what_was_found(middleware: WhiteNoiseMiddleware) -> None:
        # What the answers of the files depend on.
        how = middleware.static_prefix, middleware.max_age, middleware.static_root
        if how not in found:
            look(middleware)
            found[how] = middleware.files
        middleware.files = found[how]

    WhiteNoiseMiddleware.add_files_from_finders = add_what_was_found
