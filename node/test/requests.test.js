'use strict'

// What a handler finds of the request, and what is never read of one that is denied.

const assert = require('node:assert')
const { AsyncLocalStorage } = require('node:async_hooks')
const Fastify = require('fastify')
const express = require('express')
const http = require('node:http')
const net = require('node:net')
const { describe, it } = require('node:test')

const { guard, holdContinue } = require('wardline/express')
const fastify = require('wardline/fastify')
const { place, records, serve } = require('./place.js')
const wire = require('./wire.js')

const EMBED = '/openai/v1/embeddings'
const SCROLL = '/qdrant/collections/docs/points/scroll'
const JSON_TYPE = { 'x-user': 'ana', 'content-type': 'application/json' }
const CLEAR = '{"model":"m","input":"rosa.lind@example.com"}'
const MASKED = '{"model":"m","input":"[EMAIL]"}'

/** Serves this behind a guard: with Express, what `before` sets up stands before the guard. */
async function under (handler, { here = place(), before = () => {}, options } = {}) {
  const app = express()
  before(app)
  app.use(guard(here.guard, options))
  app.use(handler)
  app.use((error, req, res, next) => res.status(500).json({ code: error.code ?? 'none' }))
  return { here, ...await serve(http.createServer(app)) }
}

/** Answers with what the handler found. */
const echo = async (req, res) => {
  const pieces = []
  for await (const piece of req) pieces.push(piece)
  res.json({ text: Buffer.concat(pieces).toString(), headers: req.headers, distinct: req.headersDistinct, raw: req.rawHeaders })
}

const ask = async (port, text, method = 'POST') => {
  const seen = wire.parse((await wire.exchange(port, text)).bytes, { method })
  return { ...seen, json: seen.body.length > 0 ? JSON.parse(seen.body) : null }
}

