"""The same schema on the server and on a real PostgreSQL, and what psql sends for its backslash commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from catalog_places import Place
from psycopg.conninfo import make_conninfo

from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Settings

DEFINITIONS = (
    "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text UNIQUE,"
    " balance numeric(10,2) DEFAULT 0, tags text[], created timestamptz DEFAULT now(), CHECK (balance >= 0))",
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int REFERENCES customers(id), total double precision,"
    " note text, doc json, raw bytea, u uuid, d date, b boolean)",
    "CREATE INDEX orders_note_idx ON orders (note, lower(note))",
    "CREATE VIEW big_orders AS SELECT id, total FROM orders WHERE total > 100",
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TABLE moods (m mood, ms mood[])",
    "CREATE SEQUENCE counter START 5",
    "CREATE SCHEMA other",
    "CREATE TABLE other.things (a smallint, b real, PRIMARY KEY (a, b))",
    "CREATE TABLE counted (id serial PRIMARY KEY, name text)",
    "COMMENT ON TABLE customers IS 'who buys'",
    "COMMENT ON COLUMN customers.name IS 'full name'",
)


def _define(place: Place) -> Place:
    with place.connect() as connection:
        for definition in DEFINITIONS:
            connection.execute(definition)
    return place


@pytest.fixture(scope="session")
def real(postgres_url: str) -> Place:
    """The schema on a real PostgreSQL, in a database of its own."""
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        connection.execute("CREATE DATABASE shop")
    return _define(Place(make_conninfo(postgres_url, dbname="shop", user="postgres")))


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The schema on the server."""
    with App.open(Settings(home=tmp_path_factory.mktemp("home"), port=0)) as app:
        host, port = app.start_server()
        yield _define(Place(make_conninfo(host=host, port=port, user="postgres", dbname="shop")))
