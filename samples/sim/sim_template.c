/*
 * How it works: a chain keeps the height and the hash of the last block; every job takes both and
 * draws transactions (only their merkle branch shows) and fees from the chain's random numbers. The
 * coinbase is written as a non-witness transaction, cut in two around the extranonces.
 *
 * Nothing here can fail.
 */
#include "samples/sim/sim_template.h"

#include <stdio.h>
#include <string.h>

#define COINBASE_TAG "/HashScope sim/"

uint64_t sim_subsidy(uint32_t height)
{
    uint32_t halvings = height / 210000;

    return halvings >= 64 ? 0 : (UINT64_C(50) * 100000000) >> halvings;
}

/* A random hash whose last (most significant) ten bytes are zero: below the target of nbits. */
static void draw_block_hash(struct sim_random *random, uint8_t out[32])
{
    sim_random_fill(random, out, 22);
    memset(out + 22, 0, 10);
}

void sim_chain_init(struct sim_chain *chain, uint64_t seed, uint32_t height,
                    size_t extranonce_bytes, size_t coinbase_padding)
{
    *chain = (struct sim_chain){.random = sim_random_derive(seed, 1),
                                .height = height,
                                .extranonce_bytes = extranonce_bytes,
                                .coinbase_padding = coinbase_padding};
    draw_block_hash(&chain->random, chain->previous);
}

void sim_chain_advance(struct sim_chain *chain)
{
    chain->height++;
    draw_block_hash(&chain->random, chain->previous);
}

static void append_byte(struct buffer *out, unsigned value)
{
    buffer_append_char(out, (char)(unsigned char)value);
}

static void append_le32(struct buffer *out, uint32_t value)
{
    uint8_t bytes[4];

    store_le32(bytes, value);
    buffer_append(out, bytes, sizeof(bytes));
}

static void append_le64(struct buffer *out, uint64_t value)
{
    uint8_t bytes[8];

    store_le64(bytes, value);
    buffer_append(out, bytes, sizeof(bytes));
}

/* Bitcoin's variable length integer; counts here stay below 2^32. */
static void append_compact_size(struct buffer *out, uint64_t value)
{
    uint8_t bytes[2];

    if (value < 0xfd) {
        append_byte(out, (unsigned)value);
    } else if (value <= UINT16_MAX) {
        append_byte(out, 0xfd);
        store_le16(bytes, (uint16_t)value);
        buffer_append(out, bytes, sizeof(bytes));
    } else {
        append_byte(out, 0xfe);
        append_le32(out, (uint32_t)value);
    }
}

/* BIP 34: the height as a script number, its sign bit clear. Returns the bytes written to `out`. */
static size_t height_push(uint8_t out[6], uint32_t height)
{
    size_t len = 0;

    do {
        out[++len] = (uint8_t)(height & 0xff);
        height >>= 8;
    } while (height != 0);
    if (out[len] & 0x80)
        out[++len] = 0;
    out[0] = (uint8_t)len;
    return len + 1;
}

static void write_coinbase1(struct sim_template *job, size_t extranonce_bytes)
{
    struct buffer *out = &job->coinbase1;
    uint8_t push[6];
    size_t push_len = height_push(push, job->height);
    size_t script = push_len + 1 + extranonce_bytes + 1 + strlen(COINBASE_TAG);

    append_le32(out, 1); /* transaction version */
    append_byte(out, 1); /* one input: the null outpoint */
    memset(buffer_reserve(out, 32), 0, 32);
    out->len += 32;
    append_le32(out, UINT32_MAX);
    append_compact_size(out, script);
    buffer_append(out, push, push_len);
    append_byte(out, (unsigned)extranonce_bytes); /* pushes the two extranonces that follow */
}

static void append_random(struct buffer *out, struct sim_random *random, size_t len)
{
    sim_random_fill(random, (uint8_t *)buffer_reserve(out, len), len);
    out->len += len;
}

/* Outputs of value 0 that carry data, 80 bytes each at most, `padding` bytes in all or a few more.
 */
static size_t padding_outputs(size_t padding)
{
    return (padding + 91) / 92; /* 8 value, 1 length, 83 script */
}

static void append_padding(struct buffer *out, struct sim_random *random, size_t outputs)
{
    for (size_t i = 0; i < outputs; i++) {
        append_le64(out, 0);
        append_compact_size(out, 83);
        buffer_append(out, "\x6a\x4c\x50", 3); /* OP_RETURN, push of 80 bytes */
        append_random(out, random, 80);
    }
}

