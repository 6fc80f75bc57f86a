/*
 * local_private.h - what server and client of the local socket agree on. Not for users.
 */
#ifndef HASHSCOPE_EVENT_LOCAL_PRIVATE_H
#define HASHSCOPE_EVENT_LOCAL_PRIVATE_H

#include <sys/un.h>

#include "lib/base/error.h"

#define LOCAL_DONE     "{\"done\":true}" /* the last line of every answer */
#define LOCAL_TOO_LONG "{\"error\":\"the request is longer than 16 MiB\"}"

/* STATUS_INVALID when the path does not fit. */
enum status local_address(struct sockaddr_un *out, const char *path, struct error *err) MUST_CHECK;

#endif
