"""Leaving out Python's search for unused cycles: for as long as a block lasts, and no longer."""

import gc

import pytest

from capital.services.memory import uncollected


def test_nothing_is_searched_in_the_block_and_it_is_again_afterwards():
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_again_behind_an_error():
    with pytest.raises(ZeroDivisionError), uncollected():
        1 / 0  # noqa: B018
    assert gc.isenabled()


def test_a_block_in_a_block_does_not_end_it():
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_function_may_be_such_a_block():
    assert uncollected()(gc.isenabled)() is False
    assert gc.isenabled()
