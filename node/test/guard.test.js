'use strict'

// The guard without a server: masking, classifying, grants, approvals, and errors that programs can decide on.

const assert = require('node:assert')
const http = require('node:http')
const { describe, it } = require('node:test')

const { Guard } = require('wardline')
const { guard: middleware } = require('wardline/express')
const { place, records, serve } = require('./place.js')
const wire = require('./wire.js')

const MAIL = 'rosa.lind@example.com'
const EXPORT = '{"limit":1000,"with_vector":true}'

const scroll = (user, body = EXPORT) => wire.request('POST', '/qdrant/collections/docs/points/scroll',
  { 'x-user': user, 'content-type': 'application/json' }, body)

/** The policy's services on node:http, and how often they were called. */
async function under (here) {
  const pass = middleware(here.guard)
  const calls = { count: 0 }
  const { port } = await serve(http.createServer((req, res) => pass(req, res, () => {
    calls.count += 1
    res.setHeader('Content-Type', 'application/json')
    res.end('{"result":{"points":[{"id":1,"vector":[0.1,0.2]}]}}')
  })))
  const ask = async (text) => {
    const seen = wire.parse((await wire.exchange(port, text)).bytes)
    return { status: seen.status, problem: JSON.parse(seen.body.toString('utf8')), headers: seen.headers }
  }
  return { ask, calls }
}

describe('a guard', () => {
  it('masks text and bytes, and gives back what it need not change', () => {
    const { guard } = place()
    assert.deepStrictEqual(guard.mask(`{"mail": "${MAIL}"}`, 'application/json'), { body: '{"mail": "[EMAIL]"}', findings: { email: 1 } })
    const masked = guard.mask(Buffer.from(`to ${MAIL}`), 'text/plain')
    assert.ok(Buffer.isBuffer(masked.body))
    assert.strictEqual(masked.body.toString(), 'to [EMAIL]')
    const plain = Buffer.from('{"a": 1.50}')
    assert.strictEqual(guard.mask(plain, 'application/json').body, plain)
  })

  it('says what a request would be taken for', () => {
    const { service, acts } = place().guard.classify({
      method: 'POST',
      url: 'http://localhost/qdrant/collections/docs/points/scroll',
      headers: { 'content-type': 'application/json' },
      body: EXPORT
    })
    assert.strictEqual(service, 'vectors')
    assert.deepStrictEqual(acts.map(({ operation, resource, magnitude }) => ({ operation, resource, magnitude })),
      [{ operation: 'vector.export', resource: 'docs', magnitude: { unit: 'vectors', count: 1000 } }])
  })

  it('throws every mistake of a policy at once, each at its place', () => {
    assert.throws(() => Guard.parse('version: 1\nrulez: []\nservices: {}\n', 'p.yaml'), (error) => {
      assert.strictEqual(error.code, 'invalid_policy')
      assert.ok(error.diagnostics.length >= 2)
      const [first] = error.diagnostics
      assert.deepStrictEqual([first.file, first.line, first.column, first.code], ['p.yaml', 2, 1, 'unknown_key'])
      return error instanceof Error
    })
  })

  it('gives its errors codes, and never the bodies that caused them', async () => {
    const { guard } = place()
    const code = (expected) => (error) => {
      assert.strictEqual(error.code, expected)
      assert.ok(!`${error.message}${error.stack}${JSON.stringify(error)}`.includes(MAIL), 'the error quotes the body')
      return true
    }
    assert.throws(() => new Guard('/nowhere/wardline.yaml'), code('not_found'))
    assert.throws(() => guard.mask(`{"a":"${MAIL}`, 'application/json'), code('invalid_input'))
    assert.throws(() => guard.mask(MAIL, 'image/png'), code('invalid_input'))
    assert.throws(() => guard.mask(7, 'text/plain'), code('invalid_input'))
    assert.throws(() => guard.classify({ method: 'no method', url: '/' }), code('invalid_input'))
    await assert.rejects(guard.issueGrant({ scope: MAIL }, 'kim'), code('invalid_input'))
    await assert.rejects(guard.revokeGrant('gr_nothing', 'kim', 'gone'), code('not_found'))
    await assert.rejects(guard.approve('apr_nothing', 'sam'), code('not_found'))
    await assert.rejects(guard.approvals('perhaps'), code('invalid_input'))
  })
})

