'use strict'

// A response on its way through an exchange: what the service writes is held up at `writeHead`, `write`, `end` and
// `flushHeaders`, and goes on as the exchange says.

const native = require('../native.js')
const codes = require('./codes.js')
const heads = require('./heads.js')
const pieces = require('./pieces.js')
const { capture } = require('./writes.js')

const { PASSAGE, FLOW, ENDING } = codes

// The head is not decided yet; bytes pass one by one; all of it is collected; there is no body; nothing more may pass.
const HEAD = 0
const STREAM = 1
const WHOLE = 2
const BODILESS = 3
const OVER = 4

class Outgoing {
  /** The number of the exchange. */
  #exchange
  #method
  #res
  #state = HEAD
  /** What the response's own methods were. */
  #own = null
  /** The headers that stood before the service was called: they are not the service's. */
  #before = null
  /** The length that the service declared, or -1; and how much of the body it has written. */
  #declared = -1
  #written = 0
  /** Whether the head goes on other than the service wrote it. */
  #edits = null
  /** The length of a body that comes whole with its head, or -1. */
  #single = -1
  #collected = []
  #ended = false
  /** Pieces that wait for an effect. */
  #queue = null
  /** Whether all is decided: Node writes the head itself as it ends the response. */
  #settled = false
  /** Whether the response's own `end` is at work: it may write. */
  #ending = false
  /** Whether what `#pretend` says stands. */
  #pretends = false
  #finished = false
  #closed = false
  /** The codings that the caller takes. */
  #accepts

