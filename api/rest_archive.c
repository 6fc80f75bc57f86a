/* rest_archive.c - endpoints. */
#include "api/rest.h"

const struct route_table rest_archive = {NULL, 0};
