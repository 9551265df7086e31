export * from './hono.js'
export { guard as default } from './hono.js'
