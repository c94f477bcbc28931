// A writer of TAP for the suites of Node.

const assert = require('node:assert')

async function check(name, body) {
  try {
    await body()
    console.log(`ok - ${name}`)
  } catch (fault) {
    console.log(`not ok - ${name} # ${String(fault.message || fault).replace(/\s+/g, ' ').slice(0, 300)}`)
  }
}

async function fails(code, promise) {
  try {
    await promise
  } catch (fault) {
    assert.strictEqual(fault.code, code)
    return
  }
  assert.fail(`no error, expected ${code}`)
}

const [host, port, user, database] = process.argv.slice(2)

module.exports = { check, fails, same: assert.deepStrictEqual, where: { host, port: Number(port), user, database } }
