'use strict'

// What goes out through Node's own `http.request` and `https.request`, under guard: agents whose connections end in this process,
// at a server that nobody else reaches. There each request passes the door of `node:http`, and what may go is sent.
//
//   const { httpAgent, httpsAgent } = guardAgents('wardline.yaml', { caller: 'svc-ingest' })
//   axios.create({ httpAgent, httpsAgent })

const http = require('node:http')
const https = require('node:https')

const { admit, expects } = require('../door/admit.js')
const { DOOR } = require('../door/codes.js')
const { outgoing } = require('../door/entry.js')
const { forward } = require('./forward.js')
const { pair } = require('./pair.js')

/**
 * The agents for both schemes, under the names that axios has for them. Requests are `caller`'s, as those of `guardedFetch` are; a denial is
 * a response with the problem document. `http` and `https` are the agents that send what may go.
 */
function guardAgents (policy, { caller, http: plain, https: secure } = {}) {
  const { behind, who } = outgoing(policy, { caller })
  /** How the request was made that comes in at this end. */
  const made = new WeakMap()

  // Nobody is told to hurry: how long a request may take is its maker's to say.
  const limits = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0, maxHeaderSize: 1 << 20 }
  const server = http.createServer(limits, (req, res) => {
    const { options, send } = made.get(req.socket)
    const fail = (error) => req.socket.destroy(error)
    try {
      admit(behind, DOOR.HTTP_EGRESS, req, res, url(send.scheme, options, req.url), who(), () => forward(req, res, options, send), fail)
    } catch (error) {
      fail(error)
    }
  })
  server.on('checkContinue', (req, res) => {
    expects.add(req)
    server.emit('request', req, res)
  })

  const guarding = (Agent, send) => new (class GuardAgent extends Agent {
    addRequest (req, options) {
      const [near, far] = pair()
      made.set(far, { options: { ...options }, send })
      server.emit('connection', far)
      req.onSocket(near)
      // An agent has a connection watched from the time that it is made.
      if (req.timeout > 0) near.setTimeout(req.timeout)
    }

    destroy () {
      send.agent.destroy()
      super.destroy()
    }
  })()

  return {
    httpAgent: guarding(http.Agent, { scheme: 'http', request: http.request, agent: plain ?? new http.Agent({ keepAlive: true }) }),
    httpsAgent: guarding(https.Agent, { scheme: 'https', request: https.request, agent: secure ?? new https.Agent({ keepAlive: true }) })
  }
}

/** The URL that a request is for; where a proxy is asked, its path is one. */
function url (scheme, { host, port }, path) {
  if (!path.startsWith('/')) return path
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const place = Number(port) === PORTS[scheme] ? name : `${name}:${port}`
  return `${scheme}://${place}${path}`
}

const PORTS = { http: 80, https: 443 }

module.exports = { guardAgents }
