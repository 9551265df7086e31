/** A JavaScript error of Wardline: `code` is stable, the message names where and what and never quotes payload. */
export interface WardlineError extends Error {
  code:
    | 'invalid_input' | 'invalid_policy' | 'not_found' | 'conflict' | 'not_eligible'
    | 'store_unavailable' | 'log_unavailable' | 'internal'
    | 'body_already_read' | 'native_module_missing'
    /** Of a statement or command that may not run, or whose results may not go on: the code of the answer, such as `default_deny`. */
    | (string & {})
  /** Every error of a policy, where `code` is `invalid_policy`. */
  diagnostics?: Diagnostic[]
  /** The ticket of what is held or was denied by people, and the record of what was refused. */
  approval?: string
  record?: string
}

/** One finding about a policy file. Lines and columns count from 1. */
export interface Diagnostic {
  file: string
  line: number
  column: number
  code: string
  message: string
  /** What is only a warning is told by `wardline check`, never thrown. */
  severity: 'error' | 'warning'
}

/** A verified caller. */
export interface Identity {
  subject: string
  groups?: string[]
  /** Who vouches: an OIDC issuer, a trust domain, a proxy. */
  issuer?: string
  /** Of several values one must fit what a rule asks for. */
  claims?: Record<string, string | string[]>
  /** The workloads that the request came through, nearest last. */
  hops?: { workload: string, verified_by: 'mtls' | 'jwt' | 'txn_token' | 'seal' | 'claimed' }[]
}

/** What a request does. */
export interface Act {
  operation: string
  resource: string
  /** How much; `count` is `null` where it is unbounded. */
  magnitude: { unit: string | null, count: number | null }
  /** 0 to 100. */
  risk: number
}

/** What a request would be taken for. */
export interface Reading {
  /** The service of the policy; `null` where none answers to the host and path. */
  service: string | null
  /** The route of the catalogue entry. */
  entry: string | null
  acts: Act[]
}

/** Why a verdict is as it is. */
export interface Explanation {
  /** The service of the policy; `null` where none answers to the host and path. */
  service: string | null
  mode: 'enforce' | 'observe'
  verdict: 'allow' | 'hold' | 'deny'
  code: string
  because: string
  risk: number
  /** The rules that decide. */
  rules: string[]
  grants: string[]
  /** Who would have to approve. */
  approval?: { from: string[], need: number }[]
  acts: Reasons[]
}

/** What the policy says of one act. */
export interface Reasons extends Act {
  final_risk: number
  /** The labels that its object carries, or may carry. */
  labels?: string[]
  thresholds: { hold: number | null, deny: number | null }
  /** Every rule, those that fit first; `misses` are the keys of a rule that the act does not fit. */
  rules: { rule: string, file: string, line: number, effect: 'allow' | 'grant' | 'hold' | 'deny', misses: string[] }[]
  /** The live grant that covers it, or else the caller's that comes nearest, and what it lacks. */
  covered_by?: string
  nearest?: { grant: string, lack: string }
}

/** What a grant is for. */
export interface Scope {
  who: string[]
  services: string[]
  operations: string[]
  resources: string[]
}

/** What someone asks a grant to be. */
export interface Terms {
  scope: Scope
  /** RFC 3339; the moment of issue where nothing is said. */
  from?: string
  /** An instant (RFC 3339), or a length such as `3h`. */
  until: string
  /** The hours of the week at which it can be used, such as `mon-fri 22:00-06:00 Europe/Berlin`; always where absent. */
  when?: string[]
  /** How many requests it serves. */
  uses?: number
  /** How much may leave under it. */
  quota?: ['vectors' | 'rows' | 'bytes', number]
  reason: string
  /** The ticket that it belongs to. */
  ticket?: string
}

export interface Grant {
  state: 'scheduled' | 'active' | 'exhausted' | 'expired' | 'revoked'
  id: string
  scope: Scope
  from: string
  until: string
  when?: string[]
  uses?: number
  quota?: [string, number]
  used: number
  spent: number
  reason: string
  issued_by: string
  issued_at: string
  ticket?: string
  /** The approval that it was issued by, where it was asked for. */
  approval?: string
  /** The grant that it was handed on from. */
  parent?: string
  handed_on?: number
  revoked?: { at: string, by: string, reason: string }
}

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'expired' | 'used' | 'cancelled'

/** A held request, or a grant that is asked for, and who decided what about it. */
export interface Approval {
  state: ApprovalState
  id: string
  /** What it is bound to: a keyed digest of the exact request. */
  digest: string
  identity: Identity
  service: string
  acts: Act[]
  /** The grant that is asked for, and the one that was issued. */
  wants?: Terms
  granted?: string
  rules: string[]
  steps: { from: string[], need: number }[]
  votes: { by: string, answer: 'approve' | 'deny' | 'break_glass', at: string, reason?: string }[]
  /** What was asked and answered about it; it decides nothing. */
  comments?: { by: string, at: string, text: string }[]
  opened_at: string
  pending_until: string
  [more: string]: unknown
}

/** What a statement or a command is sent to, and by whom. */
export interface Saying {
  /** A service of the policy. */
  service: string
  identity?: Identity | string | null
}

