// The console in a real Chromium: signed in by a link, a held request approved by keyboard alone, in light and in dark.
//
// Needs the built Node module (`cargo xtask test` places it) and Debian's Chromium. CONSOLE_PICTURES keeps the pictures in a folder.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'

import { chromium } from 'playwright-core'

const packaged = fileURLToPath(new URL('../../../node/', import.meta.url))
const { Guard } = createRequire(import.meta.url)(packaged)

const POLICY = `version: 1
state: ./state
durable_from: 0
groups: {security: [sam, kim], oncall: [sam]}
services:
  host: {system: shell}
watch: {mode: learn}
rules:
  - {name: two-eyes, who: ['user:*'], unless: {who: ['user:cron']}, effect: hold}
  - {name: cron, who: ['user:cron'], effect: allow}
approval: {steps: [{from: [security], need: 1}], break_glass: [oncall]}
`

let folder, policy, guard, console_, link, browser

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wardline-console-'))
  policy = join(folder, 'wardline.yaml')
  await writeFile(policy, POLICY)
  guard = new Guard(policy)
  for (const [identity, line] of [['ana', 'rm -rf /srv/archive'], ['<script>alert(1)</script>', 'kubectl delete ns prod'], ['sam', 'systemctl stop wardline']]) {
    await assert.rejects(guard.command(line, { service: 'host', identity }, () => {}), { code: 'approval_required' })
  }
  ;[console_, link] = await serve()
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  })
})

after(async () => {
  await browser?.close()
  console_?.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** A console, and the link that it prints. */
async function serve (...more) {
  const command = join(packaged, 'js/cli.js')
  const served = spawn(process.execPath, [command, 'console', 'serve', '--policy', policy, '--listen', '127.0.0.1:0', '--as', 'sam', '--json', ...more])
  const link = await new Promise((resolve, reject) => {
    served.stdout.once('data', (line) => resolve(JSON.parse(line).link))
    served.stderr.once('data', (line) => reject(new Error(String(line))))
    served.once('exit', (code) => reject(new Error(`the console ended: ${code}`)))
  })
  return [served, link]
}

/** Tab until what has the focus says `name`, as somebody without a mouse does. */
async function tabTo (page, name) {
  for (let steps = 0; steps < 60; steps++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id)
    if (focused === name) return
  }
  assert.fail(`the keyboard does not reach ${name}`)
}

/** How many colours a picture has and how light it is, told by the browser itself; a blank one has one colour. */
async function picture (page, name) {
  const shot = await page.screenshot({ fullPage: true })
  if (process.env.CONSOLE_PICTURES) {
    await mkdir(process.env.CONSOLE_PICTURES, { recursive: true })
    await writeFile(join(process.env.CONSOLE_PICTURES, `${name}.png`), shot)
  }
  const canvas = await page.context().browser().newPage()
  const told = await canvas.evaluate(async (base64) => {
    const png = await fetch(`data:image/png;base64,${base64}`)
    const bitmap = await createImageBitmap(await png.blob())
    const surface = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
    surface.drawImage(bitmap, 0, 0)
    const { data } = surface.getImageData(0, 0, bitmap.width, bitmap.height)
    const colours = new Set()
    let light = 0
    for (let at = 0; at < data.length; at += 4) {
      colours.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2])
      light += data[at] + data[at + 1] + data[at + 2]
    }
    return { colours: colours.size, light: light / (data.length * 0.75 * 255) }
  }, shot.toString('base64'))
  await canvas.close()
  return told
}

