"""Rows, by way of the models as they were then."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations


def fill(apps: Any, _: Any) -> None:
    """Insert a maker with two things."""
    maker = apps.get_model("django_shop", "Maker").objects.create(name="acme", rating=3)
    things = apps.get_model("django_shop", "Thing").objects
    for title, price in (("a", "1.50"), ("b", "2.50")):
        things.create(title=title, price=price, maker=maker)
    things.filter(title="b").update(price="3.50")


def empty(apps: Any, _: Any) -> None:
    """Delete them."""
    apps.get_model("django_shop", "Thing").objects.all().delete()
    apps.get_model("django_shop", "Maker").objects.all().delete()


class Migration(migrations.Migration):
    """What RunPython does."""

    dependencies: ClassVar = [("django_shop", "0001_initial")]
    operations: ClassVar = [migrations.RunPython(fill, empty)]
