'use strict'

// The body of a web message, read piece by piece, or gathered as far as it is there already.
//
//   const source = new Source(response.body)
//   const length = await source.gather(65536)     // -1 where its end is not at hand
//   while ((piece = await source.next()) !== null) ...

class Source {
  #reader
  /** A piece that was asked for, when it is there. */
  #asked = null
  #pieces = []
  #ended

  /** `body` is a stream, bytes that are all of it, or `null` where there is none. */
  constructor (body) {
    if (body instanceof Uint8Array) {
      if (body.length > 0) this.#pieces.push(body)
      body = null
    }
    this.#reader = body?.getReader() ?? null
    this.#ended = this.#reader === null
  }

  /** The next piece, `null` at the end. Rejects where the stream breaks off. */
  async next () {
    if (this.#pieces.length > 0) return this.#pieces.shift()
    if (this.#ended) return null
    const piece = await this.#ask()
    this.#asked = null
    this.#ended = piece === null
    return piece
  }

  /**
   * Reads ahead what is there without waiting for anything: how long the body is, or -1 where it is longer than `most`
   * bytes or its end has not come. What was read is read again by `next`.
   */
  async gather (most) {
    let length = size(this.#pieces)
    if (this.#ended) return length <= most ? length : -1
    let over = false
    const turn = new Promise((resolve) => setImmediate(resolve)).then(() => { over = true })
    while (!this.#ended && length <= most) {
      let piece
      try {
        piece = await Promise.race([this.#ask(), turn])
      } catch {
        // It broke off: `next` says so to whoever reads on.
        return -1
      }
      if (over) return -1
      this.#asked = null
      this.#ended = piece === null
      if (piece === null) break
      length += piece.length
      this.#pieces.push(piece)
    }
    return length <= most ? length : -1
  }

  /** All of it, up to one byte more than `most`: what is longer is cut off, and nobody takes it for whole. */
  async all (most = Infinity) {
    const pieces = []
    let length = 0
    for (let piece; length <= most && (piece = await this.next()) !== null;) {
      length += piece.length
      pieces.push(piece)
    }
    return joined(pieces, length)
  }

  /** Tells whoever makes the body that nobody reads on. */
  async cancel (reason) {
    this.#ended = true
    this.#pieces = []
    await this.#reader?.cancel(reason)
  }

  /** What comes next, asked for once however often it is waited for. */
  #ask () {
    if (this.#asked === null) {
      this.#asked = this.#reader.read().then(({ done, value }) => done ? null : bytes(value))
      this.#asked.catch(() => {})
    }
    return this.#asked
  }
}

/** A piece of a stream: bytes, or what is no body. */
function bytes (value) {
  if (value instanceof Uint8Array) return value
  throw Object.assign(new TypeError('expected a body of bytes'), { code: 'invalid_input' })
}

function size (pieces) {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}

/** Pieces as one; a single one is not copied. */
function joined (pieces, length = size(pieces)) {
  if (pieces.length === 1) return pieces[0]
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

module.exports = { Source, joined }