static void write_coinbase2(struct sim_chain *chain, struct sim_template *job, uint64_t fees)
{
    struct buffer *out = &job->coinbase2;
    size_t padding = padding_outputs(chain->coinbase_padding);
    struct sim_random payout = {0x706179}; /* the pool's own script: the same in every job */

    append_byte(out, strlen(COINBASE_TAG));
    buffer_append_text(out, COINBASE_TAG);
    append_le32(out, UINT32_MAX); /* sequence */
    append_compact_size(out, 2 + padding);
    append_le64(out, sim_subsidy(job->height) + fees);
    append_byte(out, 22);
    buffer_append(out, "\x00\x14", 2); /* pay to witness key hash */
    append_random(out, &payout, 20);
    append_le64(out, 0);
    append_byte(out, 38);
    buffer_append(out, "\x6a\x24\xaa\x21\xa9\xed", 6); /* BIP 141 commitment */
    append_random(out, &chain->random, 32);
    append_padding(out, &chain->random, padding);
    append_le32(out, 0); /* lock time */
}

void sim_chain_make_job(struct sim_chain *chain, struct sim_template *out, uint32_t ntime,
                        bool empty, bool clean)
{
    uint64_t fees = 0;

    *out = (struct sim_template){.number = ++chain->jobs,
                                 .height = chain->height,
                                 .version = SIM_TEMPLATE_VERSION,
                                 .nbits = SIM_TEMPLATE_NBITS,
                                 .ntime = ntime,
                                 .clean = clean};
    snprintf(out->id, sizeof(out->id), "%llx", (unsigned long long)out->number);
    memcpy(out->previous, chain->previous, sizeof(out->previous));
    if (!empty) {
        fees = 1000000 + sim_random_below(&chain->random, 30000000);
        out->branch_count = 10 + sim_random_below(&chain->random, SIM_BRANCHES_MAX - 10 + 1);
        for (size_t i = 0; i < out->branch_count; i++)
            sim_random_fill(&chain->random, out->branches[i], 32);
    }
    write_coinbase1(out, chain->extranonce_bytes);
    write_coinbase2(chain, out, fees);
}

void sim_template_close(struct sim_template *job)
{
    buffer_close(&job->coinbase1);
    buffer_close(&job->coinbase2);
}

static void append_hex(struct buffer *out, const void *data, size_t len)
{
    hex_encode(buffer_reserve(out, len * 2), data, len);
    out->len += len * 2;
}

/* Stratum writes the previous hash as eight words, each byte-reversed against the header. */
static void append_previous(struct buffer *out, const uint8_t previous[32])
{
    uint8_t swapped[32];

    for (size_t i = 0; i < 32; i++)
        swapped[i] = previous[(i & ~(size_t)3) + 3 - (i & 3)];
    append_hex(out, swapped, sizeof(swapped));
}

void sim_template_append_notify(struct buffer *out, const struct sim_template *job)
{
    buffer_append_format(out, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"%s\",\"",
                         job->id);
    append_previous(out, job->previous);
    buffer_append_text(out, "\",\"");
    append_hex(out, job->coinbase1.data, job->coinbase1.len);
    buffer_append_text(out, "\",\"");
    append_hex(out, job->coinbase2.data, job->coinbase2.len);
    buffer_append_text(out, "\",[");
    for (size_t i = 0; i < job->branch_count; i++) {
        buffer_append_text(out, i == 0 ? "\"" : ",\"");
        append_hex(out, job->branches[i], 32);
        buffer_append_char(out, '"');
    }
    buffer_append_format(out, "],\"%08x\",\"%08x\",\"%08x\",%s]}", job->version, job->nbits,
                         job->ntime, job->clean ? "true" : "false");
}

struct stratum_job sim_template_view(const struct sim_template *job)
{
    /* The casts drop const: struct stratum_job owns its memory as a rule, here it does not. */
    struct stratum_job view = {.id = (char *)(uintptr_t)job->id,
                               .coinbase1 = (uint8_t *)job->coinbase1.data,
                               .coinbase1_len = job->coinbase1.len,
                               .coinbase2 = (uint8_t *)job->coinbase2.data,
                               .coinbase2_len = job->coinbase2.len,
                               .branches = (uint8_t(*)[32])(uintptr_t)job->branches,
                               .branch_count = job->branch_count,
                               .version = job->version,
                               .nbits = job->nbits,
                               .ntime = job->ntime,
                               .clean = job->clean};

    memcpy(view.previous, job->previous, sizeof(view.previous));
    return view;
}
