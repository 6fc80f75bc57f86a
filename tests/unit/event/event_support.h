/*
 * event_support.h - for the tests of lib/event: two connected streams on one loop, what came out of
 * them, and running the loop until something is true.
 *
 * The loop is watched by a timer: a condition that does not come true in 30 seconds fails the test.
 */
#ifndef HASHSCOPE_TESTS_UNIT_EVENT_EVENT_SUPPORT_H
#define HASHSCOPE_TESTS_UNIT_EVENT_EVENT_SUPPORT_H

#include <stdbool.h>

#include "lib/base/bytes.h"
#include "lib/event/stream.h"
#include "lib/event/tls.h"

/* ---- a loop ---- */

struct event_rig {
    uv_loop_t uv;
    struct stream_loop loop;
    uv_timer_t watch;
};

void rig_open(struct event_rig *rig);
/* Runs what is left until nothing is, and checks that the loop can be closed: nothing leaked. */
void rig_close(struct event_rig *rig);
void rig_run_until(struct event_rig *rig, bool (*condition)(void *user), void *user);
void rig_run_flag(struct event_rig *rig, const bool *flag);
void rig_turns(struct event_rig *rig, int turns); /* without waiting for anything */

/* ---- a stream and what came out of it ---- */

struct event_side {
    struct stream stream;
    struct buffer received;
    unsigned ends, errors, drains, secured, closes;
    int error;
    char error_text[200];
    bool ended, failed, closed; /* the same as conditions */
    bool echo;                  /* writes back what it gets, stops reading while queued */
    bool stop_after_data;       /* stops reading inside each on_data */
    bool close_on_data, close_on_error, shutdown_on_end, close_on_drain;
    struct event_side *other;
    void (*on_data)(struct event_side *side); /* after the bytes are in `received`; may be NULL */
};

extern const struct stream_callbacks side_callbacks; /* `user` is the struct event_side */

enum pair_kind { PAIR_TCP, PAIR_PIPE, PAIR_TLS };
/* Calls `test` for each kind. */
void pair_every_kind(void (*test)(enum pair_kind kind));

struct event_pair {
    struct event_rig rig;
    struct event_side a; /* TLS: the client */
    struct event_side b;
    struct tls_context *client, *server;
};

/* Connected, TLS handshake done, both reading. */
void pair_open(struct event_pair *pair, enum pair_kind kind);
/* Closes what is still open, checks that each side got on_closed once, frees all. */
void pair_close(struct event_pair *pair);

void side_init(struct event_side *side);
void side_attach(struct event_side *side, struct event_rig *rig, int fd);

/* ---- sockets and bytes ---- */

void socket_pair_tcp(int fds[2]); /* over 127.0.0.1 */
int socket_listen_any(uint16_t *port);
void fill_random(char *out, size_t len, unsigned *seed);

/* ---- certificates, made by the openssl program ---- */

struct event_certificates {
    char directory[64];
    char authority[96];
    char certificate[96], key[96]; /* for pool.example, *.example.org and 127.0.0.1 */
    char selfsigned[96], selfsigned_key[96];
};
void certificates_make(struct event_certificates *files);
void certificates_remove(struct event_certificates *files);

#endif
