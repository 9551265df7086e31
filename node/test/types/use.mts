// What a TypeScript host writes against this package, as an ES module; `tsc` checks it and nobody runs it.

import http from 'node:http'
import https from 'node:https'
import axios from 'axios'
import express, { type Request as ExpressRequest } from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { OpenAI } from 'openai'
import pg from 'pg'
import { Agent, setGlobalDispatcher } from 'undici'
import { Guard, type Identity } from 'wardline'
import { guard as expressGuard, holdContinue } from 'wardline/express'
import fastifyGuard from 'wardline/fastify'
import { guard as fetchGuard } from 'wardline/fetch'
import { guard as honoGuard } from 'wardline/hono'
import { guardAgents } from 'wardline/http'
import { guardPool } from 'wardline/pg'
import { callerOf, guardedFetch, guardInterceptor } from 'wardline/undici'

const guard = new Guard('wardline.yaml', { watch: true })
const ana: Identity = { subject: 'ana', groups: ['analysts'] }

const app = express()
app.use(expressGuard('wardline.yaml', { identity: (req: ExpressRequest) => req.header('x-user') }))
holdContinue(http.createServer(app))
const plain = expressGuard(guard)
http.createServer((req, res) => plain(req, res, () => res.end()))

const fastify = Fastify()
await fastify.register(fastifyGuard, { policy: guard, identity: async (request) => request.headers['x-user']?.toString() })

const hono = new Hono<{ Variables: { user: Identity } }>()
hono.use(honoGuard('wardline.yaml', { identity: (c) => c.get('user') }))
const guarded = fetchGuard(guard, { identity: (request, env) => env.user, address: () => '127.0.0.1' })
export default { fetch: guarded(hono.fetch) }
interface RouteContext { params: Promise<{ id: string }> }
export const POST: (request: Request, context: RouteContext) => Promise<Response> =
  guarded(async (request: Request, { params }: RouteContext) => Response.json({ id: (await params).id, text: await request.text() }))

new OpenAI({ apiKey: 'none', fetch: guardedFetch(guard, { caller: ana }) })
setGlobalDispatcher(new Agent().compose(guardInterceptor('wardline.yaml', { caller: () => ana })))
axios.create(guardAgents(guard, { caller: ana, https: new https.Agent({ rejectUnauthorized: true }) }))
http.globalAgent = guardAgents('wardline.yaml', { caller: 'svc-ingest' }).httpAgent
http.createServer(async (req, res) => {
  const caller = callerOf(req)
  if (caller !== undefined) await guardedFetch(guard, { caller })('http://features.internal/collections')
  res.end()
})

const pool: pg.Pool = guardPool(new pg.Pool(), guard, { service: 'warehouse', identity: () => ana })
const { rows } = await pool.query<{ title: string }>('SELECT title FROM docs WHERE id = $1', [7])
rows[0]?.title.toUpperCase()

// @ts-expect-error somebody must be the caller
guardedFetch(guard, {})
// @ts-expect-error a pool belongs to a service
guardPool(new pg.Pool(), guard, {})
// @ts-expect-error an identity is a function of the request
fetchGuard(guard, { identity: 'ana' })
