/*
 * load_traffic.c - see load_traffic.h.
 *
 * Lines are put together from constant text and hex digits by hand: at a million lines a second
 * printf would be the generator's largest cost. The reader knows only these shapes; a line that is
 * none of them is TRAFFIC_UNKNOWN, which the run counts as a fault.
 */
#include "tests/bench/load_traffic.h"

#include <string.h>

#define FIRST_JOB      0x00004e20u
#define FIRST_HEIGHT   870000u
#define FIRST_TIME     1732300000u
#define JOB_SECONDS    30u
#define JOBS_PER_BLOCK 20u
#define VERSION_MASK   0x1fffe000u
#define POOL_TAG       "/hashscope-bench/"

/* An output cursor: the functions below append and move `at`. */
struct pen {
    char *at;
};

static const char hex_digits[] = "0123456789abcdef";

uint64_t traffic_random_next(struct traffic_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double traffic_random_unit(struct traffic_random *random)
{
    return (double)((traffic_random_next(random) >> 11) + 1) / (double)(UINT64_C(1) << 53);
}

static void put(struct pen *pen, const char *text, size_t len)
{
    memcpy(pen->at, text, len);
    pen->at += len;
}

static void put_text(struct pen *pen, const char *text)
{
    put(pen, text, strlen(text));
}

/* `digits` hex digits of `value`, the most significant first. */
static void put_hex(struct pen *pen, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        pen->at[i - 1] = hex_digits[value & 15];
        value >>= 4;
    }
    pen->at += digits;
}

/* `bytes` bytes of `value` in hex, the least significant byte first, as serialised numbers stand in
 * a Bitcoin transaction. */
static void put_hex_le(struct pen *pen, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        put_hex(pen, (value >> (8 * i)) & 0xff, 2);
    }
}

static void put_hex_text(struct pen *pen, const char *text)
{
    for (; *text; text++) {
        put_hex(pen, (unsigned char)*text, 2);
    }
}

static void put_hash(struct pen *pen, struct traffic_random *random)
{
    for (int i = 0; i < 4; i++) {
        put_hex(pen, traffic_random_next(random), 16);
    }
}

static void put_decimal(struct pen *pen, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n > 0) {
        *pen->at++ = digits[--n];
    }
}

static void put_worker(struct pen *pen, unsigned miner)
{
    put_text(pen, TRAFFIC_WORKER_STEM);
    for (unsigned unit = 10000; unit > 0; unit /= 10) {
        *pen->at++ = (char)('0' + miner / unit % 10);
    }
}

static uint32_t job_time(uint32_t job)
{
    return FIRST_TIME + (job - FIRST_JOB) * JOB_SECONDS;
}

/* The coinbase up to the extranonces: version, one input without a previous output, and a script of
 * height, time and merged-mining commitment (magic fabe6d6d, hash, size, nonce). The script's
 * length counts the 4 + 8 bytes of extranonces and the tag behind them. */
static void put_coinbase_head(struct pen *pen, struct traffic *traffic)
{
    const unsigned script = 4 + 5 + 4 + 32 + 8 + 12 + (unsigned)sizeof POOL_TAG - 1;
    put_text(pen, "0200000001");
    memset(pen->at, '0', 64);
    pen->at += 64;
    put_text(pen, "ffffffff");
    put_hex(pen, script, 2);
    put_text(pen, "03");
    put_hex_le(pen, traffic->height, 3);
    put_text(pen, "04");
    put_hex_le(pen, job_time(traffic->job), 4);
    put_text(pen, "fabe6d6d");
    put_hash(pen, &traffic->random);
    put_text(pen, "0100000000000000");
}

/* The rest: tag, sequence, the payout (P2WPKH; subsidy and about a tenth of a coin of fees), the
 * witness commitment of BIP 141, lock time. */
static void put_coinbase_tail(struct pen *pen, struct traffic *traffic)
{
    const uint64_t fees = traffic_random_next(&traffic->random) % 20000000;
    put_hex_text(pen, POOL_TAG);
    put_text(pen, "ffffffff02");
    put_hex_le(pen, 312500000 + fees, 8);
    put_text(pen, "160014751e76e8199196d454941c45d1b3a323f1433bd6");
    put_text(pen, "0000000000000000266a24aa21a9ed");
    put_hash(pen, &traffic->random);
    put_text(pen, "00000000");
}

static void put_branches(struct pen *pen, struct traffic_random *random)
{
    const unsigned count = 11 + (unsigned)(traffic_random_next(random) % 3);
    for (unsigned i = 0; i < count; i++) {
        put_text(pen, i ? ",\"" : "\"");
        put_hash(pen, random);
        put_text(pen, "\"");
    }
}

