// knex over node pg: its schema builder, query builder, column info, migrations' lock table.

const knex = require('knex')
const { check, fails, same, where } = require('./tap.js')

async function main() {
  const db = knex({ client: 'pg', connection: where, pool: { min: 0, max: 3 } })
  const { schema } = db

  await check('schema builder', async () => {
    await db.schema.dropTableIfExists('knex_books')
    await db.schema.dropTableIfExists('knex_authors')
    await db.schema.createTable('knex_authors', (table) => {
      table.increments('id')
      table.string('name', 60).notNullable().unique()
      table.timestamp('created_at').defaultTo(db.fn.now())
    })
    await db.schema.createTable('knex_books', (table) => {
      table.increments('id')
      table.string('title').index()
      table.decimal('price', 10, 2)
      table.boolean('sold').defaultTo(false)
      table.jsonb('doc')
      table.integer('author_id').references('id').inTable('knex_authors')
    })
  })
  await check('has table and column', async () => {
    same([await db.schema.hasTable('knex_books'), await db.schema.hasTable('missing')], [true, false])
    same([await db.schema.hasColumn('knex_books', 'price'), await db.schema.hasColumn('knex_books', 'missing')], [true, false])
  })
  await check('insert returning', async () => {
    same(await db('knex_authors').insert([{ name: 'Ann' }, { name: 'Bob' }]).returning('id'), [{ id: 1 }, { id: 2 }])
    await db('knex_books').insert([{ title: 'A', price: 9.9, author_id: 1, doc: { a: 1 } }, { title: 'B', author_id: 1 }])
  })
  await check('select', async () => {
    const rows = await db('knex_books as b').join('knex_authors as a', 'a.id', 'b.author_id').where('a.name', 'Ann')
      .whereIn('b.title', ['A', 'B']).orderBy('b.title').select('b.title', 'b.price', 'b.sold', 'b.doc').limit(5)
    same(rows, [{ title: 'A', price: '9.90', sold: false, doc: { a: 1 } }, { title: 'B', price: null, sold: false, doc: null }])
    same(await db('knex_books').count('* as n').first(), { n: '2' })
    same(await db('knex_books').pluck('title').orderBy('title'), ['A', 'B'])
  })
  await check('update and delete', async () => {
    same(await db('knex_books').where({ title: 'A' }).update({ sold: true }), 1)
    same(await db('knex_books').where('title', 'like', 'B%').del(), 1)
  })
  await check('upsert', async () => {
    await db('knex_authors').insert({ name: 'Ann' }).onConflict('name').ignore()
    await db('knex_authors').insert({ name: 'Ann' }).onConflict('name').merge({ name: 'Ann' })
    same((await db('knex_authors').where({ name: 'Ann' })).length, 1)
  })
  await check('column info', async () => {
    const info = await db('knex_books').columnInfo()
    same(Object.keys(info), ['id', 'title', 'price', 'sold', 'doc', 'author_id'])
    same([info.id.type, info.price.type, info.id.nullable, info.title.nullable], ['integer', 'numeric', false, true])
  })
  await check('column sizes', async () => {
    same((await db('knex_authors').columnInfo('name')).maxLength, 60)
  })
  await check('transaction', async () => {
    await fails('23505', db.transaction(async (inner) => {
      await inner('knex_authors').insert({ name: 'Cid' })
      await inner('knex_authors').insert({ name: 'Ann' })
    }))
    same(await db('knex_authors').where({ name: 'Cid' }), [])
  })
  await check('stream', async () => {
    let count = 0
    for await (const _ of db.select('*').from(db.raw('generate_series(1, 500) AS g(i)')).stream()) count += 1
    same(count, 500)
  })
  await check('alter table', async () => {
    await db.schema.alterTable('knex_books', (table) => { table.string('isbn') })
    await db.schema.alterTable('knex_books', (table) => { table.renameColumn('isbn', 'code') })
    await db.schema.alterTable('knex_books', (table) => { table.dropColumn('code') })
  })
  await check('raw', async () => {
    same((await db.raw('SELECT ?::int AS a, ?? FROM knex_authors WHERE id = ?', [5, 'name', 1])).rows, [{ a: 5, name: 'Ann' }])
  })
  await check('migrations', async () => {
    const migration = { name: 'one', up: (inner) => inner.schema.createTable('knex_made', (table) => table.increments('id')), down: (inner) => inner.schema.dropTable('knex_made') }
    const migrationSource = { getMigrations: async () => [migration], getMigrationName: (one) => one.name, getMigration: async (one) => one }
    same((await db.migrate.latest({ migrationSource }))[1], ['one'])
    same((await db.migrate.rollback({ migrationSource }))[1], ['one'])
    await db.schema.dropTableIfExists('knex_migrations')
    await db.schema.dropTableIfExists('knex_migrations_lock')
  })
  await db.schema.dropTableIfExists('knex_books')
  await db.schema.dropTableIfExists('knex_authors')
  await db.destroy()
}

main()
