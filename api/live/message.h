/*
 * message.h - the message object: what the API says of one message, in REST and WebSocket alike.
 *
 * Members, all of them always there, null where there is nothing to say:
 *   id                 "<instance>-<seq>"
 *   imported_as        the instance where it is an import's; null: the recorder's own
 *   seq                its number in the series
 *   ts_recv, ts_fwd    when it was read, when it had been forwarded
 *   direction, session_id, peer
 *   raw, raw_base64    its bytes without the line end: one of the two, the second when they are no
 *                      UTF-8
 *   decoded            the view of lib/stratum/message.h
 *   parse_error        why it is no JSON that could be recorded as such
 *   size_bytes         of the message without its line end
 *   method, jsonrpc_id as sent
 *   is_request, is_response
 *   paired_message_id  of a request: its answer; of an answer: its request
 *   response, response_raw, response_ts_recv   of a request: the answer as JSON, as text, its time
 *   latency_ms         from request to answer, of both; milliseconds with three digits behind
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_API_LIVE_MESSAGE_H
#define HASHSCOPE_API_LIVE_MESSAGE_H

#include "api/live/page.h"

#define MESSAGE_PAGE_BYTES (16u << 20)

struct message_source {
    uint64_t instance;
    bool imported;                /* the instance is an import's */
    struct span line;             /* as FORMAT.md has it */
    struct span answer;           /* the line that answers it; len 0: none known */
    enum stratum_method answered; /* the method of the request that it answers; NONE: not known */
    const char *peer;             /* NULL or "": not known */
    bool masked;                  /* passwords are made unreadable */
};

/* Appends the object; of a line that is none, null. */
void message_write(struct buffer *out, const struct message_source *source);
/* The rows of a page, as the items of an array: the number of those written, which is at least one
 * if there are any, and no more once MESSAGE_PAGE_BYTES are there. */
size_t message_write_page(struct buffer *out, const struct page *page, bool masked);

#endif
