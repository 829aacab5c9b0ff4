"""ApiToken: what a bot sends instead of a password."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from knox.models import AbstractAuthToken

from capital.models.accounts import Account


class Scope(models.TextChoices):
    """What a token may do. Each includes those before it."""

    READ = "read", pgettext_lazy("scope", "read")
    SIZE = "size", _("size orders")
    ALLOCATE = "allocate", pgettext_lazy("scope", "allocate")
    MANAGE = "manage", pgettext_lazy("scope", "manage")

    def includes(self, other: "Scope") -> bool:
        """Whether a token of this scope may do what ``other`` is asked for."""
        ladder = list(Scope)
        return ladder.index(self) >= ladder.index(other)


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """A token of one user: hashed, shown once, with a scope and an end.

    ``token_key`` is its beginning, by which people tell tokens apart; it grants nothing.

    Attributes:
        account: NULL: everything that the user sees. Else nothing but this account.
        expiry: Never NULL on tokens that ``services.access.tokens`` makes.
        revoked_at: From then on it is refused.
        password_mark: A digest of the password hash that its user had when it was created. It
            ends with that password, as sessions do.
        of_staff: Whether its user was staff then. Such a token ends with that flag.
    """

    name = models.CharField(_("name"), max_length=100)
    scope = models.CharField(_("scope"), max_length=10, choices=Scope)
    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("account"),
        help_text=_("Leave empty for every account that the user can see."),
    )
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    password_mark = models.CharField(
        _("fingerprint of the password"), max_length=64, default="", editable=False
    )
    of_staff = models.BooleanField(_("of a staff user"), default=False, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope__in=Scope.values), name="api_token_scope_known"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="api_token_name_given"),
        ]

    def __str__(self) -> str:
        # Never the digest.
        return f"{self.name} ({self.token_key}…)"

    def __repr__(self) -> str:
        return f"<ApiToken {self}>"

    def allows(self, scope: Scope) -> bool:
        """Whether its scope includes ``scope``."""
        return Scope(self.scope).includes(scope)


# The fields that knox brings, in the reader's language.
for _name, _label in (
    ("digest", _("fingerprint")),
    ("token_key", _("prefix")),
    ("user", _("user")),
    ("created", _("created at")),
    ("expiry", _("expires at")),
):
    ApiToken._meta.get_field(_name).verbose_name = _label
