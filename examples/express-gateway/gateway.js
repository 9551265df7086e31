'use strict'

// An Express gateway: whoever the policy lets through reaches the upstream, everything on the way under guard.

const express = require('express')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { guard, holdContinue } = require('wardline/express')

/** The app: the guard first, then the proxy. A body parser, where one is needed, comes between the two. */
function gateway (policy, upstream) {
  const app = express()
  app.disable('x-powered-by')
  app.use(guard(policy))
  app.use((req, res, next) => proxy(upstream, req, res).catch(next))
  return app
}

// They speak of one connection only (RFC 9110, 7.6.1), or are written anew for the next one.
const OF_THE_CONNECTION = ['connection', 'content-length', 'expect', 'host', 'keep-alive', 'te', 'transfer-encoding', 'upgrade']

async function proxy (upstream, req, res) {
  const headers = Object.entries(req.headers).filter(([name]) => !OF_THE_CONNECTION.includes(name))
  const hasBody = 'content-length' in req.headers || 'transfer-encoding' in req.headers
  // When the caller goes away, so does the request to the upstream.
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  const response = await fetch(new URL(req.originalUrl, upstream), {
    method: req.method,
    headers,
    body: hasBody ? req : undefined,
    duplex: 'half',
    redirect: 'manual',
    signal: gone.signal
  })
  res.status(response.status)
  // fetch has undone the coding, and its length with it.
  const coded = response.headers.has('content-encoding')
  for (const [name, value] of response.headers) {
    if (coded && ['content-encoding', 'content-length'].includes(name)) continue
    if (name === 'content-length' || !OF_THE_CONNECTION.includes(name)) res.append(name, value)
  }
  if (response.body === null) return res.end()
  await pipeline(Readable.fromWeb(response.body), res)
}

if (require.main === module) {
  const { PORT = '8080', UPSTREAM = 'http://127.0.0.1:8081', WARDLINE_POLICY = `${__dirname}/wardline.yaml` } = process.env
  const server = gateway(WARDLINE_POLICY, UPSTREAM).listen(Number(PORT), '127.0.0.1', () => {
    console.log(`guarding ${UPSTREAM} on http://127.0.0.1:${PORT}`)
  })
  holdContinue(server)
}

module.exports = { gateway }
