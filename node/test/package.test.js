'use strict'

// The package as others get it: its types, its entries, and what npm packs.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { execFile } = require('node:child_process')
const { promisify } = require('node:util')
const { describe, it } = require('node:test')

const ROOT = path.join(__dirname, '..')
const run = promisify(execFile)

/** A program of a development dependency. */
const tool = (name, ...args) => run(process.execPath, [path.join(ROOT, 'node_modules/.bin', name), ...args], { cwd: ROOT })
  .catch((error) => assert.fail(`${error.stdout}${error.stderr}`))

describe('the package', { concurrency: true }, () => {
  it('has the types that its documentation shows', () => tool('tsc', '-p', 'test/types'))

  it('is laid out as publint and attw have it, wherever a map of entries is read', async (t) => {
    // Packing the native module takes longer than all the rest, and tells nothing.
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-package-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    for (const name of ['js', 'package.json', 'README.md']) fs.cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true })
    await Promise.all([tool('publint', folder, '--strict'), tool('attw', '--pack', folder, '--profile', 'node16')])
  })

  it('gives the same by each of its entries, as CommonJS and as an ES module', async () => {
    const { exports } = require('../package.json')
    for (const entry of Object.keys(exports).filter((entry) => entry !== './package.json')) {
      const name = path.posix.join('wardline', entry)
      const common = require(name)
      const module = await import(name)
      for (const [key, value] of Object.entries(common)) assert.strictEqual(module[key], value, `${name}: ${key}`)
      assert.deepStrictEqual(Object.keys(module).filter((key) => key !== 'default').sort(), Object.keys(common).sort())
    }
  })
})
