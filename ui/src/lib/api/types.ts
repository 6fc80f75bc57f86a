/** The shapes that the API speaks; api/openapi.yaml is where they are defined. */

export const DIRECTIONS = ["miner_to_pool", "pool_to_miner", "hashscope_to_pool", "pool_to_hashscope"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What the API's `decoded` says of a message; anything may be missing. */
export interface Decoded {
  kind?: string;
  id?: unknown;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: unknown;
  fields?: Record<string, unknown>;
  refused?: { code?: number; text?: string };
  batch?: Decoded[];
  value?: unknown;
  fault?: string;
}

export interface Message {
  id: string;
  seq: number;
  ts_recv: string;
  ts_fwd?: string | null;
  direction: Direction;
  session_id: string;
  peer?: string | null;
  raw?: string | null;
  raw_base64?: string | null;
  decoded?: Decoded | null;
  parse_error?: string | null;
  size_bytes: number;
  method?: string | null;
  jsonrpc_id?: unknown;
  is_request: boolean;
  is_response: boolean;
  paired_message_id?: string | null;
  response?: unknown;
  response_ts_recv?: string | null;
  response_raw?: string | null;
  latency_ms?: number | null;
}

export interface Session {
  session_id: string;
  peer?: string | null;
  first_seen?: string | null;
  last_seen?: string | null;
  message_count?: number | null;
  user_agent?: string | null;
  mining_session_id?: string | null;
  workers?: string[] | null;
  worker_names?: string[] | null;
  difficulty?: number | null;
  version_mask?: string | null;
  extranonce1?: string | null;
  pool_host?: string | null;
  pool_port?: number | null;
  pool_connected?: boolean | null;
  state?: string | null;
  [more: string]: unknown;
}
