/*
 * load_dump.c - traffic written to a file instead of a network, for measuring compressors and for
 * trying out tools: every session's handshake, then submits of sessions drawn at random, each with
 * its answer, and after ten submits per session a new job for all of them.
 */
#include "tests/bench/load_traffic.h"

#include <stdlib.h>

#define SUBMITS_PER_JOB 10

struct dump {
    FILE *file;
    uint64_t left; /* lines still wanted */
    bool failed;
};

static void write_line(struct dump *dump, const char *line, size_t len)
{
    if (dump->left > 0) {
        dump->left--;
        dump->failed |= fwrite(line, 1, len, dump->file) != len;
    }
}

static void write_handshake(struct dump *dump, const struct traffic *traffic, unsigned miner)
{
    char line[TRAFFIC_LINE_MAX];
    write_line(dump, line, traffic_subscribe(line));
    write_line(dump, line, traffic_subscribe_reply(line, (miner + 1) * 2654435761u));
    write_line(dump, line, traffic_authorize(line, miner));
    write_line(dump, line, traffic_true_reply(line, "2", 1));
    write_line(dump, line, traffic_set_difficulty(line));
    write_line(dump, traffic->notify, traffic->notify_len);
}

static void write_share(struct dump *dump, struct traffic *traffic, unsigned miner, uint64_t id)
{
    char line[TRAFFIC_LINE_MAX];
    const size_t len = traffic_submit(traffic, line, miner, id, traffic->job);
    const struct traffic_view view = traffic_read(line, len - 1);
    write_line(dump, line, len);
    char reply[TRAFFIC_LINE_MAX];
    write_line(dump, reply, traffic_true_reply(reply, view.id, view.id_len));
}

static void write_job(struct dump *dump, struct traffic *traffic, unsigned miners)
{
    traffic_next_job(traffic);
    for (unsigned i = 0; i < miners; i++) {
        write_line(dump, traffic->notify, traffic->notify_len);
    }
}

bool traffic_dump(FILE *file, unsigned miners, uint64_t messages, uint64_t seed)
{
    struct dump dump = {file, messages, false};
    struct traffic traffic;
    uint64_t *ids = calloc(miners, sizeof *ids);
    if (ids == NULL) {
        return false;
    }
    traffic_init(&traffic, seed);
    for (unsigned i = 0; i < miners; i++) {
        ids[i] = 3;
        write_handshake(&dump, &traffic, i);
    }
    for (uint64_t submits = 1; dump.left > 0 && !dump.failed; submits++) {
        const unsigned miner = (unsigned)(traffic_random_next(&traffic.random) % miners);
        write_share(&dump, &traffic, miner, ids[miner]++);
        if (submits % ((uint64_t)SUBMITS_PER_JOB * miners) == 0) {
            write_job(&dump, &traffic, miners);
        }
    }
    free(ids);
    return !dump.failed && fflush(file) == 0;
}
