'use strict'

// The guard without a server: masking, classifying, and errors that programs can decide on.

const assert = require('node:assert')
const { describe, it } = require('node:test')

const { Guard } = require('wardline')
const { place } = require('./place.js')

const MAIL = 'rosa.lind@example.com'
const EXPORT = '{"limit":1000,"with_vector":true}'
const TERMS = {
  scope: { who: ['user:ana'], services: ['models'], operations: ['model.download'], resources: ['*'] },
  until: '1h',
  reason: 'retraining'
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

  it('does not block the event loop while the store works', async () => {
    const { guard } = place()
    let turns = 0
    const turning = setInterval(() => { turns += 1 }, 1)
    await Promise.all(Array.from({ length: 40 }, () => guard.issueGrant(TERMS, 'kim')))
    clearInterval(turning)
    assert.strictEqual((await guard.grants()).length, 40)
    assert.ok(turns > 0)
  })
})
