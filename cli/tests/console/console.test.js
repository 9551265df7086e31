// The console in a real Chromium: signed in by a link, a held request approved by keyboard alone, in light and in dark.
//
// Needs the built Node module (`cargo xtask test` places it) and Debian's Chromium. CONSOLE_PICTURES keeps the pictures in a folder.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
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
groups: {security: [sam, kim]}
services:
  host: {system: shell}
rules:
  - {name: two-eyes, who: ['user:*'], effect: hold}
approval: {steps: [{from: [security], need: 1}]}
`

let folder, policy, console_, link, browser

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wardline-console-'))
  policy = join(folder, 'wardline.yaml')
  await writeFile(policy, POLICY)
  const guard = new Guard(policy)
  for (const [identity, line] of [['ana', 'rm -rf /srv/archive'], ['<script>alert(1)</script>', 'kubectl delete ns prod'], ['sam', 'systemctl stop wardline']]) {
    await assert.rejects(guard.command(line, { service: 'host', identity }, () => {}), { code: 'approval_required' })
  }
  const command = join(packaged, 'js/cli.js')
  console_ = spawn(process.execPath, [command, 'console', 'serve', '--policy', policy, '--listen', '127.0.0.1:0', '--as', 'sam', '--json'])
  link = await new Promise((resolve, reject) => {
    console_.stdout.once('data', (line) => resolve(JSON.parse(line).link))
    console_.stderr.once('data', (line) => reject(new Error(String(line))))
    console_.once('exit', (code) => reject(new Error(`the console ended: ${code}`)))
  })
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
  for (const [path, name] of [['/', 'approvals'], ['/grants', 'grants'], ['/records', 'records'], ['/policy', 'policy']]) {
    await page.goto(origin + path)
    const dark = await picture(page, `${name}-dark`)
    assert.ok(dark.colours > 20 && dark.light < 0.3, `${name}: ${JSON.stringify(dark)}`)
  }
  assert.ok(light.colours > 20 && light.light > 0.7, JSON.stringify(light))
  assert.equal(await page.evaluate(() => document.scripts.length), 0)

  await page.setViewportSize({ width: 390, height: 800 })
  await page.emulateMedia({ colorScheme: 'light' })
  for (const path of ['/', '/grants', '/records', '/policy']) {
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
