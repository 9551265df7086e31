'use strict'

// `http.request` and `https.request` through guarded agents, as their users know them.

const assert = require('node:assert')
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const { once } = require('node:events')
const { Readable } = require('node:stream')
const { before, describe, it } = require('node:test')
const axios = require('axios')

const { guardAgents, callerOf } = require('wardline/http')
const undici = require('wardline/undici')
const { place, records, serve } = require('./place.js')

const ana = { subject: 'ana', groups: ['analysts'] }
const CLEAR = '{"model":"m","input":"rosa.lind@example.com"}'
const MASKED = '{"model":"m","input":"[EMAIL]"}'
const MAIL = '{"mail":"tom.ek@example.org"}'
const POINT = '/qdrant/collections/docs/points/7'
const EMBED = '/openai/v1/embeddings'
const json = { 'content-type': 'application/json' }

let here
let port
let connections = 0
const paths = {}
const came = []

before(async () => {
  here = place()
  const { server, port: at } = await serve(async (req, res) => {
    let text = ''
    for await (const piece of req) text += piece
    came.push({ url: req.url, method: req.method, headers: req.headers, raw: req.rawHeaders, text })
    const handler = paths[req.url]
    if (handler !== undefined) return handler(req, res, text)
    const answer = req.method === 'GET' ? MAIL : text
    res.writeHead(200, { ...json, 'content-length': Buffer.byteLength(answer) }).end(answer)
  })
  server.on('connection', () => connections++)
  port = at
})

/** One request, and its response with all of its body. */
function ask (path, { agent = guardAgents(here.guard, { caller: ana }).httpAgent, body, over = http, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const asked = over.request({ host: '127.0.0.1', port, path, agent, ...options }, async (answer) => {
      let text = ''
      try {
        for await (const piece of answer.setEncoding('utf8')) text += piece
        resolve({ status: answer.statusCode, headers: answer.headers, text, answer })
      } catch (error) {
        reject(error)
      }
    })
    asked.on('error', reject)
    body instanceof Readable ? body.pipe(asked) : asked.end(body)
  })
}

