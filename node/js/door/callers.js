'use strict'

// Who a guarded message is from, for whoever acts on their behalf.

const { noted } = require('./notes.js')

const exchanges = noted()

/** Notes the exchange of a message; it has a `caller`, as JSON, until it ends. */
function remember (message, exchange) {
  exchanges.set(message, exchange)
}

/**
 * The caller that the guard judged this message by, with the seal that it came with; `undefined` where it is under no
 * guard, or has been answered.
 *
 *   guardedFetch(guard, { caller: callerOf(req) })
 */
function callerOf (message) {
  const json = (Object(message) === message ? exchanges.get(message)?.caller : null) ?? null
  return json === null ? undefined : JSON.parse(json)
}

module.exports = { remember, callerOf }
