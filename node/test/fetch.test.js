'use strict'

// Handlers of web requests under guard: what they find of a request, and what becomes of their responses.

const assert = require('node:assert')
const v8 = require('node:v8')
const vm = require('node:vm')
const { before, describe, it } = require('node:test')
const zlib = require('node:zlib')

const { guard } = require('wardline/fetch')
const { place, records } = require('./place.js')

const EMBED = 'http://localhost/openai/v1/embeddings'
const CHAT = 'http://localhost/openai/v1/chat/completions'
const POINT = 'http://localhost/qdrant/collections/docs/points/7'
const CLEAR = '{"model":"m","input":"rosa.lind@example.com"}'
const MASKED = '{"model":"m","input":"[EMAIL]"}'
const ana = { subject: 'ana', groups: ['analysts'] }
const json = { 'content-type': 'application/json' }

let here
let seen = 0
before(() => { here = place() })

/** The handler under the corpus' policy, called by ana. */
const under = (handler, options = {}) => guard(here.guard, { identity: () => ana, ...options })(handler)
const post = (url, body, init = {}) => new Request(url, { method: 'POST', headers: json, body, ...init })

/** The record of the newest exchange, once all so far are written. */
async function record () {
  const all = await records(here, seen + 1)
  seen = all.length
  return all.at(-1)
}

/** Counts the records so far: what comes after is new. */
async function settle () {
  seen = (await records(here, 0)).length
}

/** A gate that is opened from outside. */
function gate () {
  let open
  const opened = new Promise((resolve) => { open = resolve })
  return { opened, open }
}

