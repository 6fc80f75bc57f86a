/*
 * session_private.h - what session.c and session_pool.c share.
 */
#ifndef HASHSCOPE_RECORDER_SESSION_PRIVATE_H
#define HASHSCOPE_RECORDER_SESSION_PRIVATE_H

#include "recorder/session.h"

extern const struct stream_callbacks session_stream_callbacks;

void session_dial(struct session *session);
/* This target failed after it was connected: the next one, or the end. */
void session_next_pool(struct session *session, const char *reason);
/* Connected, and TLS is through if there is any: recorded, then joined. */
void session_pool_ready(struct session *session);
/* What the miner said so far goes out; from now on both ways. */
void session_joined(struct session *session);
/* Frees it when both streams are closed. */
void session_maybe_free(struct session *session);

#endif
