/*
 * program.h - finding what belongs together: the programs beside this one, and the places below the
 * data directory that programs talk through.
 * Threads: any.
 */
#ifndef HASHSCOPE_COMMAND_PROGRAM_H
#define HASHSCOPE_COMMAND_PROGRAM_H

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/options.h"

#define PROGRAM_PATH_MAX 4096

/* The path of `name` in the directory of the running program. STATUS_NOT_FOUND when it is not
 * there, with the path in the message. */
enum status program_beside(char out[PROGRAM_PATH_MAX], const char *name,
                           struct error *err) MUST_CHECK;
/* What a shell needs to start the program of that name that is beside this one: the name where the
 * PATH leads to it, else its path, from the working directory where it is below that. */
void program_as_typed(char out[PROGRAM_PATH_MAX], const char *name);
/* The running program itself. */
enum status program_self(char out[PROGRAM_PATH_MAX], struct error *err) MUST_CHECK;

/* The recorder's control socket and its live ring. */
void program_control_path(char out[PROGRAM_PATH_MAX], const struct settings *settings);
void program_ring_path(char out[PROGRAM_PATH_MAX], const struct settings *settings);

/* Whether a ring is there. STATUS_NOT_FOUND: not yet, a recorder makes it when it starts; any other
 * code: no recorder ever can, the message says why not. */
enum status program_ring_there(const char *ring_path, struct error *err) MUST_CHECK;

#endif
