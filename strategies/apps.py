"""The strategies app: what a strategy is. It knows nothing of capital."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StrategiesConfig(AppConfig):
    """Strategies, without their money."""

    name = "strategies"
    verbose_name = _("Strategies")
    default_auto_field = "django.db.models.BigAutoField"
