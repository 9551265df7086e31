'use strict'

// A `Response` on its way through an exchange. Its head goes on as soon as it is judged; of its body each piece does
// when the rules that read it have answered, as the reader asks for it.
//
// What is whole before the head has to go (a text, small JSON) is judged whole: a refusal is then an answer, and no
// stream has to be made of it.

const { PASSAGE } = require('../door/codes.js')
const headers = require('./headers.js')
const { Source } = require('./source.js')
const { ENDING } = require('./exchange.js')
const { held } = require('./held.js')

/** Up to so many bytes are judged whole. */
const WHOLE = 65_536
/** The same of a body that says how long it is, where all of it is at hand: no stream is made of what a handler gave as bytes. */
const AT_HAND = 1 << 20

/** The response that the caller gets of `response`. Ends the exchange, at once or when the body has been read. */
async function pass (exchange, method, response) {
  const bodiless = method === 'HEAD' || [101, 204, 205, 304].includes(response.status)
  const bytes = bodiless ? null : held(response)
  const source = new Source(bodiless ? null : bytes ?? response.body)
  let declared = headers.length(response.headers)
  const lines = headers.lines(response.headers)
  let gathered = -1
  if (!bodiless && declared < 0) {
    gathered = await source.gather(WHOLE)
    if (gathered >= 0) lines.push('content-length', String(declared = gathered))
  }
  const { passage, edits } = exchange.head(response.status, lines)
  if (passage === PASSAGE.REFUSE) {
    const answer = exchange.answer()
    exchange.finish(ENDING.COMPLETE)
    leave(bodiless ? response.body : source)
    return reply(answer, method)
  }
  const made = (body, more = null) => {
    const head = headers.edited(response.headers, edits)
    if (more !== null) head.set('content-length', String(more))
    const init = { status: response.status, headers: head }
    // A response that a host holds has no such text where it is sent, and to ask would make another one of it.
    if (bytes === null) init.statusText = response.statusText
    return new Response(body, init)
  }
  if (bodiless) {
    const { cut } = await exchange.response(null, true)
    exchange.finish(ENDING.COMPLETE)
    if (cut !== null) return reply(cut, method)
    if (edits === null && response.body === null) return response
    leave(response.body)
    return made(null)
  }
  const here = bytes !== null && bytes.length === declared && declared <= AT_HAND
  const whole = here || passage === PASSAGE.WHOLE || gathered >= 0 || declared === 0
  if (whole || (declared > 0 && declared <= AT_HAND && await source.gather(declared) === declared)) {
    let body
    try {
      body = here ? bytes : await source.all(declared)
      if (body.length !== declared) throw untrue()
    } catch (error) {
      exchange.finish(ENDING.FAILED)
      leave(source)
      return made(broken(error))
    }
    const passing = exchange.response(body.length > 0 ? body : null, true)
    const passed = typeof passing.then === 'function' ? await passing : passing
    exchange.finish(ENDING.COMPLETE)
    if (passed.cut !== null) return reply(passed.cut, method)
    // Where nothing changes, what was declared stays, and where nothing was, the host declares what it always did.
    const { length } = passed.bytes
    return made(passed.bytes, edits === null && (gathered >= 0 || length === declared) ? null : length)
  }
  return made(guarded(exchange, source, declared))
}

/** The body, piece by piece. */
function guarded (exchange, source, declared) {
  let read = 0
  /** Why nothing more comes than what has left. */
  let cut = false
  let over = false

  async function next () {
    const piece = await source.next()
    if (over && piece !== null) throw untrue()
    if (over) return null
    read += piece?.length ?? 0
    if (declared >= 0 && (read > declared || (piece === null && read < declared))) throw untrue()
    // Who has all that was declared may not ask for the end: it goes through with the last piece.
    over = piece === null || read === declared
    const passed = await exchange.response(piece, over)
    if (passed.cut !== null) {
      cut = true
      leave(source)
      exchange.finish(ENDING.COMPLETE)
    } else if (over) {
      exchange.finish(ENDING.COMPLETE)
    }
    return piece === null && passed.bytes.length === 0 ? null : passed.bytes
  }

  return new ReadableStream({
    async pull (controller) {
      try {
        for (;;) {
          if (cut) {
            // The host gets a turn to send what left: it drops what is in its buffers when a body breaks off.
            await new Promise((resolve) => setImmediate(resolve))
            throw new Error('wardline: the guard cut this body')
          }
          const bytes = await next()
          if (bytes === null && !cut) return controller.close()
          if (bytes !== null && bytes.length > 0) return controller.enqueue(bytes)
        }
      } catch (error) {
        exchange.finish(ENDING.FAILED)
        leave(source)
        controller.error(error)
      }
    },
    async cancel (reason) {
      exchange.finish(ENDING.DISCONNECTED)
      await source.cancel(reason)
    }
  }, { highWaterMark: 0 })
}

/** An answer of the guard's own. */
function reply ({ status, headers: list, body }, method) {
  const head = new Headers({ 'content-length': String(Buffer.byteLength(body)) })
  for (let i = 0; i < list.length; i += 2) head.append(list[i], list[i + 1])
  return new Response(method === 'HEAD' ? null : Buffer.from(body, 'utf8'), { status, headers: head })
}

/** A body that is nothing but an error. */
function broken (error) {
  return new ReadableStream({ pull: (controller) => controller.error(error) }, { highWaterMark: 0 })
}

/** Tells whoever makes a body that nobody reads it; how, and how long, they take that is their own business. */
function leave (body) {
  Promise.resolve(body?.cancel()).catch(() => {})
}

function untrue () {
  return new Error('wardline: the body is not as long as its head declares')
}

module.exports = { pass, reply, leave }
