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

  it('is published without its native module, and takes the one of its platform', async (t) => {
    const { platformOf } = require('../js/platform.js')
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-published-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const pack = (...args) => run(process.execPath, [path.join(ROOT, 'pack.js'), path.join(folder, 'node_modules'), ...args])
    await pack()
    const main = path.join(folder, 'node_modules/wardline')
    await Promise.all([tool('publint', main, '--strict'), tool('attw', '--pack', main, '--profile', 'node16')])
    const program = 'const { Guard } = require("wardline"); console.log(Guard.parse(process.argv[1]).mask("a@b.co", "text/plain").body)'
    const policy = 'version: 1\nstate: memory\nservices: {a: {system: qdrant}}\nmask: [{name: a, entities: {email: redact}}]\n'
    const load = () => run(process.execPath, ['-e', program, policy], { cwd: folder })
    await assert.rejects(load, /native_module_missing/)
    await pack(platformOf(), path.join(ROOT, 'wardline_node.node'))
    assert.strictEqual((await load()).stdout, '[EMAIL]\n')
    const { os: [system], cpu: [cpu], version } = require(path.join(folder, `node_modules/wardline-${platformOf()}/package.json`))
    assert.deepStrictEqual([system, cpu], [process.platform, process.arch])
    assert.strictEqual(require(path.join(main, 'package.json')).optionalDependencies[`wardline-${platformOf()}`], version)
    await assert.rejects(() => pack('beos-m68k', 'x'), /expected a platform/)
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
