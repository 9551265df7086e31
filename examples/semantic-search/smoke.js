'use strict'

// Drives the search over real HTTP, and ends with an error where anything is not as expected.

const assert = require('node:assert')
const path = require('node:path')
const { Guard } = require('wardline')

const { search } = require('./search.js')

async function smoke () {
  const guard = new Guard(path.join(__dirname, 'wardline.yaml'))
  const server = search(guard)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const ask = async (body, user = 'ana', groups = 'readers') => {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/search`, {
      method: 'POST', headers: { 'x-user': user, 'x-groups': groups, 'content-type': 'application/json' }, body: JSON.stringify(body)
    })
    const answer = await response.json()
    console.log(`${user}: ${JSON.stringify(body)}\n  ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  try {
    const answer = await ask({ library: 'handbook', question: 'How do I ask for holidays?', top: 2 })
    assert.strictEqual(answer.found[0].text, 'Holidays are asked for two weeks ahead. Write to [EMAIL].')
    const vectors = await ask({ library: 'handbook', question: 'How do I ask for holidays?', top: 2, embeddings: true })
    assert.ok(vectors.found.every((one) => !('embedding' in one)))
    assert.strictEqual((await ask({ library: 'handbook', question: 'everything', top: 5000 })).code, 'denied')
    assert.strictEqual((await ask({ library: 'payroll', question: 'salaries' })).code, 'default_deny')
    assert.strictEqual((await ask({ library: 'handbook', question: 'holidays' }, 'eve', 'guests')).code, 'default_deny')
    // Eight documents a day, however they are asked for.
    const had = []
    for (const question of ['laptops', 'parking', 'fire alarms', 'expenses', 'canteen', 'books', 'meeting rooms']) {
      had.push(await ask({ library: 'handbook', question, top: 3 }, 'kim'))
    }
    const ids = new Set(had.flatMap(({ found }) => found ?? []).map(({ id }) => id))
    assert.ok(ids.size <= 8 && had.some(({ code }) => code === 'budget_spent'))
    console.log(`kim had ${ids.size} documents of ten`)
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
