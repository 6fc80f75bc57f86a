/*
 * scan.h - one pass over one line: is it JSON that may stand in the archive as it is, and if so,
 * what does it say on top: kind, method, id, and where params, result and error lie.
 *
 * This is the relay's hot path. Nothing is allocated, copied or built; the spans point into the
 * caller's line and live as long as it does. A submit of 137 bytes takes about a tenth of a
 * microsecond, long strings are skipped sixteen bytes at a time.
 *
 * What counts. Only members of a top-level object, and only under names written without escapes
 * ("m\u0065thod" is not seen). Where a name occurs twice the last one wins, as it does for the
 * parsers of pools and miners. "method":null counts as no method; a method that is no string is
 * STRATUM_METHOD_UNKNOWN.
 *
 * Faults. `fault == STRATUM_FAULT_NONE` promises that jq, Python's json and DuckDB accept the line:
 * RFC 8259 JSON in valid UTF-8, nesting up to STRATUM_DEPTH_MAX, no unpaired surrogate escape, no
 * raw CR or LF even as white space, every number finite as a double. Else `fault` and `fault_at`
 * name the first thing found wrong, from left to right, and the rest depends on how bad it is:
 *   - UTF8, SURROGATE, CR, NUMBER, CONTROL, DEPTH leave the structure readable: the scan goes on,
 *     and kind, method, id and spans are those of the whole line, since a lenient peer will read it
 *     so (of what is nested too deeply only strings and the number of brackets are looked at);
 *   - TRUNCATED ends the scan: kind, method and id are those seen up to there (this is how the
 * first fragment of an over-long line gets its method and id);
 *   - SYNTAX and EMPTY end the scan and make the kind STRATUM_OTHER; method and id are still filled
 *     in as far as seen, for those who search.
 *
 * Pure; threads: any. JSON: RFC 8259. UTF-8: RFC 3629. Methods: docs of Stratum v1, BIP 310, and
 * the dialects of Zcash (ZIP 301), Monero and Ethereum pools.
 */
#ifndef HASHSCOPE_STRATUM_SCAN_H
#define HASHSCOPE_STRATUM_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

#define STRATUM_DEPTH_MAX 64 /* "[]" has depth 1 */

enum stratum_kind {
    STRATUM_REQUEST,      /* a method and an id that is not null */
    STRATUM_NOTIFICATION, /* a method, id null or absent */
    STRATUM_RESPONSE,     /* no method, but a result or an error */
    STRATUM_OTHER, /* valid JSON that is none of these (a batch array, a number), or no JSON */
};

/* Written into files as numbers and as a bitmap of 64 bits: never renumber, only add. */
enum stratum_method {
    STRATUM_METHOD_NONE = 0,    /* no method member */
    STRATUM_METHOD_UNKNOWN = 1, /* one that is not in this list */
    /* miner to pool */
    STRATUM_MINING_CONFIGURE = 2, /* BIP 310 */
    STRATUM_MINING_SUBSCRIBE = 3,
    STRATUM_MINING_AUTHORIZE = 4,
    STRATUM_MINING_SUBMIT = 5,
    STRATUM_MINING_SUGGEST_DIFFICULTY = 6,
    STRATUM_MINING_SUGGEST_TARGET = 7,
    STRATUM_MINING_EXTRANONCE_SUBSCRIBE = 8,
    STRATUM_MINING_MULTI_VERSION = 9,
    STRATUM_MINING_GET_TRANSACTIONS = 10,
    STRATUM_MINING_CAPABILITIES = 11,
    /* pool to miner */
    STRATUM_MINING_NOTIFY = 12,
    STRATUM_MINING_SET_DIFFICULTY = 13,
    STRATUM_MINING_SET_TARGET = 14, /* Zcash, and some Bitcoin pools */
    STRATUM_MINING_SET_EXTRANONCE = 15,
    STRATUM_MINING_SET_VERSION_MASK = 16,
    STRATUM_MINING_SET_GOAL = 17,
    STRATUM_CLIENT_RECONNECT = 18,
    STRATUM_CLIENT_SHOW_MESSAGE = 19,
    STRATUM_CLIENT_GET_VERSION = 20,
    STRATUM_MINING_PING = 21,
    /* Monero */
    STRATUM_LOGIN = 22,
    STRATUM_JOB = 23,
    STRATUM_SUBMIT = 24,
    STRATUM_KEEPALIVED = 25,
    STRATUM_GETJOB = 26,
    /* Ethereum: getwork over TCP, and EthereumStratum/2.0.0 */
    STRATUM_ETH_SUBMIT_LOGIN = 27,
    STRATUM_ETH_GET_WORK = 28,
    STRATUM_ETH_SUBMIT_WORK = 29,
    STRATUM_ETH_SUBMIT_HASHRATE = 30,
    STRATUM_MINING_HELLO = 31,
    STRATUM_MINING_NOOP = 32,
    STRATUM_MINING_SET = 33,
    STRATUM_MINING_BYE = 34,
    STRATUM_METHOD_COUNT /* at most 64 */
};