const bytes = (text) => new TextEncoder().encode(text)
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('a web request', () => {
  for (const [name, read] of Object.entries({
    text: (request) => request.text(),
    json: async (request) => JSON.stringify(await request.json()),
    bytes: async (request) => Buffer.from(await request.arrayBuffer()).toString(),
    stream: async (request) => {
      let text = ''
      for await (const piece of request.body) text += Buffer.from(piece)
      return text
    },
    'a copy': (request) => request.clone().text()
  })) {
    it(`is read masked: ${name}`, async () => {
      let found
      await under(async (request) => {
        assert.strictEqual(request.bodyUsed, false)
        found = await read(request)
        return new Response('{}', { headers: json })
      })(post(EMBED, CLEAR))
      assert.strictEqual(found, MASKED)
    })
  }

  it('says what may be answered as long as it is handled, and afterwards what it said', async () => {
    const sent = new Request(POINT, { headers: { 'accept-encoding': 'gzip', 'x-own': '1' } })
    let found
    await under((request) => {
      found = Object.fromEntries(request.headers)
      return new Response('{}', { headers: json })
    })(sent)
    assert.deepStrictEqual(found, { 'accept-encoding': 'identity', 'x-own': '1' })
    assert.deepStrictEqual(Object.fromEntries(sent.headers), { 'accept-encoding': 'gzip', 'x-own': '1' })
    const bare = new Request(POINT)
    await assert.rejects(under(() => { throw new Error('of the handler') })(bare), /of the handler/)
    assert.deepStrictEqual([...bare.headers], [])
  })

  it('never says again what must not be said', async () => {
    const sent = new Request(POINT, { headers: { range: 'bytes=0-7', 'x-own': '1' } })
    let found
    await under((request) => {
      found = request
      return new Response('{}', { headers: json })
    })(sent)
    assert.deepStrictEqual(Object.fromEntries(found.headers), { 'accept-encoding': 'identity', 'x-own': '1' })
    assert.strictEqual(sent.headers.get('range'), 'bytes=0-7')
  })

  it('says its new length, and keeps what else it says', async () => {
    const controller = new AbortController()
    let found
    await under((request) => {
      found = request
      return new Response('{}', { headers: json })
    })(post(EMBED, CLEAR, { headers: { ...json, 'content-length': '45', 'content-md5': 'abc', 'x-own': '1' }, signal: controller.signal }))
    assert.deepStrictEqual(Object.fromEntries(found.headers), {
      'accept-encoding': 'identity', 'content-length': String(MASKED.length), 'content-type': 'application/json', 'x-own': '1'
    })
    assert.deepStrictEqual([found.url, found.method], [EMBED, 'POST'])
    controller.abort()
    assert.strictEqual(found.signal.aborted, true)
  })

  it('is handed on itself where nothing of it changes', async () => {
    const open = place(`version: 1
state: memory
services: {models: {system: mlflow, base_path: /}}
rules: [{name: all, who: ["*"], operations: ["*"], effect: allow}]
`)
    const request = new Request('http://localhost/api/2.0/mlflow/registered-models/search')
    let found
    await guard(open.guard)((one) => {
      found = one
      return new Response(null)
    })(request)
    assert.strictEqual(found, request)
  })

  it('stays of its host\'s own kind', async () => {
    class HostRequest extends Request {
      constructor (input, init) {
        super(input, init)
        this.at = new URL(this.url)
      }
    }
    const asked = () => new HostRequest(EMBED, { method: 'POST', headers: json, body: CLEAR })
    // Next.js hands it over behind a proxy.
    const proxied = () => new Proxy(asked(), {
      get (target, name) {
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
    for (const request of [asked(), proxied()]) {
      let found
      await under((passed) => {
        found = passed
        return new Response('{}', { headers: json })
      })(request)
      assert.ok(found instanceof HostRequest)
      assert.deepStrictEqual([found.at.pathname, await found.text()], ['/openai/v1/embeddings', MASKED])
    }
  })

  it('that is long passes whole, piece by piece', async () => {
    const input = Array.from({ length: 60_000 }, (_, i) => `tom${i}.ek@example.org and words`)
    const text = JSON.stringify({ model: 'm', input })
    let found
    await under(async (request) => {
      found = await request.text()
      return new Response('{}', { headers: json })
    })(post(EMBED, text))
    assert.deepStrictEqual([found.includes('example.org'), JSON.parse(found).input.length], [false, 60_000])
  })

  it('that turns out broken after its handler began is answered by the guard', async () => {
    const text = `{"model":"m","input":[${'"words and words",'.repeat(80_000)}1`
    let error
    const response = await under(async (request) => {
      await request.text().catch((one) => { error = one })
      return new Response('{"done":true}', { headers: json })
    })(post(EMBED, text))
    assert.match(error.message, /the guard cut this body/)
    assert.deepStrictEqual([response.status, (await response.json()).code], [400, 'malformed_body'])
  })

  it('whose body was read before is an error that says so, and reaches nobody', async () => {
    let called = false
    const request = post(EMBED, CLEAR)
    await request.text()
    await assert.rejects(under(() => { called = true })(request), { code: 'body_already_read' })
    assert.strictEqual(called, false)
  })

  it('comes with the caller that was verified before', async () => {
    await settle()
    for (const identity of [(request, env) => ({ subject: env.user }), async () => 'eva']) {
      await under(() => new Response('{}', { headers: json }), { identity })(post(EMBED, CLEAR), { user: 'eva' })
      assert.strictEqual((await record()).identity.subject, 'eva')
    }
  })

  it('whose caller cannot be told passes to nobody', async () => {
    let called = false
    for (const identity of [() => { throw new Error('no') }, async () => { throw new Error('no') }, () => ({ groups: 7 })]) {
      await assert.rejects(under(() => { called = true }, { identity })(post(EMBED, CLEAR)))
    }
    assert.strictEqual(called, false)
  })

  it('is believed what a trusted peer\'s headers say, wherever the host tells the peer', async () => {
    const headers = { ...json, 'x-user': 'ana' }
    const handler = guard(here.guard)(() => new Response('{}', { headers: json }))
    const local = '127.0.0.1'
    for (const [rest, status] of [
      [[{ incoming: { socket: { remoteAddress: local } } }], 200],
      [[{ remoteAddr: { hostname: local } }], 200],
      [[{ requestIP: () => ({ address: local }) }], 200],
      [[{ remoteAddr: { hostname: '192.0.2.1' } }], 403],
      [[], 403]
    ]) {
      assert.strictEqual((await handler(post(EMBED, CLEAR, { headers }), ...rest)).status, status)
    }
    const told = guard(here.guard, { address: () => local })(() => new Response('{}', { headers: json }))
    assert.strictEqual((await told(post(EMBED, CLEAR, { headers }))).status, 200)
  })

  it('that is denied is never read on', async () => {
    let pulled = 0
    const body = new ReadableStream({ pull (controller) { controller.enqueue(bytes('{"a":')); pulled++ } }, { highWaterMark: 0 })
    const response = await under(() => assert.fail('it was called'))(
      new Request('http://localhost/qdrant/collections/docs', { method: 'DELETE', body, duplex: 'half' }))
    assert.deepStrictEqual([response.status, response.headers.get('content-type'), pulled], [403, 'application/json', 0])
    assert.strictEqual((await response.json()).code, 'denied')
  })

  it('whose caller goes away while people are asked waits for nobody', async () => {
    const held = place(`version: 1
state: memory
services: {vectors: {system: qdrant, base_path: /qdrant}}
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
rules: [{name: all, who: ["*"], operations: ["*"], effect: hold, wait: 30s}]
`)
    const controller = new AbortController()
    const going = guard(held.guard)(() => assert.fail('it was called'))(new Request(POINT, { signal: controller.signal }))
    while ((await held.guard.approvals('pending')).length === 0) await turn()
    controller.abort()
    assert.strictEqual((await going).status, 503)
  })
})

describe('a web response', () => {
  it('is masked whole where it is whole, with its new length', async () => {
    const response = await under(() => Response.json({ mail: 'tom.ek@example.org' }, { headers: { etag: '"1"' } }))(new Request(POINT))
    assert.strictEqual(await response.text(), '{"mail":"[EMAIL]"}')
    assert.deepStrictEqual([response.headers.get('content-length'), response.headers.get('etag')], ['18', null])
  })

  it('keeps what the guard has no business with', async () => {
    const headers = new Headers(json)
    for (const cookie of ['a=1', 'b=2']) headers.append('set-cookie', cookie)
    const response = await under(() => new Response('{"a":1}', { status: 201, statusText: 'Made', headers }))(new Request(POINT))
    assert.deepStrictEqual([response.status, response.statusText, await response.text()], [201, 'Made', '{"a":1}'])
    assert.deepStrictEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
  })

  for (const status of [204, 205, 304]) {
    it(`without a body has none: ${status}`, async () => {
      const response = await under(() => new Response(null, { status, headers: { etag: '"1"' } }))(new Request(POINT))
      assert.deepStrictEqual([response.status, response.body, response.headers.get('etag')], [status, null, null])
    })
  }

  it('to HEAD has no body, and no length of what would have changed', async () => {
    const response = await under(() => new Response('{"mail":"tom.ek@example.org"}', { headers: { ...json, 'content-length': '29' } }))(
      new Request(POINT, { method: 'HEAD' }))
    assert.deepStrictEqual([response.body, response.headers.get('content-length')], [null, null])
  })

  for (const [name, first, expected] of [
    ['unmasked', 'data: {"delta":"one, "}\n\n', 'data: {"delta":"one, "}\n\n'],
    ['masked', 'data: {"delta":"tom.ek@example.org, "}\n\n', 'data: {"delta":"[EMAIL], "}\n\n']
  ]) {
    it(`streams event by event, ${name}: its head and each event come before the next is made`, async () => {
      const events = [gate(), gate()]
      const response = await under(() => new Response(new ReadableStream({
        async start (controller) {
          await events[0].opened
          controller.enqueue(bytes(first))
          await events[1].opened
          controller.enqueue(bytes('data: [DONE]\n\n'))
          controller.close()
        }
      }), { headers: { 'content-type': 'text/event-stream' } }))(post(CHAT, '{"model":"m","stream":true,"messages":[]}'))
      assert.strictEqual(response.status, 200)
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      events[0].open()
      let text = ''
      while (!text.includes(expected)) text += (await reader.read()).value
      assert.strictEqual(text, expected)
      events[1].open()
      for (let read; !(read = await reader.read()).done;) text += read.value
      assert.strictEqual(text, `${expected}data: [DONE]\n\n`)
    })
  }

  it('is not asked for more than its reader asks', async () => {
    let made = 0
    const response = await under(() => new Response(new ReadableStream({
      async pull (controller) {
        await turn()
        made++
        controller.enqueue(bytes('{"a":1}\n'))
      }
    }, { highWaterMark: 0 }), { headers: { 'content-type': 'application/x-ndjson' } }))(new Request(POINT))
    const reader = response.body.getReader()
    for (let pieces = 0; pieces < 3; pieces++) await reader.read()
    for (let turns = 0; turns < 5; turns++) await turn()
    assert.ok(made <= 4, `${made} pieces were made`)
    await reader.cancel()
  })

  it('tells its maker that the reader went away, and the record says so', async () => {
    await settle()
    const canceled = gate()
    const response = await under(() => new Response(new ReadableStream({
      pull: (controller) => controller.enqueue(bytes('data: {"delta":"one, "}\n\n')),
      cancel: canceled.open
    }), { headers: { 'content-type': 'text/event-stream' } }))(post(CHAT, '{"model":"m","stream":true,"messages":[]}'))
    const reader = response.body.getReader()
    await reader.read()
    await reader.cancel('enough')
    assert.strictEqual(await canceled.opened, 'enough')
    assert.strictEqual((await record()).outcome.result, 'disconnected')
  })

  it('that nobody reads to its end is recorded when it is let go', async () => {
    v8.setFlagsFromString('--expose_gc')
    const gc = vm.runInNewContext('gc')
    await settle()
    await (async () => {
      await under(() => new Response(new ReadableStream({}), { headers: { 'content-type': 'text/event-stream' } }))(
        post(CHAT, '{"model":"m","stream":true,"messages":[]}'))
    })()
    let found
    const asked = record().then((one) => { found = one })
    while (found === undefined) {
      gc()
      await turn()
    }
    await asked
    assert.strictEqual(found.outcome.result, 'disconnected')
  })

  it('whose source breaks off breaks off, and the record says that the service failed', async () => {
    await settle()
    const fails = [
      async () => { await turn(); await turn() },
      async () => {}
    ]
    for (const wait of fails) {
      const response = await under(() => new Response(new ReadableStream({
        async pull (controller) {
          await wait()
          controller.error(new Error('upstream is gone'))
        }
      }), { headers: { 'content-type': 'text/event-stream' } }))(post(CHAT, '{"model":"m","stream":true,"messages":[]}'))
      await assert.rejects(response.text(), /upstream is gone/)
      assert.strictEqual((await record()).outcome.result, 'failed')
    }
  })

  it('that is not as long as it declares is not passed off as whole', async () => {
    for (const [declared, type] of [['9', 'application/json'], ['5', 'application/json'], ['9', 'text/event-stream'], ['5', 'text/event-stream']]) {
      const response = await under(() => new Response('{"a":1}', { headers: { 'content-type': type, 'content-length': declared } }))(new Request(POINT))
      await assert.rejects(response.text())
    }
  })

  it('of a handler that fails is the handler\'s error', async () => {
    await settle()
    const wrong = new Error('no model')
    await assert.rejects(under(() => { throw wrong })(new Request(POINT)), (error) => error === wrong)
    assert.strictEqual((await record()).outcome.result, 'failed')
    await assert.rejects(under(() => 'text')(new Request(POINT)), /expected a Response in answer/)
  })

  it('that cannot be read is refused, and its source told', async () => {
    const canceled = gate()
    const response = await under(() => new Response(new ReadableStream({
      start: (controller) => controller.enqueue(bytes('tom.ek@example.org')),
      cancel: canceled.open
    }), { headers: { 'content-type': 'application/octet-stream' } }))(new Request(POINT))
    assert.strictEqual(response.status, 502)
    assert.ok(!(await response.text()).includes('tom.ek'))
    await canceled.opened
  })

  for (const [coding, code] of [['gzip', zlib.gzipSync], ['br', zlib.brotliCompressSync]]) {
    it(`is decoded from ${coding}, masked and sent plain`, async () => {
      const response = await under(() => new Response(code('{"mail":"tom.ek@example.org"}'), {
        headers: { ...json, 'content-encoding': coding }
      }))(new Request(POINT))
      assert.deepStrictEqual([response.headers.get('content-encoding'), await response.text()], [null, '{"mail":"[EMAIL]"}'])
    })
  }
})

it('two directions that wait for their quota take turns', async () => {
  const metered = place(`version: 1
state: memory
services: {vectors: {system: qdrant, base_path: /qdrant}}
rules: [{name: metered, who: ["*"], operations: ["*"], effect: grant}]
grants:
  - {name: some, who: ["*"], services: [vectors], operations: ["*"], resources: ["*"], until: 2099-01-01T00:00:00Z, quota: {rows: 100000}}
`)
  const points = Array.from({ length: 3_000 }, (_, id) => ({ id, vector: [0.5, 0.25], payload: { text: 'words '.repeat(80) } }))
  const response = await guard(metered.guard, { identity: () => ana })((request) => new Response(request.body, { headers: json }))(
    new Request('http://localhost/qdrant/collections/docs/points', { method: 'PUT', headers: json, body: JSON.stringify({ points }) }))
  assert.strictEqual(JSON.parse(await response.text()).points.length, points.length)
})