describe('a request', () => {
  for (const [name, read] of Object.entries({
    'express.json': [express.json(), (req, res) => res.json({ text: JSON.stringify(req.body) })],
    'express.raw': [express.raw({ type: () => true }), (req, res) => res.json({ text: req.body.toString() })],
    events: [(req, res) => {
      let text = ''
      req.setEncoding('utf8').on('data', (piece) => { text += piece }).on('end', () => res.json({ text }))
    }],
    'events, later': [(req, res) => setTimeout(() => {
      let text = ''
      req.on('data', (piece) => { text += piece }).on('end', () => res.json({ text }))
    }, 20)],
    iteration: [echo],
    fetch: [async (req, res) => {
      assert.strictEqual(req.readableDidRead, false)
      const body = new Request('http://localhost', { method: 'POST', body: req, duplex: 'half' })
      res.json({ text: await body.text() })
    }]
  })) {
    it(`is read masked, as if nobody had read it before: ${name}`, async () => {
      const app = express.Router()
      app.use(...read)
      const { port } = await under(app)
      const seen = await ask(port, wire.request('POST', EMBED, JSON_TYPE, CLEAR))
      assert.strictEqual(seen.json.text, MASKED)
    })
  }

  it('says its new length everywhere, and no coding that it has lost', async () => {
    const { port } = await under(echo)
    const { json } = await ask(port, wire.request('POST', EMBED, { ...JSON_TYPE, 'content-md5': 'abc' }, CLEAR))
    const length = String(MASKED.length)
    assert.strictEqual(json.headers['content-length'], length)
    assert.deepStrictEqual(json.distinct['content-length'], [length])
    const raw = json.raw.map((one) => one.toLowerCase())
    assert.strictEqual(raw.filter((one) => one === 'content-length').length, 1)
    assert.strictEqual(raw[raw.indexOf('content-length') + 1], length)
    assert.strictEqual(json.headers['content-md5'], undefined)
    assert.ok(!raw.includes('content-md5'))
    assert.strictEqual(json.headers['accept-encoding'], 'identity')
  })

  it('that comes in chunks has a length once it is masked', async () => {
    const { port } = await under(echo)
    const head = wire.request('POST', EMBED, { ...JSON_TYPE, 'transfer-encoding': 'chunked' })
    const pieces = [CLEAR.slice(0, 30), CLEAR.slice(30)].map((one) => `${one.length.toString(16)}\r\n${one}\r\n`)
    const { json } = await ask(port, `${head}${pieces.join('')}0\r\n\r\n`)
    assert.strictEqual(json.text, MASKED)
    assert.deepStrictEqual([json.headers['content-length'], json.headers['transfer-encoding']], [String(MASKED.length), undefined])
  })

  it('that is long passes whole, piece by piece', async () => {
    // Longer than what a guard reads, so it is masked as it passes.
    const input = Array.from({ length: 60_000 }, (_, i) => `tom${i}.ek@example.org and words`)
    const body = JSON.stringify({ model: 'm', input })
    const { port } = await under((req, res) => {
      let text = ''
      req.on('data', (piece) => { text += piece })
      req.on('end', () => res.json({ clear: text.includes('example.org'), count: JSON.parse(text).input.length, te: req.headers['transfer-encoding'] ?? null }))
    })
    const { json } = await ask(port, wire.request('POST', EMBED, JSON_TYPE, body))
    assert.deepStrictEqual(json, { clear: false, count: 60_000, te: 'chunked' })
  })

  it('may wait for an asynchronous middleware before the guard, its body arriving meanwhile', async () => {
    for (const wait of [0, 30]) {
      const before = (app) => app.use((req, res, next) => setTimeout(next, wait))
      const read = (req, res) => express.json()(req, res, () => res.json({ text: JSON.stringify(req.body) }))
      const { port } = await under(read, { before })
      assert.strictEqual((await ask(port, wire.request('POST', EMBED, JSON_TYPE, CLEAR))).json.text, MASKED)
    }
  })

  it('whose body was read before the guard is an error that says so', async () => {
    const errors = []
    const app = express()
    app.use(express.json())
    app.use(guard(place().guard))
    app.use((error, req, res, next) => {
      errors.push(error)
      res.status(500).json({ code: error.code })
    })
    const { port } = await serve(http.createServer(app))
    assert.strictEqual((await ask(port, wire.request('POST', EMBED, JSON_TYPE, CLEAR))).json.code, 'body_already_read')
    assert.match(errors[0].message, /before any body parser/)
    assert.ok(!errors[0].message.includes('rosa'))
  })

  it('is not read where nothing asks for its body', async () => {
    const { port } = await under((req, res) => {
      assert.strictEqual(Object.hasOwn(req, 'push'), false)
      res.json({ read: req.readableDidRead })
    }, {
      here: place(`version: 1
state: memory
services: {models: {system: mlflow, base_path: /}}
rules: [{name: all, who: ["*"], operations: ["*"], effect: allow}]
`)
    })
    const { json } = await ask(port, wire.request('GET', '/api/2.0/mlflow/registered-models/search'))
    assert.deepStrictEqual(json, { read: false })
  })

  it('comes with the identity that a middleware before verified', async () => {
    for (const identity of [
      () => ({ subject: 'eva', groups: ['analysts'] }),
      async () => 'eva'
    ]) {
      const { here, port } = await under(echo, { options: { identity } })
      await ask(port, wire.request('POST', EMBED, { ...JSON_TYPE, 'x-user': 'mallory' }, CLEAR))
      assert.strictEqual((await records(here))[0].identity.subject, 'eva')
    }
  })

  it('whose identity cannot be told passes to nobody', async () => {
    for (const identity of [() => { throw new Error('no') }, async () => { throw new Error('no') }, () => ({ groups: 7 })]) {
      let served = false
      const { port } = await under(() => { served = true }, { options: { identity } })
      const { bytes } = await wire.exchange(port, wire.request('POST', EMBED, JSON_TYPE, CLEAR))
      assert.match(bytes.toString(), /^HTTP\/1.1 500 /)
      assert.strictEqual(served, false)
    }
  })

  it('that fails before a handler which takes no error is answered, not served', async () => {
    const here = place()
    const middleware = guard(here.guard, { identity: () => { throw new Error('no') } })
    let served = false
    const { port } = await serve((req, res) => middleware(req, res, () => { served = true }))
    const seen = await ask(port, wire.request('POST', EMBED, JSON_TYPE, CLEAR))
    assert.deepStrictEqual([seen.status, seen.json.code, served], [503, 'guard_unavailable', false])
  })

  it('to a plain node:http server is guarded alike', async () => {
    const middleware = guard(place().guard)
    const { port } = await serve((req, res) => middleware(req, res, async () => {
      let text = ''
      for await (const piece of req) text += piece
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify({ text }))
    }))
    assert.strictEqual((await ask(port, wire.request('POST', EMBED, JSON_TYPE, CLEAR))).json.text, MASKED)
  })

  it('under a mounted router is judged by the whole path', async () => {
    const here = place()
    const app = express()
    app.use('/qdrant', guard(here.guard), (req, res) => res.json({ url: req.url }))
    const { port } = await serve(http.createServer(app))
    const denied = await ask(port, wire.request('DELETE', '/qdrant/collections/docs', { 'x-user': 'ana' }), 'DELETE')
    assert.strictEqual(denied.json.code, 'denied')
    const allowed = await ask(port, wire.request('GET', '/qdrant/collections', { 'x-user': 'ana' }), 'GET')
    assert.deepStrictEqual(allowed.json, { url: '/collections' })
  })

  it('in absolute form is judged by its path', async () => {
    const { port } = await under(echo)
    const seen = await ask(port, wire.request('DELETE', 'http://localhost/qdrant/collections/docs', { 'x-user': 'ana' }), 'DELETE')
    assert.strictEqual(seen.json.code, 'denied')
  })

  it('whose client goes away in the middle leaves a record, and reaches nobody', async () => {
    let served = false
    const { here, port } = await under(() => { served = true })
    const socket = net.connect(port, '127.0.0.1')
    socket.write(`POST ${EMBED} HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"input":`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    const [record] = await records(here)
    assert.deepStrictEqual([record.outcome.result, served], ['disconnected', false])
  })
})

