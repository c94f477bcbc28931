"""SQLAlchemy 2 over psycopg and psycopg2: Core, a round trip of the ORM, reflection by the Inspector."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from tests.clients.conftest import Database


class Base(DeclarativeBase):
    """What the mapped classes share."""


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50), unique=True, comment="as printed")
    books: Mapped[list[Book]] = relationship(back_populates="author", order_by="Book.title")


class Book(Base):
    __tablename__ = "books"
    __table_args__ = (sa.Index("books_title", "title"), {"comment": "what was printed"})

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    price: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    printed: Mapped[dt.date | None]
    sold: Mapped[bool] = mapped_column(server_default=sa.true())
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")


@pytest.fixture(params=["psycopg", "psycopg2"])
def engine(database: Database, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    query = {"host": database.host} if database.host.startswith("/") else {}
    url = sa.URL.create(
        f"postgresql+{request.param}",
        database.user,
        host=None if query else database.host,
        port=None if query else database.port,
        database=database.dbname,
        query=query,
    )
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW IF EXISTS dear")
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    yield engine
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW IF EXISTS dear")
    Base.metadata.drop_all(engine)
    engine.dispose()


def test_core(engine: sa.Engine) -> None:
    authors, books = Author.__table__, Book.__table__
    with engine.begin() as connection:
        found = connection.execute(sa.insert(authors).returning(authors.c.id), [{"name": "Ann"}, {"name": "Bob"}])
        first, _ = found.scalars().all()
        connection.execute(
            sa.insert(books),
            [
                {"title": f"T{i}", "price": Decimal(i) / 4, "printed": dt.date(2024, 1, i + 1), "author_id": first}
                for i in range(10)
            ],
        )
    with engine.connect() as connection:
        query = (
            sa.select(authors.c.name, sa.func.count(books.c.id), sa.func.sum(books.c.price))
            .outerjoin_from(authors, books)
            .group_by(authors.c.name)
            .order_by(authors.c.name)
        )
        assert connection.execute(query).all() == [("Ann", 10, Decimal("11.25")), ("Bob", 0, None)]
        some = sa.select(books.c.title).where(books.c.price.between(1, 2), books.c.title.like("T%")).limit(2)
        assert len(connection.execute(some).all()) == 2
        many = sa.select(books.c.title).where(books.c.id.in_([1, 2, 3])).order_by(books.c.title)
        assert len(connection.execute(many).all()) == 3
        updated = connection.execute(sa.update(books).where(books.c.price > 1).values(sold=False))
        assert updated.rowcount == 5
        connection.rollback()
        streamed = connection.execution_options(yield_per=3).execute(sa.select(books.c.id))
        assert sum(1 for _ in streamed) == 10


def test_orm(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.add(Author(name="Ann", books=[Book(title="B", price=Decimal("9.90")), Book(title="A")]))
        session.commit()
    with Session(engine) as session:
        author = session.scalars(sa.select(Author)).one()
        assert [(book.title, book.price, book.sold) for book in author.books] == [
            ("A", None, True),
            ("B", Decimal("9.90"), True),
        ]
        author.books[0].title = "C"
        session.delete(author.books[1])
        session.commit()
        assert session.scalars(sa.select(Book.title)).all() == ["C"]
        session.add(Author(name="Ann"))
        with pytest.raises(sa.exc.IntegrityError):
            session.commit()
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(Author)) == 1


def test_inspector(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW dear AS SELECT title FROM books WHERE price > 5")
    seen = sa.inspect(engine)
    assert {"authors", "books"} <= set(seen.get_table_names())
    assert seen.get_view_names() == ["dear"]
    assert seen.has_table("books") and not seen.has_table("missing")
    assert "public" in seen.get_schema_names() and seen.default_schema_name == "public"
    columns = {column["name"]: column for column in seen.get_columns("books")}
    assert list(columns) == ["id", "title", "price", "printed", "sold", "author_id"]
    assert isinstance(columns["id"]["type"], sa.Integer) and not columns["id"]["nullable"]
    assert isinstance(columns["price"]["type"], sa.Numeric) and columns["price"]["type"].scale == 2
    assert isinstance(columns["printed"]["type"], sa.Date) and columns["printed"]["nullable"]
    assert isinstance(columns["sold"]["type"], sa.Boolean) and columns["sold"]["default"] == "true"
    assert "nextval" in str(columns["id"]["default"])
    assert seen.get_pk_constraint("books")["constrained_columns"] == ["id"]
    keys = seen.get_foreign_keys("books")
    assert [(key["constrained_columns"], key["referred_table"], key["referred_columns"]) for key in keys] == [
        (["author_id"], "authors", ["id"])
    ]
    assert [(index["name"], index["column_names"], index["unique"]) for index in seen.get_indexes("books")] == [
        ("books_title", ["title"], False)
    ]
    assert [unique["column_names"] for unique in seen.get_unique_constraints("authors")] == [["name"]]
    assert seen.get_table_comment("books") == {"text": "what was printed"}
    assert seen.get_columns("authors")[1]["comment"] == "as printed"
    assert "price" in seen.get_view_definition("dear")
    assert seen.get_check_constraints("books") == []


def test_reflected_metadata(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    metadata.reflect(engine)
    books = metadata.tables["books"]
    assert [column.name for column in books.primary_key] == ["id"]
    assert [key.column.table.name for key in books.foreign_keys] == ["authors"]
    with engine.connect() as connection:
        assert connection.execute(sa.select(books)).all() == []


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"])
def test_isolation_levels(engine: sa.Engine, level: Any) -> None:
    with engine.connect().execution_options(isolation_level=level) as connection:
        assert connection.get_isolation_level() == ("READ COMMITTED" if level == "AUTOCOMMIT" else level)
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    assert engine.dialect.server_version_info >= (15,)


def test_savepoint(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(Author), {"name": "x"})
        with connection.begin_nested():
            connection.execute(sa.insert(Author), {"name": "y"})
        with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
            connection.execute(sa.insert(Author), {"id": 1, "name": "z"})
            connection.execute(sa.insert(Author), {"id": 1, "name": "again"})
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Author)).scalar() == 2


def test_dialect_types(engine: sa.Engine) -> None:
    from_postgresql = sa.dialects.postgresql
    table = sa.Table(
        "kinds",
        sa.MetaData(),
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("document", from_postgresql.JSONB),
        sa.Column("tags", from_postgresql.ARRAY(sa.Text)),
        sa.Column("key", from_postgresql.UUID(as_uuid=False)),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("ratio", sa.Float),
    )
    table.drop(engine, checkfirst=True)
    table.create(engine)
    row = {
        "document": {"a": [1, {"b": None}]},
        "tags": ["x", "y z"],
        "key": "12345678-1234-5678-1234-567812345678",
        "raw": b"\x00\xff",
        "ratio": 0.1,
    }
    with engine.begin() as connection:
        connection.execute(sa.insert(table), row)
        found = connection.execute(sa.select(table)).mappings().one()
        assert {name: bytes(found[name]) if name == "raw" else found[name] for name in row} == row
        assert found["at"].tzinfo is not None and found["id"] == 1
        inner = sa.select(table.c.document["a"][0].as_integer())
        assert connection.execute(inner).scalar() == 1
    table.drop(engine)
