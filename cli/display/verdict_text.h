/*
 * verdict_text.h - what `verify` and `repair` found in a segment file, as JSON or for people.
 * Threads: any; nothing is kept.
 */
#ifndef HASHSCOPE_CLI_DISPLAY_VERDICT_TEXT_H
#define HASHSCOPE_CLI_DISPLAY_VERDICT_TEXT_H

#include "cli/display/terminal.h"
#include "lib/segment/verify.h"

/* Exit code of both commands when something is damaged, or could not be kept. */
#define EXIT_DAMAGED 3

/* Each appends one line with its newline. */
void problem_append_json(struct buffer *out, const char *path,
                         const struct segment_problem *problem);
void problem_append_row(struct buffer *out, const struct segment_problem *problem);

/* Problems, or numbers that are missing without being named. */
bool verdict_is_sound(const struct segment_verdict *verdict);
void verdict_append_json(struct buffer *out, const char *path,
                         const struct segment_verdict *verdict);
void verdict_append_row(struct terminal_row *row, const char *path,
                        const struct segment_verdict *verdict);

#endif
