"""DisplayPreference: how one user wants to see things."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ChangeColours(models.TextChoices):
    """The colours of gains and losses. A sign always says the same."""

    AUTOMATIC = "automatic", _("as usual in the language of the page")
    GREEN_UP = "green_up", _("gains green, losses red")
    RED_UP = "red_up", _("gains red, losses blue")


class DisplayPreference(models.Model):
    """One user's. Without a row, everything is as usual."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="display_preference",
        verbose_name=_("user"),
    )
    change_colours = models.CharField(
        _("colours of gains and losses"),
        max_length=10,
        choices=ChangeColours,
        default=ChangeColours.AUTOMATIC,
    )

    class Meta:
        verbose_name = _("display setting")
        verbose_name_plural = _("display settings")
        # It is on a page of its own, which shows everybody theirs.
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(change_colours__in=ChangeColours.values),
                name="display_preference_colours_known",
                violation_error_message=_("Choose one of the offered colours."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}"
