'use strict'

// What goes out: `fetch`, undici's dispatchers, `http.request` and clients built on them, against real servers.

const assert = require('node:assert')
const http = require('node:http')
const zlib = require('node:zlib')
const { Readable } = require('node:stream')
const { before, describe, it } = require('node:test')
const axios = require('axios')
const { OpenAI } = require('openai')
const undici = require('undici')

const express = require('wardline/express')
const { guardAgents } = require('wardline/http')
const { guardedFetch, guardInterceptor, callerOf } = require('wardline/undici')
const { place, records, serve, command } = require('./place.js')

const ana = { subject: 'ana', groups: ['analysts'] }
const CLEAR = '{"model":"m","input":"rosa.lind@example.com"}'
const MASKED = '{"model":"m","input":"[EMAIL]"}'
const MAIL = '{"mail":"tom.ek@example.org"}'
const json = { 'content-type': 'application/json' }

let here
let port
/** What the server does by path, and what came to it. */
const paths = {}
const came = []
const other = {}

before(async () => {
  here = place()
  const listener = async (req, res) => {
    let text = ''
    for await (const piece of req) text += piece
    came.push({ url: req.url, method: req.method, headers: req.headers, text })
    const handler = paths[req.url.split('?')[0]]
    if (handler !== undefined) return handler(req, res, text)
    const answer = req.method === 'GET' ? MAIL : text
    res.writeHead(200, { ...json, 'content-length': Buffer.byteLength(answer) }).end(answer)
  }
  port = (await serve(http.createServer(listener))).port
  other.port = (await serve(http.createServer(listener))).port
})

const at = (path) => `http://127.0.0.1:${port}${path}`
const POINT = '/qdrant/collections/docs/points/7'
const EMBED = '/openai/v1/embeddings'
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** The same through each way out. */
const WAYS = {
  fetch: () => guardedFetch(here.guard, { caller: ana }),
  'fetch of undici': () => {
    const dispatcher = agent()
    return (url, init) => undici.fetch(url, { ...init, dispatcher })
  },
  'request of undici': () => {
    const dispatcher = agent()
    return async (url, { method = 'GET', ...init } = {}) => {
      const { statusCode: status, headers, body } = await undici.request(url, { ...init, method, dispatcher })
      return { status, headers: new Headers(Object.entries(headers)), text: () => body.text(), json: () => body.json(), body }
    }
  },
  'http.request': () => {
    const { httpAgent } = guardAgents(here.guard, { caller: ana })
    return (url, { method = 'GET', headers, body, signal } = {}) => new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const asked = http.request(url, { method, headers: { ...headers, ...length }, signal, agent: httpAgent }, (answer) => {
        const text = async () => {
          let all = ''
          for await (const piece of answer.setEncoding('utf8')) all += piece
          return all
        }
        resolve({ status: answer.statusCode, headers: new Headers(answer.headers), text, json: async () => JSON.parse(await text()), body: answer })
      })
      asked.on('error', reject).end(body)
    })
  },
  axios: () => {
    const { httpAgent, httpsAgent } = guardAgents(here.guard, { caller: ana })
    const client = axios.create({ httpAgent, httpsAgent, responseType: 'stream', validateStatus: () => true, maxRedirects: 5 })
    return async (url, { method = 'GET', headers, body, signal } = {}) => {
      const { status, headers: got, data } = await client.request({ url, method, headers, data: body, signal })
      const text = async () => {
        let all = ''
        for await (const piece of data) all += piece
        return all
      }
      return { status, headers: new Headers(Object.entries(got)), text, json: async () => JSON.parse(await text()), body: data }
    }
  }
}

/** What records call the door of each way. */
const DOORS = { fetch: 'fetch-egress', 'http.request': 'http-egress', axios: 'http-egress' }

function agent (caller = ana) {
  return new undici.Agent().compose(guardInterceptor(here.guard, { caller }))
}

