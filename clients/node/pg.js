// node pg: parameters as text, named statements, cursors, streams, COPY, pool, errors.

const { Client, Pool } = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')
const { from, to } = require('pg-copy-streams')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const { check, fails, same, where } = require('./tap.js')

async function main() {
  const client = new Client(where)
  await client.connect()
  await client.query('DROP TABLE IF EXISTS node_items')
  await client.query('CREATE TABLE node_items (id serial PRIMARY KEY, name text NOT NULL, price numeric(10,2), at timestamptz)')

  await check('types', async () => {
    const { rows, fields } = await client.query(
      `SELECT 1::int4 AS i, 2::int8 AS b, 1.50::numeric(5,2) AS n, 1.5::float8 AS f, true AS t, 'ü'::text AS s,
              date '2024-02-29' AS d, timestamptz '2024-01-01 00:00:00+00' AS z, '{"a":[1]}'::json AS j,
              ARRAY[1,2] AS a, ARRAY['x','y z'] AS sa, '\\x00ff'::bytea AS y, interval '1 day 02:00:00' AS v, NULL AS u`)
    const row = rows[0]
    same([row.i, row.b, row.n, row.f, row.t, row.s, row.u], [1, '2', '1.50', 1.5, true, 'ü', null])
    same(row.z.toISOString(), '2024-01-01T00:00:00.000Z')
    same([row.j, row.a, row.sa, [...row.y]], [{ a: [1] }, [1, 2], ['x', 'y z'], [0, 255]])
    same([row.d.getDate(), row.v.days, row.v.hours], [29, 1, 2])
    same(fields.map((field) => field.dataTypeID).slice(0, 9), [23, 20, 1700, 701, 16, 25, 1082, 1184, 114])
  })
  await check('parameters', async () => {
    const { rows } = await client.query(
      'SELECT $1::int + 1 AS a, $2::text AS b, $3::bool AS c, $4::timestamptz AS d, $5::int[] AS e, $6::json AS f, $7::bytea AS g, $8 AS h',
      [41, "it's", true, new Date(0), [1, 2], { k: 'v' }, Buffer.from([0, 255]), 'unknown'])
    const row = rows[0]
    same([row.a, row.b, row.c, row.d.getTime(), row.e, row.f, [...row.g], row.h],
      [42, "it's", true, 0, [1, 2], { k: 'v' }, [0, 255], 'unknown'])
  })
  await check('insert returning', async () => {
    const { rows, rowCount, command } = await client.query(
      'INSERT INTO node_items (name, price, at) VALUES ($1, $2, $3), ($4, NULL, now()) RETURNING id, price', ['a', '1.5', new Date(), 'b'])
    same([rows, rowCount, command], [[{ id: 1, price: '1.50' }, { id: 2, price: null }], 2, 'INSERT'])
  })
  await check('untyped comparison', async () => {
    same((await client.query('SELECT name FROM node_items WHERE id = $1 AND price > $2', ['1', 1])).rows, [{ name: 'a' }])
    same((await client.query('SELECT count(*)::int AS n FROM node_items WHERE id = ANY($1)', [[1, 2]])).rows, [{ n: 2 }])
  })
  await check('named statement', async () => {
    for (let i = 0; i < 10; i++) {
      const { rows } = await client.query({ name: 'pick', text: 'SELECT id FROM node_items WHERE id = $1', values: [1] })
      same(rows, [{ id: 1 }])
    }
  })
  await check('binary results', async () => {
    const { rows } = await client.query({ text: "SELECT 5::int4 AS i, 1.5::float8 AS f, 'x'::text AS s, true AS b", values: [], binary: true })
    same(rows, [{ i: 5, f: 1.5, s: 'x', b: true }])
  })
  await check('several statements', async () => {
    const results = await client.query("SELECT 1 AS a; SELECT 'x' AS b; DELETE FROM node_items WHERE false")
    same(results.map((result) => [result.command, result.rows.length]), [['SELECT', 1], ['SELECT', 1], ['DELETE', 0]])
  })
  await check('rows as arrays', async () => {
    same((await client.query({ text: 'SELECT 1, 2', rowMode: 'array' })).rows, [[1, 2]])
  })
  await check('errors', async () => {
    await fails('42P01', client.query('SELECT * FROM missing'))
    await fails('42703', client.query('SELECT missing FROM node_items'))
    await fails('42601', client.query('SELEC'))
    await fails('23505', client.query("INSERT INTO node_items (id, name) VALUES (1, 'again')"))
    await fails('23502', client.query('INSERT INTO node_items (name) VALUES ($1)', [null]))
    await fails('22P02', client.query('SELECT $1::int', ['x']))
    await fails('22P02', client.query('SELECT id FROM node_items WHERE id = $1', ['x']))
  })
  await check('transaction', async () => {
    await client.query('BEGIN')
    await client.query("INSERT INTO node_items (name) VALUES ('gone')")
    await fails('22012', client.query('SELECT 1/0'))
    await fails('25P02', client.query('SELECT 1'))
    await client.query('ROLLBACK')
    same((await client.query("SELECT count(*)::int AS n FROM node_items WHERE name = 'gone'")).rows[0].n, 0)
  })
  await check('cursor', async () => {
    const cursor = client.query(new Cursor('SELECT i FROM generate_series(1, $1) AS g(i) ORDER BY i', [25]))
    try {
      same((await cursor.read(10)).map((row) => row.i), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      same((await cursor.read(100)).length, 15)
      same((await cursor.read(1)).length, 0)
    } finally {
      await cursor.close()
    }
    const early = client.query(new Cursor('SELECT i FROM generate_series(1, 1000) AS g(i)'))
    await early.read(3)
    await early.close()
    same((await client.query('SELECT 1 AS a')).rows, [{ a: 1 }])
  })
  await check('stream', async () => {
    let sum = 0
    for await (const row of client.query(new QueryStream('SELECT i::int AS i FROM generate_series(1, 1000) AS g(i)', [], { batchSize: 33 }))) sum += row.i
    same(sum, 500500)
  })
  await check('COPY', async () => {
    await pipeline(Readable.from(['100\tc\n101\td\n']), client.query(from('COPY node_items (id, name) FROM STDIN')))
    const chunks = []
    for await (const chunk of client.query(to('COPY (SELECT id, name FROM node_items WHERE id >= 100 ORDER BY id) TO STDOUT WITH CSV'))) chunks.push(chunk)
    same(Buffer.concat(chunks).toString(), '100,c\n101,d\n')
  })
  await check('pool', async () => {
    const pool = new Pool({ ...where, max: 4 })
    const found = await Promise.all([...Array(20).keys()].map((i) => pool.query('SELECT $1::int AS i', [i])))
    same(found.map((result) => result.rows[0].i), [...Array(20).keys()])
    await pool.end()
  })
  await check('statement timeout', async () => {
    const other = new Client({ ...where, statement_timeout: 300, application_name: 'suite' })
    await other.connect()
    await fails('57014', other.query('SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b'))
    same((await other.query('SHOW application_name')).rows, [{ application_name: 'suite' }])
    await other.end()
  })
  await check('notices', async () => {
    const notices = []
    client.on('notice', (notice) => notices.push(notice.code))
    await client.query('DROP TABLE IF EXISTS never_there')
    same(notices, ['00000'])
  })
  await check('listen and notify', async () => {
    const heard = []
    client.on('notification', (message) => heard.push(`${message.channel} ${message.payload}`))
    await client.query('LISTEN bell')
    await client.query("NOTIFY bell, 'rung'")
    await client.query('SELECT 1')
    same(heard, ['bell rung'])
  })
  await client.query('DROP TABLE node_items')
  await client.end()
}

main()
