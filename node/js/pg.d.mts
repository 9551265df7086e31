export * from './pg.js'
