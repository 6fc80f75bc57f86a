/* rest_status.c - endpoints. */
#include "api/rest.h"

const struct route_table rest_status = {NULL, 0};
