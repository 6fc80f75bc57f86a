/* Connections out of segments: when holes are given up, when flows end, what is bounded. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "exporter/import/flow.h"
#include "tests/unit/unit.h"

#define MS INT64_C(1000000)

struct told {
    char text[4096]; /* what was said, in order: U or D, bytes, {lost} */
    unsigned gone[5];
    size_t events;
};

static struct told told;
static struct import_flows *flows;
static struct error err;

static enum status sink(void *user, struct import_flow *flow, const struct import_event *event,
                        struct error *why)
{
    size_t len = strlen(told.text);
    (void)user;
    (void)flow;
    (void)why;
    told.events++;
    if (event->type == IMPORT_GONE)
        told.gone[event->gone]++;
    if (event->type != IMPORT_DATA)
        return STATUS_OK;
    char side = event->side ? 'D' : 'U', lost[16] = "";
    if (event->lost)
        snprintf(lost, sizeof lost, "{%d}", (int)event->lost);
    snprintf(told.text + len, sizeof told.text - len, "%c%s%.*s", side, lost, (int)event->data.len,
             event->data.data);
    return STATUS_OK;
}

static void begin(uint32_t flows_max, size_t queue_max)
{
    told = (struct told){.events = 0};
    flows = import_flows_new(&(struct import_flow_limits){flows_max, queue_max}, sink, NULL);
}

static void end(void)
{
    ck_assert_int_eq(import_flows_end(flows, &err), STATUS_OK);
    ck_assert_uint_eq(import_flows_queued(flows), 0);
}

static void take(unsigned port, bool down, uint8_t flags, uint32_t seq, uint32_t ack,
                 const char *text, int64_t at_ms)
{
    struct import_endpoint miner = {.address = {10, 0, 0, 1}, .port = (uint16_t)port};
    struct import_endpoint pool = {.address = {10, 0, 0, 2}, .port = 3333};
    const struct import_segment segment = {.wall_ns = at_ms * MS,
                                           .from = down ? pool : miner,
                                           .to = down ? miner : pool,
                                           .seq = seq,
                                           .ack = ack,
                                           .flags = flags,
                                           .data = (const unsigned char *)text,
                                           .len = (uint32_t)strlen(text)};
    ck_assert_int_eq(import_flows_take(flows, &segment, &err), STATUS_OK);
}

static void up(uint32_t seq, const char *text, int64_t at_ms)
{
    take(1, false, IMPORT_ACK, seq, 0, text, at_ms);
}

START_TEST(late_segments_join)
{
    begin(10, 10000);
    up(100, "ab", 0);
    up(104, "ef", 1);
    up(106, "gh", 2);
    ck_assert_str_eq(told.text, "Uab");
    up(102, "cd", 3);
    ck_assert_str_eq(told.text, "UabUcdUefUgh");
    end();
    ck_assert_uint_eq(import_flows_counts(flows)->losses, 0);
    import_flows_free(flows);
}
END_TEST

START_TEST(a_hole_is_given_up_when_it_was_acknowledged)
{
    begin(10, 10000);
    up(100, "ab", 0);
    up(104, "ef", 1);
    take(1, true, IMPORT_ACK, 500, 106, "yes", 2);
    ck_assert_str_eq(told.text, "Uab");
    take(1, true, IMPORT_ACK, 503, 106, "!", 21);
    ck_assert_str_eq(told.text, "Uab");
    take(1, true, IMPORT_ACK, 504, 106, "?", 23);
    ck_assert_str_eq(told.text, "UabU{2}efDyesD!D?");
    up(102, "cd", 24); /* too late */
    ck_assert_uint_eq(import_flows_counts(flows)->duplicates, 1);
    end();
    import_flows_free(flows);
}
END_TEST

START_TEST(a_hole_is_given_up_after_ten_seconds)
{
    begin(10, 10000);
    up(100, "ab", 0);
    up(104, "ef", 1);
    take(2, false, IMPORT_ACK, 1, 0, "x", 10000);
    ck_assert_str_eq(told.text, "Uab");
    take(2, false, IMPORT_ACK, 2, 0, "y", 10002);
    ck_assert_str_eq(told.text, "UabU{2}efUxUy");
    end();
    import_flows_free(flows);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
    begin(10, 4000);
    up(100, "ab", 0);
    for (uint32_t i = 0; i < 1000; i++) {
        up(200 + 2 * i, "zz", 1);
        ck_assert_uint_lt(import_flows_queued(flows), 5000);
    }
    ck_assert_uint_eq(import_flows_counts(flows)->lost_bytes, 98);
    end();
    import_flows_free(flows);
}
END_TEST

START_TEST(flows_are_bounded)
{
    begin(3, 10000);
    for (unsigned port = 1; port <= 50; port++)
        take(port, false, IMPORT_SYN, 1, 0, "", port);
    ck_assert_uint_eq(told.gone[IMPORT_GONE_CROWDED], 47);
    end();
    ck_assert_uint_eq(told.gone[IMPORT_GONE_CAPTURE_ENDED], 3);
    ck_assert_uint_eq(import_flows_counts(flows)->flows, 50);
    import_flows_free(flows);
}
END_TEST

START_TEST(ends_and_new_beginnings)
{
    begin(10, 10000);
    take(1, false, IMPORT_SYN, 1, 0, "", 0);
    take(1, false, IMPORT_SYN, 1, 0, "", 1);
    take(1, true, IMPORT_SYN | IMPORT_ACK, 900, 2, "", 2);
    take(1, false, IMPORT_FIN | IMPORT_ACK, 2, 901, "last", 3);
    take(1, true, IMPORT_RST, 901, 0, "", 4);
    take(1, true, IMPORT_RST, 901, 0, "", 5);
    take(1, false, IMPORT_FIN | IMPORT_ACK, 2, 901, "last", 6);
    ck_assert_uint_eq(import_flows_counts(flows)->flows, 1);
    take(1, false, IMPORT_SYN, 70000, 0, "", 7);
    ck_assert_uint_eq(import_flows_counts(flows)->flows, 2);
    ck_assert_uint_eq(told.gone[IMPORT_GONE_CLOSED], 1);
    take(1, false, IMPORT_SYN, 90000000, 0, "", 8);
    ck_assert_uint_eq(told.gone[IMPORT_GONE_REUSED], 1);
    take(2, false, IMPORT_SYN, 1, 0, "", 25 * 3600 * 1000);
    ck_assert_uint_eq(told.gone[IMPORT_GONE_IDLE], 1);
    end();
    import_flows_free(flows);
}
END_TEST

int main(void)
{
    return UNIT_RUN("import flow", late_segments_join, a_hole_is_given_up_when_it_was_acknowledged,
                    a_hole_is_given_up_after_ten_seconds, the_queue_is_bounded, flows_are_bounded,
                    ends_and_new_beginnings);
}