  constructor (exchange, method, res) {
    this.#exchange = exchange
    this.#method = method
    this.#res = res
    this.#accepts = res.req?.headers['accept-encoding']
    res.on('finish', () => {
      this.#finished = true
      native.finish(exchange, ENDING.COMPLETE)
    })
    res.on('close', () => this.#close())
  }

  /** From here on all that is written goes through the exchange. */
  guard () {
    this.#before = heads.all(this.#res)
    this.#own = capture(this.#res, this)
  }

  /** Whether nobody waits for the response any more. */
  get isClosed () {
    return this.#closed
  }

  /** Whether the service shall find its head written, though it waits for the body. */
  get pretends () {
    return this.#pretends
  }

  /** Whether the service has ended its response. */
  get hasEnded () {
    return this.#ended
  }

  /** The caller that its exchange is judged by, as JSON; `null` once that has ended. */
  get caller () {
    return this.#closed || this.#finished || this.#state === OVER ? null : native.caller(this.#exchange)
  }

  /** Sends an answer of the guard's own. Nothing of the service's response has left yet. */
  answer ({ status, headers, body }, close = false) {
    const res = this.#res
    this.#state = OVER
    this.#reveal()
    for (const name of res.getHeaderNames()) {
      if (this.#before !== null && !(name in this.#before)) res.removeHeader(name)
    }
    for (const name in this.#before) res.setHeader(name, this.#before[name])
    for (let i = 0; i < headers.length; i += 2) res.setHeader(headers[i], headers[i + 1])
    const bytes = Buffer.from(body, 'utf8')
    res.setHeader('Content-Length', bytes.length)
    if (close) res.setHeader('Connection', 'close')
    res.statusCode = status
    res.statusMessage = undefined
    this.#settled = true
    this.#finish(this.#method === 'HEAD' ? undefined : bytes)
    native.finish(this.#exchange, ENDING.COMPLETE)
  }

  /** Ends the response with the method that it had. */
  #finish (...last) {
    const end = this.#own === null ? this.#res.end : this.#own.end
    this.#ending = true
    end.call(this.#res, ...last)
    this.#ending = false
  }

  /** Nothing more may pass: the caller gets an answer where nothing has left, or else a broken connection. */
  cut () {
    const whole = this.#state === WHOLE || this.#single >= 0
    if (!this.#headLeft() && (this.#state === HEAD || whole)) return this.answer(native.answer(this.#exchange))
    native.finish(this.#exchange, ENDING.COMPLETE)
    this.#break()
  }

  #close () {
    this.#closed = true
    if (!this.#finished) native.finish(this.#exchange, this.#res.errored ? ENDING.FAILED : ENDING.DISCONNECTED)
    this.#state = OVER
    this.#queue = null
    this.#collected = []
  }

  writeHead (status, reason, headers) {
    const res = this.#res
    if (!this.#settled && (this.#state === WHOLE || this.#state === OVER)) return res
    const code = Number(status) | 0
    if (this.#settled || this.#state !== HEAD || code < 100 || code > 999) {
      return this.#head(status, reason, headers)
    }
    if (typeof reason === 'string') {
      res.statusMessage = reason
    } else {
      headers ??= reason
    }
    if (headers !== undefined && headers !== null) heads.merge(res, headers)
    res.statusCode = code
    this.#decide(code)
    if (this.#single >= 0) return res
    if (this.#state === WHOLE) this.#pretend()
    if (this.#state === STREAM || this.#state === BODILESS) this.#head(code)
    return res
  }

  /** Hands the head on. A compression that stands around us sees what the caller takes: the service was told otherwise. */
  #head (...head) {
    const res = this.#res
    if (this.#accepts === undefined) return this.#own.writeHead.call(res, ...head)
    const { headers } = res.req
    const told = headers['accept-encoding']
    headers['accept-encoding'] = this.#accepts
    try {
      return this.#own.writeHead.call(res, ...head)
    } finally {
      if (told === undefined) delete headers['accept-encoding']
      else headers['accept-encoding'] = told
    }
  }

  #decide (status) {
    const res = this.#res
    const bodiless = this.#method === 'HEAD' || status < 200 || status === 204 || status === 205 || status === 304
    const lines = heads.lines(res)
    this.#declared = heads.length(res)
    if (this.#single >= 0 && !bodiless && this.#declared < 0 && !heads.isChunked(res)) {
      // What Node would declare by itself.
      lines.push('content-length', String(this.#single))
    }
    const packed = native.responseHead(this.#exchange, status, lines.join('\n'), lines.length)
    const passage = codes.code(packed)
    if (passage === PASSAGE.REFUSE) return this.answer(native.answer(this.#exchange))
    this.#edits = heads.edits(this.#exchange, codes.edits(packed))
    if (this.#edits !== null) heads.editResponse(res, this.#edits)
    if (!bodiless) {
      this.#state = passage === PASSAGE.WHOLE ? WHOLE : STREAM
      return
    }
    this.#state = BODILESS
    this.#declared = -1
    const flow = native.response(this.#exchange, null, true)
    if (flow === FLOW.ABORT) return this.answer(native.answer(this.#exchange))
    if (flow === FLOW.EFFECT) native.carryOut(this.#exchange).then(() => native.resume(this.#exchange))
  }

  write (chunk, encoding, done) {
    const res = this.#res
    if (this.#ending) return this.#own.write.call(res, chunk, encoding, done)
    if (typeof encoding === 'function') {
      done = encoding
      encoding = undefined
    }
    const piece = pieces.of(chunk, encoding)
    // What is no piece, or comes after the end, is answered by Node's own error.
    if (piece === null || (this.#ended && this.#queue === null)) {
      return this.#state === OVER ? false : this.#own.write.call(res, chunk, encoding, done)
    }
    if (this.#state === HEAD) res.writeHead(res.statusCode)
    switch (this.#state) {
      case OVER:
        // Never again ready for more: a source that is piped here stands still until it learns of the end.
        later(done)
        return false
      case BODILESS:
        later(done)
        return true
    }
    const length = pieces.length(piece)
    if (!this.#count(length)) return false
    if (this.#state === WHOLE) {
      this.#collected.push(pieces.bytes(piece))
      later(done)
      return true
    }
    if (length === 0) return this.#own.write.call(res, piece, undefined, done)
    return this.#pass({ piece, length, done, last: false })
  }

  end (chunk, encoding, done) {
    const res = this.#res
    if (typeof chunk === 'function') {
      done = chunk
      chunk = encoding = undefined
    } else if (typeof encoding === 'function') {
      done = encoding
      encoding = undefined
    }
    if (this.#state === OVER) {
      if (done !== undefined) res.once('finish', done)
      return res
    }
    const piece = chunk === undefined || chunk === null ? pieces.NOTHING : pieces.of(chunk, encoding)
    if (piece === null || this.#ended) return this.#own.end.call(res, chunk, encoding, done)
    this.#ended = true
    const length = pieces.length(piece)
    if (this.#state === HEAD) {
      this.#single = length
      res.writeHead(res.statusCode)
    }
    if (this.#state === OVER) {
      if (done !== undefined) res.once('finish', done)
      return res
    }
    if (this.#state === BODILESS) return this.#endBodiless(chunk, encoding, done)
    if (!this.#count(length)) return res
    if (this.#declared >= 0 && this.#written !== this.#declared) {
      // The service stopped short of what it declared: to end well would pass the piece off as the whole.
      this.#fail()
      return res
    }
    if (this.#state === WHOLE && this.#collected.length > 0) {
      const whole = Buffer.concat([...this.#collected, pieces.bytes(piece)])
      this.#collected = []
      this.#pass({ piece: whole, length: whole.length, done, last: true })
    } else {
      this.#pass({ piece, length, done, last: true })
    }
    return res
  }

  #endBodiless (chunk, encoding, done) {
    // Node would declare the length of what it leaves out; where the body would have changed, that is not its length.
    if (this.#edits !== null || this.#res.statusCode === 205) chunk = undefined
    return this.#own.end.call(this.#res, chunk, encoding, done)
  }

  flushHeaders () {
    if (this.#state === HEAD) this.#res.writeHead(this.#res.statusCode)
    if (this.#state === STREAM || this.#state === BODILESS) this.#own.flushHeaders.call(this.#res)
  }

  /** Notes what the service wrote; `false` where it is more than it declared. */
  #count (length) {
    this.#written += length
    if (this.#declared < 0 || this.#written <= this.#declared) return true
    this.#fail()
    return false
  }

  /** Lets a piece through the exchange, behind those that wait. */
  #pass (item) {
    if (this.#state === OVER) {
      later(item.done)
      return false
    }
    if (this.#queue !== null) {
      this.#queue.push(item)
      return false
    }
    return this.#release(pieces.feed(this.#exchange, item), item)
  }

  #release (flow, item) {
    if (flow === FLOW.EFFECT) {
      this.#wait(item)
      return false
    }
    if (flow === FLOW.ABORT) {
      this.cut()
      later(item.done)
      return false
    }
    if (flow === FLOW.LAST) {
      this.#leave(item)
      return false
    }
    if (flow !== FLOW.UNCHANGED) pieces.change(this.#exchange, item, flow)
    return item.last ? this.#last(item) : this.#hand(item)
  }

  /** What waits in the exchange is the last that goes on: once it has left, the connection breaks. */
  #leave (item) {
    const res = this.#res
    if (this.#state === WHOLE) return this.cut()
    pieces.change(this.#exchange, item, native.length(this.#exchange))
    this.#reveal()
    // A body that came whole with its head has the length that Node would have declared.
    if (!this.#headLeft() && this.#single >= 0 && this.#edits === null && !heads.isChunked(res)) heads.declare(res, this.#single)
    this.#state = OVER
    this.#settled = true
    native.finish(this.#exchange, ENDING.COMPLETE)
    later(item.done)
    if (item.length === 0) return this.#break()
    this.#own.write.call(res, item.piece, () => this.#break())
  }

  #hand ({ piece, length, encoding, done }) {
    const res = this.#res
    if (length > 0) return this.#own.write.call(res, piece, encoding, done)
    // The body is held back, but its head is not.
    if (!this.#headLeft()) this.#own.flushHeaders.call(res)
    later(done)
    return !res.writableNeedDrain
  }

  #last ({ piece, length, encoding, done }) {
    const res = this.#res
    this.#reveal()
    // A head that has been written has said how the body ends; one that has not says its exact length.
    if (this.#edits !== null && !res.headersSent) {
      if (this.#single < 0) heads.editResponse(res, this.#edits)
      if (!heads.isChunked(res)) heads.declare(res, length)
    }
    this.#settled = true
    if (length > 0) {
      this.#finish(piece, encoding, done)
    } else {
      this.#finish(done)
    }
    return true
  }

  #wait (item) {
    const exchange = this.#exchange
    this.#queue = []
    if (item.last) this.#pretend()
    native.carryOut(exchange).then(() => {
      if (this.#queue === null) return
      const queue = this.#queue
      this.#queue = null
      this.#release(native.resume(exchange), item)
      for (const next of queue) this.#pass(next)
      if (this.#queue === null && !this.#ended && !this.#res.writableNeedDrain) this.#res.emit('drain')
    }).catch(() => this.#fail())
  }

  /** The service broke off, or said something untrue of its body. */
  #fail () {
    native.finish(this.#exchange, ENDING.FAILED)
    this.#break()
  }

  #break () {
    const res = this.#res
    const ends = this.#headLeft() && !res.chunkedEncoding && !res.hasHeader('content-length')
    this.#state = OVER
    this.#reveal()
    // Where only the end of the connection ends the body, a quiet end would pass for a good one.
    if (ends && typeof res.socket?.resetAndDestroy === 'function') res.socket.resetAndDestroy()
    res.destroy()
  }

  #headLeft () {
    return this.#res._headerSent
  }

  #pretend () {
    this.#pretends = true
    if (this.#own.told) return
    const ended = () => this.#ended
    Object.defineProperty(this.#res, 'headersSent', { configurable: true, get: () => true })
    Object.defineProperty(this.#res, 'writableEnded', { configurable: true, get: ended })
  }

  #reveal () {
    if (!this.#pretends) return
    this.#pretends = false
    if (this.#own.told) return
    delete this.#res.headersSent
    delete this.#res.writableEnded
  }
}

function later (done) {
  if (typeof done === 'function') process.nextTick(done)
}

module.exports = { Outgoing }
