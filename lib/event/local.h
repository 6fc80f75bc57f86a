/*
 * local.h - a server on a local (AF_UNIX) socket that speaks lines of JSON: one request a line, one
 * or more answers a line each. The control socket of the recorder is one.
 *
 * A client's requests are handled one after the other: the next line is given to the handler when
 * the one before has been finished; empty lines are skipped. A client that has closed its writing
 * side still gets its answers.
 *
 * Bounds: LOCAL_CLIENTS_MAX clients, LOCAL_LINE_MAX bytes a request (longer: an error answer and
 * the client is closed), a client that does not read its answers is closed when it is given another
 * while LOCAL_QUEUE_MAX bytes are queued for it; one answer may have any length.
 * A stale socket file (nobody listens) is replaced; a live one is STATUS_BUSY, a file that is no
 * socket STATUS_EXISTS. The path is checked against the system's limit of 107 bytes with an error
 * that says so.
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
#define LOCAL_QUEUE_MAX   (4u << 20)
#define LOCAL_STOP_MS     1000 /* how long stopping waits for clients to read their answers */

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
/* Stops, unlinks the path (if it is still this server's), closes clients after what is queued for
 * them, at most LOCAL_STOP_MS later; `closed` (may be NULL) is called when the memory is gone,
 * which needs local_finish of every request. */
void local_server_stop(struct local_server *server, void (*closed)(void *user), void *user);

/* Blocking client: connects, sends one line, reads answer lines until the server closes the answer
 * or `timeout_ms` passes. Each line goes to `on_line`, which returns false to stop early. The
 * server side keeps a connection open for further requests; the end of one answer is marked by the
 * line
 * {"done":true} that local_finish sends; on_line does not get it. A negative `timeout_ms` waits
 * without end. STATUS_NOT_FOUND or STATUS_CLOSED when nobody listens, STATUS_TIMEOUT, STATUS_CLOSED
 * when the server goes away before the answer is complete. */
enum status local_client_call(const char *path, const char *json, int timeout_ms,
                              bool (*on_line)(void *user, const char *line, size_t len), void *user,
                              struct error *err) MUST_CHECK;

#endif
