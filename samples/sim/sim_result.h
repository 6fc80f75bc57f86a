/*
 * sim_result.h - small things both simulators' shells share: the time as the logic wants it, and
 * printing one JSON line on stdout.
 */
#ifndef HASHSCOPE_SIM_RESULT_H
#define HASHSCOPE_SIM_RESULT_H

#include <stdio.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "samples/sim/sim_pool.h"

static inline struct sim_now sim_now(void)
{
    return (struct sim_now){.ms = clock_mono_ns() / NS_PER_MS,
                            .unix = (uint32_t)(clock_wall_ns() / NS_PER_S)};
}

/* Appends {"accepted":1,"stale":0,…}, from the verdict `first` on. */
static inline void sim_append_verdicts(struct buffer *out, const uint64_t *counts,
                                       enum sim_reject first)
{
    for (int i = (int)first; i < (int)SIM_REJECT_COUNT; i++)
        buffer_append_format(out, "%s\"%s\":%llu", i == (int)first ? "{" : ",",
                             sim_reject_name((enum sim_reject)i), (unsigned long long)counts[i]);
    buffer_append_char(out, '}');
}

/* Prints the buffer and a newline at once, and frees it. */
static inline void sim_print(struct buffer *line)
{
    buffer_append_char(line, '\n');
    fwrite(line->data, 1, line->len, stdout);
    fflush(stdout);
    buffer_close(line);
}

#endif
