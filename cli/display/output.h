/*
 * output.h - stdout for commands that print much: one buffer, written in big pieces.
 *
 * That nobody reads any more (EPIPE) is no fault, just the end: `closed` is set and all that is
 * written afterwards is dropped. Any other failure is told on stderr, once, and sets `failed` too.
 *
 * Ownership: the struct is embedded; output_close flushes and frees. Threads: one.
 */
#ifndef HASHSCOPE_CLI_DISPLAY_OUTPUT_H
#define HASHSCOPE_CLI_DISPLAY_OUTPUT_H

#include <stdbool.h>

#include "lib/base/bytes.h"

#define OUTPUT_PIECE (256u << 10) /* what is written at a time */

struct output {
    const char *command; /* for the message */
    struct buffer text;  /* append here, then call output_advance */
    bool closed;         /* nobody reads, or nothing can be written */
    bool failed;         /* of these, the second */
};

/* Also makes EPIPE an error instead of a signal. */
void output_init(struct output *output, const char *command);
void output_close(struct output *output);

/* Writes the text if there is enough of it. */
void output_advance(struct output *output);
void output_flush(struct output *output);

static inline void output_line(struct output *output, struct span line)
{
    buffer_append(&output->text, line.data, line.len);
    buffer_append_char(&output->text, '\n');
    output_advance(output);
}

/* True when the reader of stdout has gone; waits up to timeout_ms for that. */
bool output_pause(struct output *output, int timeout_ms);

#endif
