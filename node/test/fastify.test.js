'use strict'

// Fastify's plugin: every way in which Fastify answers, and the ways around its hooks.

const assert = require('node:assert')
const http = require('node:http')
const { Readable } = require('node:stream')
const { after, before, describe, it } = require('node:test')
const Fastify = require('fastify')
const Koa = require('koa')

const express = require('wardline/express')
const { guard } = require('wardline/fastify')
const { place, records, serve } = require('./place.js')
const wire = require('./wire.js')

const POINT = '/qdrant/collections/docs/points/7'
const EMBED = '/openai/v1/embeddings'
const ANA = { 'x-user': 'ana', 'x-groups': 'analysts' }
const JSON_TYPE = { ...ANA, 'content-type': 'application/json' }
const CLEAR = '{"model":"m","input":"rosa.lind@example.com"}'
const MAIL = { mail: 'tom.ek@example.org' }
const MASKED = '{"mail":"[EMAIL]"}'

let here
const apps = []
before(() => { here = place() })
after(() => Promise.all(apps.map((app) => app.close())))

/** An app that `set` puts together, with the guard first. */
async function under (set, options = {}, of = {}) {
  const app = Fastify(of)
  apps.push(app)
  await options.first?.(app)
  await app.register(guard, { policy: here.guard, identity: options.identity })
  await set(app)
  await app.ready()
  return app
}

/** The same on a socket. */
async function listening (...given) {
  const app = await under(...given)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address()
  return async (method, target, headers = ANA, body = '') =>
    wire.parse((await wire.exchange(port, wire.request(method, target, headers, body))).bytes, { method })
}

