import pytest

from capital.domain.run_keys import LONGEST_RUN_KEY, is_run_key


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("", False),
        ("k", True),
        ("k" * LONGEST_RUN_KEY, True),
        ("k" * (LONGEST_RUN_KEY + 1), False),
        ("열쇠 1", True),
        ("a\n", False),
    ],
)
def test_a_run_key_is_one_to_two_hundred_printable_characters(text, may_be):
    assert LONGEST_RUN_KEY == 200
    assert is_run_key(text) is may_be
