'use strict'

// The corpus through Hono's middleware and through a wrapped handler, both on Node's Hono server.

const http = require('node:http')
const { getRequestListener } = require('@hono/node-server')
const { Hono } = require('hono')

const fetchDoor = require('wardline/fetch')
const honoDoor = require('wardline/hono')
const { corpus } = require('./corpus.js')

corpus('a wrapped handler', 'fetch', (behind, current) => {
  const handler = fetchDoor.guard(behind)((request) => serve(request, current()))
  return http.createServer(getRequestListener(handler))
})

corpus('Hono', 'hono', (behind, current) => {
  const app = new Hono()
  app.use(honoDoor.guard(behind))
  app.all('*', (c) => serve(c.req.raw, current()))
  return http.createServer(getRequestListener(app.fetch))
})

/** Notes what came and answers as the case says. */
async function serve (request, current) {
  current.service = { headers: Object.fromEntries(request.headers), body: await request.text() }
  const { status = 200, headers = {}, chunks = [], length = false } = current.case.service ?? {}
  const head = { status: Math.max(status, 200), headers }
  if ([204, 205, 304].includes(head.status)) return new Response(null, head)
  if (length) {
    const text = chunks.join('')
    return new Response(text, { ...head, headers: { ...headers, 'content-length': String(Buffer.byteLength(text)) } })
  }
  const encoder = new TextEncoder()
  return new Response(new ReadableStream({
    async start (controller) {
      for (const chunk of chunks) {
        controller.enqueue(encoder.encode(chunk))
        // Two turns: what comes within one counts as whole.
        for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      controller.close()
    }
  }), head)
}
