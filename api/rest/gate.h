/*
 * gate.h - the front's gate: judges requests by rules.h, and answers those whose route says
 * ROUTE_FRONT.
 *
 * Threads: the front's.
 */
#ifndef HASHSCOPE_API_REST_GATE_H
#define HASHSCOPE_API_REST_GATE_H

#include "api/request/rest.h"

/* `rest` may be completed after this, until its `ready` is set. */
struct front_gate gate_make(const struct rest *rest);

#endif
