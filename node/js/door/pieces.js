'use strict'

// Pieces of a response's body: bytes, or a text that goes out as UTF-8 and need not be made bytes here.

const native = require('../native.js')

/** A text up to this long is handed over as it is. */
const TEXT = 16_000

const NOTHING = Buffer.alloc(0)

/** What a service wrote, as a piece; `null` where Node would not take it. */
function of (chunk, encoding) {
  if (typeof chunk === 'string') {
    if (typeof encoding !== 'string') encoding = 'utf8'
    return encoding === 'utf8' && chunk.length <= TEXT ? chunk : Buffer.from(chunk, encoding)
  }
  if (Buffer.isBuffer(chunk)) return chunk
  return chunk instanceof Uint8Array ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : null
}

function bytes (piece) {
  return typeof piece === 'string' ? Buffer.from(piece, 'utf8') : piece
}

/** How many bytes a piece takes. */
function length (piece) {
  return typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
}

/** Hands a piece to the exchange: what becomes of it. */
function feed (exchange, { piece, length, last }) {
  if (length === 0) return native.response(exchange, null, last)
  return typeof piece === 'string' ? native.responseText(exchange, piece, last) : native.response(exchange, piece, last)
}

/** Puts what goes on in a piece's place: a text of one byte a character, or that many bytes that wait in the exchange. */
function change (exchange, item, flow) {
  if (typeof flow === 'string') {
    item.piece = flow
    item.length = flow.length
    item.encoding = 'latin1'
    return
  }
  item.piece = flow === 0 ? NOTHING : Buffer.allocUnsafe(flow)
  item.length = flow
  item.encoding = undefined
  if (flow > 0) native.take(exchange, item.piece)
}

module.exports = { NOTHING, of, bytes, length, feed, change }
