/*
 * Framing under arbitrary reads, limits and budgets. The first bytes of the input choose them, the
 * rest is the stream. Always: what comes out is what went in, pieces obey the limits, the budget is
 * whole again at the end. With an ample budget: the pieces are those of one single read, unless the
 * stream is opaque, and then it is opaque for both.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define HEAD  4
#define AMPLE ((size_t)1 << 30)

struct run {
    struct stratum_framer framer;
    struct stratum_limits limits;
    size_t budget;
    struct buffer bytes;  /* all that came out */
    struct buffer pieces; /* length and marks of each piece */
    uint32_t next_fragment;
};

static void note(void *context, const struct stratum_piece *piece)
{
    struct run *run = context;
    REQUIRE(piece->offset == run->bytes.len);
    REQUIRE(piece->terminator <= 2);
    REQUIRE(!piece->is_fragment || piece->len <= run->limits.fragment_max);
    REQUIRE(!piece->opaque || (piece->len <= run->limits.fragment_max && piece->terminator == 0));
    REQUIRE(piece->is_fragment || piece->opaque || piece->len <= run->limits.line_max);
    REQUIRE(piece->is_fragment || run->next_fragment == 0);
    if (piece->is_fragment) {
        REQUIRE(piece->fragment == run->next_fragment);
        run->next_fragment = piece->last_fragment ? 0 : run->next_fragment + 1;
    }
    buffer_append(&run->bytes, piece->data, piece->len);
    buffer_append(&run->bytes, &"\r\n"[2 - piece->terminator], piece -> terminator);
    const uint32_t marks[] = {(uint32_t)piece->len, piece->terminator, piece->opaque,
                              piece->is_fragment, piece->last_fragment};
    buffer_append(&run->pieces, marks, sizeof(marks));
}

static void begin(struct run *run, const uint8_t *head, size_t budget)
{
    memset(run, 0, sizeof(*run));
    run->budget = budget;
    run->limits.line_max = (size_t)head[0] + 1;
    run->limits.fragment_max = (size_t)head[1] + 1;
    run->limits.budget_left = &run->budget;
}

/* Reads of lengths that a simple generator draws from the seed. */
static void feed(struct run *run, const char *stream, size_t len, uint32_t seed)
{
    while (len > 0) {
        seed = seed * 1664525 + 1013904223;
        size_t part = (size_t)(seed >> 16) % 24 + (seed >> 31);
        part = part < len ? part : len;
        stratum_framer_push(&run->framer, &run->limits, stream, part, note, run);
        REQUIRE(run->framer.offset == run->framer.emitted + run->framer.partial.len);
        stream += part;
        len -= part;
    }
}

static void end(struct run *run, const char *stream, size_t len, size_t budget)
{
    stratum_framer_finish(&run->framer, &run->limits, note, run);
    REQUIRE(!stratum_framer_mid_line(&run->framer));
    REQUIRE(run->budget == budget);
    REQUIRE(run->bytes.len == len);
    REQUIRE(len == 0 || memcmp(run->bytes.data, stream, len) == 0);
}

static void drop(struct run *run)
{
    stratum_framer_close(&run->framer, &run->limits);
    buffer_close(&run->bytes);
    buffer_close(&run->pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    struct run whole, cut, poor;
    const char *stream = (const char *)data + HEAD;
    size_t len = size - HEAD, scarce = (size_t)data[3] / 4;
    begin(&whole, data, AMPLE);
    begin(&cut, data, AMPLE);
    begin(&poor, data, scarce);
    stratum_framer_push(&whole.framer, &whole.limits, stream, len, note, &whole);
    feed(&cut, stream, len, data[2]);
    feed(&poor, stream, len, data[2] + 1u);
    end(&whole, stream, len, AMPLE);
    end(&cut, stream, len, AMPLE);
    end(&poor, stream, len, scarce);
    REQUIRE(whole.framer.opaque == cut.framer.opaque);
    if (!whole.framer.opaque) {
        REQUIRE(whole.pieces.len == cut.pieces.len);
        REQUIRE(cut.pieces.len == 0 ||
                memcmp(whole.pieces.data, cut.pieces.data, cut.pieces.len) == 0);
    }
    drop(&whole);
    drop(&cut);
    drop(&poor);
    return 0;
}