describe('http.request', () => {
  it('sends bodies of known and of unknown length, and what has none', async () => {
    for (const headers of [{ ...json, 'content-length': CLEAR.length }, json]) {
      assert.strictEqual((await ask(EMBED, { method: 'POST', headers, body: CLEAR })).text, MASKED)
      assert.strictEqual(came.at(-1).text, MASKED)
      assert.notStrictEqual('content-length' in came.at(-1).headers, 'transfer-encoding' in came.at(-1).headers)
    }
    await ask(POINT)
    assert.ok(!('content-length' in came.at(-1).headers) && !('transfer-encoding' in came.at(-1).headers))
    const long = JSON.stringify({ model: 'm', input: Array.from({ length: 20_000 }, (_, n) => `p${n}@example.org`) })
    const parts = Array.from({ length: Math.ceil(long.length / 5000) }, (_, n) => long.slice(n * 5000, n * 5000 + 5000))
    await ask(EMBED, { method: 'POST', headers: json, body: Readable.from(parts) })
    assert.deepStrictEqual([JSON.parse(came.at(-1).text).input.length, came.at(-1).text.includes('example.org')], [20_000, false])
  })

  it('has heads as they are: names as they were written, repeated ones, cookies, what the service says of its own', async () => {
    const fields = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Own', '1', 'Content-Length', '2', 'Content-Type', 'application/json']
    paths[POINT] = (req, res) => res.writeHead(203, 'As It Is', fields).end('{}')
    const { answer } = await ask(POINT, { headers: { 'X-Mixed': ['1', '2'], Cookie: 'c=3' } })
    delete paths[POINT]
    assert.deepStrictEqual([answer.statusCode, answer.statusMessage, answer.headers['set-cookie']], [203, 'As It Is', ['a=1', 'b=2']])
    for (const name of ['X-Own', 'Set-Cookie', 'Date']) assert.ok(answer.rawHeaders.includes(name), name)
    assert.strictEqual(answer.rawHeaders.filter((name) => name === 'Date').length, 1)
    assert.ok(came.at(-1).raw.includes('X-Mixed') && came.at(-1).headers.cookie === 'c=3')
    assert.strictEqual(came.at(-1).headers['x-mixed'], '1, 2')
  })

  it('passes answers without a body, trailers, and 304', async () => {
    for (const status of [204, 304]) {
      paths[POINT] = (req, res) => res.writeHead(status, { etag: '"v1"' }).end()
      assert.deepStrictEqual([(await ask(POINT)).status, (await ask(POINT)).text], [status, ''])
    }
    paths[POINT] = (req, res) => {
      res.writeHead(200, { ...json, trailer: 'x-sum' }).write('[1,')
      res.addTrailers({ 'x-sum': '7' })
      res.end('2]')
    }
    const { text, answer } = await ask(POINT)
    assert.deepStrictEqual([text, answer.trailers], ['[1,2]', { 'x-sum': '7' }])
    delete paths[POINT]
    assert.deepStrictEqual([(await ask(POINT, { method: 'HEAD' })).text, came.at(-1).method], ['', 'HEAD'])
  })

  it('tells who waits with a body to send it, or not to', async () => {
    const body = Readable.from(['{"model":"m","input":"a"}'])
    const go = (path, method) => new Promise((resolve, reject) => {
      let told = false
      const asked = http.request({
        host: '127.0.0.1', port, path, method, headers: { ...json, expect: '100-continue', 'transfer-encoding': 'chunked' },
        agent: guardAgents(here.guard, { caller: ana }).httpAgent
      }, (answer) => answer.resume().on('end', () => resolve([told, answer.statusCode])))
      asked.on('continue', () => {
        told = true
        body.pipe(asked)
      }).on('error', reject).flushHeaders()
    })
    assert.deepStrictEqual(await go(EMBED, 'POST'), [true, 200])
    assert.deepStrictEqual(await go('/qdrant/collections/docs', 'DELETE'), [false, 403])
  })

  it('fails as it does without a guard', async () => {
    const { server, port: gone } = await serve(http.createServer())
    await new Promise((resolve) => server.close(resolve))
    await assert.rejects(ask(POINT, { port: gone }), { code: 'ECONNREFUSED' })
    paths[POINT] = (req, res) => req.socket.destroy()
    await assert.rejects(ask(POINT), { code: 'ECONNRESET' })
    paths[POINT] = (req, res) => res.writeHead(200, { ...json, 'content-length': 90_000 }).write('[', () => req.socket.destroy())
    await assert.rejects(ask(POINT), { code: 'ECONNRESET' })
    delete paths[POINT]
    assert.deepStrictEqual((await records(here)).slice(-3).map((record) => record.outcome.result), ['failed', 'failed', 'failed'])
  })

  it('gives up when it is told to, and when nothing moves', async () => {
    paths[POINT] = () => {}
    const controller = new AbortController()
    const asked = ask(POINT, { signal: controller.signal })
    setImmediate(() => controller.abort())
    await assert.rejects(asked, { name: 'AbortError' })
    const slow = http.request({ host: '127.0.0.1', port, path: POINT, timeout: 50, agent: guardAgents(here.guard, { caller: ana }).httpAgent })
    await once(slow.end(), 'timeout')
    slow.destroy()
    await assert.rejects(once(slow, 'response'), { code: 'ECONNRESET' })
    delete paths[POINT]
  })

  it('keeps its connections, those of the agent that it was given', async () => {
    const own = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const { httpAgent } = guardAgents(here.guard, { caller: ana, http: own })
    const before = connections
    for (let asked = 0; asked < 3; asked++) assert.strictEqual((await ask(POINT, { agent: httpAgent })).status, 200)
    assert.strictEqual(connections, before + 1)
    httpAgent.destroy()
  })

  it('holds a service back that writes faster than anybody reads', async () => {
    let written = 0
    paths[POINT] = (req, res) => {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' })
      const line = '{"a":1}\n'.repeat(1000)
      const source = new Readable({ read () { written += line.length; this.push(line) } })
      source.pipe(res).on('close', () => source.destroy())
    }
    const asked = http.request({ host: '127.0.0.1', port, path: POINT, agent: guardAgents(here.guard, { caller: ana }).httpAgent }).end()
    const [answer] = await once(asked, 'response')
    await once(answer, 'readable')
    let last
    do {
      last = written
      await new Promise((resolve) => setTimeout(resolve, 200))
    } while (written !== last)
    assert.ok(written < 64 << 20, `${written}`)
    answer.destroy()
    delete paths[POINT]
  })

  it('asks a proxy for the URL that was judged', async () => {
    const { status, text } = await ask(`http://127.0.0.1:${port}${POINT}`)
    assert.deepStrictEqual([status, text, came.at(-1).url], [200, '{"mail":"[EMAIL]"}', `http://127.0.0.1:${port}${POINT}`])
    assert.strictEqual((await ask('http://elsewhere.test/x')).status, 403)
  })

  it('opens no other protocol', async () => {
    const { status, text } = await ask(POINT, { headers: { connection: 'upgrade', upgrade: 'websocket' } })
    assert.deepStrictEqual([status, JSON.parse(text).code], [403, 'upgrade_refused'])
    await assert.rejects(ask('db.test:5432', { method: 'CONNECT' }))
  })

  it('is all that goes out where the process says so', async () => {
    const before = http.globalAgent
    http.globalAgent = guardAgents(here.guard, { caller: ana }).httpAgent
    try {
      assert.strictEqual((await ask(POINT, { agent: undefined })).text, '{"mail":"[EMAIL]"}')
    } finally {
      http.globalAgent = before
    }
  })

  it('sends nothing where nobody is its caller', async () => {
    const before = came.length
    const { httpAgent } = guardAgents(here.guard, { caller: () => undefined })
    await assert.rejects(ask(POINT, { agent: httpAgent }), { code: 'invalid_input' })
    assert.strictEqual(came.length, before)
    assert.strictEqual(callerOf, undici.callerOf)
  })
})

