'use strict'

// A plugin for Fastify 5, which guards what Fastify's own request and response rest on.
//
// Fastify's hooks for bodies, `preParsing` and `onSend`, see neither `reply.hijack()` nor `reply.raw`, nor trailers, nor
// what comes after an error in a stream. So the plugin takes part in one hook only, `onRequest`: there authentication may
// already have said who calls, and nobody has read the body yet. From there on Node's own request and response go through
// the exchange, whatever writes to them: replies, streams, error pages, "not found", hijacked ones.
//
//   await app.register(guard, { policy: 'wardline.yaml', identity: (request) => request.user })

const { DOOR } = require('./door/codes.js')
const { entry, wrong } = require('./door/entry.js')
const { through } = require('./door/through.js')

/**
 * Takes each request of the instance that it is registered on, and of those below, through the guard.
 *
 * `identity(request)` gives the caller that an `onRequest` hook before it verified, as that of `wardline/express` does.
 * It is registered before whatever brings routes of its own: an instance that is there already would not have the guard.
 */
async function guard (app, { policy, identity } = {}) {
  const door = entry(policy, { identity })
  if (app.initialConfig.http2) throw wrong('expected a server of HTTP/1.1: the guard does not know HTTP/2')
  const children = Object.getOwnPropertySymbols(app).find((symbol) => symbol.description === 'fastify.children')
  if (children === undefined || app[children].length > 0) {
    throw wrong('expected the guard to be registered before other plugins: those before it would go without')
  }
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    through(door.behind, DOOR.FASTIFY, raw, reply.raw, raw.url, () => door.identity?.(request), done)
  })
}

// It is for the instance that it is registered on, not for one of its own.
guard[Symbol.for('skip-override')] = true
guard[Symbol.for('fastify.display-name')] = 'wardline'
guard[Symbol.for('plugin-meta')] = { fastify: '5.x', name: 'wardline' }

module.exports = { guard }