test('somebody signs in, finds a request and approves it by keyboard alone', async () => {
  const context = await browser.newContext({ viewport: { width: 1180, height: 800 } })
  const page = await context.newPage()
  const complaints = []
  const origin = new URL(link).origin
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('dialog', (dialog) => { complaints.push(dialog.message()); dialog.dismiss() })
  context.on('request', (request) => { if (new URL(request.url()).origin !== origin) complaints.push(request.url()) })

  await page.goto(link)
  await tabTo(page, 'Continue as sam')
  await Promise.all([page.waitForURL(`${origin}/`), page.keyboard.press('Enter')])
  assert.equal(await page.locator('article').count(), 3)
  assert.ok((await page.locator('article').nth(1).textContent()).includes('<script>alert(1)</script>'))
  const light = await picture(page, 'approvals-light')

  await tabTo(page, 'ana asks host')
  await Promise.all([page.waitForURL(/approvals\/apr_/), page.keyboard.press('Enter')])
  await picture(page, 'approval-light')
  await tabTo(page, 'reason')
  await page.keyboard.type('agreed with the owner of the archive')
  await tabTo(page, 'Approve')
  await Promise.all([page.waitForURL(/done=approve/), page.keyboard.press('Enter')])
  assert.equal(await page.getByRole('status').textContent(), 'Your approval is recorded.')
  assert.equal(await page.locator('article').count(), 2)
  assert.equal(await page.locator('article', { hasText: 'ana asks host' }).count(), 0)
  assert.match(await page.locator('tbody tr').first().textContent(), /ana.*approved.*sam approved/)

  await page.emulateMedia({ colorScheme: 'dark' })
  for (const [path, name] of [['/', 'approvals'], ['/grants', 'grants'], ['/live', 'live'], ['/records', 'records'], ['/edges', 'edges'], ['/policy', 'policy']]) {
    await page.goto(origin + path)
    const dark = await picture(page, `${name}-dark`)
    assert.ok(dark.colours > 20 && dark.light < 0.3, `${name}: ${JSON.stringify(dark)}`)
  }
  assert.ok(light.colours > 20 && light.light > 0.7, JSON.stringify(light))
  assert.equal(await page.evaluate(() => document.scripts.length), 0)

  await page.setViewportSize({ width: 390, height: 800 })
  await page.emulateMedia({ colorScheme: 'light' })
  for (const path of ['/', '/grants', '/live', '/records', '/edges', '/policy']) {
    await page.goto(origin + path)
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    assert.ok(wider <= 0, `${path} is ${wider} pixels wider than a telephone`)
    await picture(page, `narrow${path.replace('/', '-')}`)
  }
  assert.deepEqual(complaints, [])

  const again = await context.newPage()
  await again.goto(link)
  assert.match(await again.textContent('main'), /This link has been used/)
  await context.close()
})

/** A page of somebody who is signed in. */
async function signedIn (by) {
  const command = join(packaged, 'js/cli.js')
  const login = spawn(process.execPath, [command, 'console', 'login', '--policy', policy, '--as', by, '--json'])
  const { link } = JSON.parse(await new Promise((resolve) => login.stdout.once('data', resolve)))
  const page = await (await browser.newContext({ viewport: { width: 1180, height: 800 } })).newPage()
  await page.goto(link)
  await tabTo(page, `Continue as ${by}`)
  const { origin } = new URL(link)
  await Promise.all([page.waitForURL(`${origin}/`), page.keyboard.press('Enter')])
  return { page, origin }
}

test('what runs and who does what is seen, as a picture too', async () => {
  const { page, origin } = await signedIn('kim')
  let end
  const begun = new Promise((resolve) => {
    end = new Promise((release) => {
      guard.command('tar czf /backup/a.tgz /srv', { service: 'host', identity: 'cron' }, () => new Promise((go) => resolve(go))).then(release)
    })
  })
  const go = await begun
  await page.goto(`${origin}/live`)
  const row = page.locator('tbody tr')
  assert.equal(await row.count(), 1)
  assert.match(await row.textContent(), /cron.*host/)
  go()
  await end
  for (let tries = 0; tries < 100; tries++) {
    await page.goto(`${origin}/live`)
    if (await row.count() === 0) break
  }
  assert.ok((await page.locator('main').textContent()).includes('Nothing runs'))

  await page.goto(`${origin}/edges`)
  for (let tries = 0; tries < 100 && await page.locator('svg').count() === 0; tries++) await page.reload()
  const edges = await page.locator('tbody tr').count()
  assert.equal(await page.locator('svg path.line').count(), edges)
  const box = await page.locator('svg.edges').boundingBox()
  assert.ok(box.width > 600 && box.height > 40, JSON.stringify(box))
  const drawn = await picture(page, 'edges')
  assert.ok(drawn.colours > 20, JSON.stringify(drawn))
  // Its texts stand beside one another, and who does not look is told the same.
  assert.ok((await page.getByRole('img', { name: 'Who does what at which service' }).count()) === 1)
  const texts = await page.locator('svg.edges text').evaluateAll((all) => all.map((text) => text.getBoundingClientRect()).map(({ x, y, right, bottom }) => ({ x, y, right, bottom })))
  for (const [index, one] of texts.entries()) {
    for (const other of texts.slice(index + 1)) {
      assert.ok(one.right <= other.x || other.right <= one.x || one.bottom <= other.y + 4 || other.bottom <= one.y + 4, JSON.stringify([one, other]))
    }
  }
  await page.context().close()
})

