'use strict'

// The README's five lines for Node, run as they stand there, under the README's own policy.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { it } = require('node:test')

const README = fs.readFileSync(path.join(__dirname, '../../README.md'), 'utf8')
const block = (language) => new RegExp('```' + language + '\\n([\\s\\S]*?)```').exec(README)[1]

it('guards an app in five lines', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-'))
  fs.writeFileSync(path.join(folder, 'wardline.yaml'), block('yaml').replace('./state', 'memory'))
  // Where `npm install` would have put them.
  fs.mkdirSync(path.join(folder, 'node_modules'))
  fs.symlinkSync(path.join(__dirname, '..'), path.join(folder, 'node_modules/wardline'))
  fs.symlinkSync(path.join(__dirname, '../node_modules/express'), path.join(folder, 'node_modules/express'))
  fs.writeFileSync(path.join(folder, 'app.mjs'), block('js') + `
app.post("/v1/embeddings", (req, res) => req.pipe(res.type("json")));
const server = app.listen(0, "127.0.0.1", async () => {
  const ask = (headers) => fetch("http://127.0.0.1:" + server.address().port + "/v1/embeddings", {
    method: "POST", headers: { "content-type": "application/json", ...headers }, body: '{"model":"m","input":"ana@example.org"}',
  });
  const known = await ask({ "x-user": "ana" });
  console.log(known.status, await known.text(), (await ask({})).status);
  process.exit();
});
`)
  const run = spawnSync(process.execPath, ['app.mjs'], { cwd: folder, encoding: 'utf8' })
  fs.rmSync(folder, { recursive: true, force: true })
  assert.strictEqual(run.stdout, '200 {"model":"m","input":"[EMAIL]"} 403\n', run.stderr)
})
