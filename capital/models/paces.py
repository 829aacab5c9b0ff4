"""EndpointPace: what the processes of one address sent to an exchange's endpoint in this minute."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class EndpointPace(models.Model):
    """What was given out of an endpoint's limit, to which process. Overwritten all the time.

    Attributes:
        name: The address that the exchange sees, and the endpoint.
        state: See ``exchange.sharing.slices.State``.
    """

    name = models.CharField(_("name"), max_length=400, unique=True)
    state = models.JSONField(_("state"), default=dict, blank=True)
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("endpoint pace")
        verbose_name_plural = _("endpoint paces")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
