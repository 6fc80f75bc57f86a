/*
 * wanted.h - whether an answer that takes long is still wanted: not when the client has gone, its
 * time is over, or the program ends.
 *
 * A client that has closed its side may still read: as long as something can be sent it counts as
 * present, and PRESENCE_SILENT_NS longer.
 *
 * Threads: the request's.
 */
#ifndef HASHSCOPE_API_REST_WANTED_H
#define HASHSCOPE_API_REST_WANTED_H

#include <stdbool.h>
#include <stdint.h>

#include "api/request/request.h"
#include "lib/base/clock.h"

#define PRESENCE_LOOK_NS   (50 * NS_PER_MS)
#define PRESENCE_SILENT_NS (10 * NS_PER_S)

struct wanted {
    const struct request *request;
    int64_t deadline_ns; /* monotonic; 0: none */
    int64_t looked_ns, sent_ns;
    uint64_t sent; /* as of sent_ns */
    bool over;     /* so it was when it was last looked at */
};

/* `most_ns`: how long the answer may take; 0: as long as it will. */
void wanted_begin(struct wanted *wanted, const struct request *request, int64_t most_ns);
/* Made for query_options.stop; cheap, it looks every PRESENCE_LOOK_NS. `user` is the wanted. */
bool wanted_is_over(void *user);
/* Whether that is because nobody waits any more. */
bool wanted_is_gone(const struct wanted *wanted);

#endif
