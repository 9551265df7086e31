'use strict'

// Raw sockets, and what came over them: nothing between the test and the bytes.

const net = require('node:net')

/** Sends a request and reads until `until` says so (the connection's end by default). */
function exchange (port, text, until = () => false) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text))
    let bytes = Buffer.alloc(0)
    let reset = false
    const done = () => resolve({ bytes, reset, socket })
    socket.on('data', (piece) => {
      bytes = Buffer.concat([bytes, piece])
      if (until(bytes.toString('latin1'))) done()
    })
    socket.on('error', (error) => {
      if (error.code !== 'ECONNRESET') return reject(error)
      reset = true
    })
    socket.on('close', done)
  })
}

/** A request as text; a body comes with its Content-Length. */
function request (method, target, headers = {}, body = '', { close = true } = {}) {
  const lines = [`${method} ${target} HTTP/1.1`]
  const all = { host: 'localhost', ...headers }
  if (body !== '') all['content-length'] = Buffer.byteLength(body)
  if (close && all.connection === undefined) all.connection = 'close'
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Reads one response from the front of `bytes`. `whole` is false where it broke off before a well-formed end. */
function parse (bytes, { method = 'GET' } = {}) {
  const at = bytes.indexOf('\r\n\r\n')
  if (at < 0) return { whole: false, status: 0, headers: {}, body: Buffer.alloc(0), rest: bytes }
  const [line, ...lines] = bytes.subarray(0, at).toString('latin1').split('\r\n')
  const headers = {}
  for (const one of lines) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(one)
    const key = name.toLowerCase()
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value
  }
  const head = { status: Number(line.split(' ')[1]), headers, trailers: {} }
  const rest = bytes.subarray(at + 4)
  if (method === 'HEAD' || head.status === 204 || head.status === 304) {
    return { ...head, whole: true, body: Buffer.alloc(0), rest }
  }
  if (headers['transfer-encoding'] === 'chunked') return { ...head, ...chunks(rest, head.trailers) }
  if (headers['content-length'] !== undefined) {
    const length = Number(headers['content-length'])
    return { ...head, whole: rest.length >= length, body: rest.subarray(0, length), rest: rest.subarray(length) }
  }
  return { ...head, whole: true, body: rest, rest: Buffer.alloc(0) }
}

function chunks (bytes, trailers) {
  const body = []
  let at = 0
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return { whole: false, body: Buffer.concat(body), rest: Buffer.alloc(0) }
    const size = parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    at = line + 2
    if (size === 0) break
    if (bytes.length < at + size + 2) {
      body.push(bytes.subarray(at))
      return { whole: false, body: Buffer.concat(body), rest: Buffer.alloc(0) }
    }
    body.push(bytes.subarray(at, at + size))
    at += size + 2
  }
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return { whole: false, body: Buffer.concat(body), rest: Buffer.alloc(0) }
    const text = bytes.subarray(at, line).toString('latin1')
    at = line + 2
    if (text === '') return { whole: true, body: Buffer.concat(body), rest: bytes.subarray(at) }
    const [name, value] = text.split(': ')
    trailers[name.toLowerCase()] = value
  }
}

module.exports = { exchange, request, parse }