enum stratum_id_type {
    STRATUM_ID_ABSENT,
    STRATUM_ID_NULL,
    STRATUM_ID_INTEGER, /* fits int64_t */
    STRATUM_ID_STRING,
    STRATUM_ID_OTHER, /* float, bool, array, object, larger integer: compared by its raw text */
};

/* Why a line can't be embedded in the archive as it is. Stable numbers. */
enum stratum_fault {
    STRATUM_FAULT_NONE = 0,
    STRATUM_FAULT_EMPTY = 1,     /* nothing but white space */
    STRATUM_FAULT_SYNTAX = 2,    /* no JSON */
    STRATUM_FAULT_UTF8 = 3,      /* a string with bytes that are no UTF-8 */
    STRATUM_FAULT_DEPTH = 4,     /* nesting above STRATUM_DEPTH_MAX */
    STRATUM_FAULT_SURROGATE = 5, /* an escaped surrogate without its partner */
    STRATUM_FAULT_CR = 6,        /* a raw carriage return */
    STRATUM_FAULT_NUMBER = 7,    /* not finite as a double */
    STRATUM_FAULT_CONTROL = 8,   /* a raw control character in a string, or a raw line feed */
    STRATUM_FAULT_TRUNCATED = 9, /* good so far, but it ends too early */
    STRATUM_FAULT_OPAQUE = 10, /* the stream is no text; set by those who frame, never by a scan */
    STRATUM_FAULT_COUNT
};

/* Ids are equal when type and value are. */
struct stratum_id {
    enum stratum_id_type type;
    uint64_t value; /* integer: the int64_t's bits; string, other: a hash of the raw text (between
                       the quotes, escapes as they stand) and its length; else 0 */
};

struct stratum_scan {
    enum stratum_kind kind;
    enum stratum_method method;
    struct stratum_id id;
    bool error; /* a response that refuses: an error that is not null, false or empty,
                   or result false, or a reject-reason that is not null, false or empty */
    enum stratum_fault fault;
    uint32_t fault_at; /* byte offset in the line, from 0; 0 without a fault */
    /* Raw JSON values in the line, strings with their quotes; {NULL, 0} when absent or cut off. */
    struct span method_text; /* without quotes; absent when the method is no string */
    struct span id_text;
    struct span params;
    struct span result;
    struct span error_text;
    struct span reject_text; /* of the member "reject-reason" */
};

/* Scans a line without its terminator. `line` may be NULL when len is 0. Cannot fail. */
void stratum_scan_line(struct stratum_scan *out, const char *line, size_t len);

static inline bool stratum_id_equal(const struct stratum_id *a, const struct stratum_id *b)
{
    return a->value == b->value && a->type == b->type;
}

/* Is `id` the integer `number` in another type: "3" or 3.0 for 3? */
bool stratum_id_is_spelled(const struct stratum_id *number, const struct stratum_id *id);

/* "mining.submit"; "none" and "unknown" for the first two. */
const char *stratum_method_name(enum stratum_method method);

/* Whether a request with it hands in a share, in any of the dialects. */
bool stratum_is_submit(enum stratum_method method);
/* STRATUM_METHOD_UNKNOWN when it is not in the list. Text as it stands between the quotes. */
enum stratum_method stratum_method_find(const char *name, size_t len);

/* "invalid JSON", "invalid UTF-8" ...: to be followed by " at byte N". */
const char *stratum_fault_text(enum stratum_fault fault);
/* "request", "notification", "response", "other". */
const char *stratum_kind_name(enum stratum_kind kind);
/* "absent", "null", "integer", "string", "other". */
const char *stratum_id_type_name(enum stratum_id_type type);

#endif
