// lib/pq through database/sql: text, parameter types from Describe. Writes TAP. Arguments: HOST PORT USER DATABASE.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"

	"github.com/lib/pq"
)

func code(err error) string {
	if fault, ok := err.(*pq.Error); ok {
		return string(fault.Code)
	}
	return fmt.Sprint(err)
}

func main() {
	a := os.Args
	dsn := fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", a[1], a[2], a[3], a[4])
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		panic(err)
	}
	must := func(text string) {
		if _, err := db.Exec(text); err != nil {
			panic(err)
		}
	}
	must("DROP TABLE IF EXISTS pq_items")
	must("CREATE TABLE pq_items (id int PRIMARY KEY, name text, price numeric(10,2), at timestamptz, tags text[])")

	check("types", func() error {
		var i, b int64
		var f float64
		var n, s string
		var t bool
		var at time.Time
		var raw []byte
		var null sql.NullString
		err := db.QueryRow("SELECT 1::int4, 2::int8, 1.5::float8, 1.50::numeric(5,2), 'ü'::text, true, timestamptz '2024-01-01 00:00:00+00', '\\x00ff'::bytea, NULL::text").Scan(&i, &b, &f, &n, &s, &t, &at, &raw, &null)
		if err != nil {
			return err
		}
		return same(fmt.Sprint([]interface{}{i, b, f, n, s, t, at.UTC().Unix(), raw, null.Valid}), "[1 2 1.5 1.50 ü true 1704067200 [0 255] false]")
	})
	check("parameters", func() error {
		for i := 1; i <= 10; i++ {
			if _, err := db.Exec("INSERT INTO pq_items VALUES ($1, $2, $3, $4, $5)", i, fmt.Sprint("n", i), "1.5", time.Unix(0, 0), pq.Array([]string{"a", "b c"})); err != nil {
				return err
			}
		}
		var name, price string
		var tags []string
		if err := db.QueryRow("SELECT name, price, tags FROM pq_items WHERE id = $1 AND price > $2", 3, 1).Scan(&name, &price, pq.Array(&tags)); err != nil {
			return err
		}
		return same(fmt.Sprint(name, price, tags), "n31.50[a b c]")
	})
	check("binary parameters", func() error {
		other, _ := sql.Open("postgres", dsn+" binary_parameters=yes")
		defer other.Close()
		var count int
		if err := other.QueryRow("SELECT count(*) FROM pq_items WHERE id < $1 AND name LIKE $2", 5, "n%").Scan(&count); err != nil {
			return err
		}
		return same(count, 4)
	})
	check("prepared", func() error {
		statement, err := db.Prepare("SELECT name FROM pq_items WHERE id = $1")
		if err != nil {
			return err
		}
		defer statement.Close()
		for i := 1; i <= 10; i++ {
			var name string
			if err := statement.QueryRow(i).Scan(&name); err != nil {
				return err
			}
		}
		return nil
	})
	check("array parameter", func() error {
		var count int
		if err := db.QueryRow("SELECT count(*) FROM pq_items WHERE id = ANY($1)", pq.Array([]int{1, 2, 3})).Scan(&count); err != nil {
			return err
		}
		return same(count, 3)
	})
	check("column types", func() error {
		rows, err := db.Query("SELECT id, name, price, at FROM pq_items")
		if err != nil {
			return err
		}
		defer rows.Close()
		kinds, _ := rows.ColumnTypes()
		var names []string
		for _, kind := range kinds {
			names = append(names, kind.DatabaseTypeName())
		}
		return same(names, "[INT4 TEXT NUMERIC TIMESTAMPTZ]")
	})
	check("transaction", func() error {
		tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelSerializable})
		if err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM pq_items"); err != nil {
			return err
		}
		if err := tx.Rollback(); err != nil {
			return err
		}
		var count int
		db.QueryRow("SELECT count(*) FROM pq_items").Scan(&count)
		return same(count, 10)
	})
	check("errors", func() error {
		for text, expected := range map[string]string{
			"SELECT * FROM missing": "42P01", "SELEC": "42601", "SELECT 1/0": "22012",
			"INSERT INTO pq_items (id) VALUES (1)": "23505", "SELECT 'x'::int": "22P02",
		} {
			_, err := db.Exec(text)
			if err := same(text+code(err), text+expected); err != nil {
				return err
			}
		}
		return nil
	})
	check("copy in", func() error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		statement, err := tx.Prepare(pq.CopyIn("pq_items", "id", "name", "tags"))
		if err != nil {
			return err
		}
		for i := 100; i < 200; i++ {
			if _, err := statement.Exec(i, "copied\t", pq.Array([]string{"x"})); err != nil {
				return err
			}
		}
		if _, err := statement.Exec(); err != nil {
			return err
		}
		if err := statement.Close(); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		var count int
		db.QueryRow("SELECT count(*) FROM pq_items WHERE id >= 100").Scan(&count)
		return same(count, 100)
	})
	check("cancelled context", func() error {
		ctx, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer stop()
		_, err := db.ExecContext(ctx, "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b")
		return same(code(err), "57014")
	})
	check("several statements", func() error {
		rows, err := db.Query("SELECT 1; SELECT 2")
		if err != nil {
			return err
		}
		defer rows.Close()
		seen := 0
		for more := true; more; more = rows.NextResultSet() {
			for rows.Next() {
				seen++
			}
		}
		return same(seen, 2)
	})
	must("DROP TABLE pq_items")
	db.Close()
}
