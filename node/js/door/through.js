'use strict'

// A request and response of Node's own through the guard, whichever framework they are in.

const { unavailable } = require('../native.js')
const { admit } = require('./admit.js')
const { written, alreadyRead } = require('./entry.js')
const { Incoming } = require('./incoming.js')
const { Outgoing } = require('./outgoing.js')

/** The number of no exchange. */
const NOBODY = 0

/**
 * Calls `next` where the request may go on; what is then written to `res` goes through its exchange.
 *
 * `target` is what the framework routes by, `identity` tells the caller, or a promise of it. What fails goes to `next`,
 * if that takes an error, or else is answered.
 */
function through (guard, door, req, res, target, identity, next) {
  let who
  try {
    if (Incoming.isRead(req)) throw alreadyRead()
    who = identity()
  } catch (error) {
    return fail(error)
  }
  if (typeof who?.then === 'function') return who.then(begin, fail)
  return begin(who)

  function begin (who) {
    try {
      admit(guard, door, req, res, target, written(who), () => next(), fail)
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

module.exports = { through }