test('the glass is broken by keyboard, with a reason', async () => {
  const { page, origin } = await signedIn('sam')
  await tabTo(page, 'sam asks host')
  await Promise.all([page.waitForURL(/approvals\/apr_/), page.keyboard.press('Enter')])
  assert.ok((await page.locator('main').textContent()).includes('Not for you'))
  await tabTo(page, 'Break the glass')
  await page.keyboard.press('Enter')
  await tabTo(page, 'emergency')
  await page.keyboard.type('nobody else is awake')
  await tabTo(page, 'Break the glass')
  await Promise.all([page.waitForURL(/done=break/), page.keyboard.press('Enter')])
  assert.match(await page.getByRole('status').textContent(), /You broke the glass/)
  assert.match(await page.locator('tbody tr').first().textContent(), /sam.*approved.*sam broke the glass/)
  assert.equal(new URL(page.url()).origin, origin)
  await page.context().close()
})

/** An identity provider on another site, which signs in whoever agrees; the console is its only client. */
async function provider () {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const begun = new Map()
  const server = createServer(async (request, response) => {
    const issuer = `http://localhost:${server.address().port}`
    const url = new URL(request.url, issuer)
    const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    if (url.pathname === '/.well-known/openid-configuration') {
      json({ issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys` })
    } else if (url.pathname === '/keys') {
      json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'EdDSA', use: 'sig' }] })
    } else if (url.pathname === '/authorize') {
      const back = new URL(url.searchParams.get('redirect_uri'))
      const code = `code-${begun.size}`
      begun.set(code, url.searchParams)
      back.search = new URLSearchParams({ code, state: url.searchParams.get('state') })
      response.setHeader('content-type', 'text/html').end(`<!doctype html><title>Provider</title><a href="${back.href.replaceAll('&', '&amp;')}">Agree</a>`)
    } else if (url.pathname === '/token') {
      let body = ''
      for await (const piece of request) body += piece
      const form = new URLSearchParams(body)
      const asked = begun.get(form.get('code'))
      begun.delete(form.get('code'))
      assert.equal(asked.get('code_challenge'), createHash('sha256').update(form.get('code_verifier')).digest('base64url'))
      const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const now = Math.floor(Date.now() / 1000)
      const claims = { iss: issuer, aud: form.get('client_id'), sub: '1', iat: now, exp: now + 300, nonce: asked.get('nonce'), preferred_username: 'ola', groups: ['security'] }
      const text = `${part({ alg: 'EdDSA', kid: 'k' })}.${part(claims)}`
      json({ token_type: 'Bearer', access_token: 'a', id_token: `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}` })
    } else {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, resolve))
  return server
}

test('somebody signs in at an identity provider on another site and decides', async () => {
  const issuer = await provider()
  const [served, link] = await serve('--oidc-issuer', `http://localhost:${issuer.address().port}`, '--oidc-client', 'console', '--oidc-subject', 'preferred_username', '--oidc-groups', 'groups')
  try {
    const { origin } = new URL(link)
    const page = await (await browser.newContext()).newPage()
    await page.goto(origin)
    await tabTo(page, 'Sign in at the identity provider')
    await Promise.all([page.waitForURL(/localhost.*authorize/), page.keyboard.press('Enter')])
    await tabTo(page, 'Agree')
    await Promise.all([page.waitForURL(/oidc\/callback/), page.keyboard.press('Enter')])
    await tabTo(page, 'Continue')
    await Promise.all([page.waitForURL(`${origin}/`), page.keyboard.press('Enter')])
    assert.match(await page.locator('.me').textContent(), /ola/)
    await page.locator('article a', { hasText: 'Decide' }).first().click()
    await page.getByLabel('Reason').fill('agreed')
    await Promise.all([page.waitForURL(/done=approve/), page.getByRole('button', { name: 'Approve' }).click()])
    assert.equal(await page.locator('tbody tr', { hasText: 'ola approved' }).count(), 1)
    await page.context().close()
  } finally {
    served.kill('SIGKILL')
    issuer.closeAllConnections()
    issuer.close()
  }
})