for (const [way, make] of Object.entries(WAYS)) {
  describe(`what goes out through ${way}`, () => {
    it('goes out masked, with its length', async () => {
      const response = await make()(at(EMBED), { method: 'POST', headers: { ...json, 'x-own': '1' }, body: CLEAR })
      assert.deepStrictEqual([response.status, await response.text()], [200, MASKED])
      const { text, headers } = came.at(-1)
      assert.deepStrictEqual([text, headers['content-length'], headers['transfer-encoding'], headers['x-own']], [MASKED, '31', undefined, '1'])
    })

    it('that comes back comes back masked', async () => {
      const response = await make()(at(POINT))
      assert.strictEqual(await response.text(), '{"mail":"[EMAIL]"}')
      assert.strictEqual(response.headers.get('content-length'), '18')
    })

    it('comes back masked from a coding', async () => {
      paths[POINT] = (req, res) => res.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(zlib.gzipSync(MAIL))
      const response = await make()(at(POINT))
      delete paths[POINT]
      assert.deepStrictEqual([await response.text(), response.headers.get('content-encoding')], ['{"mail":"[EMAIL]"}', null])
    })

    it('that may not go does not, and says why', async () => {
      const before = came.length
      const response = await make()(at('/qdrant/collections/docs'), { method: 'DELETE' })
      assert.deepStrictEqual([response.status, (await response.json()).code, came.length], [403, 'denied', before])
      assert.strictEqual(response.headers.get('content-type'), 'application/json')
    })

    it('is judged as its caller\'s, whatever credentials it carries', async () => {
      const response = await make()(at(POINT), { headers: { 'x-user': 'mallory', authorization: 'Bearer none' } })
      await response.text()
      const record = (await records(here)).at(-1)
      assert.deepStrictEqual([record.identity.subject, record.door], ['ana', DOORS[way] ?? 'undici-egress'])
    })

    it('streams event by event', async () => {
      const events = [deferred(), deferred()]
      paths['/openai/v1/chat/completions'] = async (req, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        await events[0].promise
        res.write('data: {"delta":"tom.ek@example.org, "}\n\n')
        await events[1].promise
        res.end('data: [DONE]\n\n')
      }
      const response = await make()(at('/openai/v1/chat/completions'), { method: 'POST', headers: json, body: '{"model":"m","stream":true,"messages":[]}' })
      assert.strictEqual(response.status, 200)
      events[0].resolve()
      let text = ''
      for await (const piece of response.body) {
        text += Buffer.from(piece)
        if (text === 'data: {"delta":"[EMAIL], "}\n\n') events[1].resolve()
      }
      assert.strictEqual(text, 'data: {"delta":"[EMAIL], "}\n\ndata: [DONE]\n\n')
    })

    it('that is cut in the middle, or breaks off, errors', async () => {
      for (const end of [(res) => res.end(']'), (res) => res.destroy()]) {
        paths['/qdrant/collections/docs/points/9'] = async (req, res) => {
          res.writeHead(200, json).write('{"result":{"a":1,')
          for (let turns = 0; turns < 20; turns++) await turn()
          end(res)
        }
        const response = await make()(at('/qdrant/collections/docs/points/9'))
        await assert.rejects(response.text())
      }
    })

    it('is not read on when its caller goes away', async () => {
      const closed = deferred()
      paths['/qdrant/collections/docs/points/10'] = (req, res) => {
        res.on('close', closed.resolve)
        res.writeHead(200, { 'content-type': 'application/x-ndjson' })
        const source = new Readable({ read () { this.push('{"a":1}\n'.repeat(1000)) } })
        source.pipe(res)
      }
      const controller = new AbortController()
      const response = await make()(at('/qdrant/collections/docs/points/10'), { signal: controller.signal })
      controller.abort()
      // axios ends such a stream quietly, with or without a guard.
      if (way !== 'axios') await assert.rejects(response.text())
      await closed.promise
    })

    it('is long and passes whole', async () => {
      const body = JSON.stringify({ model: 'm', input: Array.from({ length: 40_000 }, (_, i) => `tom${i}.ek@example.org and words`) })
      const response = await make()(at(EMBED), { method: 'POST', headers: json, body })
      assert.strictEqual(JSON.parse(await response.text()).input.length, 40_000)
      assert.ok(!came.at(-1).text.includes('example.org'))
    })

    it('that reaches nobody says so', async () => {
      const server = await serve(http.createServer())
      const { port } = server
      await new Promise((resolve) => server.server.close(resolve))
      await assert.rejects(make()(`http://127.0.0.1:${port}${POINT}`))
      assert.strictEqual((await records(here)).at(-1).outcome.result, 'failed')
    })
  })
}

