/*
 * recorder_watch.h - asks the recorder twice a second how it is doing, so that /health, /metrics
 * and GET status answer at once, however slow or stuck the recorder may be.
 *
 * Ownership: heap object with a thread of its own. Threads: start and stop from one;
 * recorder_watch_look from any.
 */
#ifndef HASHSCOPE_API_CONTROL_RECORDER_WATCH_H
#define HASHSCOPE_API_CONTROL_RECORDER_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

#define WATCH_EVERY_MS  500
#define WATCH_ANSWER_MS 2000 /* a recorder that takes longer counts as stuck */
#define WATCH_LOSS_SEC  60   /* a loss is told for so long */
#define WATCH_FIRST_MS  200  /* how long starting waits for the first answer */

struct recorder_watch;

enum status recorder_watch_start(struct recorder_watch **out, const char *control_path,
                                 struct error *err) MUST_CHECK;
void recorder_watch_stop(
    struct recorder_watch *watch); /* NULL is fine; returns within WATCH_ANSWER_MS */

struct recorder_watch_view {
    bool running;     /* it answered when it was asked last */
    json_t *status;   /* what it said then (recorder/control.c); NULL: it did not */
    uint64_t lost;    /* records that were lost before they were archived, in the last minute */
    uint64_t asked;   /* times so far */
    uint64_t missing; /* of them, without an answer */
    char error[256];  /* why it does not answer */
};
/* recorder_watch_view_close gives back what is in it. */
void recorder_watch_look(struct recorder_watch *watch, struct recorder_watch_view *out);
void recorder_watch_view_close(struct recorder_watch_view *view);

#endif
