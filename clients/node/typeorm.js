// TypeORM over node pg: a schema synchronised from entities and found unchanged, repositories, transactions.

require('reflect-metadata')
const { ArrayContains, DataSource, EntitySchema, ILike } = require('typeorm')
const { check, same, where } = require('./tap.js')

const Author = new EntitySchema({
  name: 'Author',
  tableName: 'typeorm_author',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    name: { type: 'varchar', length: 50, unique: true },
    mood: { type: 'enum', enum: ['low', 'high'], default: 'high' },
    createdAt: { type: 'timestamptz', createDate: true },
  },
  relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } },
})
const Book = new EntitySchema({
  name: 'Book',
  tableName: 'typeorm_book',
  columns: {
    id: { type: 'int', primary: true, generated: 'identity', generatedIdentity: 'ALWAYS' },
    title: { type: 'text' },
    price: { type: 'numeric', precision: 10, scale: 2, default: 0 },
    doc: { type: 'jsonb', nullable: true },
    tags: { type: 'text', array: true, nullable: true },
  },
  relations: { author: { type: 'many-to-one', target: 'Author', inverseSide: 'books', joinColumn: true, onDelete: 'CASCADE' } },
  indices: [{ columns: ['title'] }],
})

async function main() {
  const { host, port, user, database } = where
  const db = new DataSource({ type: 'postgres', host, port, username: user, database, entities: [Author, Book] })
  await db.initialize()
  await db.query('DROP TABLE IF EXISTS typeorm_book, typeorm_author')
  await db.query('DROP TYPE IF EXISTS typeorm_author_mood_enum')
  const authors = db.getRepository('Author')
  const books = db.getRepository('Book')

  await check('synchronize', () => db.synchronize())
  await check('nothing is left to synchronize', async () => {
    const { upQueries } = await db.driver.createSchemaBuilder().log()
    same(upQueries.map((query) => query.query).filter((query) => query.includes('typeorm_')), [])
  })
  await check('save', async () => {
    const author = await authors.save({ name: 'Ann', books: [{ title: 't1', price: 1.5, doc: { a: [1] }, tags: ['x'] }, { title: 't2' }] })
    same([author.id, author.mood, author.books.map((book) => book.id)], [1, 'high', [1, 2]])
  })
  await check('find', async () => {
    const [author] = await authors.find({ relations: { books: true }, order: { books: { id: 'ASC' } } })
    same(author.books.map((book) => [book.title, book.price, book.doc, book.tags]),
      [['t1', '1.50', { a: [1] }, ['x']], ['t2', '0.00', null, null]])
    same([await books.countBy({ title: ILike('T%') }), await books.countBy({ tags: ArrayContains(['x']) })], [2, 1])
  })
  await check('upsert', async () => {
    await authors.upsert({ name: 'Ann', mood: 'low' }, ['name'])
    same((await authors.findOneBy({ name: 'Ann' })).mood, 'low')
  })
  await check('nested transaction', () => db.transaction(async (outer) => {
    await outer.save('Author', { name: 'Bob' })
    await outer.transaction((inner) => inner.save('Author', { name: 'Cid' }))
    same(await outer.count('Author'), 3)
  }))
  await check('unique constraint', async () => {
    const fault = await authors.insert({ name: 'Ann' }).catch((found) => found)
    same([fault.name, fault.driverError.code], ['QueryFailedError', '23505'])
  })
  await check('on delete cascade', async () => {
    await authors.delete({ name: 'Ann' })
    same(await books.count(), 0)
  })
  await db.query('DROP TABLE typeorm_book, typeorm_author')
  await db.query('DROP TYPE typeorm_author_mood_enum')
  await db.destroy()
}

main()
