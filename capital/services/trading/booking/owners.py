"""Whose fills are, of all that was ever said of it."""

from django.db.models import Exists, OuterRef, QuerySet

from capital.models import Attribution


def present_owners(attributions: QuerySet[Attribution]) -> QuerySet[Attribution]:
    """The newest attribution of each fill, of those given."""
    newer = Attribution.objects.filter(fill=OuterRef("fill"), pk__gt=OuterRef("pk"))
    return attributions.filter(~Exists(newer)).order_by()
