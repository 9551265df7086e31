'use strict'

// A player behind Fastify's plugin.

const { Readable } = require('node:stream')
const compress = require('@fastify/compress')
const Fastify = require('fastify')

const { holdContinue } = require('wardline/express')
const { guard } = require('wardline/fastify')
const { Play, bodyOf, compresses, listens, variable } = require('./play.js')

async function main () {
  const app = Fastify({ bodyLimit: 1 << 24 })
  app.addHook('onRequest', (request, reply, done) => variable.run(request.headers['x-variable'], done))
  await app.register(guard, { policy: process.env.WARDLINE_POLICY })
  await app.register(compress, { global: false, threshold: 0, encodings: ['gzip'] })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request, payload, done) => done(null, payload))
  app.all('*', async (request, reply) => {
    const play = new Play(request.headers['x-play'])
    play.saw(request.method, request.url, request.headers, await bodyOf(request.body ?? [], play))
    play.task()
    if (play.fails === 'before') throw new Error('the service failed')
    reply.code(play.status)
    for (const [name, value] of play.headers()) reply.header(name, value)
    for (const [name, value] of play.asked.trailers ?? []) reply.trailer(name, async () => value)
    const stream = Readable.from(play.stream())
    return compresses('inside', request.headers['x-compress']) ? reply.compress(stream) : reply.send(stream)
  })
  await app.ready()
  listens(holdContinue(app.server))
}

main()
