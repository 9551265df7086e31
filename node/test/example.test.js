'use strict'

// The examples of Node, driven as their READMEs say, with this package where `npm install` would put it.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { it } = require('node:test')

const examples = path.join(__dirname, '../../examples')

for (const [name, needs] of [['express-gateway', ['express']], ['semantic-search', []], ['media-embeddings', []]]) {
  it(`${name} does what its smoke script expects`, (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-example-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    for (const file of fs.readdirSync(path.join(examples, name), { withFileTypes: true })) {
      if (file.isFile()) fs.copyFileSync(path.join(examples, name, file.name), path.join(folder, file.name))
    }
    fs.mkdirSync(path.join(folder, 'node_modules'))
    for (const need of needs) fs.symlinkSync(path.dirname(require.resolve(`${need}/package.json`)), path.join(folder, 'node_modules', need))
    fs.symlinkSync(path.join(__dirname, '..'), path.join(folder, 'node_modules/wardline'))
    const { status, stdout, stderr } = spawnSync(process.execPath, ['smoke.js'], { cwd: folder, encoding: 'utf8' })
    assert.strictEqual(status, 0, stderr + stdout)
    assert.match(stdout, /all as expected\n$/)
  })
}
