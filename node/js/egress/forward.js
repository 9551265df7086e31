'use strict'

// A request that may go, as it is sent, and its response as it comes back.

/** What belongs to one connection, and is not passed on. */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'expect'])
/** How a body was framed: that is said anew of each connection. */
const FRAMES = new Set([...OF_CONNECTION, 'transfer-encoding'])

/** Sends `req`, made with these options, and has `res` answered by what comes. What breaks either breaks the other. */
function forward (req, res, options, { request, agent }) {
  const headers = without(req.rawHeaders, FRAMES)
  // Without it a body of a method that has none as a rule would go unframed.
  if ('transfer-encoding' in req.headers) headers.push('Transfer-Encoding', 'chunked')
  const { method, url: path } = req
  const sent = request({
    ...options, method, path, headers, agent,
    // The header says them, the maker holds them, or they are about the connection to us.
    auth: undefined, signal: undefined, timeout: undefined, createConnection: undefined, _defaultAgent: undefined, setHost: false
  })
  sent.on('error', (error) => res.destroy(error))
  sent.on('response', (answer) => pass(answer, res))
  res.on('close', () => sent.destroy())
  req.on('error', () => sent.destroy())
  req.pipe(sent)
}

function pass (answer, res) {
  res.sendDate = false
  res.writeHead(answer.statusCode, answer.statusMessage, without(answer.rawHeaders, FRAMES))
  res.flushHeaders()
  answer.on('error', (error) => res.destroy(error))
  answer.on('end', () => {
    const trailers = pairs(answer.rawTrailers)
    if (trailers.length > 0) res.addTrailers(trailers)
    res.end()
  })
  answer.pipe(res, { end: false })
}

/** Raw headers without those of these names. */
function without (raw, names) {
  return pairs(raw).filter(([name]) => !names.has(name.toLowerCase())).flat()
}

function pairs (raw) {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at], raw[2 * at + 1]])
}

module.exports = { forward }
