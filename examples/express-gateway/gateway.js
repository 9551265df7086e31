// The gateway: authenticate, guard, pass on. Wardline stands between who the caller is and what the caller gets.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { Guard } from 'wardline'
import { guard, holdContinue } from 'wardline/express'

/** API keys and whom they stand for. A real gateway asks its identity provider. */
const KEYS = new Map([
  ['key-ana', { subject: 'ana', groups: ['analysts'] }],
  ['key-bo', { subject: 'bo', groups: ['engineers'] }]
])

/** Headers that speak of one connection, and the caller's key; or of a body that `fetch` has decoded already. */
const OF_CONNECTION = new Set([
  'connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'proxy-authorization', 'expect', 'host', 'x-api-key'])
const OF_CODING = new Set(['content-encoding', 'content-length'])

/** A server that is not listening yet. */
export function gateway (upstream, policy = new Guard(fileURLToPath(new URL('wardline.yaml', import.meta.url)))) {
  const app = express()
  app.disable('x-powered-by')
  // Before any body parser: the guard reads a body only where the policy needs to.
  app.use(guard(policy, { identity: (req) => KEYS.get(req.headers['x-api-key']) }))
  app.use(['/openai', '/qdrant'], (req, res, next) => proxy(upstream, req, res).catch(next))
  return holdContinue(createServer(app))
}

async function proxy (upstream, req, res) {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  const hasBody = 'content-length' in req.headers || 'transfer-encoding' in req.headers
  let answer
  try {
    answer = await fetch(new URL(req.originalUrl, upstream), {
      method: req.method,
      headers: Object.entries(req.headers).filter(([name]) => !OF_CONNECTION.has(name) && name !== 'content-length'),
      body: hasBody ? Readable.toWeb(req) : undefined,
      duplex: 'half',
      redirect: 'manual',
      signal: gone.signal
    })
  } catch (error) {
    if (gone.signal.aborted) return
    throw error
  }
  res.status(answer.status)
  const decoded = answer.headers.has('content-encoding')
  for (const [name, value] of answer.headers) {
    if (!OF_CONNECTION.has(name) && !(decoded && OF_CODING.has(name))) res.appendHeader(name, value)
  }
  if (answer.body === null) return res.end()
  // `pipeline`, not `pipe`: a caller that goes away closes the upstream too.
  await pipeline(Readable.fromWeb(answer.body), res).catch((error) => { if (!res.destroyed) res.destroy(error) })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 8080)
  const upstream = process.env.UPSTREAM ?? 'http://127.0.0.1:8081'
  gateway(upstream).listen(port, '127.0.0.1', () => console.log(`gateway on http://127.0.0.1:${port}, upstream ${upstream}`))
}
