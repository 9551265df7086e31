'use strict'

// Sends forms with files to the server, over real HTTP, and ends with an error where anything is not as expected.

const assert = require('node:assert')
const { randomBytes } = require('node:crypto')
const path = require('node:path')
const { Guard } = require('wardline')

const { media } = require('./media.js')

async function smoke () {
  const guard = new Guard(path.join(__dirname, 'wardline.yaml'))
  const seen = []
  const server = media(guard, seen)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const send = async (kind, type, bytes, caption, user = 'ana') => {
    const form = new FormData()
    form.set('caption', caption)
    form.set('file', new Blob([bytes], { type }), 'upload')
    const headers = user ? { 'x-user': user } : {}
    const response = await fetch(`http://127.0.0.1:${server.address().port}/v1/embeddings/${kind}`, { method: 'POST', headers, body: form })
    const answer = await response.json()
    console.log(`${kind}, ${caption}\n  ${response.status} ${answer.code ?? `${answer.embedding.length} numbers of ${answer.bytes} bytes`}`)
    return answer
  }
  try {
    const picture = randomBytes(200_000)
    const embedded = await send('image', 'image/png', picture, 'Rosa Lind, rosa.lind@example.com, at the beach')
    assert.strictEqual(embedded.embedding.length, 17)
    assert.strictEqual(seen[0].caption, '[PERSON_NAME], [EMAIL], at the beach')
    assert.ok(seen[0].bytes.equals(picture), 'the picture came as it was sent')
    console.log(`the model saw: ${seen[0].caption}`)
    await send('audio', 'audio/wav', randomBytes(50_000), 'call +1 212 555 0142 back')
    assert.strictEqual(seen[1].caption, 'call [PHONE] back')
    assert.strictEqual((await send('image', 'image/png', picture, 'nobody asked', null)).code, 'default_deny')
    const codes = []
    for (let at = 0; at < 5; at++) codes.push((await send('image', 'image/png', picture, 'a tree')).code)
    assert.deepStrictEqual(codes, [undefined, undefined, undefined, 'budget_spent', 'budget_spent'])
    await guard.flush()
    console.log('all as expected')
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

smoke().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
