'use strict'

// The corpus through Fastify, whose handlers answer in the ways that Fastify has.

const { Readable } = require('node:stream')
const Fastify = require('fastify')

const { guard } = require('wardline/fastify')
const { corpus } = require('./corpus.js')

corpus('Fastify', 'fastify', async (behind, current) => {
  const app = Fastify()
  await app.register(guard, { policy: behind })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => done(null, body))
  app.all('*', (request, reply) => {
    const one = current()
    one.service = { headers: request.headers, body: request.body ?? '' }
    const { status = 200, headers = {}, chunks = [], length = false } = one.case.service ?? {}
    reply.code(Math.max(status, 200)).headers(headers)
    if (length) return reply.send(chunks.join(''))
    return reply.send(Readable.from((async function * () {
      for (const chunk of chunks) {
        yield chunk
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()))
  })
  await app.ready()
  return app.server
})
