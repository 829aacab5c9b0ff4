"""What was held before fills, from what is held after them."""

from decimal import Decimal

import pytest

from capital.domain.money import plain
from capital.domain.performance.openings import held_before
from capital.domain.sizing.instruments import InstrumentKind

D = Decimal
LINEAR, INVERSE = InstrumentKind.LINEAR, InstrumentKind.INVERSE


@pytest.mark.parametrize(
    ("quantity", "entry", "fills", "kind", "before"),
    [
        # Nothing happened since.
        ("2", "100", [], LINEAR, ("2", "100")),
        ("2", None, [], LINEAR, ("2", None)),
        # A part was sold: the entry is as it was.
        ("1", "100", [("-2", "120")], LINEAR, ("3", "100")),
        ("-1", "100", [("2", "90")], LINEAR, ("-3", "100")),
        # One at 100 and one at 110 are two at 105.
        ("2", "105", [("1", "110")], LINEAR, ("1", "100")),
        ("-2", "105", [("-1", "110")], LINEAR, ("-1", "100")),
        # 1,000 USD at 10,000 and at 20,000: the mean is harmonic.
        ("20", "16000", [("10", "20000")], INVERSE, ("10", "13333.3333333333")),
        # All of it was bought since.
        ("1", "100", [("1", "100")], LINEAR, ("0", None)),
        # It went through zero, or was closed: nobody knows what the entry was.
        ("1", "100", [("3", "100")], LINEAR, ("-2", None)),
        ("0", None, [("-2", "100")], LINEAR, ("2", None)),
        # In their order, the last one first: 2 at 105, before that 1 at 100, before that 3.
        ("2", "105", [("-2", "120"), ("1", "110")], LINEAR, ("3", "100")),
        # An exchange may tell an entry of what is closed: that is not the one of before.
        ("0", "100", [("-2", "100")], LINEAR, ("2", None)),
        # Less than one, and prices below one.
        ("0.5", "105", [("0.25", "110")], LINEAR, ("0.25", "100")),
        ("2", "0.5", [("1", "0.6")], LINEAR, ("1", "0.4")),
        # What it was worth before comes to nothing.
        ("2", "100", [("1", "50")], INVERSE, ("1", None)),
        # Figures that do not fit each other: an entry below zero is none.
        ("2", "1", [("1", "110")], LINEAR, ("1", None)),
    ],
)
def test_what_was_held_before(
    quantity: str,
    entry: str | None,
    fills: list[tuple[str, str]],
    kind: InstrumentKind,
    before: tuple[str, str | None],
) -> None:
    held = held_before(
        D(quantity),
        None if entry is None else D(entry),
        [(D(filled), D(price)) for filled, price in fills],
        kind,
    )

    assert held[0] == D(before[0])
    told = None if held[1] is None else plain(held[1])[:16]
    assert told == before[1]
