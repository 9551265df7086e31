export * from './fetch.js'
export { guard as default } from './fetch.js'
