-- What the catalog queries look at, the same on both databases.

CREATE SCHEMA sales;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE SEQUENCE counter START 5 INCREMENT 2;
CREATE TABLE customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE,
    feeling mood DEFAULT 'ok',
    balance numeric(10,2) DEFAULT 0,
    tags text[],
    created timestamptz DEFAULT now(),
    CHECK (balance >= 0)
);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers (id),
    placed date,
    total double precision,
    note text,
    doc json,
    raw bytea,
    token uuid,
    paid boolean DEFAULT false
);
CREATE TABLE order_lines (
    order_id bigint,
    line smallint,
    amount real,
    price numeric(12,4),
    PRIMARY KEY (order_id, line),
    UNIQUE (order_id, amount)
);
CREATE TABLE counted (id serial PRIMARY KEY, label text DEFAULT 'none');
CREATE TABLE moods (one mood, many mood[]);
CREATE TABLE "Mixed Case" ("Some Id" integer PRIMARY KEY, "select" text);
CREATE TABLE sales.regions (code text PRIMARY KEY, opened time, span interval);
CREATE TABLE sales.shops (id integer PRIMARY KEY, region text REFERENCES sales.regions (code), seen timestamp);
CREATE INDEX orders_note_idx ON orders (note, lower(note));
CREATE UNIQUE INDEX shops_region_seen ON sales.shops (region, seen);
CREATE VIEW big_orders AS SELECT id, total FROM orders WHERE total > 100;
CREATE VIEW sales.open_shops AS SELECT id, region FROM sales.shops;
COMMENT ON TABLE customers IS 'who buys';
COMMENT ON COLUMN customers.name IS 'full name';
COMMENT ON VIEW big_orders IS 'over a hundred';
INSERT INTO customers (id, name) VALUES (1, 'Ann'), (2, 'Bob');
