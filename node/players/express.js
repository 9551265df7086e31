'use strict'

// A player behind Express, whose service writes as handlers of plain `http` do.

const http = require('node:http')
const { pipeline, Readable } = require('node:stream')
const compression = require('compression')
const express = require('express')

const { guard, holdContinue } = require('wardline/express')
const { Play, bodyOf, compresses, listens, variable } = require('./play.js')

const app = express()
app.use((req, res, next) => variable.run(req.headers['x-variable'], next))
const packs = compression({ threshold: 0 })
const compressed = (place) => (req, res, next) => compresses(place, req.headers['x-compress']) ? packs(req, res, next) : next()
app.use(compressed('outside'))
app.use(guard(process.env.WARDLINE_POLICY))
app.use(compressed('inside'))
app.use(async (req, res) => {
  const play = new Play(req.headers['x-play'])
  play.saw(req.method, req.url, req.headers, await bodyOf(req, play))
  play.task()
  if (play.fails === 'before') throw new Error('the service failed')
  res.writeHead(play.status, play.headers().flat())
  res.flushHeaders()
  if (play.asked.trailers) res.addTrailers(Object.fromEntries(play.asked.trailers))
  pipeline(Readable.from(play.stream()), res, () => {})
})
// The host's own answer to an exception, without its words on standard error.
app.use((error, req, res, next) => res.headersSent ? next(error) : res.status(500).type('text').end(error.name))
listens(holdContinue(http.createServer(app)))
