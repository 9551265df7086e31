// The same as CommonJS: each entry resolves, and is what it is.

import wardline = require('wardline')
import express = require('wardline/express')
import fastify = require('wardline/fastify')
import fetch = require('wardline/fetch')
import hono = require('wardline/hono')
import pg = require('wardline/pg')
import undici = require('wardline/undici')

const guard: wardline.Guard = wardline.Guard.fromFile('wardline.yaml')
const doors: Function[] = [
  express.guard(guard), fastify.guard, fetch.guard(guard), hono.guard(guard), pg.guardPool,
  undici.guardedFetch(guard, { caller: 'svc-ingest' }), undici.guardInterceptor(guard, { caller: 'svc-ingest' })
]
export = doors
