import door from './undici.js'

export const { guardedFetch, guardInterceptor, callerOf } = door