static void new_block(struct traffic *traffic)
{
    struct pen pen = {traffic->prevhash};
    traffic->height++;
    put_hash(&pen, &traffic->random);
    memset(traffic->prevhash + 48, '0', 16);
}

static void make_notify(struct traffic *traffic, bool clean)
{
    struct pen pen = {traffic->notify};
    put_text(&pen, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"");
    put_hex(&pen, traffic->job, 8);
    put_text(&pen, "\",\"");
    put(&pen, traffic->prevhash, sizeof traffic->prevhash);
    put_text(&pen, "\",\"");
    put_coinbase_head(&pen, traffic);
    put_text(&pen, "\",\"");
    put_coinbase_tail(&pen, traffic);
    put_text(&pen, "\",[");
    put_branches(&pen, &traffic->random);
    put_text(&pen, "],\"20000000\",\"17028281\",\"");
    put_hex(&pen, job_time(traffic->job), 8);
    put_text(&pen, clean ? "\",true]}\n" : "\",false]}\n");
    traffic->notify_len = (size_t)(pen.at - traffic->notify);
}

void traffic_init(struct traffic *traffic, uint64_t seed)
{
    memset(traffic, 0, sizeof *traffic);
    traffic->random.state = seed;
    traffic->job = FIRST_JOB;
    traffic->height = FIRST_HEIGHT;
    new_block(traffic);
    make_notify(traffic, true);
}

void traffic_next_job(struct traffic *traffic)
{
    traffic->job++;
    const bool clean = (traffic->job - FIRST_JOB) % JOBS_PER_BLOCK == 0;
    if (clean) {
        new_block(traffic);
    }
    make_notify(traffic, clean);
}

size_t traffic_subscribe(char *out)
{
    struct pen pen = {out};
    put_text(&pen, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.12.1\"]}\n");
    return (size_t)(pen.at - out);
}

size_t traffic_authorize(char *out, unsigned miner)
{
    struct pen pen = {out};
    put_text(&pen, "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"");
    put_worker(&pen, miner);
    put_text(&pen, "\",\"x\"]}\n");
    return (size_t)(pen.at - out);
}

size_t traffic_submit(struct traffic *traffic, char *out, unsigned miner, uint64_t id, uint32_t job)
{
    const uint64_t extranonce2 = traffic_random_next(&traffic->random);
    const uint64_t found = traffic_random_next(&traffic->random);
    struct pen pen = {out};
    put_text(&pen, "{\"id\":");
    put_decimal(&pen, id);
    put_text(&pen, ",\"method\":\"mining.submit\",\"params\":[\"");
    put_worker(&pen, miner);
    put_text(&pen, "\",\"");
    put_hex(&pen, job, 8);
    put_text(&pen, "\",\"");
    put_hex(&pen, extranonce2, 16);
    put_text(&pen, "\",\"");
    put_hex(&pen, job_time(job) + (found >> 59), 8);
    put_text(&pen, "\",\"");
    put_hex(&pen, found, 8);
    put_text(&pen, "\",\"");
    put_hex(&pen, (found >> 24) & VERSION_MASK, 8);
    put_text(&pen, "\"]}\n");
    return (size_t)(pen.at - out);
}

size_t traffic_subscribe_reply(char *out, uint32_t extranonce1)
{
    struct pen pen = {out};
    put_text(&pen, "{\"id\":1,\"result\":[[[\"mining.set_difficulty\",\"");
    put_hex(&pen, extranonce1, 8);
    put_text(&pen, "\"],[\"mining.notify\",\"");
    put_hex(&pen, extranonce1, 8);
    put_text(&pen, "\"]],\"");
    put_hex(&pen, extranonce1, 8);
    put_text(&pen, "\",8],\"error\":null}\n");
    return (size_t)(pen.at - out);
}

size_t traffic_true_reply(char *out, const char *id, size_t id_len)
{
    struct pen pen = {out};
    put_text(&pen, "{\"id\":");
    put(&pen, id, id_len);
    put_text(&pen, ",\"result\":true,\"error\":null}\n");
    return (size_t)(pen.at - out);
}

size_t traffic_set_difficulty(char *out)
{
    struct pen pen = {out};
    put_text(&pen, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[");
    put_decimal(&pen, TRAFFIC_DIFFICULTY);
    put_text(&pen, "]}\n");
    return (size_t)(pen.at - out);
}
