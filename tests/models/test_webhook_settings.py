"""The delay of a webhook is in its range, whoever writes it."""

import pytest
from django.db import IntegrityError, transaction

from capital.models import WebhookSecret
from capital.services.webhooks.secrets import rotate_secret
from tests.factories import make_strategy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seconds", [0, 86_401])
def test_a_delay_out_of_its_range_is_refused_by_the_database(seconds: int) -> None:
    rotate_secret(make_strategy())

    with (
        pytest.raises(IntegrityError, match=r"webhook_lag_in_range|CHECK"),
        transaction.atomic(),
    ):
        WebhookSecret.objects.update(max_lag_seconds=seconds)
    assert WebhookSecret.objects.update(max_lag_seconds=86_400) == 1
