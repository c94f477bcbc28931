"""Tables with keys, indexes and constraints."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The first tables."""

    initial = True
    dependencies: ClassVar = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations: ClassVar = [
        migrations.CreateModel(
            "Maker",
            [
                ("id", models.AutoField(primary_key=True)),
                ("name", models.CharField(max_length=50, unique=True)),
                ("rating", models.PositiveIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            "Tag", [("id", models.BigAutoField(primary_key=True)), ("word", models.SlugField(max_length=20))]
        ),
        migrations.CreateModel(
            "Thing",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=100, db_index=True)),
                ("price", models.DecimalField(max_digits=8, decimal_places=2)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("maker", models.ForeignKey("django_shop.Maker", models.CASCADE, related_name="things")),
                ("owner", models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)),
                ("labels", models.ManyToManyField("django_shop.Tag")),
            ],
            options={
                "unique_together": {("maker", "title")},
                "indexes": [models.Index(fields=["price", "title"], name="by_price")],
            },
        ),
        migrations.AddConstraint(
            "Thing", models.CheckConstraint(condition=models.Q(price__gte=0), name="price_not_negative")
        ),
    ]
