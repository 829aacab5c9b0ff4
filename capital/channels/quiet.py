"""Libraries that write whole addresses, with the secrets in them, into the log."""

import logging

# apprise warns of addresses that it cannot read, urllib3 tells each request's path.
_LOGGERS = ("apprise", "urllib3", "requests")


def silence() -> None:
    """Let none of them write anything, whatever the level of the root logger is.

    What they know is told in our own words: see ``contract.NotDelivered``.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
        # Without a handler, Python writes warnings to stderr.
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
