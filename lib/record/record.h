/*
 * record.h - what the recorder notes: one struct for every message and event, on its way from the
 * relay through the ring to the segments and to every reader.
 *
 * A record is a value; `payload` and `session` details borrow (the producer says how long). Times
 * are nanoseconds: wall_ns of the read() that completed the message, mono_ns the same moment on the
 * monotonic clock of this boot. Offsets count the bytes of each direction of the session's streams
 * that records with a lower seq hold: where two records of one direction do not join, the
 * difference is what is missing.
 */
#ifndef HASHSCOPE_RECORD_RECORD_H
#define HASHSCOPE_RECORD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/random.h"

/* Numbers are written into ring and segment files: never renumber. */
enum record_type {
    RECORD_MESSAGE = 1,
    RECORD_OPENED = 2,         /* a miner connected; payload: struct session_info */
    RECORD_POOL_CONNECTED = 3, /* its pool answered; payload: struct session_info */
    RECORD_CLOSED = 4,         /* it ended; payload: struct session_info */
    RECORD_CLOCK_STEP = 5,     /* wall time was set; payload: int64_t step in ns */
    RECORD_GAP = 6,            /* numbers that stand for nothing; payload: struct gap_info */
};

/* A longer line is recorded in fragments. */
#define RECORD_LINE_MAX     (8u << 20)           /* bytes */
#define RECORD_FRAGMENT_MAX ((1u << 20) - 4096u) /* bytes: a record of the ring */

enum direction {
    DIRECTION_MINER_TO_POOL = 0,
    DIRECTION_POOL_TO_MINER = 1,
    DIRECTION_HASHSCOPE_TO_POOL = 2, /* a line we injected */
    DIRECTION_POOL_TO_HASHSCOPE = 3, /* its answer, withheld from the miner */
};
#define DIRECTION_COUNT 4
const char *direction_name(enum direction direction); /* "miner_to_pool" … */
bool direction_parse(const char *text, size_t len, enum direction *out);

/* How the line ended on the wire. */
enum terminator { TERMINATOR_NONE = 0, TERMINATOR_LF = 1, TERMINATOR_CRLF = 2 };
struct span terminator_bytes(enum terminator terminator);

/* record.flags */
#define RECORD_ERROR         0x0001u /* a response that refuses */
#define RECORD_PAIRED        0x0002u /* re and latency_ns are set */
#define RECORD_OPAQUE        0x0004u /* a chunk of a stream that is not text */
#define RECORD_FRAGMENT      0x0008u /* a piece of a line beyond the limits; see fragment */
#define RECORD_LAST_FRAGMENT 0x0010u
#define RECORD_FORWARD_KNOWN 0x0020u /* forward_ns is set */
#define RECORD_EARLY         0x0040u /* a piece of a line that may yet be recorded as a whole */

struct record {
    enum record_type type;
    uint64_t seq;
    int64_t wall_ns, mono_ns;
    struct uuid session; /* all zero: concerns no session */
    uint32_t slot;       /* its place in the session table; UINT32_MAX: none */
    uint32_t flags;
    enum direction direction;
    enum terminator terminator;
    uint8_t kind;   /* enum stratum_kind */
    uint8_t method; /* enum stratum_method */
    uint8_t fault;  /* enum stratum_fault; 0: the payload is JSON to be embedded verbatim */
    uint32_t fault_at;
    uint32_t fragment;
    uint32_t before;     /* bytes of the payload that earlier records hold as pieces */
    uint32_t forward_ns; /* from receiving to the return of the write() to the other side */
    uint64_t offset_up, offset_down;
    uint64_t re;        /* seq of the request this answers */
    int64_t latency_ns; /* since that request, monotonic */
    struct span payload;
};

enum session_state {
    SESSION_CONNECTING = 1, /* the miner is here, the pool is being tried */
    SESSION_OPEN = 2,
    SESSION_CLOSED = 3,
};
const char *session_state_name(enum session_state state);

/* All that names a session; the payload of its three events and the content of its table slot.
 * Texts are NUL-terminated and cut to fit; an address is "203.0.113.9:3333" or "[::1]:3333". */
struct session_info {
    struct uuid session;
    uint64_t number; /* 1, 2, 3 … in one data directory's ring */
    char route[24];
    char miner[64];     /* the peer, or what its PROXY header said */
    char listen[64];    /* our address it connected to */
    char via[64];       /* the load balancer that sent the PROXY header; "" without */
    char pool[136];     /* host:port as configured */
    char address[64];   /* the pool's address that answered */
    char local[64];     /* our own end of that connection */
    char closed_by[16]; /* "miner", "pool", "hashscope" */
    char reason[120];   /* "end", "reset", "timeout", "refused: …", "crash", "stop" … */
    uint8_t state;      /* enum session_state */
    uint8_t miner_tls, pool_tls;
    uint8_t opaque;   /* a direction of it is not text */
    uint32_t unasked; /* answers of the pool that pair with nothing */
    int64_t opened_wall_ns;
    int64_t opened_mono_ns; /* on the clock of the records' mono_ns; 0: not known */
    int64_t connected_wall_ns, closed_wall_ns; /* 0: not yet */
    uint64_t bytes_up, bytes_down;             /* miner → pool, pool → miner, as received */
};

struct gap_info {
    uint64_t first_lost, lost; /* seq numbers */
    uint64_t bytes;            /* of payload lost, where known */
    char reason[104];
};

#endif
