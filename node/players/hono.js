'use strict'

// A player behind Hono's middleware, on Node's Hono server.

const http = require('node:http')
const { getRequestListener } = require('@hono/node-server')
const { Hono } = require('hono')
const { compress } = require('hono/compress')

const { guard } = require('wardline/hono')
const { Play, bodyOf, compresses, listens, variable } = require('./play.js')

const app = new Hono()
app.use((c, next) => variable.run(c.req.header('x-variable'), next))
const packs = compress({ encoding: 'gzip', threshold: 0 })
const compressed = (place) => (c, next) => compresses(place, c.req.header('x-compress')) ? packs(c, next) : next()
app.use(compressed('outside'))
app.use(guard(process.env.WARDLINE_POLICY))
app.use(compressed('inside'))
app.all('*', async (c) => {
  const request = c.req.raw
  const play = new Play(request.headers.get('x-play'))
  const body = request.body === null || play.reads === 'none' ? Buffer.alloc(0) : Buffer.from(await request.arrayBuffer())
  play.saw(request.method, new URL(request.url).pathname, Object.fromEntries(request.headers), body)
  play.task()
  if (play.fails === 'before') throw new Error('the service failed')
  const stream = [204, 205, 304].includes(play.status) ? null : ReadableStream.from(play.stream())
  return new Response(stream, { status: play.status, headers: play.headers() })
})
app.onError((error, c) => c.text(error.name, 500))
listens(http.createServer(getRequestListener(app.fetch)))
