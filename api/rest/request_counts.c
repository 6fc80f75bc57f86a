/* request_counts.c - see request_counts.h. Nothing can fail. */
#include "api/rest/request_counts.h"

#include "api/rest/access_log.h"
#include "lib/base/clock.h"

static struct {
    _Atomic uint64_t by_class[6], busy, took_us;
} counted;

void request_counts_begin(void)
{
    counted.busy++;
}

void request_counts_end(void)
{
    counted.busy--;
}

void request_counts_note(const struct request *request, int64_t begun_ns)
{
    int64_t took_ns = clock_mono_ns() - begun_ns;
    struct access_entry entry = {request->peer.text, request->method, request->path,
                                 request->status,    request->sent,   took_ns};
    int kind = request->status / 100;
    counted.by_class[kind < 6 ? kind : 5]++;
    counted.took_us += (uint64_t)took_ns / 1000;
    access_log(&entry);
}

void request_counts_read(struct request_counts *out)
{
    *out = (struct request_counts){.busy = counted.busy, .took_us = counted.took_us};
    for (int i = 0; i < 6; i++) {
        out->by_class[i] = counted.by_class[i];
        out->requests += counted.by_class[i];
    }
    out->failed = out->by_class[5];
}
