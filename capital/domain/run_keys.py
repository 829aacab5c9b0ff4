"""Run keys: the name of one decision, by which asking twice decides once."""

LONGEST_RUN_KEY = 200


def is_run_key(text: str) -> bool:
    """Whether ``text`` may be a run key: 1 to 200 printable characters."""
    return 1 <= len(text) <= LONGEST_RUN_KEY and text.isprintable()
