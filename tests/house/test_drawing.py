"""ARCHITECTURE.md shows the house as it is."""

import pytest

from tests.house.drawing import draw_arrows, drawn, room_of, written


@pytest.mark.parametrize("name", ["modules", "arrows", "rules"])
def test_the_document_shows_the_code_of_today(name: str) -> None:
    assert written(name) == drawn()[name], "run `make architecture` and read what changed"


@pytest.mark.parametrize(
    ("module", "room"),
    [
        ("capital.services.sizing.orders", "services.sizing"),
        ("capital.services.sentences", "services.sentences"),
        ("capital.services", "services"),
        ("capital.domain.sizing.orders", "domain"),
        ("capital.tasks", "tasks"),
        ("capital_project.site", "capital_project"),
        ("strategies.models", "strategies"),
    ],
)
def test_a_room_is_a_folder_or_a_module(module: str, room: str) -> None:
    assert room_of(module) == room


def test_arrows_are_in_order() -> None:
    assert draw_arrows({"b": {"y", "x"}, "a": {"z"}}).splitlines()[2:] == [
        "| `a` | `z` |",
        "| `b` | `x` `y` |",
    ]
