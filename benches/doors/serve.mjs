// The Node servers of the doors' benches, bare and guarded: `serve.mjs express|fastify|hono FOLDER` prints two ports and serves until its input ends.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../node/package.json', import.meta.url))
const [kind, folder] = process.argv.slice(2)
const policy = fileURLToPath(new URL('wardline.yaml', import.meta.url))
const answer = (name) => readFileSync(path.join(folder, name))
const answers = {
  '/masked/collections/docs/points/1': answer('found'),
  '/masked/collections/docs/points/2': answer('none'),
  '/plain/collections/docs/points/3': answer('large')
}
const head = (body) => ({ 'content-type': 'application/json', 'content-length': String(body.length) })

const make = {
  express (guarded) {
    const app = require('express')()
    if (guarded) app.use(require('./js/express.js').guard(policy))
    app.get('/*path', (req, res) => res.writeHead(200, head(answers[req.path])).end(answers[req.path]))
    return http.createServer(app)
  },
  async fastify (guarded) {
    const app = require('fastify')()
    if (guarded) await app.register(require('./js/fastify.js').guard, { policy })
    app.get('/*', (request, reply) => reply.headers(head(answers[request.url])).send(answers[request.url]))
    await app.ready()
    return app.server
  },
  hono (guarded) {
    const { Hono } = require('hono')
    const app = new Hono()
    if (guarded) app.use(require('./js/hono.js').guard(policy))
    app.get('*', (c) => c.body(answers[c.req.path], 200, head(answers[c.req.path])))
    return http.createServer(require('@hono/node-server').getRequestListener(app.fetch))
  }
}[kind]

const servers = [await make(false), await make(true)]
for (const server of servers) {
  // Connections rest while others are measured.
  server.keepAliveTimeout = 600_000
  await once(server.listen(0, '127.0.0.1'), 'listening')
}
console.log(servers.map((server) => server.address().port).join(' '))
process.stdin.on('end', () => process.exit()).resume()
