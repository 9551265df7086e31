'use strict'

const { expects } = require('./door/admit.js')
const { DOOR } = require('./door/codes.js')
const { entry } = require('./door/entry.js')
const { through } = require('./door/through.js')

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
    // A mounted router has only a part of the target in `url`.
    return through(behind, DOOR.EXPRESS, req, res, req.originalUrl ?? req.url, () => identity?.(req), next)
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