describe('Fastify', () => {
  for (const [name, handler] of Object.entries({
    'what a handler gives': () => MAIL,
    'a text': (request, reply) => reply.type('application/json').send(JSON.stringify(MAIL)),
    'a Buffer': (request, reply) => reply.type('application/json').send(Buffer.from(JSON.stringify(MAIL))),
    'a stream': (request, reply) => reply.type('application/json').send(Readable.from([JSON.stringify(MAIL)])),
    'a web Response': () => Response.json(MAIL),
    'a hijacked reply': (request, reply) => {
      reply.hijack()
      reply.raw.setHeader('content-type', 'application/json')
      reply.raw.end(JSON.stringify(MAIL))
    },
    'the raw response': (request, reply) => {
      reply.raw.writeHead(200, { 'content-type': 'application/json' })
      reply.raw.write('{"mail":"tom.ek')
      reply.raw.end('@example.org"}')
      return reply
    }
  })) {
    it(`answers masked: ${name}`, async () => {
      const ask = await listening((app) => app.get(POINT, handler))
      const seen = await ask('GET', POINT)
      assert.deepStrictEqual([seen.status, seen.body.toString(), seen.whole], [200, MASKED, true])
    })
  }

  it('reads a request masked, before whatever of its hooks reads it', async () => {
    const parsed = []
    const ask = await listening((app) => {
      app.addHook('preParsing', async (request, reply, payload) => {
        parsed.push(request.headers['content-length'])
        return payload
      })
      app.post(EMBED, async (request) => ({ got: request.body }))
    })
    const seen = await ask('POST', EMBED, JSON_TYPE, CLEAR)
    assert.deepStrictEqual(JSON.parse(seen.body), { got: { model: 'm', input: '[EMAIL]' } })
    assert.deepStrictEqual(parsed, ['31'])
  })

  it('has its error pages, its "not found" and its answers to HEAD guarded', async () => {
    const ask = await listening((app) => {
      app.get(POINT, () => { throw new Error('no room for tom.ek@example.org') })
      app.get('/qdrant/collections/docs/points/8', () => MAIL)
      app.setNotFoundHandler((request, reply) => reply.code(404).send({ nothing: 'tom.ek@example.org' }))
    })
    const failed = await ask('GET', POINT)
    assert.strictEqual(failed.status, 500)
    assert.match(failed.body.toString(), /no room for \[EMAIL\]/)
    const missing = await ask('GET', '/qdrant/collections/docs/points/9')
    assert.deepStrictEqual([missing.status, missing.body.toString()], [404, '{"nothing":"[EMAIL]"}'])
    const head = await ask('HEAD', '/qdrant/collections/docs/points/8')
    assert.deepStrictEqual([head.status, head.headers['content-length'], head.rest.length], [200, undefined, 0])
  })

  it('calls neither handler nor later hooks for what is denied, and its own end hooks all the same', async () => {
    const called = []
    let ended
    const over = new Promise((resolve) => { ended = resolve })
    const ask = await listening((app) => {
      app.addHook('preHandler', async () => { called.push('preHandler') })
      app.addHook('onResponse', async () => ended())
      app.all('*', () => { called.push('handler') })
    })
    const denied = await ask('DELETE', '/qdrant/collections/docs')
    assert.deepStrictEqual([denied.status, JSON.parse(denied.body).code, called], [403, 'denied', []])
    await over
  })

  it('aborts a stream that breaks off, and lets go of its source', async () => {
    let closed
    const gone = new Promise((resolve) => { closed = resolve })
    const ask = await listening((app) => {
      app.get(POINT, (request, reply) => {
        const source = new Readable({ read () {} })
        source.push('{"result":{"a":1,')
        setImmediate(() => source.push(']'))
        source.on('close', closed)
        return reply.type('application/json').send(source)
      })
    })
    assert.strictEqual((await ask('GET', POINT)).whole, false)
    await gone
  })

  it('says who calls, once a hook before the guard knows', async () => {
    const app = await under((app) => app.get(POINT, () => MAIL), {
      first: (app) => {
        app.decorateRequest('user', null)
        app.addHook('onRequest', async (request) => { request.user = { subject: 'eva', groups: ['analysts'] } })
      },
      identity: (request) => request.user
    })
    assert.strictEqual((await app.inject(POINT)).payload, MASKED)
    const log = await records(here)
    assert.deepStrictEqual([log.at(-1).identity.subject, log.at(-1).door], ['eva', 'fastify'])
  })

  it('guards what is injected like what comes from a socket', async () => {
    const app = await under((app) => {
      app.post(EMBED, async (request) => ({ got: request.body }))
      app.get(POINT, () => MAIL)
      app.get('/qdrant/collections/docs/points/8', (request, reply) => reply.type('application/octet-stream').send(Buffer.from('tom.ek@example.org')))
    })
    const posted = await app.inject({ method: 'POST', url: EMBED, headers: JSON_TYPE, payload: CLEAR })
    assert.deepStrictEqual(posted.json(), { got: { model: 'm', input: '[EMAIL]' } })
    assert.strictEqual((await app.inject({ url: POINT, headers: ANA })).payload, MASKED)
    const denied = await app.inject({ method: 'DELETE', url: '/qdrant/collections/docs', headers: ANA })
    assert.deepStrictEqual([denied.statusCode, denied.json().code], [403, 'denied'])
    const refused = await app.inject({ url: '/qdrant/collections/docs/points/8', headers: ANA })
    assert.deepStrictEqual([refused.statusCode, refused.json().code], [502, 'unmaskable_response'])
  })

  it('denies before the body is sent, where its server holds "100 Continue"', async () => {
    const app = await under((app) => app.post(EMBED, async (request) => ({ got: request.body })))
    express.holdContinue(app.server)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address()
    const head = (method, target) => wire.request(method, target, { ...JSON_TYPE, expect: '100-continue', 'content-length': CLEAR.length })
    const denied = await wire.exchange(port, head('DELETE', '/qdrant/collections/docs'))
    assert.match(denied.bytes.toString(), /^HTTP\/1.1 403 /)
    const { socket } = await wire.exchange(port, head('POST', EMBED), (text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
    let rest = ''
    socket.on('data', (piece) => { rest += piece })
    socket.write(CLEAR)
    await new Promise((resolve) => socket.on('close', resolve))
    assert.match(rest, /"input":"\[EMAIL\]"/)
  })

  it('is judged by what it routes by', async () => {
    const app = await under((app) => app.get(POINT, () => MAIL), {}, { rewriteUrl: (req) => req.url.replace('/short', '/qdrant/collections/docs/points') })
    assert.strictEqual((await app.inject({ url: '/short/7', headers: ANA })).payload, MASKED)
  })

  it('guards plugins below, and refuses where some were there before', async () => {
    const app = await under((app) => app.register(async (below) => below.get(POINT, () => MAIL)))
    assert.strictEqual((await app.inject({ url: POINT, headers: ANA })).payload, MASKED)
    const late = Fastify()
    late.register(async (below) => below.get(POINT, () => MAIL))
    late.register(guard, { policy: here.guard })
    await assert.rejects(late.ready(), { code: 'invalid_input', message: /before other plugins/ })
    const routed = Fastify()
    apps.push(routed)
    routed.register(guard, { policy: here.guard })
    routed.get(POINT, () => MAIL)
    assert.strictEqual((await routed.inject({ url: POINT, headers: ANA })).payload, MASKED)
  })

  it('knows no HTTP/2, and says so', async () => {
    await assert.rejects(Fastify({ http2: true }).register(guard, { policy: here.guard }).ready(), { code: 'invalid_input' })
  })

  it('reads no body before the guard', async () => {
    const app = await under((app) => app.post(EMBED, () => MAIL), {
      first: (app) => app.addHook('onRequest', async (request) => { for await (const piece of request.raw) void piece })
    })
    const seen = await app.inject({ method: 'POST', url: EMBED, headers: JSON_TYPE, payload: CLEAR })
    assert.deepStrictEqual([seen.statusCode, seen.json().code], [500, 'body_already_read'])
  })
})

it('Koa is guarded by the door of node:http around its callback', async () => {
  const app = new Koa()
  app.silent = true
  app.use(async (ctx) => {
    let text = ''
    for await (const piece of ctx.req) text += piece
    if (ctx.path.endsWith('/8')) throw Object.assign(new Error('no room for tom.ek@example.org'), { expose: true, status: 409 })
    if (ctx.path.endsWith('/9')) {
      ctx.type = 'application/json'
      ctx.body = Readable.from([JSON.stringify(MAIL)])
    } else {
      ctx.body = text === '' ? MAIL : { text }
    }
  })
  const guarded = express.guard(here.guard)
  const handle = app.callback()
  const { port } = await serve(http.createServer((req, res) => guarded(req, res, () => handle(req, res))))
  const ask = async (method, target, headers = ANA, body = '') =>
    wire.parse((await wire.exchange(port, wire.request(method, target, headers, body))).bytes, { method })
  for (const target of [POINT, '/qdrant/collections/docs/points/9']) {
    assert.strictEqual((await ask('GET', target)).body.toString(), MASKED)
  }
  assert.deepStrictEqual(JSON.parse((await ask('POST', EMBED, JSON_TYPE, CLEAR)).body), { text: '{"model":"m","input":"[EMAIL]"}' })
  const failed = await ask('GET', '/qdrant/collections/docs/points/8')
  assert.deepStrictEqual([failed.status, failed.body.toString()], [409, 'no room for [EMAIL]'])
  assert.strictEqual((await ask('DELETE', '/qdrant/collections/docs')).status, 403)
})
