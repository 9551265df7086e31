'use strict'

// Statements and commands: judged before their work is called, recorded when it is done.

const native = require('./native.js')
const codes = require('./door/codes.js')

const { STEP, FLOW, ENDING } = codes

/** Calls `work` where the exchange of this number may run, and ends it as `work` ends. */
async function run (exchange, work) {
  let step = codes.code(native.step(exchange))
  while (step === STEP.EFFECT) {
    await native.carryOut(exchange)
    step = codes.code(native.step(exchange))
  }
  if (step !== STEP.FORWARD) {
    const error = refused(exchange)
    native.finish(exchange, ENDING.COMPLETE)
    throw error
  }
  const running = new Running(exchange)
  let ending = ENDING.FAILED
  try {
    const result = await work(running)
    ending = ENDING.COMPLETE
    return result
  } finally {
    native.finish(exchange, ending)
  }
}

/** What `work` tells of its statement or command. */
class Running {
  #exchange

  constructor (exchange) {
    this.#exchange = exchange
  }

  /** So much of the results is about to be handed on: ask before every part. Rejects where it must not be. */
  async returned ({ rows = 0, vectors = 0 }) {
    await this.#settled(native.returned(this.#exchange, rows, vectors))
  }

  /** So many rows were written, changed or deleted. Rejects where no grant covers them: take it back. */
  async touched (rows) {
    await this.#settled(native.touched(this.#exchange, rows))
  }

  /** A piece of the results as it may be handed on; without `more` also their end. */
  async result (piece, contentType = 'application/x-ndjson', more = false) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece, 'utf8') : piece
    const length = await this.#settled(native.result(this.#exchange, bytes, contentType, !more))
    if (length === FLOW.UNCHANGED) return piece
    const out = Buffer.alloc(length)
    native.take(this.#exchange, out)
    return typeof piece === 'string' ? out.toString('utf8') : out
  }

  async #settled (flow) {
    while (flow === FLOW.EFFECT) {
      await native.carryOut(this.#exchange)
      flow = native.resume(this.#exchange)
    }
    if (flow === FLOW.ABORT || flow === FLOW.LAST) throw refused(this.#exchange)
    return flow
  }
}

/** Why it may not run, or go on. */
function refused (exchange) {
  const { detail, code, approval, record } = JSON.parse(native.answer(exchange).body)
  return Object.assign(new Error(detail), { code, ...(approval && { approval }), ...(record && { record }) })
}

module.exports = { run }
