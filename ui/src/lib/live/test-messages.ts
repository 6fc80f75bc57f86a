/** Messages for tests: requests with odd numbers, their answers with the even ones behind them. */
import type { Message } from "@/lib/api/types";

export function testMessage(seq: number, more: Partial<Message> = {}): Message {
  const request = seq % 2 === 1;
  return {
    id: `feed-${seq}`, seq, ts_recv: "2026-11-22T13:53:01.123456Z", session_id: "s", size_bytes: 60,
    direction: request ? "miner_to_pool" : "pool_to_miner",
    method: request ? "mining.submit" : null,
    raw: request ? `{"id":${seq},"method":"mining.submit","params":[]}` : `{"id":${seq - 1},"result":true,"error":null}`,
    is_request: request, is_response: !request,
    paired_message_id: request ? null : `feed-${seq - 1}`,
    latency_ms: request ? null : 12,
    ts_fwd: null, imported_as: null, peer: null, raw_base64: null, decoded: null, parse_error: null, jsonrpc_id: null, fragment: null,
    response: null, response_raw: null, response_ts_recv: null,
    ...more,
  };
}
