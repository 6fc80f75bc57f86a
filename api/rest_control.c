/* rest_control.c - endpoints. */
#include "api/rest.h"

const struct route_table rest_control = {NULL, 0};
