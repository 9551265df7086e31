'use strict'

// What streams: chunk 1 leaves before the service makes chunk 2, whatever changes on the way.

const assert = require('node:assert')
const express = require('express')
const http = require('node:http')
const { Readable, pipeline } = require('node:stream')
const { describe, it } = require('node:test')
const zlib = require('node:zlib')

const { guard } = require('wardline/express')
const { place, records, serve } = require('./place.js')
const wire = require('./wire.js')

const GET = (headers = {}) => wire.request('GET', '/qdrant/collections/docs/points/7', { 'x-user': 'ana', ...headers })
const CHAT = wire.request('POST', '/openai/v1/chat/completions', { 'x-user': 'ana', 'content-type': 'application/json' },
  '{"model":"m","stream":true,"messages":[]}')

/** Serves this under the corpus' policy, in Express. */
async function under (handler, here = place()) {
  const app = express()
  app.disable('x-powered-by')
  app.use(guard(here.guard))
  app.use(handler)
  return { here, ...await serve(http.createServer(app)) }
}

/** A gate that is opened from outside. */
function gate () {
  let open
  const opened = new Promise((resolve) => { open = resolve })
  return { opened, open }
}

describe('a stream', () => {
  for (const [name, first, expected] of [
    ['unmasked', 'data: {"delta":"one "}\n\n', 'data: {"delta":"one "}\n\n'],
    ['masked', 'data: {"delta":"tom.ek@example.org "}\n\n', 'data: {"delta":"[EMAIL] "}\n\n']
  ]) {
    it(`reaches the caller event by event, ${name}`, async () => {
      const second = gate()
      const { port } = await under(async (req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write(first)
        await second.opened
        res.end('data: [DONE]\n\n')
      })
      // The second event is not made before the first has been read from the socket.
      const { bytes, socket } = await wire.exchange(port, CHAT, (text) => text.includes(expected))
      assert.ok(!bytes.includes('[DONE]'))
      const rest = new Promise((resolve) => {
        let text = ''
        socket.on('data', (piece) => { text += piece })
        socket.on('close', () => resolve(text))
      })
      second.open()
      assert.match(await rest, /data: \[DONE\]\n\n\r\n0\r\n\r\n$/)
    })
  }

  it('sends its head before its first byte', async () => {
    const body = gate()
    const { port } = await under(async (req, res) => {
      res.set('content-type', 'application/json').flushHeaders()
      await body.opened
      res.end('{}')
    })
    const { bytes } = await wire.exchange(port, GET(), (text) => text.includes('\r\n\r\n'))
    assert.match(bytes.toString(), /^HTTP\/1.1 200 OK\r\n/)
    body.open()
  })

  it('sends its head where all that was written is held back', async () => {
    const rest = gate()
    const { port } = await under(async (req, res) => {
      res.set('content-type', 'application/json').write('{"mail":"tom.ek')
      await rest.opened
      res.end('@example.org"}')
    })
    const { bytes, socket } = await wire.exchange(port, GET(), (text) => text.includes('\r\n\r\n'))
    assert.ok(!bytes.includes('tom.ek'))
    let text = bytes.toString()
    socket.on('data', (piece) => { text += piece })
    rest.open()
    await new Promise((resolve) => socket.on('close', resolve))
    assert.strictEqual(wire.parse(Buffer.from(text)).body.toString(), '{"mail":"[EMAIL]"}')
  })

  it('keeps its trailers', async () => {
    const { port } = await under((req, res) => {
      res.writeHead(200, { 'content-type': 'application/json', trailer: 'x-sum' })
      res.write('{"mail":"tom.ek@example.org"}')
      res.addTrailers({ 'x-sum': 'abc' })
      res.end()
    })
    const seen = wire.parse((await wire.exchange(port, GET())).bytes)
    assert.deepStrictEqual(seen.trailers, { 'x-sum': 'abc' })
    assert.strictEqual(seen.body.toString(), '{"mail":"[EMAIL]"}')
  })

  it('keeps back-pressure: an endless source stands still while nobody reads', async () => {
    let made = 0
    const piece = `{"n":[${'1.5,'.repeat(4000)}1]}\n`
    const { port } = await under((req, res) => {
      const source = new Readable({ read () { this.push(piece); made += piece.length } })
      res.setHeader('content-type', 'application/x-ndjson')
      pipeline(source, res, () => {})
    })
    const { socket } = await wire.exchange(port, GET(), (text) => text.includes('\r\n\r\n'))
    socket.pause()
    let before = -1
    while (before !== made) {
      before = made
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.ok(made < 64 * 1024 * 1024)
    socket.destroy()
  })

  it('closes its source when the caller goes away, and the record says so', async () => {
    const closed = gate()
    const { here, port } = await under((req, res) => {
      const source = new Readable({ read () {} })
      source.push('data: {"delta":"one "}\n\n')
      source.on('close', closed.open)
      res.setHeader('content-type', 'text/event-stream')
      pipeline(source, res, () => {})
    })
    const { socket } = await wire.exchange(port, CHAT, (text) => text.includes('one'))
    socket.destroy()
    await closed.opened
    assert.strictEqual((await records(here))[0].outcome.result, 'disconnected')
  })

  it('is aborted where its source breaks off, and the record says that the service failed', async () => {
    const { here, port } = await under((req, res) => {
      const source = Readable.from((async function * () {
        yield 'data: {"delta":"one "}\n\n'
        await new Promise((resolve) => setImmediate(resolve))
        throw new Error('upstream is gone')
      })())
      res.setHeader('content-type', 'text/event-stream')
      pipeline(source, res, () => {})
    })
    const seen = wire.parse((await wire.exchange(port, CHAT)).bytes)
    assert.strictEqual(seen.whole, false)
    assert.strictEqual((await records(here))[0].outcome.result, 'failed')
  })

  it('closes its source where the response is refused', async () => {
    const closed = gate()
    const { port } = await under((req, res) => {
      const source = new Readable({ read () {} })
      source.push('tom.ek@example.org')
      source.on('close', closed.open)
      res.setHeader('content-type', 'application/octet-stream')
      pipeline(source, res, () => {})
    })
    const seen = wire.parse((await wire.exchange(port, GET())).bytes)
    assert.strictEqual(seen.status, 502)
    assert.ok(!seen.body.includes('tom.ek'))
    await closed.opened
  })

  it('resets a connection whose end would pass for the end of the body', async () => {
    const { port } = await under(async (req, res) => {
      res.setHeader('content-type', 'application/json')
      res.write('{"result":{"a":1,')
      await new Promise((resolve) => setTimeout(resolve, 20))
      res.end(']')
    })
    const { reset } = await wire.exchange(port, GET().replace('HTTP/1.1', 'HTTP/1.0'))
    assert.strictEqual(reset, true)
  })

  for (const [coding, code] of [['gzip', zlib.gzipSync], ['deflate', zlib.deflateSync], ['br', zlib.brotliCompressSync]]) {
    it(`is decoded from ${coding}, masked and sent plain`, async () => {
      const { port } = await under((req, res) => {
        res.set({ 'content-type': 'application/json', 'content-encoding': coding })
        const bytes = code('{"mail":"tom.ek@example.org"}')
        res.write(bytes.subarray(0, 9))
        res.end(bytes.subarray(9))
      })
      const seen = wire.parse((await wire.exchange(port, GET())).bytes)
      assert.strictEqual(seen.headers['content-encoding'], undefined)
      assert.strictEqual(seen.body.toString(), '{"mail":"[EMAIL]"}')
    })
  }
})
