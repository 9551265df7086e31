'use strict'

// Requests that people decide on, and grants: through the door, and through the package's own functions.

const assert = require('node:assert')
const express = require('express')
const fs = require('node:fs')
const http = require('node:http')
const { describe, it } = require('node:test')

const { Guard } = require('wardline')
const { guard } = require('wardline/express')
const { command, place, records, serve } = require('./place.js')
const wire = require('./wire.js')

const POLICY = `version: 1
state: ./state
identity: {headers: {subject: x-user, groups: x-groups}, trusted_peers: [127.0.0.1/32]}
groups: {security: [sam, kim]}
approval: {steps: [{from: [security], need: 1}], ttl: 1h, usable_for: 15m}
services:
  vectors: {system: qdrant, base_path: /}
rules:
  - {name: bulk, who: ["user:*"], operations: [vector.export], effect: hold}
  - {name: read, who: ["user:*"], operations: [vector.search, vector.fetch], effect: grant}
`
const PATIENT = POLICY.replace('effect: hold}', 'effect: hold, wait: 20s}')
const GRANTED = POLICY.replace('effect: hold}', 'effect: grant}')
const EXPORT = '{"limit":5000,"with_vector":true}'

async function under (handler = (req, res) => res.json({ result: { points: [] } }), policy = POLICY) {
  const here = place(policy)
  const app = express()
  app.use(guard(here.guard))
  app.use(handler)
  return { here, ...await serve(http.createServer(app)) }
}

async function scroll (port, body = EXPORT, user = 'ana') {
  const text = wire.request('POST', '/collections/docs/points/scroll', { 'x-user': user, 'content-type': 'application/json' }, body)
  const seen = wire.parse((await wire.exchange(port, text)).bytes)
  return { ...seen, json: JSON.parse(seen.body) }
}

async function fetchPoint (port) {
  const text = wire.request('GET', '/collections/docs/points/7', { 'x-user': 'ana' })
  const { bytes, reset } = await wire.exchange(port, text)
  const seen = wire.parse(bytes)
  return { ...seen, whole: seen.whole && !reset }
}

/** Tries until a grant has reached the snapshot that decisions read. */
async function granted (ask, read = (seen) => seen) {
  for (;;) {
    const seen = await ask()
    const { status, body } = read(seen)
    if (status !== 403 || JSON.parse(body).code !== 'grant_required') return seen
  }
}

const TERMS = {
  scope: { who: ['user:ana'], services: ['vectors'], operations: ['vector.*'], resources: ['docs'] },
  until: '1h',
  reason: 'nightly check'
}

describe('a held request', () => {
  it('passes once when it comes again after people approved it', async () => {
    let served = 0
    const { here, port } = await under((req, res) => {
      served++
      res.json({ result: { points: [] } })
    })
    const held = await scroll(port)
    assert.deepStrictEqual([held.status, held.json.code, held.headers['retry-after']], [403, 'approval_required', '5'])
    const [approval] = await here.guard.approvals('pending')
    assert.strictEqual(approval.id, held.json.approval)
    assert.strictEqual(approval.state, 'pending')

    await assert.rejects(here.guard.approve(approval.id, 'ana'), { code: 'not_eligible' })
    await assert.rejects(here.guard.approve('apr_none', 'sam'), { code: 'not_found' })
    const approved = await here.guard.approve(approval.id, 'sam', 'looked at it')
    assert.deepStrictEqual([approved.state, approved.votes[0].by], ['approved', 'sam'])

    const other = await scroll(port, '{"limit":5001,"with_vector":true}')
    assert.strictEqual(other.status, 403)
    assert.notStrictEqual(other.json.approval, approval.id)
    assert.strictEqual(served, 0)

    assert.strictEqual((await scroll(port)).status, 200)
    assert.strictEqual((await scroll(port)).status, 403)
    assert.strictEqual(served, 1)
    await assert.rejects(here.guard.deny(approval.id, 'kim'), { code: 'conflict' })
  })

  it('stays denied where people said no', async () => {
    const { here, port } = await under()
    const held = await scroll(port)
    assert.strictEqual((await here.guard.deny(held.json.approval, 'kim', 'not now')).state, 'denied')
    assert.strictEqual((await scroll(port)).json.code, 'approval_denied')
  })

  it('that waits goes on when they approve, with no thread of Node waiting for it', async () => {
    const { here, port } = await under(undefined, PATIENT)
    // More of them than Node has threads for work of its own.
    const waiting = Array.from({ length: 8 }, (_, n) => scroll(port, `{"limit":${5000 + n},"with_vector":true}`))
    let pending = []
    while (pending.length < 8) pending = await here.guard.approvals('pending')
    await Promise.all(pending.map(({ id }) => here.guard.approve(id, 'sam')))
    for (const seen of await Promise.all(waiting)) assert.strictEqual(seen.status, 200)
  })

  it('that waits is withdrawn when its client goes away', async () => {
    const { here, port } = await under(undefined, PATIENT)
    const text = wire.request('POST', '/collections/docs/points/scroll', { 'x-user': 'ana', 'content-type': 'application/json' }, EXPORT)
    const socket = require('node:net').connect(port, '127.0.0.1', () => socket.write(text))
    let pending = []
    while (pending.length < 1) pending = await here.guard.approvals('pending')
    socket.destroy()
    assert.strictEqual((await records(here))[0].outcome.result, 'disconnected')
  })
})

