/*
 * recorder_client.h - commands to the recorder over its control socket, blocking.
 *
 * Threads: any; calls share nothing.
 */
#ifndef HASHSCOPE_API_CONTROL_RECORDER_CLIENT_H
#define HASHSCOPE_API_CONTROL_RECORDER_CLIENT_H

#include <jansson.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/random.h"

#define RECORDER_ANSWER_MS 5000  /* for what it answers at once */
#define RECORDER_INJECT_MS 36000 /* it waits 5 s for the miner and 30 s for the pool */

/* Sends a command (the reference is taken); *answer is its first line, to be given back with
 * json_decref. STATUS_CLOSED "the recorder is not running: …"; STATUS_TIMEOUT, STATUS_DAMAGED (no
 * JSON). An answer with the member "error" is STATUS_OK. */
enum status recorder_call(const char *control_path, json_t *command, int timeout_ms,
                          json_t **answer, struct error *err) MUST_CHECK;

/* The commands that name a session; `line` may be {NULL, 0}. */
json_t *recorder_command(const char *name, const struct uuid *session, struct span line);

/* What a failed command says of the session: it is not open. */
bool recorder_says_closed(const json_t *answer);

#endif
