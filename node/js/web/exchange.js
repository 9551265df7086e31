'use strict'

// One exchange whose messages are of the web (`Request`, `Response`, `ReadableStream`): asked for one thing at a time,
// it answers with promises, and its two directions take turns where one has to wait.
//
//   const exchange = new Exchange(codes.exchange(begun))
//   const { step, edits } = await exchange.judge(begun, () => source.next())
//   const { bytes, cut } = await exchange.response(piece, false)

const native = require('../native.js')
const { abandoned } = require('../door/abandoned.js')
const codes = require('../door/codes.js')
const heads = require('../door/heads.js')

const { STEP, FLOW, ENDING, PASSAGE } = codes

const NOTHING = new Uint8Array(0)

class Exchange {
  #number
  #ended = false
  /** Settles when the direction that waits has its answer. */
  #turn = null
  /** The answer that stands in place of all that was to come, once the request was cut. */
  #cut = null

  constructor (number) {
    this.#number = number
    abandoned.register(this, number, this)
  }

  /** The answer for a request that was cut on its way to the service; `null` where it was not. */
  get cut () {
    return this.#cut
  }

  /** The caller that it is judged by, as JSON; `null` once it has ended. */
  get caller () {
    return this.#ended ? null : native.caller(this.#number)
  }

  /**
   * Up to the verdict. `next` gives the next piece of the request's body, `null` at its end; `waits` is called before the
   * exchange waits for somebody, and gives what is called after.
   */
  async judge (packed, next, waits) {
    for (;;) {
      const step = codes.code(packed)
      if (step === STEP.NEED_BODY) {
        const piece = await next()
        if (piece?.length === 0) continue
        packed = native.read(this.#number, piece)
      } else if (step === STEP.EFFECT) {
        const stop = waits()
        await native.carryOut(this.#number)
        stop()
        if (this.#ended) return { step: STEP.ANSWER, edits: null }
        packed = native.step(this.#number)
      } else {
        return { step, edits: heads.edits(this.#number, codes.edits(packed)) }
      }
    }
  }

  /** What goes on with a verdict, in place of the body or ahead of what is left of it. */
  take () {
    return this.#bytes(native.length(this.#number))
  }

  /** Whether and how a response passes: `{passage, edits}`. `lines` are names and values in turn. */
  head (status, lines) {
    const packed = native.responseHead(this.#number, status, lines.join('\n'), lines.length)
    const passage = codes.code(packed)
    return { passage, edits: passage === PASSAGE.REFUSE ? null : heads.edits(this.#number, codes.edits(packed)) }
  }

  /** The answer that the caller gets instead of the service's. */
  answer () {
    return this.#ended ? native.unavailable() : native.answer(this.#number)
  }

  /** Takes a piece of the request through, `null` at the end: `{bytes, cut}`, what goes on and why nothing more does. */
  async request (piece) {
    const passed = await this.#pass((number) => native.request(number, piece, piece === null), piece)
    if (passed.cut !== null) this.#cut = passed.cut
    return passed
  }

  /** The same for the response, at once where it need not wait; with `last` the piece is all that is left, or `null` where nothing is. */
  response (piece, last) {
    return this.#pass((number) => native.response(number, piece, last), piece)
  }

  /** Ends the exchange: only the first call counts. */
  finish (how) {
    if (this.#ended) return
    this.#ended = true
    abandoned.unregister(this)
    native.finish(this.#number, how)
  }

  /** What becomes of a piece; a promise of it only where it has to wait. */
  #pass (feed, piece) {
    if (this.#turn !== null) return this.#turn.then(() => this.#pass(feed, piece))
    // Its number may be another's by now.
    if (this.#ended) return { bytes: NOTHING, cut: native.unavailable() }
    const flow = feed(this.#number)
    return flow === FLOW.EFFECT ? this.#waited(piece) : this.#passed(flow, piece)
  }

  async #waited (piece) {
    let pass
    this.#turn = new Promise((resolve) => { pass = resolve })
    try {
      let flow
      do {
        await native.carryOut(this.#number)
        if (this.#ended) return { bytes: NOTHING, cut: native.unavailable() }
        flow = native.resume(this.#number)
      } while (flow === FLOW.EFFECT)
      return this.#passed(flow, piece)
    } finally {
      this.#turn = null
      pass()
    }
  }

  #passed (flow, piece) {
    if (typeof flow === 'string') return { bytes: new Uint8Array(Buffer.from(flow, 'latin1')), cut: null }
    switch (flow) {
      case FLOW.UNCHANGED: return { bytes: piece ?? NOTHING, cut: null }
      case FLOW.ABORT: return { bytes: NOTHING, cut: this.answer() }
      case FLOW.LAST: return { bytes: this.take(), cut: this.answer() }
      default: return { bytes: this.#bytes(flow), cut: null }
    }
  }

  #bytes (length) {
    if (length === 0) return NOTHING
    const bytes = new Uint8Array(length)
    native.take(this.#number, bytes)
    return bytes
  }
}

module.exports = { Exchange, ENDING }
