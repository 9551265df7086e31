'use strict'

// Middleware for Hono: what the app's other middleware and handlers find of a request, and what the caller gets of their
// response, error pages and "not found" included.
//
//   app.use(guard('wardline.yaml', { identity: (c) => c.get('user') }))

const { DOOR } = require('./door/codes.js')
const { entry, written } = require('./door/entry.js')
const { judgeRequest } = require('./web/door.js')
const { peer } = require('./web/peer.js')

/**
 * Middleware that takes each request and its response through the guard. It stands before whatever reads the body.
 *
 * `identity(c)` gives the caller that an authenticating middleware before it verified, as that of `wardline/fetch` does.
 */
function guard (policy, options) {
  const { behind, identity } = entry(policy, options, 'the context')

  return async function wardline (c, next) {
    const who = identity === undefined ? null : written(await identity(c))
    const request = c.req.raw
    const response = await judgeRequest(behind, DOOR.HONO, request, peer(request, c.env), who, async (passed) => {
      c.req.raw = passed
      try {
        await next()
      } finally {
        // What stands before the guard goes by what it was asked itself.
        c.req.raw = request
      }
      return c.finalized ? c.res : undefined
    })
    if (c.finalized) {
      // Hono puts the headers of a response that is replaced into the new one: those would come back that must not.
      c.res = undefined
      c.res = response
      return
    }
    return response
  }
}

module.exports = { guard }