describe('a grant', () => {
  it('opens what needs it, is counted, is revoked', async () => {
    const { here, port } = await under((req, res) => res.json({ result: { id: 7, vector: [0.1, 0.2] } }))
    assert.strictEqual((await fetchPoint(port)).status, 403)
    const grant = await here.guard.issueGrant({ ...TERMS, uses: 2 }, 'kim')
    assert.deepStrictEqual([grant.state, grant.issued_by, grant.uses], ['active', 'kim', 2])
    assert.strictEqual((await granted(() => fetchPoint(port))).status, 200)
    assert.strictEqual((await fetchPoint(port)).status, 200)
    assert.strictEqual((await fetchPoint(port)).status, 403)
    assert.strictEqual((await here.guard.revokeGrant(grant.id, 'kim', 'done')).state, 'revoked')
    assert.deepStrictEqual((await here.guard.grants()).map((one) => [one.id, one.used, one.state]), [[grant.id, 2, 'revoked']])
    await assert.rejects(here.guard.revokeGrant(grant.id, 'kim', 'again'), { code: 'conflict' })
  })

  describe('with a quota', () => {
    const points = Array.from({ length: 1200 }, (_, id) => `{"id":${id},"vector":[0.1,0.2]}`)

    /** Asks for fewer vectors than the service then sends, under a quota of so many. */
    async function read (quota, send) {
      const { here, port } = await under(send, GRANTED)
      await here.guard.issueGrant({ ...TERMS, quota: ['vectors', quota] }, 'kim')
      const text = wire.request('POST', '/collections/docs/points/scroll',
        { 'x-user': 'ana', 'content-type': 'application/json' }, '{"limit":100,"with_vector":true}')
      const { bytes, reset } = await granted(() => wire.exchange(port, text), ({ bytes }) => wire.parse(bytes))
      const seen = wire.parse(bytes)
      await records(here)
      return {
        whole: seen.whole && !reset,
        status: seen.status,
        vectors: seen.body.toString().split('0.2]').length - 1,
        spent: (await here.guard.grants())[0].spent
      }
    }

    const inPieces = async (req, res) => {
      res.setHeader('content-type', 'application/json')
      res.write('{"result":{"points":[')
      for (let i = 0; i < points.length; i += 100) {
        const piece = (i > 0 ? ',' : '') + points.slice(i, i + 100).join(',')
        if (!res.write(piece)) await new Promise((resolve) => res.once('drain', resolve).once('close', resolve))
      }
      res.end(']}}')
    }
    const atOnce = (req, res) => res.type('json').send(`{"result":{"points":[${points.join(',')}]}}`)

    it('is asked for more while a response runs, and gives back what was not used', async () => {
      assert.deepStrictEqual(await read(3000, inPieces), { whole: true, status: 200, vectors: 1200, spent: 1200 })
    })

    it('is asked for more before a response of one piece leaves', async () => {
      assert.deepStrictEqual(await read(3000, atOnce), { whole: true, status: 200, vectors: 1200, spent: 1200 })
    })

    it('cuts a response where it is used up', async () => {
      const seen = await read(700, inPieces)
      assert.strictEqual(seen.whole, false)
      assert.deepStrictEqual([seen.status, seen.vectors], [200, 700])
    })

    it('cuts a response of one piece there too', async () => {
      const seen = await read(700, atOnce)
      assert.deepStrictEqual([seen.whole, seen.status, seen.vectors], [false, 200, 700])
    })

    it('breaks the connection of a service that says nothing more', async () => {
      let gone
      const closed = new Promise((resolve) => { gone = resolve })
      const seen = await read(700, (req, res) => {
        res.on('close', gone)
        res.setHeader('content-type', 'application/json')
        res.write(`{"result":{"points":[${points.join(',')}`)
      })
      await closed
      assert.deepStrictEqual([seen.whole, seen.status, seen.vectors], [false, 200, 700])
    })
  })

  it('that covers less than it must says what is wrong with its terms', async () => {
    const { here } = await under()
    for (const [terms, pattern] of [
      [{ ...TERMS, reason: ' ' }, /reason/],
      [{ ...TERMS, until: 'some day' }, /until/],
      [{ ...TERMS, uses: 0 }, /at least 1/],
      [null, /scope/]
    ]) {
      await assert.rejects(here.guard.issueGrant(terms, 'kim'), (error) => error.code === 'invalid_input' && pattern.test(error.message))
    }
  })
})

