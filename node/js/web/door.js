'use strict'

// One web message under guard, from its head to the response that its caller gets.

const native = require('../native.js')
const codes = require('../door/codes.js')
const { remember } = require('../door/callers.js')
const headers = require('./headers.js')
const { Exchange, ENDING } = require('./exchange.js')
const { Incoming } = require('./incoming.js')
const { RequestSource, forwarded } = require('./request.js')
const { leave, pass, reply } = require('./response.js')

const { STEP } = codes

/**
 * Has `handle` answer the message where it may, and gives the response that the caller gets.
 *
 * `message` is `{method, url, headers, address, source, signal}`: headers as names and values in turn, the socket's
 * address or nothing, the body as `Incoming` reads it, and what gives the signal of a caller who goes away. `identity` is
 * the JSON of a verified caller or `null`. `handle({edits, body, exchange})` gets what is other in the message that goes on.
 * Rejects as `handle` does: nothing has gone past the exchange then.
 */
async function judge (guard, door, message, identity, handle) {
  const { method, url, address } = message
  const head = `${method}\n${withoutFragment(url)}\n${address ?? ''}\n${message.headers.join('\n')}`
  const begun = native.begin(guard, head, message.headers.length, identity, door)
  const exchange = new Exchange(codes.exchange(begun))
  const incoming = new Incoming(message.source)
  let ending = ENDING.DISCONNECTED
  try {
    const { step, edits } = await exchange.judge(begun, () => incoming.next(), () => listen(message.signal(), exchange))
    if (step === STEP.ANSWER) {
      const answer = exchange.answer()
      exchange.finish(ENDING.COMPLETE)
      leave(incoming)
      return reply(answer, method)
    }
    ending = ENDING.FAILED
    let response
    try {
      response = await handle({ edits, body: incoming.passed(exchange, step), exchange })
    } catch (error) {
      if (exchange.cut === null) throw error
    }
    if (exchange.cut !== null) {
      // The service was left with half a request: what it made of it is not the reason.
      exchange.finish(ENDING.COMPLETE)
      leave(response?.body)
      return reply(exchange.cut, method)
    }
    if (typeof response?.headers?.get !== 'function') throw new TypeError('wardline: expected a Response in answer')
    return await pass(exchange, method, response)
  } catch (error) {
    exchange.finish(ending)
    throw error
  }
}

/** The same for a `Request`: `handle` gets the one that goes on. */
function judgeRequest (guard, door, request, address, identity, handle) {
  const message = {
    method: request.method,
    url: request.url,
    headers: headers.lines(request.headers),
    address,
    source: new RequestSource(request),
    signal: () => request.signal
  }
  return judge(guard, door, message, identity, async ({ edits, body, exchange }) => {
    // A second request costs more than all the rest: where headers are only set, the one that came goes on with those until it is answered.
    const back = edits !== null && body === undefined ? headers.setInPlace(request.headers, edits) : null
    const passed = back === null ? forwarded(request, edits, body) : request
    remember(passed, exchange)
    try {
      return await handle(passed)
    } finally {
      back?.()
    }
  })
}

/** What of a URL is sent. */
function withoutFragment (url) {
  const at = url.indexOf('#')
  return at < 0 ? url : url.slice(0, at)
}

/** Gives up where the caller goes away while the exchange waits, for people perhaps. Gives what stops listening. */
function listen (signal, exchange) {
  const gone = () => exchange.finish(ENDING.DISCONNECTED)
  if (signal.aborted) gone()
  signal.addEventListener('abort', gone, { once: true })
  return () => signal.removeEventListener('abort', gone)
}

module.exports = { judge, judgeRequest }
