/*
 * session.h - one miner and its pool: two streams, every byte of one written to the other.
 *
 *   HEADER ──▶ MINER_TLS ──▶ DIAL ──▶ POOL_TLS ──▶ RELAY ──▶ FINISH ──▶ CLOSING ──▶ freed
 *      (what is not wanted is skipped; from every phase an error leads to CLOSING)
 *
 *   HEADER     waiting for the PROXY header of a load balancer
 *   MINER_TLS  handshake with the miner
 *   DIAL       trying the pool's addresses, then its backups; the miner's bytes wait, bounded
 *   POOL_TLS   handshake with the pool
 *   RELAY      both ways; each side's FIN is passed on by itself, and the other may go on while a
 *              byte moves every HALF_CLOSE_TIMEOUT_SEC
 *   FINISH     both sides have ended (or we stop): what is queued goes out first
 *   CLOSING    both streams are being closed
 *
 * Memory: a session without queued bytes is this struct and nothing else. A slow reader costs at
 * most SESSION_QUEUE_HIGH + STREAM_READ_SIZE bytes in each direction: then the other side is not
 * read until the queue is empty. Before the pool answers, SESSION_EARLY_MAX + STREAM_READ_SIZE.
 *
 * Threads: the relay's.
 */
#ifndef HASHSCOPE_RECORDER_SESSION_H
#define HASHSCOPE_RECORDER_SESSION_H

#include <sys/queue.h>

#include "lib/event/connect.h"
#include "lib/event/stream.h"
#include "recorder/config.h"
#include "recorder/tap.h"

#define SESSION_QUEUE_HIGH ((size_t)256 << 10)
#define SESSION_EARLY_MAX  ((size_t)64 << 10)
#define SESSION_FINISH_NS  (30 * INT64_C(1000000000)) /* to take the last bytes when both ended */

struct recorder;
struct inject;

enum session_phase {
    PHASE_HEADER,
    PHASE_MINER_TLS,
    PHASE_DIAL,
    PHASE_POOL_TLS,
    PHASE_RELAY,
    PHASE_FINISH,
    PHASE_CLOSING,
};

struct session {
    TAILQ_ENTRY(session) link;
    struct recorder *recorder;
    const struct route *route;
    struct stream miner, pool;
    struct tap tap;
    struct connector *connector; /* in DIAL */
    struct buffer early;         /* before RELAY: the miner's bytes (in HEADER: the header's) */
    struct inject *inject;       /* NULL until the first line of ours */
    int64_t deadline_ns;         /* monotonic; of HEADER, the TLS phases and FINISH */
    int64_t active_ns;           /* monotonic; when the last byte was read */
    uint64_t progress;           /* session_time.c: as of its last look */
    enum session_phase phase;
    uint16_t miner_port, pool_port; /* proxy_loop.h: in its counts; 0: not */
    uint8_t target;                 /* of the route's targets */
    uint8_t streams_open;           /* whose on_closed has not come */
    bool has_pool;                  /* the pool stream is initialised */
    bool ended[2];                  /* enum tap_side: that sender's FIN has come */
    uint8_t first_ended;            /* which of them came first */
    bool begun;                     /* opened was recorded */
};
TAILQ_HEAD(session_list, session);

/* Begins with the next connection of a listener. `session` is zeroed and in the recorder's list;
 * when it has ended it says so with recorder->session_gone and frees itself. */
void session_accept(struct session *session, struct recorder *recorder, const struct route *route,
                    struct listener *listener);

/* Closes it now; `by` is who ended it ("miner", "pool", "hashscope"). With `reset` both get an RST.
 */
void session_close(struct session *session, const char *by, const char *reason, bool reset);

/* Stops reading, sends what is queued, closes with by hashscope, reason "stop". */
void session_stop(struct session *session);

/* Called about once a second: deadlines and idleness. */
void session_tick(struct session *session, int64_t mono_ns);

/* may_read and on_flushed of the recorder's loop; `user` is the recorder. */
bool session_may_read(void *user, const struct stream *stream, bool light);
void session_forwarded(void *user, const struct stream_forward *done, size_t count);

#endif
