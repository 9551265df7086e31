'use strict'

// A request as undici's dispatchers are given it: read for the exchange, and with what the exchange changed of it.

const { stringify } = require('node:querystring')
const { wrong } = require('../door/entry.js')
const { Source } = require('../web/source.js')

/** `{message, sent}`: what the exchange is told of it, and the options that it goes on with where nothing changes. */
function read (opts) {
  const sent = { ...opts, headers: pairs(opts.headers) }
  if (opts.query) {
    if (/[?#]/.test(opts.path)) throw wrong('expected a query in the path or beside it, not both')
    const text = stringify(opts.query)
    if (text !== '') sent.path = `${opts.path}?${text}`
    delete sent.query
  }
  const connects = opts.method === 'CONNECT'
  // What would be read in two ways, by us and by whoever gets it, goes nowhere.
  if (!connects && (!sent.path.startsWith('/') || sent.path.includes('#'))) throw wrong('expected a path that begins with a slash and has no fragment')
  let { body } = opts
  if (body instanceof FormData || body instanceof Blob) {
    const made = new Response(body)
    const type = made.headers.get('content-type')
    if (type !== null && !sent.headers.some((one, at) => at % 2 === 0 && one.toLowerCase() === 'content-type')) {
      sent.headers.push('content-type', type)
    }
    sent.body = body = made.body
  }
  const told = opts.upgrade ? [...sent.headers, 'upgrade', String(opts.upgrade)] : sent.headers
  const origin = String(opts.origin).replace(/\/$/, '')
  return {
    sent,
    message: {
      method: opts.method,
      url: connects ? `${origin}/` : `${origin}${sent.path}`,
      headers: told,
      address: null,
      source: source(body)
    }
  }
}

/** The options with these edits and, where one is given, this body. */
function changed (sent, edits, body) {
  if (edits === null && body === undefined) return sent
  let { headers } = sent
  if (edits !== null) {
    headers = headers.filter((one, at) => !edits.gone.has(headers[at - at % 2].toLowerCase()))
    for (const [name, value] of edits.set) headers.push(name, value)
  }
  return { ...sent, headers, body: body === undefined ? sent.body : body }
}

/** Headers in each form that undici takes, as names and values in turn. */
function pairs (headers) {
  const list = []
  const add = (name, value) => {
    if (value === undefined) return
    for (const one of Array.isArray(value) ? value : [value]) list.push(String(name), one === null ? '' : text(one))
  }
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) add(headers[i], headers[i + 1])
  } else if (typeof headers?.[Symbol.iterator] === 'function') {
    for (const [name, value] of headers) add(name, value)
  } else {
    for (const [name, value] of Object.entries(headers ?? {})) add(name, value)
  }
  return list
}

function text (value) {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)
}

/** A body in each form that undici takes, to be read piece by piece. What is only asked for its pieces is left as it is. */
function source (body) {
  if (body === null || body === undefined) return new Source(null)
  if (typeof body === 'string' || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return new Pieces([bytes(body)])
  if (typeof (body[Symbol.asyncIterator] ?? body[Symbol.iterator]) === 'function') return new Pieces(body)
  throw wrong('expected a body of bytes, text, a stream or something to iterate over')
}

class Pieces {
  #body
  #pieces = null

  constructor (body) {
    this.#body = body
  }

  async next () {
    this.#pieces ??= (this.#body[Symbol.asyncIterator] ?? this.#body[Symbol.iterator]).call(this.#body)
    const { done, value } = await this.#pieces.next()
    return done ? null : bytes(value)
  }

  async cancel () {
    await this.#pieces?.return?.()
    this.#body.destroy?.()
  }
}

function bytes (value) {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof ArrayBuffer) return Buffer.from(value)
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw wrong('expected a body of bytes or text')
}

module.exports = { read, changed }
