'use strict'

// One request under guard, from its head to the service or to an answer.

const { AsyncResource } = require('node:async_hooks')

const native = require('../native.js')
const { abandoned } = require('./abandoned.js')
const { remember } = require('./callers.js')
const codes = require('./codes.js')
const heads = require('./heads.js')
const { Incoming } = require('./incoming.js')
const { Outgoing } = require('./outgoing.js')

const { STEP, FLOW } = codes

/** Requests whose clients wait for "100 Continue" before they send the body. */
const expects = new WeakSet()

/** Takes a request through the guard. Calls `next` where it may go on, `fail` where nothing can be said of it. */
function admit (guard, door, req, res, target, identity, next, fail) {
  const { socket, rawHeaders } = req
  const head = `${req.method}\n${target}\n${socket?.remoteAddress ?? ''}\n${rawHeaders.join('\n')}`
  const begun = native.begin(guard, head, rawHeaders.length, identity, door)
  const exchange = codes.exchange(begun)
  // A response is closed with the connection that it is written to; one that still waits for its turn may never be.
  if (socket?._httpMessage !== res) abandoned.register(res, exchange)
  new Admission(exchange, req, res, next, fail).advance(begun)
}

class Admission {
  #exchange
  #req
  #res
  #next
  #fail
  #outgoing
  #incoming = null
  /** Goes on when there is more of the body, once that is waited for. */
  #asks = null

  constructor (exchange, req, res, next, fail) {
    this.#exchange = exchange
    this.#req = req
    this.#res = res
    this.#next = next
    this.#fail = fail
    this.#outgoing = new Outgoing(exchange, req.method, res)
  }

  advance (packed) {
    let step = codes.code(packed)
    while (step === STEP.NEED_BODY) {
      proceed(this.#req, this.#res)
      // The parser, which brings it, has no context of its own: that of what stands before the guard (a tracer) goes on.
      this.#asks ??= AsyncResource.bind(() => this.#ask())
      const piece = this.#body.next(this.#asks)
      if (piece === undefined) return
      packed = native.read(this.#exchange, piece)
      step = codes.code(packed)
    }
    const edits = heads.edits(this.#exchange, codes.edits(packed))
    switch (step) {
      case STEP.EFFECT:
        native.carryOut(this.#exchange).then(() => {
          if (!this.#outgoing.isClosed) this.advance(native.step(this.#exchange))
        }).catch(this.#fail)
        return
      case STEP.FORWARD:
        this.#edit(edits)
        this.#incoming?.pass()
        return this.#forward()
      case STEP.FORWARD_WHOLE:
        this.#edit(edits, true)
        this.#body.replace(this.#take())
        return this.#forward()
      case STEP.FORWARD_FEED: {
        this.#edit(edits)
        if (this.#incoming !== null || !isBodiless(this.#req)) {
          const feed = feeder(this.#exchange, this.#body, () => this.#cut())
          return this.#body.feed(this.#take(), feed, () => this.#forward())
        }
        // Nothing comes that would have to be held up: its end goes through at once.
        const flow = native.request(this.#exchange, null, true)
        if (flow === FLOW.UNCHANGED || flow === 0) return this.#forward()
        const feed = feeder(this.#exchange, this.#body, () => this.#cut(), flow)
        return this.#body.feed(Buffer.alloc(0), feed, () => this.#forward())
      }
      default:
        this.#incoming?.pass()
        return this.#outgoing.answer(native.answer(this.#exchange), expects.has(this.#req))
    }
  }

  get #body () {
    return (this.#incoming ??= new Incoming(this.#req))
  }

  #ask () {
    if (this.#outgoing.isClosed) return
    try {
      this.advance(STEP.NEED_BODY)
    } catch (error) {
      this.#fail(error)
    }
  }

  #edit (edits, whole = false) {
    if (edits === null) return
    const { gone, set } = edits
    if (whole) return heads.editRequest(this.#req, { gone: new Set([...gone, 'transfer-encoding']), set })
    // A body whose length is unknown now comes in chunks, or whoever reads it would take it for none.
    const unknown = gone.has('content-length') && !set.some(([name]) => name === 'content-length')
    const chunked = unknown && !('transfer-encoding' in this.#req.headers)
    heads.editRequest(this.#req, chunked ? { gone, set: [...set, ['transfer-encoding', 'chunked']] } : edits)
  }

  #take () {
    const bytes = Buffer.allocUnsafe(native.length(this.#exchange))
    native.take(this.#exchange, bytes)
    return bytes
  }

  #forward () {
    proceed(this.#req, this.#res)
    this.#outgoing.guard()
    remember(this.#req, this.#outgoing)
    this.#next()
  }

  /** The request may not go on: whoever reads it finds it broken. */
  #cut () {
    this.#res.once('close', () => this.#req.destroy())
    this.#outgoing.cut()
  }
}

/** Whether a request has no body, by its head (RFC 9112, 6.3). */
function isBodiless ({ headers, httpVersionMajor }) {
  return httpVersionMajor === 1 && headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
}

/** Lets a body through the exchange piece by piece. `end` is what became of its end, where that went through already. */
function feeder (exchange, incoming, cut, end) {
  let queue = null
  return function feed (piece) {
    if (queue !== null) {
      queue.push(piece)
      return true
    }
    const flow = piece === null && end !== undefined ? end : native.request(exchange, piece, piece === null)
    return release(flow, piece)
  }

  function release (flow, piece) {
    let ready = true
    if (flow === FLOW.ABORT || flow === FLOW.LAST) {
      queue = []
      cut()
      return true
    }
    if (flow === FLOW.EFFECT) {
      const waiting = queue = []
      native.carryOut(exchange).then(() => {
        queue = null
        release(native.resume(exchange), piece)
        for (const next of waiting) queue === null ? release(native.request(exchange, next, next === null), next) : queue.push(next)
      }).catch(cut)
      return true
    }
    if (flow === FLOW.UNCHANGED) {
      if (piece !== null) ready = incoming.hand(piece)
    } else if (flow > 0) {
      const bytes = Buffer.allocUnsafe(flow)
      native.take(exchange, bytes)
      ready = incoming.hand(bytes)
    }
    if (piece === null) incoming.hand(null)
    return ready
  }
}

/** Tells a client that waits with its body to send it, once somebody will read it. */
function proceed (req, res) {
  if (!expects.delete(req)) return
  res.writeContinue()
}

module.exports = { admit, expects }
