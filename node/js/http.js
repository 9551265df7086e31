'use strict'

// What goes out of a Node service through `http.request` and `https.request`, under guard.

const { callerOf } = require('./door/callers.js')
const { guardAgents } = require('./egress/agents.js')

module.exports = { guardAgents, callerOf }
