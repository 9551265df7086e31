import door from './http.js'

export const { guardAgents, callerOf } = door
