'use strict'

// Hono's middleware on Node's Hono server: what stands before it, behind it, and what a socket gets.

const assert = require('node:assert')
const http = require('node:http')
const { before, describe, it } = require('node:test')
const { getRequestListener } = require('@hono/node-server')
const { Hono } = require('hono')
const { compress } = require('hono/compress')
const { cors } = require('hono/cors')
const { etag } = require('hono/etag')
const { streamSSE } = require('hono/streaming')

const { guard } = require('wardline/hono')
const { place, records, serve } = require('./place.js')
const wire = require('./wire.js')

const POINT = '/qdrant/collections/docs/points/7'
const EMBED = '/openai/v1/embeddings'
const ANA = { 'x-user': 'ana', 'x-groups': 'analysts' }
const MAIL = { mail: 'tom.ek@example.org' }

let here
before(() => { here = place() })

/** Serves an app that `set` puts together around the guard. */
async function under (set, options) {
  const app = new Hono()
  set(app, guard(here.guard, options))
  const { port } = await serve(http.createServer(getRequestListener(app.fetch)))
  return async (method, target, headers = ANA, body = '') =>
    wire.parse((await wire.exchange(port, wire.request(method, target, headers, body))).bytes, { method })
}

describe('Hono', () => {
  it('reads a request masked and answers masked, as its handlers like to', async () => {
    const ask = await under((app, guarded) => {
      app.use(guarded)
      app.post(EMBED, async (c) => c.json({ got: await c.req.json(), length: c.req.header('content-length') }))
      app.get(POINT, (c) => c.json(MAIL))
    })
    const posted = await ask('POST', EMBED, { ...ANA, 'content-type': 'application/json' }, '{"model":"m","input":"rosa.lind@example.com"}')
    assert.deepStrictEqual(JSON.parse(posted.body), { got: { model: 'm', input: '[EMAIL]' }, length: '31' })
    const got = await ask('GET', POINT)
    assert.deepStrictEqual([got.headers['content-length'], got.body.toString()], ['18', '{"mail":"[EMAIL]"}'])
  })

  it('has bodies at hand read where they are: no other response is made of them', async () => {
    const { held } = require('../js/web/held.js')
    const seen = []
    const ask = await under((app, guarded) => {
      app.use(guarded)
      app.get('/qdrant/collections/docs/points/:how', (c) => {
        const text = JSON.stringify(MAIL)
        const { how } = c.req.param()
        if (how === '1') seen.push(new Response(text, { headers: { 'content-type': 'application/json' } }))
        if (how === '2') seen.push(c.body(Buffer.from(text), 200, { 'content-type': 'application/json', 'content-length': String(text.length) }))
        if (how === '3') seen.push(new Response(text, { status: 201 }))
        if (how === '4') seen.push(new Response(new Blob([text]).stream(), { headers: { 'content-type': 'application/json' } }))
        return seen.at(-1)
      })
    })
    const bodies = []
    for (const how of [1, 2, 3, 4]) {
      const { status, headers, body } = await ask('GET', `/qdrant/collections/docs/points/${how}`)
      bodies.push([status, headers['content-type'], body.toString()])
    }
    const json = [200, 'application/json', '{"mail":"[EMAIL]"}']
    assert.deepStrictEqual(bodies, [json, json, [201, 'text/plain; charset=UTF-8', '{"mail":"[EMAIL]"}'], json])
    assert.deepStrictEqual(seen.map((response) => held(response)?.toString() ?? null), [...Array(3).fill(JSON.stringify(MAIL)), null])
    // One of the web's own classes, and one that only looks like it.
    assert.strictEqual(held(await fetch('data:,a')), null)
    assert.strictEqual(held({ status: 200, [Symbol('cache')]: ['a', 'b', 'c'] }), null)
  })

  it('has its error pages and its "not found" guarded', async () => {
    const ask = await under((app, guarded) => {
      app.use(guarded)
      app.onError((error, c) => c.json({ error: error.message }, 500))
      app.notFound((c) => c.json({ nothing: 'tom.ek@example.org' }, 404))
      app.get(POINT, () => { throw new Error('no room for tom.ek@example.org') })
    })
    const failed = await ask('GET', POINT)
    assert.deepStrictEqual([failed.status, failed.body.toString()], [500, '{"error":"no room for [EMAIL]"}'])
    const missing = await ask('GET', '/qdrant/collections/docs/points/8')
    assert.deepStrictEqual([missing.status, missing.body.toString()], [404, '{"nothing":"[EMAIL]"}'])
  })

  it('calls no handler for what is denied, and what stands before the guard keeps its headers', async () => {
    let called = false
    const ask = await under((app, guarded) => {
      app.use(cors({ origin: 'https://app.example.org' }))
      app.use(guarded)
      app.all('*', (c) => {
        called = true
        return c.text('')
      })
    })
    const denied = await ask('DELETE', '/qdrant/collections/docs', { ...ANA, origin: 'https://app.example.org' })
    assert.deepStrictEqual([denied.status, denied.headers['access-control-allow-origin'], called], [403, 'https://app.example.org', false])
    assert.strictEqual(JSON.parse(denied.body).code, 'denied')
  })

  it('may tag and pack what it answers behind the guard: neither reaches the caller', async () => {
    const ask = await under((app, guarded) => {
      app.use(guarded, compress({ threshold: 0 }), etag())
      app.get(POINT, (c) => c.json(MAIL))
    })
    const { headers, body } = await ask('GET', POINT, { ...ANA, 'accept-encoding': 'gzip' })
    assert.deepStrictEqual([headers.etag, headers['content-encoding'], body.toString()], [undefined, undefined, '{"mail":"[EMAIL]"}'])
  })

  it('and before it: both are of what the caller gets', async () => {
    const ask = await under((app, guarded) => {
      app.use(compress({ threshold: 0 }), etag(), guarded)
      app.get(POINT, (c) => c.json(MAIL))
    })
    const first = await ask('GET', POINT, { ...ANA, 'accept-encoding': 'gzip' })
    assert.strictEqual(first.headers['content-encoding'], 'gzip')
    assert.strictEqual(require('node:zlib').gunzipSync(first.body).toString(), '{"mail":"[EMAIL]"}')
    assert.ok(first.headers.etag)
  })

  it('streams events as they are made, and breaks off what is cut', async () => {
    let step
    const second = new Promise((resolve) => { step = resolve })
    const app = new Hono()
    app.use(guard(here.guard))
    app.post('/openai/v1/chat/completions', (c) => streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: '{"delta":"tom.ek@example.org, "}' })
      await second
      await stream.writeSSE({ data: '{"delta":"more"}' })
    }))
    app.get(POINT, () => new Response(new ReadableStream({
      async start (controller) {
        controller.enqueue(Buffer.from('{"result":{"a":[1,2,3],'))
        for (let turns = 0; turns < 4; turns++) await new Promise((resolve) => setImmediate(resolve))
        controller.enqueue(Buffer.from(']]'))
        controller.close()
      }
    }), { headers: { 'content-type': 'application/json' } }))
    const { port } = await serve(http.createServer(getRequestListener(app.fetch)))
    const text = wire.request('POST', '/openai/v1/chat/completions', { ...ANA, 'content-type': 'application/json' }, '{"model":"m","stream":true,"messages":[]}')
    const { bytes, socket } = await wire.exchange(port, text, (text) => text.includes('[EMAIL], '))
    assert.ok(!bytes.includes('more'))
    let rest = ''
    socket.on('data', (piece) => { rest += piece })
    step()
    await new Promise((resolve) => socket.on('close', resolve))
    assert.match(rest, /more[^]*\r\n0\r\n\r\n$/)
    const cut = await wire.exchange(port, wire.request('GET', POINT, ANA))
    assert.strictEqual(cut.reset || !wire.parse(cut.bytes).whole, true)
  })

  it('reads no body before the guard', async () => {
    const errors = []
    const ask = await under((app, guarded) => {
      app.use(async (c, next) => {
        await c.req.text()
        await next()
      })
      app.use(guarded)
      app.onError((error, c) => {
        errors.push(error.code)
        return c.text('', 500)
      })
    })
    assert.strictEqual((await ask('POST', EMBED, { ...ANA, 'content-type': 'application/json' }, '{"model":"m","input":"a"}')).status, 500)
    assert.deepStrictEqual(errors, ['body_already_read'])
  })

  it('says who calls, once that is verified', async () => {
    const ask = await under((app, guarded) => {
      app.use(async (c, next) => {
        c.set('user', { subject: 'eva', groups: ['analysts'] })
        await next()
      })
      app.use(guarded)
      app.get(POINT, (c) => c.json(MAIL))
    }, { identity: (c) => c.get('user') })
    assert.strictEqual((await ask('GET', POINT, {})).status, 200)
    const log = await records(here)
    assert.deepStrictEqual([log.at(-1).identity.subject, log.at(-1).door], ['eva', 'hono'])
  })

  it('whose handler gives nothing says so, as ever', async () => {
    const ask = await under((app, guarded) => {
      app.use(guarded)
      app.get(POINT, () => {})
      app.onError((error, c) => c.text(error.constructor.name, 500))
    })
    assert.strictEqual((await ask('GET', POINT)).status, 500)
  })
})
