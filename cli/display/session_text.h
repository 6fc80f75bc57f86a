/*
 * session_text.h - a session of a listing (lib/query/query.h) as a line of JSON or a row.
 * Threads: any; nothing is kept.
 */
#ifndef HASHSCOPE_CLI_DISPLAY_SESSION_TEXT_H
#define HASHSCOPE_CLI_DISPLAY_SESSION_TEXT_H

#include "cli/display/terminal.h"
#include "lib/query/query.h"

/* Each appends one line with its newline. `why`: of the answers that nobody asked for, by enum
 * stratum_unasked; NULL: not looked at. */
void session_append_json(struct buffer *out, const struct query_session *session,
                         const uint64_t *why);
void session_append_titles(struct terminal_row *row);
void session_append_row(struct terminal_row *row, const struct query_session *session,
                        const uint64_t *why);

#endif
