/*
 * control.h - the control socket: DATA_DIR/live/control.sock, one JSON object a line each way.
 *
 *   {"command":"status"}
 *   {"command":"sessions","state":"open|all","after":N,"limit":N}   one line per session, by
 * number; at most `limit` (default and most 1000), go on with `after`
 *   {"command":"disconnect","session":ID}
 *   {"command":"inject","session":ID,"line":"{…}"}   answers when the pool has answered
 *   {"command":"rotate"}
 *   {"command":"stop"}
 *
 * ID is the session's UUID or its number. A failure is one line {"error":"…"}. Every answer ends
 * with the line {"done":true} (local.h). Threads: the relay's.
 */
#ifndef HASHSCOPE_RECORDER_CONTROL_H
#define HASHSCOPE_RECORDER_CONTROL_H

#include "lib/event/local.h"

/* A local_handler; its user is the recorder. */
void control_handle(void *user, struct local_request *request, const char *line, size_t len);

#endif