/** A statement or command that may run now: what its host tells of it. */
export interface Running {
  /** So much of the results is about to be handed on: ask before every part. Rejects where it must not be. */
  returned (part: { rows?: number, vectors?: number }): Promise<void>
  /** So many rows were written, changed or deleted. Rejects where no grant covers them: take it back. */
  touched (rows: number): Promise<void>
  /**
   * A piece of the results as it may be handed on; without `more` also their end. All pieces are one text of one `contentType`:
   * `application/x-ndjson`, a line for each row, where nothing is said.
   */
  result<Piece extends string | Uint8Array> (piece: Piece, contentType?: string, more?: boolean): Promise<
    Piece extends string ? string : Uint8Array>
}

export interface GuardOptions {
  /** Looks at the files of the policy once a second and reads them again when they change. */
  watch?: boolean
}

/** Guards one or more services under one policy. Opens nothing before it is first used. */
export class Guard {
  /** A guard under the policy of a file. Throws every error of the policy at once, as `diagnostics`. */
  constructor (path: string, options?: GuardOptions)
  static fromFile (path: string, options?: GuardOptions): Guard
  /**
   * Reads the policy's file again: a sound one judges every exchange that begins from now on, in this process; a wrong one rejects with
   * `diagnostics` and changes nothing. Whether another policy came into force.
   */
  reload (): Promise<boolean>
  /** A guard under the policy of a text; relative paths in it start from the folder of `name`. */
  static parse (source: string, name?: string): Guard

  /** Masks a body as all mask entries of the policy together say. An untouched body is the one that was given. */
  mask<Body extends string | Uint8Array> (body: Body, contentType: string): {
    body: Body extends string ? string : Uint8Array
    /** How many findings, by name. */
    findings: Record<string, number>
  }

  /** What a request would be taken for. Nothing is decided or recorded. */
  classify (request: {
    method: string
    url: string
    headers?: Record<string, string | string[]>
    body?: string | Uint8Array
  }): Reading

  /** Why a request would be let through, held or denied now: each rule, and what of the request does not fit it. Nothing is recorded. */
  explain (request: {
    method: string
    url: string
    headers?: Record<string, string | string[]>
    body?: string | Uint8Array
  }, identity?: Identity | string | null): Explanation

  /**
   * Calls `work` where these statements may run, and answers as it does. Rejects with the code of the answer where they may not. `parameters` are
   * the values bound to them, in any form that is the same for the same values only: an approval is for these. `numbers` are those of them that
   * are whole numbers, by place: a `LIMIT` that is one of them bounds what is read.
   */
  statement<Result> (
    source: string,
    to: Saying & { dialect?: string | null, parameters?: string | Uint8Array | null, numbers?: unknown[] },
    work: (running: Running) => Result | Promise<Result>
  ): Promise<Result>
  /** The same for a command: text of a shell, or a list of words, for a program and its arguments or for a server. */
  command<Result> (
    line: string | Array<string | Uint8Array>,
    to: Saying,
    work: (running: Running) => Result | Promise<Result>
  ): Promise<Result>

  /**
   * What a token stands for, or digits that were encrypted as `entity` under `scope` (`policy` where none is named). It takes a live
   * grant for `secret.read` on `unmask/ENTITY`, and is recorded.
   */
  unmask (
    hidden: string,
    identity: Identity | string,
    options?: { entity?: string, scope?: 'policy' | 'tenant' }
  ): Promise<{ entity: string, value: string }>

  /**
   * What was counted in this process, as OpenMetrics text (`application/openmetrics-text; version=1.0.0`) for Prometheus: never by caller,
   * resource or value.
   */
  metricsText (): string

  /** Issues a grant; its clock starts now. */
  issueGrant (terms: Terms, by: string): Promise<Grant>
  /** Asks for a grant: people whom the policy names decide about it, and it is issued with the vote that decides. */
  requestGrant (terms: Terms, by: string): Promise<Approval>
  /**
   * Hands a part of a grant on that `by` may use: to others, for less, never for more. Uses and quota leave the grant with it, and it
   * ends with the grant.
   */
  handOnGrant (id: string, terms: Terms, by: string): Promise<Grant>
  /** Ends a grant now, with all that was handed on from it, for every process on this state. */
  revokeGrant (id: string, by: string, reason: string): Promise<Grant>
  /** All grants ever issued, ended ones too. */
  grants (): Promise<Grant[]>

  /** All approvals, or those in one state; ended ones stay listed. */
  approvals (state?: ApprovalState | null): Promise<Approval[]>
  /** A person's yes to a held request. The person's groups are those of the policy. */
  approve (id: string, by: string, reason?: string | null): Promise<Approval>
  /** A person's yes in an emergency, alone: the policy names who may, and it stays marked. */
  breakGlass (id: string, by: string, reason: string): Promise<Approval>
  /** A person's no to a held request. */
  deny (id: string, by: string, reason?: string | null): Promise<Approval>
  /** Takes a request of one's own back, also one that is approved and not yet used. */
  cancel (id: string, by: string, reason?: string): Promise<Approval>
  /** Says something about an open approval, for those who decide and those who ask; it decides nothing. */
  comment (id: string, by: string, said: string): Promise<Approval>

  /** Waits until every record so far is on disk and signed. */
  flush (): Promise<void>
  /** Rejects with the reason for which exchanges would be denied with `guard_unavailable`. */
  check (): Promise<void>
}
