'use strict'

// The corpus on its way out: a gateway that is under no guard itself passes each request on, as the caller's whom the case
// names, through `guardedFetch`, through undici's dispatcher and through the agents of `http.request`.

const http = require('node:http')
const { Readable } = require('node:stream')
const { Agent } = require('undici')

const { guardAgents } = require('wardline/http')
const { guardedFetch, guardInterceptor } = require('wardline/undici')
const { corpus } = require('./corpus.js')
const { serve } = require('./place.js')

/** What belongs to one connection, and is not passed on. */
const OF_CONNECTION = ['connection', 'transfer-encoding']

corpus('fetch, on the way out', 'fetch-egress', (behind, current) => gateway(current, async (url, path, init, caller) => {
  const { status, headers, body } = await guardedFetch(behind, { caller })(url + path, init)
  return { status, headers: Object.fromEntries(headers), body: body === null ? Readable.from([]) : Readable.fromWeb(body) }
}), fits)

corpus('undici, on the way out', 'undici-egress', (behind, current) => gateway(current, async (origin, path, init, caller) => {
  const dispatcher = new Agent().compose(guardInterceptor(behind, { caller }))
  const { statusCode: status, headers, body } = await dispatcher.request({ origin, path, ...init })
  return { status, headers, body }
}), fits)

corpus('http.request, on the way out', 'http-egress', (behind, current) => gateway(current, (origin, path, { method, headers, body }, caller) => {
  const agent = guardAgents(behind, { caller }).httpAgent
  const length = body === undefined ? {} : { 'content-length': body.length }
  return new Promise((resolve, reject) => {
    http.request(new URL(path, origin), { method, headers: { ...headers, ...length }, agent }, (answer) => {
      resolve({ status: answer.statusCode, headers: answer.headers, body: answer })
    }).on('error', reject).end(body)
  })
}), fits)

/** What goes out comes from no address and is told by no key: the rule about the collection `records` asks for one. */
function fits ({ request: { headers, target } }) {
  return !('x-forwarded-for' in headers) && !('x-api-key' in headers) && !target.includes('/records/')
}

async function gateway (current, send) {
  const { port } = await serve((req, res) => answer(req, res, current()))
  return http.createServer(async (req, res) => {
    const body = await whole(req)
    const caller = { subject: req.headers['x-user'] ?? 'anonymous', groups: (req.headers['x-groups'] ?? '').split(',').filter(Boolean) }
    const init = { method: req.method, headers: without(req.headers, 'host', 'content-length'), body: body.length > 0 ? body : undefined }
    try {
      const answered = await send(`http://127.0.0.1:${port}`, req.url, init, caller)
      res.writeHead(answered.status, without(answered.headers))
      answered.body.on('error', () => res.destroy()).pipe(res)
    } catch {
      res.destroy()
    }
  })
}

/** The service behind: notes what came and answers as the case says. */
async function answer (req, res, current) {
  current.service = { headers: req.headers, body: (await whole(req)).toString('utf8') }
  const { status = 200, headers = {}, chunks = [], length = false } = current.case.service ?? {}
  res.writeHead(Math.max(status, 200), { ...headers, ...(length && { 'content-length': Buffer.byteLength(chunks.join('')) }) }).flushHeaders()
  for (const chunk of chunks) {
    res.write(chunk)
    // Some turns: what comes within one counts as whole.
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  res.end()
}

async function whole (req) {
  const pieces = []
  for await (const piece of req) pieces.push(piece)
  return Buffer.concat(pieces)
}

function without (headers, ...names) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => ![...OF_CONNECTION, ...names].includes(name)))
}
