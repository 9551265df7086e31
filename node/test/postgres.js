'use strict'

// A real PostgreSQL from the machine's binaries, in a folder of its own, on a socket, as somebody who is not root. A small
// shell ends it, and removes the folder, as soon as this process is no more.

const { execFileSync, spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const SCRIPT = `
cd "$1" || exit 1
"$2/initdb" -D data -U wardline -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || { cat log; exit 1; }
"$2/postgres" -D data -k "$PWD" -c listen_addresses= -c fsync=off >>log 2>&1 </dev/null &
pid=$!
until "$2/pg_isready" -q -h "$PWD"; do
    kill -0 $pid 2>/dev/null || { cat log; exit 1; }
    sleep 0.05
done
echo ready
while read -r line; do :; done
kill -QUIT $pid; wait $pid
cd / && rm -rf "$1"
`

/** A server: `at` are options for a pool of pg, `stop` ends it. */
async function postgres () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-pg-'))
  const as = {}
  if (process.getuid?.() === 0) {
    // The server refuses to run as root.
    const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
    Object.assign(as, { uid: id('-u'), gid: id('-g') })
    fs.chownSync(folder, as.uid, as.gid)
  }
  const shell = spawn('sh', ['-c', SCRIPT, 'wardline-pg', folder, binaries()], { ...as, stdio: ['pipe', 'pipe', 'inherit'] })
  const gone = new Promise((resolve) => shell.on('exit', resolve))
  const stop = () => {
    shell.stdin.end()
    return gone
  }
  let said = ''
  await new Promise((resolve, reject) => {
    shell.stdout.on('data', (piece) => {
      said += piece
      if (said.endsWith('ready\n')) resolve()
    })
    shell.stdout.on('end', () => reject(new Error(`PostgreSQL does not start: ${said}`)))
  })
  return { at: { host: folder, user: 'wardline', database: 'postgres' }, stop }
}

/** The folder of the newest server's programs. */
function binaries () {
  const installed = '/usr/lib/postgresql'
  const versions = fs.existsSync(installed) ? fs.readdirSync(installed) : []
  const folders = versions.sort((a, b) => b - a).map((version) => path.join(installed, version, 'bin'))
  const found = [...folders, ...(process.env.PATH ?? '').split(':')].find((folder) => fs.existsSync(path.join(folder, 'initdb')))
  if (found === undefined) throw new Error('PostgreSQL is not installed (Debian: apt-get install postgresql)')
  return fs.realpathSync(path.dirname(fs.realpathSync(path.join(found, 'initdb'))))
}

module.exports = { postgres }
