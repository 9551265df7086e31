'use strict'

const { admit, expects } = require('./door/admit.js')
const { DOOR } = require('./door/codes.js')
const { entry, written, alreadyRead } = require('./door/entry.js')
const { Incoming } = require('./door/incoming.js')
const { Outgoing } = require('./door/outgoing.js')
const { unavailable } = require('./native.js')

/** The number of no exchange. */
const NOBODY = 0

/**
 * Middleware for Express, connect and node:http that takes each request and its response through the guard.
 *
 * It stands before any body parser. `identity(req)` gives the caller that an authenticating middleware before it
 * verified (or a promise of it): `{subject, groups, issuer, claims, hops}`, a name, or nothing; where it gives nothing,
 * the policy's trusted headers may name the caller. Without a policy, `WARDLINE_POLICY` names its file.
 */
function guard (policy, options) {
  const { behind, identity } = entry(policy, options)

  return function wardline (req, res, next) {
    let who
    try {
      if (Incoming.isRead(req)) throw alreadyRead()
      who = identity?.(req)
    } catch (error) {
      return fail(error)
    }
    if (typeof who?.then === 'function') return who.then(begin, fail)
    return begin(who)

    function begin (who) {
      try {
        admit(behind, DOOR.EXPRESS, req, res, written(who), () => next(), fail)
      } catch (error) {
        fail(error)
      }
    }

    /** Nothing passes. A `next` that takes no error would take it for a yes, so it is not called. */
    function fail (error) {
      if (next.length > 0) return next(error)
      if (res.headersSent) return res.destroy(error)
      new Outgoing(NOBODY, req.method, res).answer(unavailable(), true)
    }
  }
}

/**
 * Lets a server answer a denial before the client sends its body: "100 Continue" goes out when the exchange, or the
 * service, is about to read. Without it Node sends it before any handler runs.
 */
function holdContinue (server) {
  server.on('checkContinue', (req, res) => {
    expects.add(req)
    server.emit('request', req, res)
  })
  return server
}

module.exports = { guard, holdContinue }
