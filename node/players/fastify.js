'use strict'

// A player behind Fastify's plugin.

const { Readable } = require('node:stream')
const Fastify = require('fastify')

const { holdContinue } = require('wardline/express')
const { guard } = require('wardline/fastify')
const { Play, bodyOf, listens, variable } = require('./play.js')

async function main () {
  const app = Fastify({ bodyLimit: 1 << 24 })
  app.addHook('onRequest', (request, reply, done) => variable.run(request.headers['x-variable'], done))
  await app.register(guard, { policy: process.env.WARDLINE_POLICY })
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
    return reply.send(Readable.from(play.stream()))
  })
  await app.ready()
  listens(holdContinue(app.server))
}

main()
