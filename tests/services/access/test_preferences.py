"""What one user prefers is that user's own."""

import pytest
from django.contrib.auth.models import AnonymousUser

from capital.models.access import ChangeColours
from capital.services.access import change_colours_of, store_change_colours
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_each_user_has_colours_of_their_own() -> None:
    one, other, without = make_user(), make_user(), make_user()
    colours = [each for each in ChangeColours if each is not ChangeColours.AUTOMATIC]

    store_change_colours(one, colours[1])
    store_change_colours(one, colours[0])
    store_change_colours(other, colours[1])

    assert [change_colours_of(each) for each in (one, other, without, AnonymousUser())] == [
        colours[0],
        colours[1],
        ChangeColours.AUTOMATIC,
        ChangeColours.AUTOMATIC,
    ]
