/*
 * output.h - where an export goes: standard output, or a file that gets its name when it is
 * complete. What is no regular file (a pipe, a device) is written to as it is.
 *
 * Ownership: the struct is embedded; export_output_close frees, and removes what is not complete.
 * Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_EXPORT_OUTPUT_H
#define HASHSCOPE_EXPORTER_EXPORT_OUTPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct export_output {
    int fd;
    const char *name;                  /* for messages */
    char *temporary;                   /* NULL: none */
    bool closed;                       /* whoever read it has gone */
    const volatile sig_atomic_t *stop; /* not 0: waiting for a slow reader is given up */
};

/* `path` NULL or "-": standard output. `at_once`: the file has its name from the beginning.
 * `binary`: not to a terminal (STATUS_INVALID). */
enum status export_output_open(struct export_output *output, const char *path, bool binary,
                               bool at_once, struct error *err) MUST_CHECK;
/* `stop` must outlive the output. */
void export_output_stop_by(struct export_output *output, const volatile sig_atomic_t *stop);
/* A sink's function (lib/export/export.h). STATUS_CLOSED: nobody reads any more, or stopped. */
enum status export_output_write(void *user, const void *data, size_t len,
                                struct error *err) MUST_CHECK;
/* Waits; true when whoever reads has gone. */
bool export_output_pause(struct export_output *output, int timeout_ms);
/* It is complete: the file gets its name. */
enum status export_output_finish(struct export_output *output, struct error *err) MUST_CHECK;
void export_output_close(struct export_output *output);

#endif
