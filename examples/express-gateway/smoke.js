'use strict'

// Drives the gateway over real HTTP, shows what happens, and ends with an error where anything is not as expected.

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { Guard } = require('wardline')

const { gateway } = require('./gateway.js')
const { upstream } = require('./upstream.js')

async function smoke () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-gateway-'))
  const policy = path.join(folder, 'wardline.yaml')
  fs.copyFileSync(path.join(__dirname, 'wardline.yaml'), policy)
  const seen = []
  const behind = await listen(upstream(seen))
  const guard = new Guard(policy)
  const front = await listen(http.createServer(gateway(guard, behind.url)))

  const ask = async (method, target, body, user = 'ana') => {
    const response = await fetch(front.url + target, {
      method,
      headers: { 'x-user': user, 'x-groups': 'analysts', ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body && JSON.stringify(body)
    })
    const text = await response.text()
    console.log(`${method} ${target}\n  ${response.status} ${text.trim().replaceAll('\n', '\n      ')}`)
    return { status: response.status, text, json: () => JSON.parse(text) }
  }

  try {
    say('Text with personal data is embedded: the provider never sees it')
    const embedded = await ask('POST', '/v1/embeddings', { model: 'm', input: 'write to rosa.lind@example.com' })
    console.log(`  the upstream saw ${seen.at(-1).text}`)
    assert.strictEqual(embedded.status, 200)
    assert.strictEqual(JSON.parse(seen.at(-1).text).input, 'write to [EMAIL]')

    say('A search answers without contacts and salaries')
    const found = await ask('POST', '/qdrant/collections/people/points/query', { query: [0.1, 0.2], limit: 2, with_payload: true })
    assert.deepStrictEqual(found.json().result.points.map(({ payload }) => [payload.mail, payload.salary]), Array(2).fill(['[EMAIL]', '[REDACTED]']))

    say('A chat streams, masked event by event')
    const chat = await ask('POST', '/v1/chat/completions', { model: 'm', stream: true, messages: [] })
    assert.match(chat.text, /Write to [^]*\[EMAIL\] and [^]*wait[^]*\[DONE\]/)

    say('A bulk export is held; Sam approves it; the same request passes')
    const bulk = { limit: 5000, with_vector: true }
    const calls = seen.length
    const held = await ask('POST', '/qdrant/collections/people/points/scroll', bulk)
    assert.deepStrictEqual([held.status, held.json().code, seen.length], [403, 'approval_required', calls])
    const approval = await guard.approve(held.json().approval, 'sam', 'for the yearly report')
    console.log(`  ${approval.id} is ${approval.state} by ${approval.votes[0].by}`)
    const passed = await ask('POST', '/qdrant/collections/people/points/scroll', bulk)
    assert.deepStrictEqual([passed.status, passed.json().result.points.length], [200, 2])
    assert.strictEqual(passed.json().result.points[0].payload.mail, '[EMAIL]')

    say('A drop is denied, and never reaches the upstream')
    const before = seen.length
    const denied = await ask('DELETE', '/qdrant/collections/people')
    assert.deepStrictEqual([denied.status, denied.json().code, seen.length], [403, 'denied', before])

    say('What happened is on record, and the log verifies')
    await guard.flush()
    console.log(wardline('audit', 'query', '--policy', policy).replace(/^/gm, '  '))
    console.log(wardline('audit', 'verify', '--policy', policy).replace(/^/gm, '  '))
    const log = wardline('audit', 'query', '--policy', policy, '--json')
    assert.ok(log.includes('vector.export') && !log.includes('tom.ek') && !log.includes('rosa.lind'))
    console.log('\nall as expected')
  } finally {
    await Promise.all([front.close(), behind.close()])
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }
}

function say (what) {
  console.log(`\n# ${what}`)
}

/** The `wardline` command that the package brings. */
function wardline (...args) {
  const root = path.dirname(require.resolve('wardline/package.json'))
  return execFileSync(process.execPath, [path.join(root, 'js/cli.js'), ...args], { encoding: 'utf8' }).trimEnd()
}

async function listen (server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${server.address().port}`, close }
}

smoke().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
