/* rest_sessions.c - endpoints. */
#include "api/rest.h"

const struct route_table rest_sessions = {NULL, 0};
