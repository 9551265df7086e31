import door from './pg.js'

export const { guardPool } = door
