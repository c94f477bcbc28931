"""Django: the migrations of its own applications and of one with every kind of change, the ORM, and the way back.

Source: https://docs.djangoproject.com/en/5.2/topics/migrations/
"""

from __future__ import annotations

from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from clients.tap import check, main, same

APPLICATIONS = ("admin", "auth", "contenttypes", "sessions")
CONSTRAINTS = {"cost_not_negative", "one_kind", "django_shop_thing_pkey", "django_shop_thing_kind_key"}


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every check."""
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": host,
                "PORT": port,
                "USER": user,
                "NAME": database,
            }
        },
        INSTALLED_APPS=[*(f"django.contrib.{name}" for name in APPLICATIONS), "clients.django_shop"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY="none",
        SILENCED_SYSTEM_CHECKS=["admin.E403", "admin.E406", "admin.E408", "admin.E409", "admin.E410"],
        USE_TZ=True,
    )
    django.setup()
    migrations()
    with check("users, groups, permissions"):
        users()
    objects()
    faults()
    with check("backwards"):
        call_command("migrate", "django_shop", "zero", verbosity=0)
        same([name for name in connection.introspection.table_names() if "shop" in name], [])
    with check("all the way back"):
        for name in APPLICATIONS:
            call_command("migrate", name, "zero", verbosity=0)
        same([name for name in connection.introspection.table_names() if name.startswith("auth_")], [])
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE django_migrations")


def migrations() -> None:
    """Check what migrate does, and what it leaves."""
    for name in (*APPLICATIONS, "django_shop"):
        with check(f"migrate {name}"):
            call_command("migrate", name, verbosity=0)
    with check("constraints and indexes as introspected"), connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "django_shop_thing")
        same(found.keys() >= {*CONSTRAINTS, "by_cost"}, True)
        foreign = sorted(str(one["foreign_key"]) for one in found.values() if one["foreign_key"])
        same(foreign, ["('django_shop_producer', 'id')", "('django_shop_thing', 'id')"])
        same(found["by_cost"]["columns"], ["cost", "title"])


def users() -> None:
    """Check Django's own models."""
    user_model, group_model = apps.get_model("auth", "User"), apps.get_model("auth", "Group")
    user, group = user_model.objects.create_user("ann"), group_model.objects.create(name="g")
    user.groups.add(group)
    group.permissions.set(apps.get_model("auth", "Permission").objects.all()[:5])
    user.delete()
    group.delete()
    same((user_model.objects.count(), group_model.objects.count()), (0, 0))


def objects() -> None:
    """Check rows written and read by way of models."""
    producers, things = _objects("Producer"), _objects("Thing")
    with check("rows of a migration"):
        found = things.filter(maker__name="acme").order_by("title").values_list("title", "cost", "stock")
        same([(title, str(cost), stock) for title, cost, stock in found], [("a", "1.50", 5), ("b", "3.50", 5)])
    with check("create and update"):
        maker = producers.create(name="x")
        first = things.create(title="t1", cost=1, maker=maker)
        second = things.create(title="t2", cost=2, maker=maker, parent=first, kind="k")
        first.labels.add(_objects("Label").create(word="w"))
        second.cost = 5
        second.save()
        same(things.filter(maker=maker).update(stock=9), 2)
        same([str(one.cost) for one in things.filter(parent__title="t1")], ["5.00"])
    with check("children before parents: deferred keys"), transaction.atomic():
        late = things.create(title="late", cost=1, maker_id=4444)
        producers.create(id=4444, name="late")
        late.delete()
    with check("delete with all that refers to it"):
        counts = producers.get(name="x").delete()[1]
        same(
            counts,
            {
                "django_shop.Thing_labels": 1,
                "django_shop.Thing": 2,
                "django_shop.Producer": 1,
            },
        )
    with check("bulk_create, get_or_create, nested atomic"):
        producers.bulk_create([producers.model(name=f"p{number}") for number in range(50)])
        same(producers.get_or_create(name="p3")[1], False)
        with transaction.atomic(), transaction.atomic():
            producers.create(name="nested")
        producers.filter(name__startswith="p").delete()
    with check("check_constraints"):
        connection.check_constraints()


def faults() -> None:
    """Check that rows are held to constraints, and who is told to have been violated."""
    maker = _objects("Producer").get(name="acme")
    for name, values in {
        "cost_not_negative": {"cost": -1},
        "django_shop_thing_kind_key": {"cost": 1, "kind": "k"},
        "_fk_django_shop_producer_id": {"cost": 1, "maker_id": 9999},
    }.items():
        with check(f"violated: {name}"):
            kept = _objects("Thing").create(title="kept", cost=1, maker=maker, kind="k")
            try:
                _objects("Thing").create(**{"title": "bad", "maker_id": maker.pk, **values})
            except IntegrityError as error:
                same(name in str(error), True)
            else:
                raise AssertionError("no error")
            finally:
                kept.delete()


def _objects(model: str) -> Any:
    return apps.get_model("django_shop", model).objects


if __name__ == "__main__":
    main(suite)