it('https.request is judged under its own scheme and port, and sent by the agent for it', async () => {
  // What matters here is the way there: a connection in clear stands for one of TLS.
  const own = new https.Agent()
  const dialled = []
  own.createConnection = (options) => {
    dialled.push([options.host, options.port, options.servername])
    return net.connect(port, '127.0.0.1')
  }
  const { httpsAgent } = guardAgents(here.guard, { caller: ana, https: own })
  const { status, text } = await ask(POINT, { agent: httpsAgent, over: https, port: 443, servername: 'vectors.test' })
  assert.deepStrictEqual([status, text], [200, '{"mail":"[EMAIL]"}'])
  assert.deepStrictEqual(dialled, [['127.0.0.1', 443, 'vectors.test']])
  assert.strictEqual(came.at(-1).headers.host, '127.0.0.1')
  await assert.rejects(ask(POINT, { agent: httpsAgent }), { code: 'ERR_INVALID_PROTOCOL' })
})

it('axios follows redirects through it, each judged', async () => {
  const client = axios.create({ ...guardAgents(here.guard, { caller: ana }), validateStatus: () => true })
  const url = `http://127.0.0.1:${port}`
  paths['/qdrant/collections'] = (req, res) => res.writeHead(302, { location: POINT }).end()
  assert.deepStrictEqual((await client.get(`${url}/qdrant/collections`)).data, { mail: '[EMAIL]' })
  paths['/qdrant/collections'] = (req, res) => res.writeHead(307, { location: '/mlflow/ajax-api/2.0/mlflow/artifacts' }).end()
  const before = came.length
  assert.deepStrictEqual([(await client.get(`${url}/qdrant/collections`)).status, came.length], [403, before + 1])
  paths[EMBED] = (req, res) => res.writeHead(307, { location: `${EMBED}?again`, 'content-length': 0 }).end()
  assert.deepStrictEqual((await client.post(url + EMBED, JSON.parse(CLEAR))).data, JSON.parse(MASKED))
  delete paths[EMBED]
  delete paths['/qdrant/collections']
})

it('what is held is one approval however often it is tried', async () => {
  const client = axios.create({ ...guardAgents(here.guard, { caller: ana }), validateStatus: () => true })
  const tries = []
  for (let tried = 0; tried < 5; tried++) {
    const { data } = await client.post(`http://127.0.0.1:${port}/qdrant/collections/held/points/scroll`, { limit: 5000, with_vector: true })
    tries.push(data.approval)
  }
  assert.ok(tries[0])
  assert.deepStrictEqual([...new Set(tries)], [tries[0]])
  await here.guard.approve(tries[0], 'sam')
  const { status } = await client.post(`http://127.0.0.1:${port}/qdrant/collections/held/points/scroll`, { limit: 5000, with_vector: true })
  assert.strictEqual(status, 200)
})
