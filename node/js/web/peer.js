'use strict'

/** The address of the socket that a web request came from, as Node's Hono server, Deno and Bun hand it to a handler. */
function peer (request, given) {
  if (given?.incoming?.socket !== undefined) return given.incoming.socket.remoteAddress
  if (given?.remoteAddr !== undefined) return given.remoteAddr.hostname
  if (typeof given?.requestIP === 'function') return given.requestIP(request)?.address
  return undefined
}

module.exports = { peer }
