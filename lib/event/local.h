/*
 * local.h - a server on a local (AF_UNIX) socket that speaks lines of JSON: one request a line, one
 * or more answers a line each. The control socket of the recorder is one.
 *
 * Bounds: LOCAL_CLIENTS_MAX clients, LOCAL_LINE_MAX bytes a request (longer: an error answer and
 * the client is closed), a client that does not read its answers is closed when 4 MiB are queued.
 * A stale socket file (nobody listens) is replaced; a live one is STATUS_BUSY. The path is checked
 * against the system's limit of 107 bytes with an error that says so.
 * Threads: the loop's own. local_client_* below is blocking, for command-line programs.
 */
#ifndef HASHSCOPE_EVENT_LOCAL_H
#define HASHSCOPE_EVENT_LOCAL_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/event/stream.h"

#define LOCAL_CLIENTS_MAX 64
#define LOCAL_LINE_MAX    (16u << 20)

struct local_server;
struct local_request; /* one request waiting for its answer */

/* `line` without its newline, valid during the call. Answer at once or later, any number of lines
 * with local_answer, then local_finish exactly once. When the client goes away first, local_gone
 * becomes true and answers are dropped; local_finish is due all the same. */
typedef void local_handler(void *user, struct local_request *request, const char *line, size_t len);

enum status local_server_start(struct local_server **out, struct stream_loop *loop,
                               const char *path, mode_t mode, local_handler *handler, void *user,
                               struct error *err) MUST_CHECK;
void local_answer(struct local_request *request, const char *json, size_t len); /* adds "\n" */
bool local_gone(const struct local_request *request);
void local_finish(struct local_request *request);
/* Stops, unlinks the path, closes clients after what is queued for them; `closed` (may be NULL) is
 * called when the memory is gone. */
void local_server_stop(struct local_server *server, void (*closed)(void *user), void *user);

/* Blocking client: connects, sends one line, reads answer lines until the server closes the answer
 * or `timeout_ms` passes. Each line goes to `on_line`, which returns false to stop early. The
 * server side keeps a connection open for further requests; the end of one answer is marked by the
 * line
 * {"done":true} that local_finish sends. */
enum status local_client_call(const char *path, const char *json, int timeout_ms,
                              bool (*on_line)(void *user, const char *line, size_t len), void *user,
                              struct error *err) MUST_CHECK;

#endif
