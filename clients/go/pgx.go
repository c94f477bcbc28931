// pgx: binary, types from Describe, batches, COPY, its three ways to query. Writes TAP. Arguments: HOST PORT USER DATABASE.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

func code(err error) string {
	var fault *pgconn.PgError
	if errors.As(err, &fault) {
		return fault.Code
	}
	return fmt.Sprint(err)
}

func main() {
	a := os.Args
	ctx := context.Background()
	dsn := fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", a[1], a[2], a[3], a[4])
	connection, err := pgx.Connect(ctx, dsn)
	if err != nil {
		panic(err)
	}
	must := func(text string) {
		if _, err := connection.Exec(ctx, text); err != nil {
			panic(err)
		}
	}
	must("DROP TABLE IF EXISTS pgx_items")
	must("CREATE TABLE pgx_items (id int PRIMARY KEY, name text, ratio float8, at timestamptz, tags text[])")

	ask := func(connection *pgx.Conn) error {
		var i int32
		var b int64
		var f float64
		var s string
		var t bool
		var at time.Time
		var raw []byte
		var list []int32
		var null *string
		err := connection.QueryRow(ctx, "SELECT $1::int4, $2::int8, $3::float8, $4::text, $5::bool, $6::timestamptz, $7::bytea, $8::int4[], NULL::text",
			int32(1), int64(2), 1.5, "it's ü", true, time.Unix(1704067200, 0), []byte{0, 255}, []int32{1, 2}).Scan(&i, &b, &f, &s, &t, &at, &raw, &list, &null)
		if err != nil {
			return err
		}
		return same(fmt.Sprint([]interface{}{i, b, f, s, t, at.Unix(), raw, list, null == nil}), "[1 2 1.5 it's ü true 1704067200 [0 255] [1 2] true]")
	}
	check("types", func() error { return ask(connection) })
	for name, change := range map[string]func(*pgx.ConnConfig){
		"simple protocol":          func(config *pgx.ConnConfig) { config.PreferSimpleProtocol = true },
		"without statement cache":  func(config *pgx.ConnConfig) { config.BuildStatementCache = nil },
	} {
		change := change
		check(name, func() error {
			config, _ := pgx.ParseConfig(dsn)
			change(config)
			other, err := pgx.ConnectConfig(ctx, config)
			if err != nil {
				return err
			}
			defer other.Close(ctx)
			return ask(other)
		})
	}
	check("insert and select", func() error {
		for i := 1; i <= 10; i++ {
			if _, err := connection.Exec(ctx, "INSERT INTO pgx_items VALUES ($1, $2, $3, $4, $5)", i, fmt.Sprint("n", i), 0.5, time.Now(), []string{"a"}); err != nil {
				return err
			}
		}
		var name string
		if err := connection.QueryRow(ctx, "SELECT name FROM pgx_items WHERE id = $1", 4).Scan(&name); err != nil {
			return err
		}
		return same(name, "n4")
	})
	check("batch", func() error {
		batch := &pgx.Batch{}
		for i := 20; i < 40; i++ {
			batch.Queue("INSERT INTO pgx_items (id, name) VALUES ($1, $2)", i, "batch")
		}
		batch.Queue("SELECT count(*) FROM pgx_items WHERE name = $1", "batch")
		results := connection.SendBatch(ctx, batch)
		defer results.Close()
		for i := 20; i < 40; i++ {
			if _, err := results.Exec(); err != nil {
				return err
			}
		}
		var count int
		if err := results.QueryRow().Scan(&count); err != nil {
			return err
		}
		return same(count, 20)
	})
	check("copy from", func() error {
		rows := [][]interface{}{}
		for i := 100; i < 200; i++ {
			rows = append(rows, []interface{}{int32(i), "copied", 1.5, time.Unix(0, 0), []string{"x", "y"}})
		}
		count, err := connection.CopyFrom(ctx, pgx.Identifier{"pgx_items"}, []string{"id", "name", "ratio", "at", "tags"}, pgx.CopyFromRows(rows))
		if err != nil {
			return err
		}
		return same(count, 100)
	})
	check("field descriptions", func() error {
		rows, err := connection.Query(ctx, "SELECT id, name, ratio, at, tags FROM pgx_items")
		if err != nil {
			return err
		}
		defer rows.Close()
		var kinds []uint32
		for _, field := range rows.FieldDescriptions() {
			kinds = append(kinds, field.DataTypeOID)
		}
		return same(kinds, "[23 25 701 1184 1009]")
	})
	check("transaction", func() error {
		err := connection.BeginFunc(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "DELETE FROM pgx_items"); err != nil {
				return err
			}
			return errors.New("back")
		})
		if err == nil {
			return errors.New("no error")
		}
		var count int
		connection.QueryRow(ctx, "SELECT count(*) FROM pgx_items").Scan(&count)
		return same(count, 130)
	})
	check("errors", func() error {
		for text, expected := range map[string]string{
			"SELECT * FROM missing": "42P01", "SELEC": "42601", "SELECT 1/0": "22012",
			"INSERT INTO pgx_items (id) VALUES (1)": "23505", "SELECT 'x'::int": "22P02",
		} {
			_, err := connection.Exec(ctx, text)
			if err := same(text+code(err), text+expected); err != nil {
				return err
			}
		}
		return nil
	})
	check("cancel", func() error {
		other, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer other.Close(ctx)
		timer := time.AfterFunc(300*time.Millisecond, func() { other.PgConn().CancelRequest(ctx) })
		defer timer.Stop()
		_, err = other.Exec(ctx, "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b")
		return same(code(err), "57014")
	})
	check("listen and notify", func() error {
		if _, err := connection.Exec(ctx, "LISTEN bell"); err != nil {
			return err
		}
		if _, err := connection.Exec(ctx, "NOTIFY bell, 'rung'"); err != nil {
			return err
		}
		limited, stop := context.WithTimeout(ctx, 2*time.Second)
		defer stop()
		heard, err := connection.WaitForNotification(limited)
		if err != nil {
			return err
		}
		return same(heard.Channel+heard.Payload, "bellrung")
	})
	must("DROP TABLE pgx_items")
	connection.Close(ctx)
}
