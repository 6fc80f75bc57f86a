/*
 * session_private.h - what the files of a session share. Calls go one way:
 *
 *   session.c, session_time.c ─▶ session_pool.c ─▶ session_relay.c ─▶ session_end.c
 */
#ifndef HASHSCOPE_RECORDER_SESSION_PRIVATE_H
#define HASHSCOPE_RECORDER_SESSION_PRIVATE_H

#include "recorder/session.h"

static inline enum tap_side session_side(const struct session *session, const struct stream *stream)
{
    return stream == &session->miner ? TAP_UP : TAP_DOWN;
}

/* ---- session_pool.c ---- */

void session_dial(struct session *session);
/* This target failed after it was connected: the next one, or the end. */
void session_next_pool(struct session *session, const char *reason);
/* Connected, and TLS is through if there is any: recorded, then joined. */
void session_pool_ready(struct session *session);

/* ---- session_relay.c ---- */

/* The miner speaks before the pool is there. */
void session_keep_early(struct session *session, const char *data, size_t len);
/* What the miner said so far goes out; from now on both ways. */
void session_joined(struct session *session);
/* on_data while there are both streams: recorded, and on to the other side. */
void session_relay(struct stream *stream, const char *data, size_t len);
/* on_end and on_drain of both streams. */
void session_side_ended(struct stream *stream);
void session_drained(struct stream *stream);

/* ---- session_end.c ---- */

/* Frees it when both streams are closed. */
void session_maybe_free(struct session *session);

#endif
