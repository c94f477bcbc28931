"""Every kind of change to tables that have rows and refer to one another."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """The tables as the models are now."""

    dependencies: ClassVar = [("django_shop", "0002_rows")]
    operations: ClassVar = [
        migrations.AddField("Thing", "stock", models.PositiveIntegerField(default=5)),
        migrations.AddField("Thing", "kind", models.CharField(max_length=5, null=True, unique=True)),
        migrations.AddField("Thing", "parent", models.ForeignKey("self", models.CASCADE, null=True)),
        migrations.AlterField("Thing", "title", models.CharField(max_length=200, db_index=True)),
        migrations.AlterField("Maker", "id", models.BigAutoField(primary_key=True)),
        migrations.AlterField("Maker", "rating", models.PositiveIntegerField(default=1)),
        migrations.AlterField("Maker", "name", models.CharField(max_length=80)),
        migrations.RemoveConstraint("Thing", "price_not_negative"),
        migrations.RenameField("Thing", "price", "cost"),
        migrations.RenameIndex("Thing", new_name="by_cost", old_name="by_price"),
        migrations.RenameModel("Tag", "Label"),
        migrations.RenameModel("Maker", "Producer"),
        migrations.RemoveField("Thing", "owner"),
        migrations.AlterUniqueTogether("Thing", {("maker", "title", "stock")}),
        migrations.AddConstraint(
            "Thing",
            models.CheckConstraint(condition=models.Q(cost__gte=0, stock__gte=0), name="cost_not_negative"),
        ),
        migrations.AddConstraint("Thing", models.UniqueConstraint(fields=["maker", "kind"], name="one_kind")),
        migrations.CreateModel(
            "Passing",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("thing", models.OneToOneField("django_shop.Thing", models.CASCADE)),
            ],
        ),
        migrations.DeleteModel("Passing"),
        migrations.AlterModelTable("Label", "shop_label"),
    ]