describe('a held request', () => {
  it('passes once when another person approved exactly this one', async () => {
    const here = place()
    const { ask, calls } = await under(here)
    const held = await ask(scroll('ana'))
    assert.strictEqual(held.status, 403)
    assert.strictEqual(held.problem.code, 'approval_required')
    assert.ok(held.headers['retry-after'])
    assert.strictEqual((await ask(scroll('ana'))).problem.approval, held.problem.approval, 'the same request has the same ticket')

    const { approval } = held.problem
    const [pending] = await here.guard.approvals('pending')
    assert.deepStrictEqual([pending.id, pending.state, pending.identity.subject], [approval, 'pending', 'ana'])
    await assert.rejects(here.guard.approve(approval, 'ana'), { code: 'not_eligible' })
    assert.strictEqual((await here.guard.approve(approval, 'sam', 'backup')).state, 'approved')
    assert.strictEqual(calls.count, 0)

    const other = await ask(scroll('ana', EXPORT.replace('1000', '1001')))
    assert.notStrictEqual(other.problem.approval, approval, 'another body is another request')
    assert.notStrictEqual((await ask(scroll('bo'))).problem.approval, approval, 'and so is another caller')
    assert.strictEqual((await ask(scroll('ana'))).status, 200)
    assert.strictEqual(calls.count, 1)
    assert.strictEqual((await ask(scroll('ana'))).status, 403)
    assert.strictEqual((await here.guard.approvals('used')).length, 1)
  })

  it('stays out when it was denied', async () => {
    const here = place()
    const { ask, calls } = await under(here)
    const { approval } = (await ask(scroll('ana'))).problem
    assert.strictEqual((await here.guard.deny(approval, 'kim', 'not this quarter')).state, 'denied')
    assert.strictEqual((await ask(scroll('ana'))).status, 403)
    assert.strictEqual(calls.count, 0)
  })
})

describe('a grant', () => {
  const download = wire.request('GET', '/mlflow/api/2.0/mlflow-artifacts/artifacts/1/model.bin', { 'x-user': 'ana' })
  const terms = {
    scope: { who: ['user:ana'], services: ['models'], operations: ['model.download'], resources: ['*'] },
    until: '1h',
    reason: 'retraining'
  }

  it('opens what needs one, as often as it says, until it is revoked', async () => {
    const here = place()
    const { ask } = await under(here)
    assert.strictEqual((await ask(download)).problem.code, 'grant_required')
    const once = await here.guard.issueGrant({ ...terms, uses: 1 }, 'kim')
    assert.deepStrictEqual([once.state, once.uses, once.issued_by], ['active', 1, 'kim'])
    assert.strictEqual((await ask(download)).status, 200)
    assert.strictEqual((await ask(download)).status, 403)

    const { id } = await here.guard.issueGrant(terms, 'kim')
    assert.strictEqual((await ask(download)).status, 200)
    assert.strictEqual((await here.guard.revokeGrant(id, 'sam', 'done')).state, 'revoked')
    assert.strictEqual((await ask(download)).status, 403)
    assert.deepStrictEqual((await here.guard.grants()).map((grant) => grant.state).sort(), ['exhausted', 'revoked'])
  })

  it('does not block the event loop while the store works', async () => {
    const { guard } = place()
    let turns = 0
    const turning = setInterval(() => { turns += 1 }, 1)
    await Promise.all(Array.from({ length: 40 }, () => guard.issueGrant(terms, 'kim')))
    clearInterval(turning)
    assert.strictEqual((await guard.grants()).length, 40)
    assert.ok(turns > 0)
  })
})

describe('a record', () => {
  it('says what was masked, and never the value', async () => {
    const here = place()
    const { ask } = await under(here)
    await ask(wire.request('POST', '/openai/v1/embeddings', { 'x-user': 'ana', 'content-type': 'application/json' },
      JSON.stringify({ model: 'm', input: `write to ${MAIL}` })))
    const [record] = await records(here, 1)
    assert.strictEqual(record.request.totals.email, 1)
    assert.ok(!JSON.stringify(record).includes(MAIL))
  })
})
