"""The strategies app: what a strategy is. It knows nothing of capital."""

from django.apps import AppConfig


class StrategiesConfig(AppConfig):
    """Strategies, without their money."""

    name = "strategies"
    default_auto_field = "django.db.models.BigAutoField"
