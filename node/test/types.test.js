'use strict'

// The declarations are written by hand; here they are held against the modules.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const declared = (file) => fs.readFileSync(path.join(__dirname, '../js', file), 'utf8')
const values = (text) => [...text.matchAll(/^export (?:class|function|const) (\w+)/gm)].map((match) => match[1]).sort()

describe('the declarations', () => {
  for (const [name, file] of [['wardline', 'index.d.ts'], ['wardline/express', 'express.d.ts']]) {
    it(`of ${name} name what it exports, required and imported`, async () => {
      const names = values(declared(file))
      assert.deepStrictEqual(Object.keys(require(name)).sort(), names)
      const imported = Object.keys(await import(name)).filter((one) => one !== 'default')
      assert.deepStrictEqual(imported.sort(), names)
    })
  }

  it('of Guard name its methods', () => {
    const { Guard } = require('wardline')
    const body = /^export class Guard \{\n(.*?)^\}/ms.exec(declared('index.d.ts'))[1]
    const methods = [...body.matchAll(/^ {2}(static )?(\w+)(?:<[^(]*>)? \(/gm)].map(([, fixed, name]) => (fixed ?? '') + name)
    const own = [
      ...Object.getOwnPropertyNames(Guard.prototype),
      ...Object.getOwnPropertyNames(Guard).filter((name) => typeof Guard[name] === 'function').map((name) => `static ${name}`)
    ]
    assert.deepStrictEqual(methods.sort(), own.sort())
  })

  it('are all in the exports map', () => {
    const { exports } = require('wardline/package.json')
    for (const entry of [exports['.'], exports['./express']].flatMap(Object.values)) {
      for (const file of Object.values(entry)) assert.ok(fs.existsSync(path.join(__dirname, '..', file)), file)
    }
  })
})
