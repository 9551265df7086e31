'use strict'

// One web request under guard, from its head to the response that its caller gets.

const native = require('../native.js')
const codes = require('../door/codes.js')
const headers = require('./headers.js')
const { Exchange, ENDING } = require('./exchange.js')
const { Incoming } = require('./request.js')
const { leave, pass, reply } = require('./response.js')

const { DOOR, STEP } = codes

/**
 * Has `handle` answer the request where it may, and gives the response that the caller gets.
 *
 * `identity` is the JSON of a verified caller or `null`, `address` that of the socket where it is known. Rejects as
 * `handle` does: nothing of the request or the response has gone past the exchange then.
 */
async function judge (guard, request, identity, address, handle, door = DOOR.FETCH) {
  const incoming = new Incoming(request)
  const { method } = request
  const head = headers.head(method, request.url, address ?? '', request.headers)
  const begun = native.begin(guard, head.text, head.count, identity, door)
  const exchange = new Exchange(codes.exchange(begun))
  let ending = ENDING.DISCONNECTED
  try {
    const { step, edits } = await exchange.judge(begun, () => incoming.next(), () => listen(request, exchange))
    if (step === STEP.ANSWER) {
      const answer = exchange.answer()
      exchange.finish(ENDING.COMPLETE)
      await leave(incoming)
      return reply(answer, method)
    }
    ending = ENDING.FAILED
    const forwarded = incoming.forward(exchange, step, edits)
    let response
    try {
      response = await handle(forwarded)
    } catch (error) {
      if (exchange.cut === null) throw error
    }
    if (exchange.cut !== null) {
      // The service was left with half a request: what it made of it is not the reason.
      exchange.finish(ENDING.COMPLETE)
      await leave(response?.body)
      return reply(exchange.cut, method)
    }
    if (!(response instanceof Response)) throw new TypeError('wardline: expected the handler to give a Response')
    return await pass(exchange, method, response)
  } catch (error) {
    exchange.finish(ending)
    throw error
  }
}

/** Gives up where the caller goes away while the exchange waits, for people perhaps. Gives what stops listening. */
function listen (request, exchange) {
  const { signal } = request
  const leave = () => exchange.finish(ENDING.DISCONNECTED)
  if (signal.aborted) leave()
  signal.addEventListener('abort', leave, { once: true })
  return () => signal.removeEventListener('abort', leave)
}

module.exports = { judge }