describe('the log', () => {
  it('holds no value that was masked, and verifies', async () => {
    const { here, port } = await under((req, res) => res.json({ result: { id: 7, payload: { mail: 'tom.ek@example.org' } } }),
      `${POLICY}mask: [{name: pii, entities: {"*": redact}}]\n`)
    await here.guard.issueGrant(TERMS, 'kim')
    const seen = await granted(() => fetchPoint(port))
    assert.match(seen.body.toString(), /\[EMAIL\]/)
    const log = JSON.stringify(await records(here))
    assert.ok(!log.includes('tom.ek'))
    assert.match(log, /"email"/)
    assert.match(command('audit', 'verify', '--policy', here.file), /\S/)
  })
})

describe('unmasking', () => {
  it('tells a value to who has a grant, and to nobody else', async () => {
    const here = place(`version: 1
state: ./state
services: {vectors: {system: qdrant}}
rules: [{name: unmask, operations: [secret.read], resources: ["unmask/*"], effect: grant}]
mask: [{name: pii, entities: {email: token, credit_card: fpe}}]
`)
    const [token, digits] = here.guard.mask('rosa@example.com, 5555 5555 5555 4444', 'text/plain').body.split(', ')
    await assert.rejects(here.guard.unmask(token, 'kim'), { code: 'not_eligible' })
    const scope = { who: ['user:kim'], services: ['*'], operations: ['secret.read'], resources: ['unmask/*'] }
    await here.guard.issueGrant({ scope, until: '1h', reason: 'case 7' }, 'lee')
    assert.deepStrictEqual(
      await here.guard.unmask(token, { subject: 'kim' }), { entity: 'email', value: 'rosa@example.com' })
    assert.strictEqual(
      (await here.guard.unmask(digits, 'kim', { entity: 'credit_card' })).value, '5555 5555 5555 4444')
    await assert.rejects(here.guard.unmask(digits, 'kim', { entity: 'credit_card', scope: 'session' }))
  })
})

