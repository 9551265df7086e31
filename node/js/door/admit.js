'use strict'

// One request under guard, from its head to the service or to an answer.

const { STEP, FLOW } = require('./codes.js')
const heads = require('./heads.js')
const { Incoming } = require('./incoming.js')
const { Outgoing } = require('./outgoing.js')

/** A request whose client waits for "100 Continue" before it sends the body. */
const expects = Symbol('wardline.expects')

/** Takes a request through the guard. Calls `serve` where it may go on, `fail` where nothing can be said of it. */
function admit (native, req, res, identity, serve, fail) {
  const raw = req.rawHeaders
  const exchange = native.begin(
    req.method, req.originalUrl ?? req.url, raw.join('\n'), raw.length, req.socket?.remoteAddress ?? null, identity)
  const incoming = new Incoming(req)
  const outgoing = new Outgoing(exchange, req, res)
  let gone = false
  res.once('close', () => {
    gone = true
    outgoing.close()
  })
  advance(exchange.step())

  function advance (step) {
    while (step === STEP.NEED_BODY) {
      proceed(req, res)
      const piece = incoming.next(ask)
      if (piece === undefined) return
      step = piece === null ? exchange.end() : exchange.push(piece)
    }
    switch (step) {
      case STEP.EFFECT:
        exchange.carryOut().then(() => { if (!gone) advance(exchange.step()) }).catch(fail)
        return
      case STEP.FORWARD:
        edit()
        incoming.pass()
        return forward()
      case STEP.FORWARD_WHOLE:
        edit(true)
        incoming.replace(take())
        return forward()
      case STEP.FORWARD_FEED:
        edit()
        return incoming.feed(take(), feeder(exchange, incoming, cut), forward)
      default:
        incoming.pass()
        return outgoing.answer(exchange.answer(), req[expects] === true)
    }
  }

  function ask () {
    if (gone) return
    try {
      advance(STEP.NEED_BODY)
    } catch (error) {
      fail(error)
    }
  }

  function edit (whole = false) {
    const edits = exchange.edits()
    if (edits === null) return
    const { remove, set } = heads.parse(edits)
    if (whole) return heads.editRequest(req, { remove: [...remove, 'transfer-encoding'], set })
    // A body whose length is unknown now comes in chunks, or whoever reads it would take it for none.
    const unknown = remove.includes('content-length') && !set.some(([name]) => name === 'content-length')
    const more = unknown && !('transfer-encoding' in req.headers) ? [['transfer-encoding', 'chunked']] : []
    heads.editRequest(req, { remove, set: [...set, ...more] })
  }

  function take () {
    const bytes = Buffer.allocUnsafe(exchange.length)
    exchange.take(bytes)
    return bytes
  }

  function forward () {
    proceed(req, res)
    outgoing.guard()
    serve()
  }

  /** The request may not go on: whoever reads it finds it broken. */
  function cut () {
    res.once('close', () => req.destroy())
    outgoing.cut()
  }
}

/** Lets a body through the exchange piece by piece. */
function feeder (exchange, incoming, cut) {
  let queue = null
  return function feed (piece) {
    if (queue !== null) {
      queue.push(piece)
      return true
    }
    return release(exchange.request(piece, piece === null), piece)
  }

  function release (flow, piece) {
    let ready = true
    if (flow === FLOW.ABORT) {
      queue = []
      cut()
      return true
    }
    if (flow === FLOW.EFFECT) {
      const waiting = queue = []
      exchange.carryOut().then(() => {
        queue = null
        release(exchange.resume(), piece)
        for (const next of waiting) queue === null ? release(exchange.request(next, next === null), next) : queue.push(next)
      }).catch(cut)
      return true
    }
    if (flow === FLOW.UNCHANGED) {
      if (piece !== null) ready = incoming.hand(piece)
    } else if (flow > 0) {
      const bytes = Buffer.allocUnsafe(flow)
      exchange.take(bytes)
      ready = incoming.hand(bytes)
    }
    if (piece === null) incoming.hand(null)
    return ready
  }
}

/** Tells a client that waits with its body to send it, once somebody will read it. */
function proceed (req, res) {
  if (req[expects] !== true) return
  req[expects] = false
  res.writeContinue()
}

module.exports = { admit, expects }
