'use strict'

// core/tests/data/exchanges.jsonl through a door: a real server and a raw socket.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { before, describe, it } = require('node:test')

const { CORPUS, place, records, serve } = require('./place.js')
const wire = require('./wire.js')

const all = fs.readFileSync(path.join(CORPUS, 'exchanges.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line))

/**
 * Runs the corpus through a door. `listen(guard, current)` gives the server, whose service notes what it found as
 * `current().service = {headers, body}` and answers as `current().case.service` says. `fits` tells which cases the door can be asked at all.
 */
function corpus (name, door, listen, fits = () => true) {
  const cases = all.filter(fits)
  describe(`the corpus, through ${name}`, () => {
    const seen = []
    let log = []

    before(async () => {
      const here = place()
      let current = null
      const { server, port } = await serve(await listen(here.guard, () => current))
      // A case that names its own Connection header would have the server wait for a request more.
      server.keepAliveTimeout = 50
      for (const one of cases) {
        current = { case: one, service: null }
        const { method, target, headers, body = '' } = one.request
        const { bytes, reset } = await wire.exchange(port, wire.request(method, target, headers, body))
        const response = wire.parse(bytes, { method })
        seen.push({ ...response, aborted: reset || !response.whole, service: current.service })
        // One after the other, so that the log has them in the corpus' order.
        await here.guard.flush()
      }
      log = await records(here, cases.length)
    })

    it('leaves one record an exchange, under its own name', () => {
      assert.deepStrictEqual(log.map((record) => record.door), cases.map(() => door))
    })

    for (const [index, one] of cases.entries()) {
      it(one.name, () => holds(one.expect, seen[index], log[index], one.request.method))
    }
  })
}

function holds (expect, seen, record, method) {
  const body = seen.body.toString('utf8')
  let problem = {}
  try {
    problem = JSON.parse(body)
  } catch {}
  if (expect.status !== undefined) assert.strictEqual(seen.status, expect.status)
  assert.strictEqual(seen.aborted, expect.aborted ?? false, 'aborted')
  if (expect.body !== undefined && method !== 'HEAD') assert.strictEqual(body, expect.body)
  if (expect.code !== undefined) assert.strictEqual(problem.code, expect.code)
  if (expect.detail !== undefined) assert.strictEqual(problem.detail, expect.detail)
  sameHeaders(expect.headers, seen.headers)
  for (const text of expect.body_holds ?? []) assert.ok(body.includes(text), `${body} does not hold ${text}`)
  for (const text of expect.body_excludes ?? []) assert.ok(!body.includes(text), `the body holds ${text}`)
  if (expect.service_called !== undefined) assert.strictEqual(seen.service !== null, expect.service_called, 'service called')
  if (expect.service_saw !== undefined) {
    assert.ok(seen.service, 'the service was not called')
    if (expect.service_saw.body !== undefined) assert.strictEqual(seen.service.body, expect.service_saw.body)
    sameHeaders(expect.service_saw.headers, seen.service.headers)
  }
  for (const [name, expected] of Object.entries(expect.record ?? {})) {
    assert.deepStrictEqual(member(record, name), expected, `record.${name}`)
  }
}

function sameHeaders (expected = {}, found) {
  for (const [name, value] of Object.entries(expected)) assert.strictEqual(found[name] ?? null, value, name)
}

function member (record, name) {
  switch (name) {
    case 'operations': return record.acts.map((act) => act.operation)
    case 'resource': return record.acts[0].resource
    case 'magnitude': return record.acts[0].magnitude.count
    case 'subject': return record.identity.subject
    case 'result': return record.outcome.result
    case 'request_totals': return record.request?.totals
    case 'response_totals': return record.response?.totals
    case 'vectors': return record.response?.census.vectors
    case 'rows': return record.response?.census.rows
    case 'ids': return record.response?.census.ids
    case 'surviving': return record.response?.reread?.surviving
    case 'stripped': return record.response?.stripped
    case 'request_vectors': return record.request?.census.vectors
    case 'decided': case 'enforced': case 'mode': case 'budgets': case 'unusual': return record[name]
    default: throw new Error(`the corpus asks for ${name}, which no runner knows`)
  }
}

module.exports = { corpus }
