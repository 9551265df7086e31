'use strict'

// Statements and commands.

const assert = require('node:assert')
const { describe, it } = require('node:test')

const { Guard } = require('wardline')

const POLICY = `
version: 1
state: memory
groups: {security: [sam]}
approval: {steps: [{from: [security], need: 1}]}
thresholds: {hold: never, deny: never}
services:
  warehouse: {system: postgres}
  cache: {system: redis}
  host: {system: shell}
rules:
  - {name: read, who: ["user:*"], services: [warehouse], operations: [data.read, data.ingest], effect: allow}
  - {name: export, who: ["user:*"], services: [warehouse], operations: [data.export], effect: grant}
  - {name: delete, who: ["user:*"], services: [warehouse], operations: [data.delete], effect: hold, wait: 20s}
  - {name: drop, who: ["user:*"], services: [warehouse], operations: [collection.drop], effect: hold}
  - {name: cached, who: ["user:*"], services: [cache], operations: [data.read], effect: allow}
  - {name: files, who: ["user:*"], services: [host], operations: [file.read], resources: ["/srv/*"], effect: allow}
mask:
  - {name: mail, services: [warehouse], operations: [data.read], entities: {email: redact}}
`
const READ = 'SELECT title FROM docs WHERE id = 7'
const warehouse = { service: 'warehouse', identity: { subject: 'ana' } }
const never = () => assert.fail('it ran')

describe('statements and commands', () => {
  it('run where they may, and their results are masked', async () => {
    const guard = Guard.parse(POLICY)
    const given = await guard.statement(READ, warehouse, async (running) => {
      const first = await running.result('{"mail": "rosa.lind@', undefined, true)
      const rest = await running.result('example.com"}\n')
      await running.returned({ rows: 1 })
      return first + rest
    })
    assert.strictEqual(given, '{"mail": "[EMAIL]"}\n')
    const plain = Buffer.from('{"id": 7}\n')
    assert.deepStrictEqual(await guard.statement(READ, warehouse, (running) => running.result(plain)), plain)
    assert.strictEqual(await guard.statement('INSERT INTO docs (id) VALUES (1)', warehouse, async (running) => {
      await running.touched(1)
      return 7
    }), 7)
    await assert.rejects(guard.statement(READ, warehouse, () => { throw new RangeError('own') }), RangeError)
    for (const [line, service] of [['cat /srv/a', 'host'], [['cat', '/srv/a'], 'host'], [['GET', Buffer.from([255, 0])], 'cache']]) {
      assert.strictEqual(await guard.command(line, { service, identity: 'ana' }, () => 'ran'), 'ran')
    }
  })

  it('do not run where they may not', async () => {
    const guard = Guard.parse(POLICY)
    for (const [text, code] of [
      ['SELECT title FROM docs WHERE id = 7; DROP ROLE bob', 'default_deny'],
      [`${READ} AND mail = 'rosa.lind@example.com'`, 'unmaskable_request'],
      ['DROP TABLE docs', 'approval_required']
    ]) {
      await assert.rejects(guard.statement(text, warehouse, never), (error) => {
        assert.strictEqual(error.code, code)
        assert.match(error.record, /^rec_/)
        assert.strictEqual(error.approval !== undefined, code === 'approval_required')
        return !error.message.includes('rosa')
      })
    }
    for (const line of ['cat /etc/passwd', ['cat', '/srv/a', '/etc/passwd']]) {
      await assert.rejects(guard.command(line, { service: 'host', identity: 'ana' }, never), { code: 'default_deny' })
    }
    await assert.rejects(guard.command(['GET', 'a'], { service: 'cache' }, never), { code: 'default_deny' })
    await assert.rejects(guard.statement(READ, { ...warehouse, dialect: 'cobol' }, never), { code: 'invalid_input' })
    await assert.rejects(guard.statement(READ, {}, never), { code: 'invalid_input' })
    await assert.rejects(guard.command(7, { service: 'host' }, never), { code: 'invalid_input' })
  })

  it('are approved with the values that are bound to them', async () => {
    const guard = Guard.parse(POLICY)
    const ticket = async (parameters) => {
      const held = await guard.statement('DROP TABLE docs', { ...warehouse, parameters }, never).catch((error) => error)
      return held.approval
    }
    const first = await ticket('7')
    assert.notStrictEqual(await ticket('8'), first)
    await guard.approve(first, 'sam')
    assert.strictEqual(await guard.statement('DROP TABLE docs', { ...warehouse, parameters: Buffer.from('7') }, () => 1), 1)
    const waiting = guard.statement('DELETE FROM docs WHERE id = 7', warehouse, () => 'ran')
    let open
    while ((open = (await guard.approvals('pending')).find((one) => one.acts[0].operation === 'data.delete')) === undefined);
    await guard.approve(open.id, 'sam')
    assert.strictEqual(await waiting, 'ran')
  })

  it('give no more than a grant does, and nothing unread', async () => {
    const guard = Guard.parse(POLICY)
    const scope = { who: ['user:ana'], services: ['warehouse'], operations: ['data.export'], resources: ['*'] }
    await guard.issueGrant({ scope, until: '1h', quota: ['rows', 500], reason: 'r' }, 'kim')
    const all = (parts) => guard.statement('SELECT * FROM docs', warehouse, async (running) => {
      for (const rows of parts) await running.returned({ rows })
    })
    await all([400])
    await assert.rejects(all([100, 1]), { code: 'grant_exhausted' })
    await assert.rejects(guard.statement(READ, warehouse, (running) => running.returned({ rows: 1 })),
      { code: 'unmaskable_response' })
    let kept
    await guard.statement(READ, warehouse, (running) => { kept = running })
    await assert.rejects(kept.returned({ rows: 1 }), { code: 'guard_unavailable' })
  })
})
