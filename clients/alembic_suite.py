"""Alembic: revisions written by autogenerate and by hand, run forward and back, after which nothing differs.

Source: https://alembic.sqlalchemy.org/en/latest/autogenerate.html and ops.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from clients.tap import check, main, same

ENVIRONMENT = """
from alembic import context

configured = context.config.attributes
with configured["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=configured["metadata"],
        compare_server_default=True,
        include_name=lambda name, kind, parents: kind != "table" or name.startswith(("shop_", "alembic_")),
    )
    with context.begin_transaction():
        context.run_migrations()
"""
TEMPLATE = """
from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
"""
BY_HAND = """
from alembic import op
import sqlalchemy as sa

revision = "by_hand"
down_revision = "second"


def upgrade():
    op.execute("INSERT INTO shop_makers (name, code) VALUES ('acme', 'a')")
    op.execute("INSERT INTO shop_things (title, price, maker_id) SELECT 't', 1, id FROM shop_makers")
    op.drop_constraint("fk_things_maker", "shop_things", type_="foreignkey")
    op.create_foreign_key("fk_made_by", "shop_things", "shop_makers", ["maker_id"], ["id"], ondelete="CASCADE")
    op.drop_constraint("ck_price", "shop_things", type_="check")
    op.create_check_constraint("ck_cheap", "shop_things", "price < 100")
    op.rename_table("shop_makers", "shop_producers")
    op.alter_column("shop_things", "title", new_column_name="name", type_=sa.String(80), nullable=True)
    op.create_unique_constraint("uq_name", "shop_things", ["name", "maker_id"])
    with op.batch_alter_table("shop_things") as batch:
        batch.add_column(sa.Column("stock", sa.Integer, nullable=False, server_default="5"))


def downgrade():
    op.drop_column("shop_things", "stock")
    op.drop_constraint("uq_name", "shop_things", type_="unique")
    op.execute("DELETE FROM shop_producers")
    op.alter_column("shop_things", "name", new_column_name="title", type_=sa.String(40), nullable=False)
    op.rename_table("shop_producers", "shop_makers")
    op.drop_constraint("ck_cheap", "shop_things", type_="check")
    op.create_check_constraint("ck_price", "shop_things", "price >= 0")
    op.drop_constraint("fk_made_by", "shop_things", type_="foreignkey")
    op.create_foreign_key("fk_things_maker", "shop_things", "shop_makers", ["maker_id"], ["id"])
"""


def first_tables() -> sa.MetaData:
    """Return the tables of the first revision."""
    metadata = sa.MetaData()
    sa.Table(
        "shop_makers",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False, comment="as on the door"),
        sa.UniqueConstraint("name", name="uq_makers_name"),
        comment="who makes things",
    )
    sa.Table(
        "shop_things",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("price", sa.Numeric(8, 2), nullable=False, server_default="0"),
        sa.Column("maker_id", sa.ForeignKey("shop_makers.id", name="fk_things_maker"), index=True),
        sa.CheckConstraint("price >= 0", name="ck_price"),
    )
    return metadata


def second_tables() -> sa.MetaData:
    """Return the tables of the second revision."""
    metadata = first_tables()
    makers, things = metadata.tables["shop_makers"], metadata.tables["shop_things"]
    makers.append_column(sa.Column("code", sa.String(3)))
    makers.append_constraint(sa.UniqueConstraint("code", name="uq_makers_code"))
    makers.comment = "who makes what"
    things.append_column(sa.Column("made", sa.DateTime(timezone=True), server_default=sa.func.now()))
    things.append_column(
        sa.Column("parent_id", sa.ForeignKey("shop_things.id", name="fk_parent", ondelete="SET NULL"))
    )
    sa.Index("by_price", things.c.price, things.c.title)
    sa.Table(
        "shop_pairs",
        metadata,
        sa.Column("thing", sa.ForeignKey("shop_things.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("maker", sa.ForeignKey("shop_makers.id"), primary_key=True),
        sa.Column("added", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    return metadata


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every check."""
    engine = sa.create_engine(f"postgresql+psycopg://{user}@{host}:{port}/{database}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "versions").mkdir()
        (place / "env.py").write_text(ENVIRONMENT)
        (place / "script.py.mako").write_text(TEMPLATE)
        config = Config()
        config.set_main_option("script_location", folder)
        config.set_main_option("path_separator", "os")
        config.attributes["engine"] = engine
        for revision, tables in (("first", first_tables), ("second", second_tables)):
            generated(config, revision, tables)
        (place / "versions" / "by_hand.py").write_text(BY_HAND)
        by_hand(config, engine)
        backwards(config, engine)
    engine.dispose()


def generated(config: Config, revision: str, tables: Callable[[], sa.MetaData]) -> None:
    """Check a revision that autogenerate writes."""
    config.attributes["metadata"] = tables()
    with check(f"{revision}: autogenerate"):
        command.revision(config, message=revision, autogenerate=True, rev_id=revision)
    with check(f"{revision}: upgrade"):
        command.upgrade(config, "head")
    with check(f"{revision}: check says no differences"):
        command.check(config)


def by_hand(config: Config, engine: sa.Engine) -> None:
    """Check a revision of operations."""
    with check("by hand: upgrade"):
        command.upgrade(config, "head")
    with check("by hand: constraints"):
        seen = sa.inspect(engine)
        same([one["name"] for one in seen.get_check_constraints("shop_things")], ["ck_cheap"])
        keys = {one["name"]: one for one in seen.get_foreign_keys("shop_things")}
        same(sorted(str(name) for name in keys), ["fk_made_by", "fk_parent"])
        same(
            (keys["fk_made_by"]["referred_table"], keys["fk_made_by"]["options"]),
            ("shop_producers", {"ondelete": "CASCADE"}),
        )
        same([one["name"] for one in seen.get_unique_constraints("shop_things")], ["uq_name"])
    with check("by hand: rows"), engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT name, price, stock FROM shop_things").all()
        same([(name, str(price), stock) for name, price, stock in rows], [("t", "1.00", 5)])
        connection.exec_driver_sql("DELETE FROM shop_producers")
        same(connection.exec_driver_sql("SELECT count(*) FROM shop_things").scalar(), 0)
        connection.rollback()


def backwards(config: Config, engine: sa.Engine) -> None:
    """Check the way back."""
    with check("by hand: downgrade"):
        command.downgrade(config, "second")
    with check("differences are told"), engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), first_tables())
        same(any("shop_pairs" in str(one) for one in found), True)
    with check("first again"):
        command.downgrade(config, "first")
        command.upgrade(config, "first")
        same(sa.inspect(engine).has_table("shop_pairs"), False)
    with check("downgrade to nothing"):
        command.downgrade(config, "base")
        same([name for name in sa.inspect(engine).get_table_names() if name.startswith("shop_")], [])
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")


if __name__ == "__main__":
    main(suite)