describe('another policy', () => {
  const text = (effect) => `version: 1
state: memory
services: {vectors: {system: qdrant}}
rules: [{name: list, who: ["*"], operations: [collection.list], effect: ${effect}}]
`
  const verdict = (guard) => guard.explain({ method: 'GET', url: 'http://vectors/collections' }).verdict

  it('takes its place when it is sound, and nothing changes when it is not', async () => {
    const here = place(text('deny'))
    assert.strictEqual(verdict(here.guard), 'deny')
    assert.strictEqual(await here.guard.reload(), false)
    fs.writeFileSync(here.file, text('allow'))
    assert.strictEqual(await here.guard.reload(), true)
    assert.strictEqual(verdict(here.guard), 'allow')
    fs.writeFileSync(here.file, text('permit'))
    await assert.rejects(here.guard.reload(), (error) => {
      assert.deepStrictEqual(error.diagnostics.map(({ code, line }) => [code, line]), [['unknown_value', 4]])
      return true
    })
    assert.strictEqual(verdict(here.guard), 'allow')
  })

  it('is read when the process is told to', { skip: process.platform === 'win32' }, async () => {
    const here = place(text('deny'))
    const told = new Promise((resolve, reject) => {
      process.once('SIGHUP', () => here.guard.reload().then(resolve, reject))
    })
    fs.writeFileSync(here.file, text('allow'))
    process.kill(process.pid, 'SIGHUP')
    assert.strictEqual(await told, true)
    assert.strictEqual(verdict(here.guard), 'allow')
  })

  it('is read by itself where the file is watched', async () => {
    const folder = place(text('deny'))
    const guard = new Guard(folder.file, { watch: true })
    await guard.check()
    fs.writeFileSync(folder.file, text('allow'))
    while (verdict(guard) !== 'allow') await new Promise((resolve) => setTimeout(resolve, 50))
  })
})

describe('grants that people ask for', () => {
  const ASKED = POLICY.replace('groups: {security: [sam, kim]}', 'groups: {security: [sam, kim], oncall: [ana]}')
    .replace('ttl: 1h', 'break_glass: [oncall], ttl: 1h') + 'granting: {longest: 2h, tickets: ["OPS-*"]}\n'
  const terms = (who, more) => ({
    scope: { who: [who], services: ['*'], operations: ['vector.export'], resources: ['*'] },
    until: '1h',
    reason: 'migration',
    ...more
  })

  it('are issued with the deciding vote, handed on, and end together', async () => {
    const here = place(ASKED).guard
    await assert.rejects(here.requestGrant(terms('user:ana'), 'ana'), { code: 'invalid_input' })
    const asked = await here.requestGrant(terms('user:ana', { uses: 2, ticket: 'OPS-7' }), 'ana')
    assert.deepStrictEqual([asked.state, asked.wants.ticket], ['pending', 'OPS-7'])
    const settled = await here.approve(asked.id, 'sam')
    const [grant] = await here.grants()
    assert.deepStrictEqual([settled.granted, grant.approval, grant.state], [grant.id, asked.id, 'active'])
    const part = await here.handOnGrant(grant.id, terms('user:svc-job', { uses: 1, until: '30m' }), 'ana')
    assert.deepStrictEqual([part.parent, part.ticket], [grant.id, 'OPS-7'])
    await assert.rejects(here.handOnGrant(grant.id, terms('user:bea', { uses: 9, until: '30m' }), 'ana'), { code: 'conflict' })
    await here.revokeGrant(grant.id, 'sam', 'done')
    assert.deepStrictEqual((await here.grants()).map(({ state }) => state), ['revoked', 'revoked'])
  })

  it('pass at once where the glass is broken', async () => {
    const here = place(ASKED).guard
    const asked = await here.requestGrant(terms('user:bea', { ticket: 'OPS-1' }), 'bea')
    await here.comment(asked.id, 'sam', 'why?')
    const { comments } = await here.comment(asked.id, 'ana', 'a fire')
    assert.deepStrictEqual(comments.map(({ by, text }) => [by, text]), [['sam', 'why?'], ['ana', 'a fire']])
    await assert.rejects(here.comment(asked.id, 'eve', 'me'), { code: 'not_eligible' })
    await assert.rejects(here.cancel(asked.id, 'sam'), { code: 'not_eligible' })
    await assert.rejects(here.breakGlass(asked.id, 'sam', 'fire'), { code: 'not_eligible' })
    const broken = await here.breakGlass(asked.id, 'ana', 'fire')
    assert.strictEqual(broken.votes[0].answer, 'break_glass')
  })
})
