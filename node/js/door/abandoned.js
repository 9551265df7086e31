'use strict'

const native = require('../native.js')
const { ENDING } = require('./codes.js')

/** Ends exchanges, by number, that nobody can end any more: what they were registered for was collected without being closed. */
const abandoned = new FinalizationRegistry((exchange) => native.finish(exchange, ENDING.DISCONNECTED))

module.exports = { abandoned }