function deferred () {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}

describe('a redirect', () => {
  const to = (status, location) => (req, res) => res.writeHead(status, { location }).end()

  for (const [way, make] of Object.entries({ fetch: WAYS.fetch, 'fetch of undici': WAYS['fetch of undici'] })) {
    it(`is judged at every hop: ${way}`, async () => {
      paths['/qdrant/collections'] = to(302, '/qdrant/collections/docs/points/7')
      const followed = await make()(at('/qdrant/collections'))
      assert.deepStrictEqual([await followed.text(), followed.redirected, followed.url], ['{"mail":"[EMAIL]"}', true, at(POINT)])
      paths['/qdrant/collections/docs/points/11'] = to(307, '/mlflow/ajax-api/2.0/mlflow/artifacts')
      const before = came.length
      const denied = await make()(at('/qdrant/collections/docs/points/11'))
      assert.deepStrictEqual([denied.status, came.length], [403, before + 1])
      await denied.body?.cancel()
    })

    it(`takes its body along, masked for where it goes, and its secrets to nobody else: ${way}`, async () => {
      paths[EMBED] = (req, res, text) => req.headers.host.endsWith(String(port))
        ? to(307, `http://127.0.0.1:${other.port}${EMBED}`)(req, res)
        : res.writeHead(200, json).end(text)
      const response = await make()(at(EMBED), { method: 'POST', headers: { ...json, authorization: 'Bearer abc' }, body: CLEAR })
      delete paths[EMBED]
      assert.strictEqual(await response.text(), MASKED)
      const [first, second] = came.slice(-2)
      assert.deepStrictEqual([first.headers.authorization, second.headers.authorization, second.text, second.method],
        ['Bearer abc', undefined, MASKED, 'POST'])
    })

    it(`of a POST becomes a GET where it says so: ${way}`, async () => {
      paths[EMBED] = to(303, POINT)
      const response = await make()(at(EMBED), { method: 'POST', headers: json, body: CLEAR })
      delete paths[EMBED]
      assert.strictEqual(await response.text(), '{"mail":"[EMAIL]"}')
      const last = came.at(-1)
      assert.deepStrictEqual([last.method, last.text, last.headers['content-type']], ['GET', '', undefined])
    })

    it(`is refused where it leads round, elsewhere than to HTTP, or is not wanted: ${way}`, async () => {
      for (const [location, init] of [['/qdrant/collections', {}], ['ftp://127.0.0.1/', {}], ['http://[', {}], ['/', { redirect: 'error' }]]) {
        paths['/qdrant/collections'] = to(302, location)
        await assert.rejects(make()(at('/qdrant/collections'), init), TypeError)
      }
      const shown = await make()(at('/qdrant/collections'), { redirect: 'manual' })
      assert.strictEqual(shown.status, 302)
    })
  }
})

it('a client of OpenAI\'s is guarded by its fetch', async () => {
  paths[EMBED] = (req, res, text) => {
    const { input } = JSON.parse(text)
    res.writeHead(200, json).end(JSON.stringify({ object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: [input.length, 0.5] }] }))
  }
  const client = new OpenAI({ apiKey: 'none', baseURL: at('/openai/v1'), fetch: guardedFetch(here.guard, { caller: ana }) })
  const made = await client.embeddings.create({ model: 'm', input: 'rosa.lind@example.com', encoding_format: 'float' })
  assert.deepStrictEqual(made.data[0].embedding, ['[EMAIL]'.length, 0.5])
  paths['/openai/v1/chat/completions'] = (req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const content of ['mail tom.ek', '@example.org', ' now']) {
      res.write(`data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`)
    }
    res.end('data: [DONE]\n\n')
  }
  let text = ''
  const stream = await client.chat.completions.create({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hello' }] })
  for await (const event of stream) text += event.choices[0]?.delta.content ?? ''
  assert.strictEqual(text, 'mail [EMAIL] now')
  await assert.rejects(client.files.delete('file-1'), (error) =>
    error.status === 403 && error.code === 'default_deny' && error.message === '403 no rule allows this request')
  delete paths[EMBED]
})

