"""What one user prefers: read and stored for that user alone."""

from django.contrib.auth.models import AbstractUser, AnonymousUser

from capital.models.access import ChangeColours, DisplayPreference


def change_colours_of(user: AbstractUser | AnonymousUser) -> ChangeColours:
    """The colours of gains and losses that the user chose; automatic without a choice."""
    if not user.is_authenticated:
        return ChangeColours.AUTOMATIC
    chosen = DisplayPreference.objects.filter(user_id=user.pk).values_list(
        "change_colours", flat=True
    )
    return ChangeColours(chosen.first() or ChangeColours.AUTOMATIC)


def store_change_colours(user: AbstractUser, colours: ChangeColours) -> None:
    """Keep the user's choice."""
    DisplayPreference.objects.update_or_create(
        user_id=user.pk, defaults={"change_colours": colours}
    )
