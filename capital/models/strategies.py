"""What capital forbids of a strategy: the app ``strategies`` does not know of capital."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.utils.translation import gettext as _

from capital.models.capital import StrategyCapital
from strategies.models import Strategy


@receiver(pre_save, sender=Strategy)
def keep_market_of_a_funded_strategy(instance: Strategy, **_kwargs: Any) -> None:
    """Refuse another market: its capital would move from one pool to another.

    Raises:
        ValidationError: The strategy has held capital in its present market.
    """
    if instance._state.adding:
        return
    stored = Strategy.objects.filter(pk=instance.pk).values_list("market_type", flat=True).first()
    if stored is None or stored == instance.market_type:
        return
    if StrategyCapital.objects.filter(strategy_account__strategy=instance).exists():
        raise ValidationError(
            {
                "market_type": _(
                    "This strategy has held capital as a %(market)s strategy, so its market type "
                    "cannot be changed. Create a new strategy instead."
                )
                % {"market": stored}
            }
        )
