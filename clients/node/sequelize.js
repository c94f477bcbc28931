// Sequelize over node pg: tables made from models, then altered; associations, operators, upserts, transactions.

const { DataTypes, Op, Sequelize } = require('sequelize')
const { check, same, where } = require('./tap.js')

async function main() {
  const { host, port, user, database } = where
  const db = new Sequelize(database, user, '', { dialect: 'postgres', host, port, logging: false, pool: { max: 2 } })
  const Author = db.define('sequelize_author', {
    name: { type: DataTypes.STRING(50), unique: true, allowNull: false },
    mood: DataTypes.ENUM('sad', 'ok'),
  })
  const Book = db.define('sequelize_book', {
    title: DataTypes.TEXT,
    price: { type: DataTypes.DECIMAL(10, 2), defaultValue: 0 },
    doc: DataTypes.JSONB,
    tags: DataTypes.ARRAY(DataTypes.TEXT),
  }, { indexes: [{ fields: ['title'] }] })
  Author.hasMany(Book, { foreignKey: 'authorId' })
  Book.belongsTo(Author, { foreignKey: 'authorId' })

  await check('sync', () => db.sync({ force: true }))
  await check('sync again, altering', () => db.sync({ alter: true }))
  await check('create', async () => {
    const author = await Author.create({ name: 'Ann', mood: 'ok' })
    await Book.bulkCreate([1, 2].map((n) => ({ title: `t${n}`, price: n, doc: { n }, tags: [`x${n}`], authorId: author.id })))
    same([author.id, author.mood], [1, 'ok'])
  })
  await check('include', async () => {
    const [author] = await Author.findAll({ include: [Book], order: [[Book, 'id']] })
    same(author.sequelize_books.map((book) => [book.title, book.price, book.doc, book.tags]),
      [['t1', '1.00', { n: 1 }, ['x1']], ['t2', '2.00', { n: 2 }, ['x2']]])
  })
  await check('operators', async () => {
    const found = async (condition) => (await Book.findAll({ where: condition })).map((book) => book.title)
    same(await found({ 'doc.n': 2 }), ['t2'])
    same(await found({ tags: { [Op.contains]: ['x1'] } }), ['t1'])
    same((await found({ title: { [Op.like]: { [Op.any]: ['t1', 't2'] } } })).length, 2)
    same((await found({ createdAt: { [Op.gt]: new Date(0) } })).length, 2)
  })
  await check('upsert', async () => {
    const [author] = await Author.upsert({ name: 'Ann', mood: 'sad' })
    same(author.mood, 'sad')
  })
  await check('nested transaction', async () => {
    await db.transaction(async (transaction) => {
      await Author.create({ name: 'Bob' }, { transaction })
      await db.transaction({ transaction }, (inner) => Author.create({ name: 'Cid' }, { transaction: inner }))
    })
    same(await Author.count(), 3)
  })
  await check('unique constraint', async () => {
    const fault = await Author.create({ name: 'Ann' }).catch((found) => found)
    same([fault.name, fault.fields], ['SequelizeUniqueConstraintError', { name: 'Ann' }])
  })
  await check('describe', async () => {
    const found = await db.getQueryInterface().describeTable('sequelize_books')
    same([found.doc.type, found.id.primaryKey, found.title.type], ['JSONB', true, 'TEXT'])
  })
  await check('foreign keys', async () => {
    const found = await db.getQueryInterface().getForeignKeyReferencesForTable('sequelize_books')
    same(found.map((key) => [key.columnName, key.referencedTableName]), [['authorId', 'sequelize_authors']])
  })
  await check('find or create', async () => {
    const [, created] = await Author.findOrCreate({ where: { name: 'Zed' } })
    same(created, true)
  })
  await check('drop', async () => {
    await Book.drop({})
    await Author.drop({})
  })
  await db.close()
}

main()
