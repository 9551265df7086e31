'use strict'

// Pools of node-postgres, against a real server.

const assert = require('node:assert')
const { AsyncLocalStorage } = require('node:async_hooks')
const { after, before, describe, it } = require('node:test')
const pg = require('pg')

const { guardPool } = require('wardline/pg')
const { place, records } = require('./place.js')
const { postgres } = require('./postgres.js')

const POLICY = `version: 1
state: ./state
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
thresholds: {hold: never, deny: never}
services: {warehouse: {system: postgres}}
rules:
  - {name: read, who: ["user:*"], services: [warehouse], operations: [data.read, data.query, data.ingest, vector.fetch, session.control], effect: allow}
  - {name: export, who: ["user:*"], services: [warehouse], operations: [data.export], effect: grant}
  - {name: delete, who: ["user:*"], services: [warehouse], operations: [data.delete], effect: hold}
mask:
  - {name: mail, services: [warehouse], in: [response], entities: {email: redact}}
  - {name: pay, services: [warehouse], in: [response], fields: {salary: redact}}
`

let here
let at
let stop
const pools = []
before(async () => {
  here = place(POLICY)
  ;({ at, stop } = await postgres())
  const bare = new pg.Pool(at)
  await bare.query(`CREATE TABLE docs (id int, title text, mail text, salary numeric, made timestamptz, raw bytea, tags text[], more jsonb, embedding text);
    INSERT INTO docs SELECT n, 'title ' || n, 'tom' || n || '.ek@example.org', 1000.5, '2026-01-02T03:04:05Z', '\\xff00', '{a,b}', '{"mail": "ann@example.org", "n": 1}', '[0.5,0.25]'
    FROM generate_series(1, 600) n`)
  await bare.end()
})
after(async () => {
  await Promise.all(pools.map((pool) => pool.end()))
  await stop()
})

function pool (identity = 'ana', options = {}) {
  const made = guardPool(new pg.Pool({ ...at, ...options }), here.guard, { service: 'warehouse', identity })
  pools.push(made)
  return made
}

describe('a pool', () => {
  it('gives rows masked, with all other values of the type that they were', async () => {
    const { rows } = await pool().query('SELECT * FROM docs WHERE id = $1', [7])
    assert.deepStrictEqual(rows, [{
      id: 7,
      title: 'title 7',
      mail: '[EMAIL]',
      salary: '[REDACTED]',
      made: new Date('2026-01-02T03:04:05Z'),
      raw: Buffer.from([255, 0]),
      tags: ['a', 'b'],
      more: { mail: '[EMAIL]', n: 1 },
      embedding: '[0.5,0.25]'
    }])
    const record = (await records(here)).at(-1)
    assert.deepStrictEqual([record.identity.subject, record.response.census.rows, record.response.census.vectors], ['ana', 1, 1])
  })

  it('is bounded by a limit that is bound to a parameter', async () => {
    const { rows } = await pool().query('SELECT id FROM docs ORDER BY id LIMIT $1', [3])
    assert.deepStrictEqual(rows.map((row) => row.id), [1, 2, 3])
    await assert.rejects(pool().query('SELECT id FROM docs ORDER BY id LIMIT $1', ['3']), { code: 'grant_required' })
  })

  it('gives rows as lists, too, with columns of one name', async () => {
    const { rows } = await pool().query({ text: 'SELECT id, mail AS a, title AS a, salary, salary AS salary FROM docs WHERE id = 7', rowMode: 'array' })
    assert.deepStrictEqual(rows, [[7, '[EMAIL]', 'title 7', '[REDACTED]', '[REDACTED]']])
  })

  it('refuses what may not run, in each form that it is asked', async () => {
    const one = pool()
    await assert.rejects(one.query('SELECT * FROM docs'), { code: 'grant_required' })
    await assert.rejects(one.query({ text: 'DROP TABLE docs' }), { code: 'default_deny' })
    const error = await new Promise((resolve) => one.query('SELECT * FROM docs', (error) => resolve(error)))
    assert.strictEqual(error.code, 'grant_required')
    const held = await one.query('DELETE FROM docs WHERE id = $1', [7]).catch((error) => error)
    assert.deepStrictEqual([held.code, /^apr_/.test(held.approval)], ['approval_required', true])
    const { rows } = await one.query('SELECT id FROM docs WHERE id = 7')
    assert.deepStrictEqual(rows, [{ id: 7 }])
    await here.guard.approve(held.approval, 'sam')
    // An approval is for these values.
    await assert.rejects(one.query('DELETE FROM docs WHERE id = $1', [8]), { code: 'approval_required' })
    assert.strictEqual((await one.query('DELETE FROM docs WHERE id = $1', [7])).rowCount, 1)
  })

  it('asks its connections in order, and by callbacks as well', async () => {
    const client = await pool().connect()
    const done = []
    const note = (name) => (error, result) => done.push([name, error?.code ?? result.rowCount])
    client.query('BEGIN', note('begin'))
    client.query('INSERT INTO docs (id) VALUES ($1), ($2)', [901, 902], note('insert'))
    client.query('SELECT * FROM docs', note('all'))
    const last = client.query('ROLLBACK')
    await last
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepStrictEqual(done.sort(), [['all', 'grant_required'], ['begin', null], ['insert', 2]])
    assert.deepStrictEqual((await client.query('SELECT id FROM docs WHERE id = 901')).rows, [])
    client.release()
  })

  it('is asked by whoever calls it, though another gave the connection free', async () => {
    const current = new AsyncLocalStorage()
    const one = pool(() => current.getStore(), { max: 1 })
    const users = ['ana', 'eva', 'ben']
    await Promise.all(users.map((user) => current.run(user, () => one.query(`SELECT title FROM docs WHERE id = ${users.indexOf(user) + 20}`))))
    const log = await records(here)
    assert.deepStrictEqual(log.slice(-3).map((record) => record.identity.subject).sort(), [...users].sort())
    await assert.rejects(one.query('SELECT title FROM docs WHERE id = 7'), { code: 'default_deny' })
  })

  it('gives no more than a grant does', async () => {
    const scope = { who: ['user:quin'], services: ['warehouse'], operations: ['data.export', 'vector.export'], resources: ['*'] }
    await here.guard.issueGrant({ scope, until: '1h', quota: ['rows', 700], reason: 'r' }, 'kim')
    const one = pool('quin')
    const { rows } = await one.query('SELECT id, mail FROM docs')
    assert.deepStrictEqual([rows.length, rows.every(({ mail }) => mail === '[EMAIL]')], [599, true])
    await assert.rejects(one.query('SELECT id, mail FROM docs'), { code: 'grant_exhausted' })
  })

  it('lets no rows past: of cursors, of connections that it had', async () => {
    const one = pool()
    await assert.rejects(one.query({ submit () {}, text: 'SELECT 1' }), { code: 'invalid_input' })
    await assert.rejects(one.query(7), { code: 'invalid_input' })
    const had = new pg.Pool(at)
    pools.push(had)
    await had.query('SELECT 1')
    assert.throws(() => guardPool(had, here.guard, { service: 'warehouse' }), { code: 'invalid_input' })
    for (const [wrong, options] of [[{}, { service: 'warehouse' }], [new pg.Pool(at), {}]]) {
      assert.throws(() => guardPool(wrong, here.guard, options), { code: 'invalid_input' })
    }
  })
})
