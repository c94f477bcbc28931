"""The models as the last migration leaves them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Label(models.Model):
    """What things can be tagged with."""

    word = models.SlugField(max_length=20)

    class Meta:
        db_table = "shop_label"


class Producer(models.Model):
    """Who makes things."""

    name = models.CharField(max_length=80)
    rating = models.PositiveIntegerField(default=1)


class Thing(models.Model):
    """A thing."""

    title = models.CharField(max_length=200, db_index=True)
    cost = models.DecimalField(max_digits=8, decimal_places=2)
    made = models.DateTimeField(auto_now_add=True)
    maker = models.ForeignKey(Producer, models.CASCADE, related_name="things")
    labels = models.ManyToManyField(Label)
    stock = models.PositiveIntegerField(default=5)
    kind = models.CharField(max_length=5, null=True, unique=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True)

    class Meta:
        unique_together: ClassVar = [("maker", "title", "stock")]
        indexes: ClassVar = [models.Index(fields=["cost", "title"], name="by_cost")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(cost__gte=0, stock__gte=0), name="cost_not_negative"),
            models.UniqueConstraint(fields=["maker", "kind"], name="one_kind"),
        ]