it('the whole process is guarded by its dispatcher', async () => {
  const before = undici.getGlobalDispatcher()
  undici.setGlobalDispatcher(agent())
  try {
    // Node's own fetch asks the dispatcher that undici of npm set.
    assert.strictEqual(await (await fetch(at(POINT))).text(), '{"mail":"[EMAIL]"}')
    const form = new FormData()
    form.append('file', new Blob(['{"a":"rosa.lind@example.com"}'], { type: 'application/json' }), 'a.json')
    const sent = await fetch(at('/openai/v1/files'), { method: 'POST', body: form })
    assert.strictEqual(sent.status, 403)
    await sent.text()
  } finally {
    undici.setGlobalDispatcher(before)
  }
})

it('a dispatcher takes bodies and queries in each form that undici does', async () => {
  const dispatcher = agent()
  const ask = async (body, init = {}) => {
    const answer = await undici.request(at(EMBED), { method: 'POST', headers: json, body, dispatcher, ...init })
    return answer.body.text()
  }
  for (const body of [CLEAR, Buffer.from(CLEAR), new Uint8Array(Buffer.from(CLEAR)), Readable.from([CLEAR.slice(0, 30), CLEAR.slice(30)]),
    (async function * () { yield Buffer.from(CLEAR) })(), new Blob([CLEAR])]) {
    assert.strictEqual(await ask(body), MASKED)
  }
  for (const headers of [['content-type', 'application/json'], new Headers(json), new Map(Object.entries(json)), { 'Content-Type': ['application/json'] }]) {
    assert.strictEqual(await ask(CLEAR, { headers }), MASKED)
  }
  const { body } = await undici.request(at(POINT), { query: { a: '1 2' }, dispatcher })
  await body.text()
  assert.strictEqual(came.at(-1).url, `${POINT}?a=1%202`)
  await assert.rejects(undici.request(at(`${POINT}?b`), { query: { a: 1 }, dispatcher }))
  await assert.rejects(dispatcher.request({ origin: at(''), path: `${POINT}#b`, method: 'GET' }), { code: 'invalid_input' })
  await assert.rejects(undici.connect(at('/'), { dispatcher }))
  await assert.rejects(undici.upgrade(at(POINT), { dispatcher, protocol: 'websocket' }))
})

it('an answer without a body leaves its connection to the next request', async () => {
  let connections = 0
  const { server, port } = await serve((req, res) => res.writeHead(204).end())
  server.on('connection', () => connections++)
  const dispatcher = new undici.Agent({ connections: 1 }).compose(guardInterceptor(here.guard, { caller: ana }))
  for (let asked = 0; asked < 3; asked++) {
    const { statusCode, body } = await undici.request(`http://127.0.0.1:${port}${POINT}`, { dispatcher })
    assert.deepStrictEqual([statusCode, await body.text()], [204, ''])
  }
  assert.strictEqual(connections, 1)
})

it('what is held is one approval however often it is tried, and goes once that is given', async () => {
  const ask = () => guardedFetch(here.guard, { caller: ana })(at('/qdrant/collections/held/points/scroll'),
    { method: 'POST', headers: json, body: '{"limit":5000,"with_vector":true}' })
  const tries = []
  for (let tried = 0; tried < 3; tried++) {
    const response = await ask()
    assert.ok(response.headers.has('retry-after'))
    tries.push((await response.json()).approval)
  }
  assert.deepStrictEqual([...new Set(tries)], [tries[0]])
  await here.guard.approve(tries[0], 'sam')
  const before = came.length
  assert.deepStrictEqual([(await ask()).status, came.length], [200, before + 1])
  assert.strictEqual((await ask()).status, 403)
})

