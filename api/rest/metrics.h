/*
 * metrics.h - figures in the text format of Prometheus (0.0.4).
 *
 * hashscope_…: the recorder's counters, from the ring, so that they are there also when the
 * recorder is not (they are kept over restarts as long as the ring is); hashscope_recorder_… and
 * hashscope_archive_…: what it said of itself when it was asked last, left out while it does not
 * answer; hashscope_api_…: this program.
 *
 * Threads: any.
 */
#ifndef HASHSCOPE_API_REST_METRICS_H
#define HASHSCOPE_API_REST_METRICS_H

#include "api/request/rest.h"

/* Appends all of them. What cannot be had is left out. */
void metrics_write(struct buffer *out, const struct rest *rest);

#endif
