/*
 * local_support.h - a local server with a handler for each purpose, and clients of it on the
 * same loop.
 */
#ifndef HASHSCOPE_TESTS_UNIT_EVENT_LOCAL_SUPPORT_H
#define HASHSCOPE_TESTS_UNIT_EVENT_LOCAL_SUPPORT_H

#include "lib/event/local.h"
#include "tests/unit/event/event_support.h"

#define DONE      "{\"done\":true}\n"
#define KEPT_MAX  80
#define BIG_BYTES (3u << 20)

struct local_host {
    struct event_rig rig;
    struct local_server *server;
    char directory[64];
    char path[128];
    struct local_request *kept[KEPT_MAX]; /* requests not yet finished */
    unsigned kept_count;
    unsigned lines;
    char last[256];
    bool stopped;
    bool client_done; /* of the thread of a blocking client */
};

/* Listens on a path in a directory of its own. */
void local_host_open(struct local_host *host);
void local_host_stop(struct local_host *host);
void local_host_start(struct local_host *host); /* once more, after a stop */
void local_host_close(struct local_host *host); /* stops if needed; nothing may be left */

/* The handler. "keep": answers later; "big": one long line; "flood": lines until the client is
 * gone; "two": two lines; "stop": stops the server; all else comes back. */
void local_host_handle(void *user, struct local_request *request, const char *line, size_t len);
void local_host_stopped(void *user);

int local_dial(const char *path);
void local_side_open(struct local_host *host, struct event_side *side);
void local_side_close(struct local_host *host, struct event_side *side);
void local_side_send(struct event_side *side, const char *text);

/* Has come, or will never: a condition for rig_run_until. */
struct local_expectation {
    const struct event_side *side;
    size_t len;
};

bool local_side_has(void *user);
/* Waits for exactly this and forgets it. */
void local_side_expect(struct local_host *host, struct event_side *side, const char *text);

#endif
