'use strict'

// Writes what is published: `node pack.js FOLDER` the package `wardline` without a native module, which then takes the one of its platform, and
// `node pack.js FOLDER PLATFORM MODULE` the package of one platform. `npm publish` takes each folder as it is.
//
//     node pack.js dist && node pack.js dist linux-x64-gnu ../target/release/libwardline_node.so

const fs = require('node:fs')
const path = require('node:path')

const { PLATFORMS } = require('./js/platform.js')
const own = require('./package.json')

function main ([folder, platform, built]) {
  if (folder === undefined || (platform === undefined) !== (built === undefined)) {
    throw new Error('usage: node pack.js FOLDER [PLATFORM MODULE]')
  }
  const { version, license, repository, engines } = own
  if (platform === undefined) {
    const to = fresh(folder, 'wardline')
    for (const name of ['js', 'README.md']) fs.cpSync(path.join(__dirname, name), path.join(to, name), { recursive: true })
    const { devDependencies, scripts, ...kept } = own
    const optionalDependencies = Object.fromEntries(Object.keys(PLATFORMS).map((name) => [`wardline-${name}`, version]))
    return write(to, { ...kept, files: ['js', 'README.md'], optionalDependencies })
  }
  if (!Object.hasOwn(PLATFORMS, platform)) throw new Error(`expected a platform: ${Object.keys(PLATFORMS).join(', ')}`)
  const { os, cpu, libc } = PLATFORMS[platform]
  const name = `wardline-${platform}`
  const to = fresh(folder, name)
  fs.copyFileSync(built, path.join(to, 'wardline_node.node'))
  write(to, {
    name,
    version,
    description: `The native module of wardline for ${platform}`,
    license,
    repository,
    engines,
    main: 'wardline_node.node',
    files: ['wardline_node.node'],
    os: [os],
    cpu: [cpu],
    ...libc !== undefined && { libc: [libc] }
  })
}

function fresh (folder, name) {
  const to = path.join(folder, name)
  fs.rmSync(to, { recursive: true, force: true })
  fs.mkdirSync(to, { recursive: true })
  return to
}

function write (to, description) {
  fs.writeFileSync(path.join(to, 'package.json'), JSON.stringify(description, null, 2) + '\n')
}

main(process.argv.slice(2))
