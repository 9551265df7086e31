'use strict'

// Every way in which a handler writes a response, and what must be true of its head.

const assert = require('node:assert')
const express = require('express')
const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const { Readable } = require('node:stream')
const { before, describe, it } = require('node:test')

const { guard } = require('wardline/express')
const { place, serve } = require('./place.js')
const wire = require('./wire.js')

const CLEAR = '{"mail":"tom.ek@example.org"}'
const MASKED = '{"mail":"[EMAIL]"}'
const JSON_TYPE = 'application/json'

const whole = { 'content-length': String(MASKED.length), 'transfer-encoding': undefined }
const chunked = { 'content-length': undefined, 'transfer-encoding': 'chunked' }

const ways = {
  'res.json': [(res) => res.json({ mail: 'tom.ek@example.org' }), whole],
  'res.send of text': [(res) => res.type('json').send(CLEAR), whole],
  'res.send of a Buffer': [(res) => res.type('json').send(Buffer.from(CLEAR)), whole],
  'res.end alone': [(res) => res.setHeader('content-type', JSON_TYPE).end(CLEAR), whole],
  'res.end with an encoding': [(res) => res.type('json').end(Buffer.from(CLEAR).toString('base64'), 'base64'), whole],
  'res.end with a callback': [(res, done) => res.type('json').end(CLEAR, done), whole, true],
  'res.end with an encoding and a callback': [(res, done) => res.type('json').end(CLEAR, 'utf8', done), whole, true],
  'res.end with a Uint8Array': [(res) => res.type('json').end(new Uint8Array(Buffer.from(CLEAR))), whole],
  'writeHead with a length, then end': [
    (res) => res.writeHead(200, { 'Content-Type': JSON_TYPE, 'Content-Length': CLEAR.length }).end(CLEAR), whole],
  'writeHead with a reason and a list': [
    (res) => res.writeHead(200, 'Fine', ['Content-Type', JSON_TYPE, 'Content-Length', String(CLEAR.length)]).end(CLEAR), whole],
  'writeHead with a list of pairs': [
    (res) => res.writeHead(200, [['Content-Type', JSON_TYPE], ['Content-Length', CLEAR.length]]).end(CLEAR), whole],
  'writeHead without a length': [(res) => res.writeHead(200, { 'content-type': JSON_TYPE }).end(CLEAR), chunked],
  'a length, then pieces': [(res, done) => {
    res.set({ 'content-type': JSON_TYPE, 'content-length': CLEAR.length })
    res.write(CLEAR.slice(0, 12), done)
    res.write(Buffer.from(CLEAR.slice(12, 20)).toString('hex'), 'hex')
    res.end(CLEAR.slice(20))
  }, whole, true],
  'pieces without a length': [(res, done) => {
    res.type('json')
    res.write(CLEAR.slice(0, 12), 'latin1', done)
    res.write('')
    res.end(CLEAR.slice(12))
  }, chunked, true],
  'end after the last write': [(res, done) => {
    res.type('json').write(CLEAR)
    res.end(done)
  }, chunked, true],
  pipe: [(res) => Readable.from([CLEAR.slice(0, 14), CLEAR.slice(14)]).pipe(res.type('json')), chunked]
}

describe('a response', () => {
  let port
  const here = place()

  before(async () => {
    const app = express()
    app.use(guard(here.guard))
    app.use((req, res) => {
      const way = ways[decodeURIComponent(req.headers['x-way'])]
      way[0](res, () => { way.called = true })
    })
    port = (await serve(http.createServer(app))).port
  })

  for (const [name, way] of Object.entries(ways)) {
    it(`is masked and its length exact: ${name}`, async () => {
      const text = wire.request('GET', '/qdrant/collections/docs/points/7', { 'x-user': 'ana', 'x-way': encodeURIComponent(name) })
      const seen = wire.parse((await wire.exchange(port, text)).bytes)
      assert.strictEqual(seen.status, 200)
      assert.ok(seen.whole)
      assert.strictEqual(seen.body.toString(), MASKED)
      assert.strictEqual(seen.rest.length, 0)
      assert.strictEqual(seen.headers.etag, undefined)
      for (const [header, value] of Object.entries(way[1])) assert.strictEqual(seen.headers[header], value, header)
      if (way[2]) assert.strictEqual(way.called, true, 'the callback was called')
    })
  }
})

