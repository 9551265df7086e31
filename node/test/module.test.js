'use strict'

// The package itself: what it exports, what its types say, its errors, its command.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { describe, it } = require('node:test')

const wardline = require('wardline')
const door = require('wardline/express')
const { Guard } = wardline
const { CORPUS, place } = require('./place.js')

const root = path.join(__dirname, '..')
const read = (file) => fs.readFileSync(path.join(root, file), 'utf8')
const corpusPolicy = () => fs.readFileSync(path.join(CORPUS, 'exchanges.yaml'), 'utf8').replace('./state', 'memory')

describe('the package', () => {
  it('gives the same to import as to require', async () => {
    assert.strictEqual((await import('wardline')).Guard, Guard)
    const { default: own, guard, holdContinue } = await import('wardline/express')
    assert.deepStrictEqual([own, guard, holdContinue], [door.guard, door.guard, door.holdContinue])
  })

  it('has the version of the workspace', () => {
    const [, version] = /^version = "(.+)"$/m.exec(read('../Cargo.toml'))
    assert.strictEqual(JSON.parse(read('package.json')).version, version)
  })

  it('names no registry in its lock', () => assert.ok(!read('package-lock.json').includes('"resolved"')))

  it('is what its types say: exports', () => {
    for (const [types, module_] of [['js/index.d.ts', wardline], ['js/express.d.ts', door]]) {
      const said = [...read(types).matchAll(/^export (?:class|function|const) (\w+)/gm)].map((one) => one[1])
      assert.deepStrictEqual(said.sort(), Object.keys(module_).sort(), types)
    }
  })

  it('is what its types say: the members of Guard, and how many arguments they need', () => {
    const [, body] = /^export class Guard \{\n([\s\S]+?)^\}/m.exec(read('js/index.d.ts'))
    const said = { static: {}, own: {} }
    for (const [, isStatic, name, args] of body.matchAll(/^ {2}(static )?(\w+)(?:<[^>]+>)? \(([^)]*)\)?/gm)) {
      const needed = args.split(/,(?![^{]*\})/).filter((one) => one.trim() !== '' && !/^\s*\w+\?:/.test(one)).length
      said[isStatic ? 'static' : 'own'][name] = needed
    }
    const own = (object, but) => Object.fromEntries(Object.getOwnPropertyNames(object)
      .filter((name) => !but.includes(name)).map((name) => [name, name === 'constructor' ? Guard.length : object[name].length]))
    assert.deepStrictEqual(said.own, own(Guard.prototype, []))
    assert.deepStrictEqual(said.static, own(Guard, ['length', 'name', 'prototype']))
  })
})