it('whoever is composed after it sends again through it', async () => {
  let tries = 0
  paths['/qdrant/collections/docs/points/12'] = (req, res) => {
    if (++tries < 3) return res.writeHead(503).end()
    res.writeHead(200, json).end(MAIL)
  }
  const before = (await records(here)).length
  const dispatcher = new undici.Agent().compose(guardInterceptor(here.guard, { caller: ana }), undici.interceptors.retry({ minTimeout: 1 }))
  const { body } = await undici.request(at('/qdrant/collections/docs/points/12'), { dispatcher })
  assert.strictEqual(await body.text(), '{"mail":"[EMAIL]"}')
  assert.strictEqual((await records(here, before + 3)).length, before + 3)
})

it('sends by the fetch that it is given, a hop at a time, whosever the classes of the process are', async () => {
  const own = new undici.MockAgent()
  own.disableNetConnect()
  const origin = own.get('http://registry.test')
  const reply = (path, status, headers, text) => origin.intercept({ path }).reply(status, text, { headers })
  const { Request: before, Response: also } = globalThis
  try {
    // Hono's server for Node puts classes of its own in the place of the web's.
    require('@hono/node-server').getRequestListener(() => new Response())
    const guarded = guardedFetch(here.guard, { caller: ana, fetch: (request, init) => undici.fetch(request.url, { method: request.method, ...init, dispatcher: own }) })
    reply('/qdrant/collections', 302, { location: '/qdrant/collections/docs/points/7' }, '')
    reply(POINT, 200, json, MAIL)
    assert.strictEqual(await (await guarded('http://registry.test/qdrant/collections')).text(), '{"mail":"[EMAIL]"}')
  } finally {
    for (const [name, value] of Object.entries({ Request: before, Response: also })) Object.defineProperty(globalThis, name, { value })
  }
})

it('somebody must be the caller', () => {
  for (const options of [undefined, {}, { caller: null }]) {
    assert.throws(() => guardedFetch(here.guard, options), { code: 'invalid_input' })
    assert.throws(() => guardInterceptor(here.guard, options), { code: 'invalid_input' })
    assert.throws(() => guardAgents(here.guard, options), { code: 'invalid_input' })
  }
})

it('what goes out is sealed for the service that it goes to, with the caller who came in', async () => {
  const policy = (name, peers, rules) => `version: 1
state: ./state
identity: {hops: {name: ${name}${peers}}}
services:
  own: {system: qdrant, hosts: [${name}.test]}
  registry: {system: qdrant, hosts: ["127.0.0.1:*", 127.0.0.1], sealed_for: registry}
rules:
${rules}
`.replace(name === 'registry' ? /  own: .*\n  registry: .*\n/ : /$^/, '  own: {system: qdrant, base_path: /}\n')
  const allow = "  - {name: all, who: ['*'], operations: ['*'], effect: allow}"
  const gateway = place(policy('gateway', '', allow))
  const key = command('hop-key', '--policy', gateway.file).trim()
  const registry = place(policy('registry', `, peers: [{key: '${key}', begins: true}]`,
    "  - {name: through, who: ['user:ana'], operations: ['*'], via: [gateway], effect: allow}"))

  const guarded = express.guard(registry.guard)
  const upstream = await serve((req, res) => guarded(req, res, () => {
    const { subject, hops } = callerOf(req)
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ subject, via: hops.map((hop) => hop.workload), sealed: 'wardline-hop' in req.headers }))
  }))
  const url = `http://127.0.0.1:${upstream.port}/collections`
  const door = express.guard(gateway.guard, { identity: () => 'ana' })
  const front = await serve((req, res) => door(req, res, async () => {
    const response = await guardedFetch(gateway.guard, { caller: callerOf(req) })(url)
    res.statusCode = response.status
    res.setHeader('content-type', 'application/json')
    res.end(await response.text())
  }))
  const answer = await (await fetch(`http://127.0.0.1:${front.port}/collections`, { headers: { host: 'gateway.test' } })).text()
  assert.deepStrictEqual(JSON.parse(answer), { subject: 'ana', via: ['gateway'], sealed: false })
  assert.strictEqual((await fetch(url)).status, 403)
  for (const other of [{}, new Proxy({}, {}), null, undefined, 'req']) assert.strictEqual(callerOf(other), undefined)
})
