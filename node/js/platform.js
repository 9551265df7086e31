'use strict'

// What the packages of the native module are called by: the platforms that it is built for.

/** Each platform: what npm installs it for, and what cargo builds it as. */
const PLATFORMS = {
  'linux-x64-gnu': { os: 'linux', cpu: 'x64', libc: 'glibc', target: 'x86_64-unknown-linux-gnu' },
  'linux-arm64-gnu': { os: 'linux', cpu: 'arm64', libc: 'glibc', target: 'aarch64-unknown-linux-gnu' },
  'linux-x64-musl': { os: 'linux', cpu: 'x64', libc: 'musl', target: 'x86_64-unknown-linux-musl' },
  'darwin-x64': { os: 'darwin', cpu: 'x64', target: 'x86_64-apple-darwin' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64', target: 'aarch64-apple-darwin' },
  'win32-x64-msvc': { os: 'win32', cpu: 'x64', target: 'x86_64-pc-windows-msvc' }
}

/** The one that this process runs on, such as `linux-x64-gnu`. */
function platformOf () {
  const plain = `${process.platform}-${process.arch}`
  if (process.platform === 'win32') return `${plain}-msvc`
  if (process.platform !== 'linux') return plain
  return `${plain}-${isMusl() ? 'musl' : 'gnu'}`
}

function isMusl () {
  const { report } = process
  // A report looks up the names of all connections, unless told not to.
  const before = report.excludeNetwork
  report.excludeNetwork = true
  try {
    return report.getReport().header.glibcVersionRuntime === undefined
  } finally {
    report.excludeNetwork = before
  }
}

module.exports = { PLATFORMS, platformOf }
