// Drives the gateway over real HTTP and ends with 1 where anything is not as expected.

import assert from 'node:assert'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Guard } from 'wardline'
import { gateway } from './gateway.js'
import { upstream } from './upstream.js'

const folder = mkdtempSync(join(tmpdir(), 'wardline-gateway-'))
const policy = join(folder, 'wardline.yaml')
cpSync(fileURLToPath(new URL('wardline.yaml', import.meta.url)), policy)

const embedded = []
const guard = new Guard(policy)
const behind = upstream((text) => embedded.push(text))
const front = gateway(await listen(behind), guard)
const base = await listen(front)

try {
  await step('an embedding input loses its e-mail address before it is embedded', async () => {
    const { status, text } = await call('/openai/v1/embeddings', 'key-bo', { model: 'm', input: 'write to rosa.lind@example.com' })
    assert.strictEqual(status, 200, text)
    assert.deepStrictEqual(embedded, ['write to [EMAIL]'])
    return `the upstream embedded ${JSON.stringify(embedded[0])}`
  })

  await step('a search answer shows no address, card or salary', async () => {
    const { status, text } = await call('/qdrant/collections/docs/points/query', 'key-bo', { query: [0.1, 0.2], limit: 3, with_payload: true })
    assert.strictEqual(status, 200, text)
    for (const clear of ['rosa.lind@example.com', '5555', '51000']) assert.ok(!text.includes(clear), clear)
    return JSON.stringify(JSON.parse(text).result.points[0].payload)
  })

  await step('a streamed chat is masked event by event', async () => {
    const { status, text } = await call('/openai/v1/chat/completions', 'key-bo', { model: 'm', stream: true, messages: [{ role: 'user', content: 'hello' }] })
    assert.strictEqual(status, 200, text)
    assert.ok(text.includes('[EMAIL]') && !text.includes('tom.ek@example.org') && text.endsWith('data: [DONE]\n\n'), text)
    return `${text.split('\n\n').length - 1} events`
  })

  await step('nobody without a key gets through', async () => {
    const { status, text } = await call('/openai/v1/embeddings', 'no-key', { model: 'm', input: 'x' })
    assert.strictEqual(status, 403)
    return JSON.parse(text).code
  })

  await step('a collection is not dropped', async () => {
    const { status, text } = await call('/qdrant/collections/docs', 'key-ana', undefined, 'DELETE')
    assert.strictEqual(status, 403)
    return JSON.parse(text).detail
  })

  await step('an export is held, approved by sam, and passes once', async () => {
    const all = { limit: 1000, with_vector: true, with_payload: false }
    const held = await call('/qdrant/collections/docs/points/scroll', 'key-ana', all)
    const { approval, code } = JSON.parse(held.text)
    assert.strictEqual(held.status, 403)
    assert.ok(approval, held.text)
    await assert.rejects(guard.approve(approval, 'ana'), (error) => error.code === 'not_eligible')
    assert.strictEqual((await guard.approve(approval, 'sam', 'quarterly backup')).state, 'approved')
    const passed = await call('/qdrant/collections/docs/points/scroll', 'key-ana', all)
    assert.strictEqual(passed.status, 200, passed.text)
    const again = await call('/qdrant/collections/docs/points/scroll', 'key-ana', all)
    assert.strictEqual(again.status, 403)
    assert.notStrictEqual(JSON.parse(again.text).approval, approval)
    return `${code}, then ${JSON.parse(passed.text).result.points.length} vectors, then ${JSON.parse(again.text).code} again`
  })

  await step('the log holds all of it, and verifies', async () => {
    await guard.flush()
    wardline('audit', 'verify', '--policy', policy)
    const records = wardline('audit', 'query', '--policy', policy, '--json')
    for (const clear of ['rosa.lind@example.com', '5555 5555', 'tom.ek@example.org']) assert.ok(!records.includes(clear), clear)
    return `${records.trim().split('\n').length} records`
  })
  console.log('all as expected')
} finally {
  front.close()
  behind.close()
  front.closeAllConnections()
  behind.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
}

async function step (name, run) {
  console.log(`- ${name}\n    ${await run()}`)
}

async function call (path, key, body, method = 'POST') {
  const response = await fetch(new URL(path, base), {
    method,
    headers: { 'x-api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body)
  })
  return { status: response.status, text: await response.text() }
}

/** The command that the npm package brings. */
function wardline (...args) {
  return execFileSync(process.execPath, [fileURLToPath(new URL('cli.js', import.meta.resolve('wardline'))), ...args], { encoding: 'utf8' })
}

function listen (server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)))
}
