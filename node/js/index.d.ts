/// <reference types="node" />

/** Who a request comes from, as an authenticating layer verified it. */
export interface Identity {
  /** A person or a workload. */
  subject: string
  groups?: string[]
  /** Who vouches: an OIDC issuer, a trust domain, a proxy. */
  issuer?: string
  /** Further verified claims, as text. */
  claims?: Record<string, string>
  /** The workloads that the request came through, nearest last. */
  hops?: Hop[]
}

/** A workload on a request's way. A claimed one can only make a verdict stricter. */
export interface Hop {
  workload: string
  verified_by: 'mtls' | 'jwt' | 'txn_token' | 'seal' | 'claimed'
}

/** One thing that a request does. */
export interface Act {
  /** Such as `vector.export`. */
  operation: string
  /** The name of the collection, model or file; empty where there is none. */
  resource: string
  /** `count` is `null` where nothing in the request limits it. */
  magnitude: { unit: string | null, count: number | null }
  /** From 0 to 100. */
  risk: number
}

export interface Reading {
  /** The service of the policy; `null` where none is named for this host and path. */
  service: string | null
  /** The catalogue's route. */
  entry: string | null
  acts: Act[]
}

/** What a grant is for. Each list holds at least one entry; an act must fit one of every list. */
export interface Scope {
  /** `user:GLOB`, `group:NAME`, `anonymous` or `*`. */
  who: string[]
  services: string[]
  operations: string[]
  resources: string[]
}

export interface Terms {
  scope: Scope
  /** An RFC 3339 instant; the moment of issue where nothing is said. */
  from?: string
  /** An RFC 3339 instant, or a duration such as `3h` that begins with the grant. */
  until: string
  /** How many requests it serves. */
  uses?: number
  /** How much may leave under it in all. */
  quota?: [unit: 'vectors' | 'rows' | 'bytes', amount: number]
  reason: string
}

export interface Grant extends Terms {
  id: string
  /** Computed from the clock. */
  state: 'scheduled' | 'active' | 'exhausted' | 'expired' | 'revoked'
  from: string
  used: number
  spent: number
  issued_by: string
  issued_at: string
  revoked?: { at: string, by: string, reason: string }
}

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'expired' | 'used' | 'cancelled'

export interface Approval {
  id: string
  /** Computed from the clock. */
  state: ApprovalState
  /** Keyed digest of the exact request. */
  digest: string
  identity: Identity
  service: string
  acts: Act[]
  rules: string[]
  policy: string
  steps: Array<{ from: string[], need: number }>
  reason_required: boolean
  votes: Array<{ by: string, groups: string[], answer: 'approve' | 'deny', at: string, reason?: string }>
  opened_at: string
  pending_until: string
  usable_for_ms: number
  outcome?: { as: string, at: string, [detail: string]: unknown }
}

/** One mistake in a policy. Lines and columns count from 1. */
export interface Diagnostic {
  file: string
  line: number
  column: number
  code: string
  message: string
}

/** What everything here throws or rejects with. Messages never quote a body. */
export interface WardlineError extends Error {
  /** Stable: what programs may decide on. */
  code: 'invalid_input' | 'invalid_policy' | 'not_found' | 'conflict' | 'not_eligible' | 'store_unavailable' |
    'log_unavailable' | 'internal' | 'native_module_missing' | 'body_already_read'
  /** All mistakes of a policy at once. */
  diagnostics?: Diagnostic[]
}

/** Guards one or more services under one policy. Opens nothing before it is first used. */
export class Guard {
  /** A guard under the policy of a file. Throws every mistake of the policy at once, as `diagnostics`. */
  constructor (path: string)

  static fromFile (path: string): Guard

  /** A guard under the policy of a text; relative paths in it start from the folder of `name`. */
  static parse (source: string, name?: string): Guard

  /** Masks a body as all mask entries of the policy together say. What is unchanged comes back as it was given. */
  mask<T extends string | Uint8Array> (body: T, contentType: string):
    { body: T extends string ? string : T | Buffer, findings: Record<string, number> }

  /** What a request would be taken for. Nothing is decided or recorded. */
  classify (request: {
    method: string
    /** A path with its query, or an absolute URL. */
    url: string
    headers?: Record<string, string | string[]>
    body?: string | Uint8Array
  }): Reading

  /** Issues a grant; its clock starts now. */
  issueGrant (terms: Terms, by: string): Promise<Grant>

  /** Ends a grant now, for every process on this state. */
  revokeGrant (id: string, by: string, reason: string): Promise<Grant>

  /** All grants ever issued, ended ones too. */
  grants (): Promise<Grant[]>

  /** All approvals, or those in one state. */
  approvals (state?: ApprovalState | null): Promise<Approval[]>

  /** A person's yes to a held request. */
  approve (id: string, by: string, reason?: string | null): Promise<Approval>

  /** A person's no to a held request. */
  deny (id: string, by: string, reason?: string | null): Promise<Approval>

  /** Waits until every record so far is on disk and signed. */
  flush (): Promise<void>

  /** Rejects with the reason for which exchanges would be denied with `guard_unavailable`. */
  check (): Promise<void>
}