describe('a denied request', () => {
  const drop = (options) => wire.request('DELETE', '/qdrant/collections/docs', { 'x-user': 'ana' }, '', options)

  it('leaves the connection to the next one', async () => {
    const { port } = await under((req, res) => res.json({ served: req.url }))
    const next = wire.request('GET', '/qdrant/collections', { 'x-user': 'ana' })
    const { bytes } = await wire.exchange(port, drop({ close: false }) + next)
    const first = wire.parse(bytes)
    const second = wire.parse(first.rest)
    assert.deepStrictEqual([first.status, second.status, second.rest.length], [403, 200, 0])
  })

  it('with a body leaves the connection to the next one too', async () => {
    const { port } = await under((req, res) => res.json({ served: req.url }))
    const held = wire.request('POST', SCROLL, JSON_TYPE, `{"limit":5000,"with_vector":true,"x":"${'y'.repeat(100_000)}"}`, { close: false })
    const next = wire.request('GET', '/qdrant/collections', { 'x-user': 'ana' })
    const { bytes } = await wire.exchange(port, held + next)
    const first = wire.parse(bytes)
    const second = wire.parse(first.rest)
    assert.deepStrictEqual([first.status, second.status, second.rest.length], [403, 200, 0])
  })

  it('never has its body read by the handler, nor waited for', async () => {
    let served = false
    const { port } = await under(() => { served = true })
    // Only a part of the body is ever sent: the answer does not depend on it.
    const text = 'DELETE /qdrant/collections/docs HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\ncontent-length: 1000000\r\n\r\nabc'
    const { bytes, socket } = await wire.exchange(port, text, (seen) => seen.includes('default_deny') || seen.includes('"denied"'))
    socket.destroy()
    assert.deepStrictEqual([wire.parse(bytes).status, served], [403, false])
  })

  it('is answered before the client sends its body, where the server holds 100 Continue', async () => {
    const app = express()
    app.use(guard(place().guard))
    app.use(echo)
    const { port } = await serve(holdContinue(http.createServer(app)))
    const denied = 'DELETE /qdrant/collections/docs HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n'
    const { bytes } = await wire.exchange(port, denied)
    assert.match(bytes.toString(), /^HTTP\/1.1 403 /)
    assert.match(bytes.toString(), /connection: close/i)

    const allowed = `POST ${EMBED} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-user: ana\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: ${CLEAR.length}\r\n\r\n`
    const { bytes: first, socket } = await wire.exchange(port, allowed, (text) => text.includes('\r\n\r\n'))
    assert.match(first.toString(), /^HTTP\/1.1 100 Continue\r\n\r\n$/)
    let text = ''
    socket.on('data', (piece) => { text += piece })
    socket.write(CLEAR)
    await new Promise((resolve) => socket.on('close', resolve))
    assert.strictEqual(JSON.parse(wire.parse(Buffer.from(text)).body).text, MASKED)
  })
})

describe('the context of what stands before the guard', () => {
  it('is that of the handler, though the body is waited for', async () => {
    const context = new AsyncLocalStorage()
    const { port } = await under((req, res) => req.resume().on('end', () => res.json({ text: context.getStore() })), {
      before: (app) => app.use((req, res, next) => context.run('of the tracer', next))
    })
    for (const [method, target, body] of [['GET', '/qdrant/collections/docs/points/7', ''], ['POST', EMBED, CLEAR]]) {
      assert.deepStrictEqual((await ask(port, wire.request(method, target, JSON_TYPE, body), method)).json, { text: 'of the tracer' })
    }
  })

  it('is that of the handler in Fastify, too', async () => {
    const context = new AsyncLocalStorage()
    const app = Fastify({ serverFactory: (handler) => http.createServer((req, res) => context.run('of the tracer', () => handler(req, res))) })
    await app.register(fastify.guard, { policy: place().guard })
    app.all('*', async () => ({ text: context.getStore() }))
    await app.ready()
    const { port } = await serve(app.server)
    for (const [method, target, body] of [['GET', '/qdrant/collections/docs/points/7', ''], ['POST', EMBED, CLEAR]]) {
      assert.deepStrictEqual((await ask(port, wire.request(method, target, JSON_TYPE, body), method)).json, { text: 'of the tracer' })
    }
  })
})