describe('the head of a response', () => {
  const under = async (handler, here = place()) => {
    const app = express()
    app.use(guard(here.guard))
    app.use(handler)
    return (await serve(http.createServer(app))).port
  }
  const get = async (port, method = 'GET', target = '/qdrant/collections/docs/points/7', headers = {}) => {
    const { bytes } = await wire.exchange(port, wire.request(method, target, { 'x-user': 'ana', ...headers }))
    return wire.parse(bytes, { method })
  }

  it('of HEAD does not tell the length or the tag of the clear body', async () => {
    const port = await under((req, res) => res.json({ mail: 'tom.ek@example.org' }))
    const seen = await get(port, 'HEAD')
    assert.deepStrictEqual([seen.status, seen.headers['content-length'], seen.headers.etag], [200, undefined, undefined])
    assert.strictEqual(seen.rest.length, 0)
  })

  for (const status of [204, 205, 304]) {
    it(`of ${status} comes without a body`, async () => {
      const port = await under((req, res) => { res.writeHead(status).end('tom.ek@example.org') })
      const seen = await get(port)
      assert.strictEqual(seen.status, status)
      assert.ok(!seen.body.includes('tom'))
      assert.strictEqual(seen.rest.length, 0)
    })
  }

  it('keeps what it says twice', async () => {
    const port = await under((req, res) => {
      res.append('set-cookie', 'a=1')
      res.writeHead(200, ['content-type', JSON_TYPE, 'set-cookie', 'b=2', 'set-cookie', 'c=3']).end('{}')
    })
    assert.strictEqual((await get(port)).headers['set-cookie'], 'b=2, c=3')
  })

  it('of an answer of the guard is the guard\'s own', async () => {
    const port = await under((req, res) => {
      res.set({ 'content-type': 'application/octet-stream', 'x-secret': 'tom.ek', etag: '"v1"' }).status(201)
      res.statusMessage = 'Made'
      res.end('tom.ek@example.org')
    })
    const seen = await get(port)
    assert.strictEqual(seen.status, 502)
    assert.deepStrictEqual([seen.headers['x-secret'], seen.headers.etag], [undefined, undefined])
    assert.strictEqual(seen.headers['content-type'], 'application/json')
    assert.strictEqual(seen.headers['x-powered-by'], 'Express')
  })

  it('is found written by a handler that fails after it, so that no second one is begun', async () => {
    const port = await under((req, res, next) => {
      res.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': 30 })
      res.write('{"mail":')
      assert.strictEqual(res.headersSent, true)
      next(Object.assign(new Error('late'), { expose: false }))
    })
    const seen = await get(port)
    assert.deepStrictEqual([seen.whole, seen.status], [false, 0])
  })

  it('of an untouched file stays resumable', async () => {
    const here = place(`version: 1
state: memory
default: deny
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1/32]}
services: {models: {system: mlflow, base_path: /}}
rules: [{name: all, who: ["user:*"], operations: ["*"], effect: allow}]
`)
    const file = path.join(here.folder, 'model.bin')
    fs.writeFileSync(file, Buffer.alloc(100_000, 7))
    const port = await under((req, res) => res.sendFile(file), here)
    const target = '/api/2.0/mlflow-artifacts/artifacts/models/ranker/model.safetensors'
    const seen = await get(port, 'GET', target, { range: 'bytes=10-19' })
    assert.deepStrictEqual([seen.status, seen.body.length], [206, 10])
    const all = await get(port, 'GET', target)
    assert.deepStrictEqual([all.status, all.body.length, all.headers['content-length']], [200, 100_000, '100000'])
    assert.match(all.headers.etag, /^W\//)
  })

  it('declares no more than is sent: a body that stops short is broken off', async () => {
    const port = await under((req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain', 'content-length': 50 })
      res.end('short')
    })
    assert.strictEqual((await get(port)).whole, false)
  })

  it('declares no less than is sent: what is too much never leaves', async () => {
    const port = await under((req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain', 'content-length': 3 })
      res.end('more than three')
    })
    const seen = await get(port)
    assert.ok(!seen.body.includes('more than'))
    assert.strictEqual(seen.rest.length, 0)
  })
})
