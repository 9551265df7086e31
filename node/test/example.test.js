'use strict'

// examples/express-gateway, driven as its README says, with this package where `npm install` would put it.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { it } = require('node:test')

const example = path.join(__dirname, '../../examples/express-gateway')

it('the Express gateway does what its smoke script expects', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-example-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const file of ['gateway.js', 'upstream.js', 'smoke.js', 'wardline.yaml']) fs.copyFileSync(path.join(example, file), path.join(folder, file))
  fs.mkdirSync(path.join(folder, 'node_modules'))
  const express = path.dirname(require.resolve('express/package.json'))
  fs.symlinkSync(express, path.join(folder, 'node_modules/express'))
  fs.symlinkSync(path.join(__dirname, '..'), path.join(folder, 'node_modules/wardline'))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['smoke.js'], { cwd: folder, encoding: 'utf8' })
  assert.strictEqual(status, 0, stderr + stdout)
  assert.match(stdout, /all as expected\n$/)
})
