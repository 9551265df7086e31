'use strict'

// What goes out of a Node service, under guard: `fetch`, and undici's dispatchers.

const { callerOf } = require('./door/callers.js')
const { guardedFetch } = require('./egress/fetch.js')
const { guardInterceptor } = require('./egress/interceptor.js')

module.exports = { guardedFetch, guardInterceptor, callerOf }
