// postgres.js: described before bound, pipelined, types looked up at connect.

const connect = require('postgres')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const { check, fails, same, where } = require('./tap.js')

async function main() {
  const sql = connect({ host: where.host, port: where.port, username: where.user, database: where.database, max: 3, onnotice: () => {} })
  await sql`DROP TABLE IF EXISTS postgresjs_items`
  await sql`CREATE TABLE postgresjs_items (id int PRIMARY KEY, name text, price numeric(10,2), tags text[], doc jsonb, at timestamp)`

  await check('types', async () => {
    const [row] = await sql`SELECT 1::int4 AS i, 2::int8 AS b, 1.5::float8 AS f, 1.50::numeric(5,2) AS n, true AS t, ${'x'} AS s,
      '{"a":1}'::json AS j, ARRAY[1,2]::int[] AS a, ${null} AS u, '\\x00ff'::bytea AS y`
    same([row.i, row.b, row.f, row.n, row.t, row.s, row.j, row.a, row.u, [...row.y]], [1, '2', 1.5, '1.50', true, 'x', { a: 1 }, [1, 2], null, [0, 255]])
  })
  await check('insert helper', async () => {
    const rows = [
      { id: 1, name: 'a', price: '1.5', tags: ['x', 'y'], doc: sql.json({ k: [1] }), at: new Date(0) },
      { id: 2, name: null, price: null, tags: [], doc: null, at: null },
    ]
    const found = await sql`INSERT INTO postgresjs_items ${sql(rows)} RETURNING id, price, tags, doc`
    same(found.map((row) => ({ ...row })), [
      { id: 1, price: '1.50', tags: ['x', 'y'], doc: { k: [1] } },
      { id: 2, price: null, tags: [], doc: null },
    ])
    same(found.count, 2)
  })
  await check('fragments and lists', async () => {
    const id = sql`id`
    same((await sql`SELECT ${id} FROM postgresjs_items WHERE id IN ${sql([1, 2, 3])} AND name = ${'a'}`).length, 1)
    same((await sql`SELECT id FROM postgresjs_items WHERE id = ANY(${[1, 2]})`).length, 2)
    same((await sql`UPDATE postgresjs_items SET ${sql({ name: 'b' }, 'name')} WHERE id = 2`).count, 1)
  })
  await check('pipelined', async () => {
    const found = await Promise.all([...Array(100).keys()].map((i) => sql`SELECT ${i}::int AS i`))
    same(found.map(([row]) => row.i), [...Array(100).keys()])
  })
  await check('transaction', async () => {
    await fails('22012', sql.begin(async (inner) => {
      await inner`DELETE FROM postgresjs_items`
      await inner`SELECT 1/0`
    }))
    same((await sql`SELECT id FROM postgresjs_items`).length, 2)
    const [both] = await sql.begin((inner) => [inner`SELECT 1 AS x`, inner`SELECT 2 AS x`])
    same(both[0].x, 1)
  })
  await check('savepoint', async () => {
    await sql.begin(async (inner) => {
      await inner`UPDATE postgresjs_items SET name = 'outer' WHERE id = 1`
      await inner.savepoint(async (deeper) => { await deeper`SELECT * FROM missing` }).catch(() => {})
    })
    same((await sql`SELECT name FROM postgresjs_items WHERE id = 1`)[0].name, 'outer')
  })
  await check('cursor', async () => {
    const seen = []
    for await (const rows of sql`SELECT i FROM generate_series(1, 25) AS g(i) ORDER BY i`.cursor(10)) seen.push(rows.length)
    same(seen, [10, 10, 5])
  })
  await check('describe', async () => {
    const found = await sql`SELECT id, name FROM postgresjs_items WHERE id = ${1}`.describe()
    same([found.types, found.columns.map((column) => [column.name, column.type])], [[23], [['id', 23], ['name', 25]]])
  })
  await check('simple and several', async () => {
    same((await sql.unsafe('SELECT 1 AS a; SELECT 2 AS b')).map((rows) => rows.length), [1, 1])
    same((await sql`SELECT 1 AS a`.simple())[0].a, 1)
    same((await sql`SELECT 1 AS a, 2 AS b`.values())[0], [1, 2])
  })
  await check('COPY', async () => {
    const into = await sql`COPY postgresjs_items (id, name) FROM STDIN`.writable()
    await pipeline(Readable.from(['100\tc\n101\td\n']), into)
    const chunks = []
    for await (const chunk of await sql`COPY (SELECT id FROM postgresjs_items WHERE id >= 100 ORDER BY id) TO STDOUT`.readable()) chunks.push(chunk)
    same(Buffer.concat(chunks).toString(), '100\n101\n')
  })
  await check('errors', async () => {
    await fails('42P01', sql`SELECT * FROM missing`)
    await fails('23505', sql`INSERT INTO postgresjs_items (id) VALUES (${1})`)
    await fails('22P02', sql`SELECT ${'x'}::int`)
  })
  await check('cancel', async () => {
    const long = sql`SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b`
    const failing = fails('57014', long)
    setTimeout(() => long.cancel(), 300)
    await failing
  })
  await check('reserved connection', async () => {
    const reserved = await sql.reserve()
    await reserved`SET application_name = 'reserved'`
    same((await reserved`SHOW application_name`)[0].application_name, 'reserved')
    reserved.release()
  })
  await sql`DROP TABLE postgresjs_items`
  await sql.end()
}

main()