describe('Guard', () => {
  it('refuses a policy that calls a detector, since nobody brings one here', () => {
    const calls = 'detectors: {client: {calls: ner, label: PERSON}}\nmask: [{name: names, entities: {client: redact}}]\n'
    assert.throws(() => Guard.parse(`version: 1\nstate: memory\nservices: {chat: {system: openai}}\n${calls}`), { code: 'not_found' })
  })

  it('throws every error of a policy at once, each with its place', () => {
    assert.throws(() => Guard.parse('version: 1\nstat: memory\nrules:\n  - {name: a, who: ["*"], effect: perhaps}\n', 'p.yaml'), (error) => {
      assert.ok(error instanceof Error)
      assert.strictEqual(error.code, 'invalid_policy')
      assert.ok(error.diagnostics.length >= 2)
      for (const { file, line, column, code, message } of error.diagnostics) {
        assert.deepStrictEqual([file, typeof line, typeof column, typeof code, typeof message], ['p.yaml', 'number', 'number', 'string', 'string'])
      }
      return true
    })
    assert.throws(() => new Guard(path.join(os.tmpdir(), 'no such policy.yaml')), (error) => typeof error.code === 'string')
  })

  it('says what it expected where an argument is not that, and never what it got', () => {
    const guard = Guard.parse(corpusPolicy())
    const secret = 'tom.ek@example.org'
    for (const wrong of [
      () => new Guard(7),
      () => Guard.parse({ secret }),
      () => guard.mask({ secret }, 'text/plain'),
      () => guard.mask(secret, 'image/png'),
      () => guard.mask(`{"mail":"${secret}"`, 'application/json'),
      () => guard.classify({ url: '/' }),
      () => guard.classify({ method: 'NO WAY', url: '/' }),
      () => guard.classify({ method: 'GET', url: '/', headers: { 'bad name': secret } }),
      () => guard.classify({ method: 'GET', url: '/', headers: { a: `b\n${secret}` } }),
      () => door.guard(),
      () => door.guard(guard, { identity: secret })
    ]) {
      assert.throws(wrong, (error) => {
        assert.strictEqual(error.code, 'invalid_input', error.stack)
        assert.ok(!String(error.stack).includes(secret))
        return true
      })
    }
  })

  it('rejects with a code where an argument is not what was expected', async () => {
    const guard = Guard.parse(corpusPolicy())
    for (const wrong of [
      () => guard.issueGrant({ scope: {} }, 'kim'),
      () => guard.issueGrant(undefined, 'kim'),
      () => guard.revokeGrant('gra_x', 'kim'),
      () => guard.approvals('tom.ek@example.org'),
      () => guard.approve(7, 'kim')
    ]) {
      await assert.rejects(wrong, { code: 'invalid_input' })
    }
    await assert.rejects(guard.revokeGrant('gra_x', 'kim', 'why'), { code: 'not_found' })
  })

  it('masks text and bytes alike, and gives back what it leaves untouched', () => {
    const guard = Guard.parse(corpusPolicy())
    const text = '{"mail": "tom.ek@example.org", "n": 1.50}'
    const masked = guard.mask(text, 'application/json')
    assert.deepStrictEqual(masked, { body: '{"mail": "[EMAIL]", "n": 1.50}', findings: { email: 1 } })
    const bytes = guard.mask(Buffer.from(text), 'application/json; charset=utf-8').body
    assert.ok(Buffer.isBuffer(bytes))
    assert.strictEqual(bytes.toString(), masked.body)
    const plain = Buffer.from('{"n":1}')
    assert.strictEqual(guard.mask(plain, 'application/json').body, plain)
    assert.strictEqual(guard.mask('', 'text/plain').body, '')
  })

  it('tells what a request would be taken for', () => {
    const guard = Guard.parse(corpusPolicy())
    const reading = guard.classify({
      method: 'POST',
      url: '/qdrant/collections/docs/points/scroll',
      headers: { 'content-type': 'application/json', 'x-many': ['a', 'b'] },
      body: '{"limit":5000,"with_vector":true}'
    })
    assert.strictEqual(reading.service, 'vectors')
    assert.deepStrictEqual(reading.acts.map(({ operation, resource, magnitude }) => [operation, resource, magnitude.count]), [['vector.export', 'docs', 5000]])
    assert.strictEqual(guard.classify({ method: 'GET', url: '/elsewhere' }).service, null)
  })

  it('explains a verdict', () => {
    const { guard } = place()
    const told = guard.explain({ method: 'DELETE', url: '/qdrant/collections/docs' }, 'ana')
    assert.deepStrictEqual([told.service, told.acts[0].operation], ['vectors', 'collection.drop'])
    assert.ok(told.acts[0].rules.every(({ rule, line, misses }) => line > 0 && (misses.length > 0 || rule.length > 0)))
    assert.throws(() => guard.explain({ method: 'NO WAY', url: '/' }), { code: 'invalid_input' })
    assert.throws(() => guard.explain({ method: 'GET', url: '/' }, 7), { code: 'invalid_input' })
  })

  it('tells whether its store and log are there', async () => {
    const here = place()
    await here.guard.check()
    fs.writeFileSync(path.join(here.folder, 'file'), '')
    const broken = Guard.parse(corpusPolicy().replace('state: memory', 'state: ./file'), path.join(here.folder, 'p.yaml'))
    await assert.rejects(broken.check(), (error) => ['store_unavailable', 'log_unavailable'].includes(error.code))
  })
})

describe('the command', () => {
  const run = (args, input = '') => spawnSync(process.execPath, [path.join(root, JSON.parse(read('package.json')).bin.wardline), ...args], { input, encoding: 'utf8' })

  it('reads standard input, writes standard output and answers with its exit code', () => {
    const { stdout, stderr, status } = run(['detect', '--jsonl'], '{"id":1,"text":"write to ana@example.org"}\n')
    assert.deepStrictEqual([status, stderr], [0, ''])
    assert.strictEqual(JSON.parse(stdout).spans[0].entity, 'email')
    assert.match(run(['--version']).stdout, /^wardline \d+\.\d+\.\d+/)
    const wrong = run(['no-such-command'])
    assert.deepStrictEqual([wrong.status, wrong.stdout], [2, ''])
    assert.notStrictEqual(wrong.stderr, '')
  })

  it('says no with 1 to a policy that holds errors', () => {
    const here = place()
    assert.strictEqual(run(['check', here.file]).status, 0)
    fs.writeFileSync(here.file, 'version: 1\nstat: memory\n')
    assert.strictEqual(run(['check', here.file]).status, 1)
  })
})
