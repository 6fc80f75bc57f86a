/* Pairing: order, ids of every type, both directions, lapse, bounds, memory. */
#include <string.h>

#include "lib/stratum/pair.h"
#include "tests/unit/unit.h"

#define TIMEOUT INT64_C(1000)

static struct stratum_id number(uint64_t value)
{
    return (struct stratum_id){STRATUM_ID_INTEGER, value};
}

static struct stratum_id id_of(const char *line)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, line, strlen(line));
    return scan.id;
}

static void ask(struct stratum_pairs *pairs, enum stratum_from from, struct stratum_id id,
                uint64_t seq, int64_t mono_ns)
{
    const struct stratum_pair_entry entry = {id, seq, mono_ns, (uint8_t)from};
    stratum_pairs_request(pairs, &entry);
}

static struct stratum_match answer(struct stratum_pairs *pairs, enum stratum_from responder,
                                   struct stratum_id id, int64_t mono_ns)
{
    return stratum_pairs_response(pairs, responder, &id, mono_ns, TIMEOUT);
}

/* The pool answers, and the request `seq` is the one it pairs with. */
static void expect_answered(struct stratum_pairs *pairs, struct stratum_id id, uint64_t seq)
{
    struct stratum_match match = answer(pairs, STRATUM_FROM_POOL, id, 0);
    ck_assert(match.found);
    ck_assert_uint_eq(match.seq, seq);
}

static void expect_nothing(struct stratum_pairs *pairs, enum stratum_from responder,
                           struct stratum_id id)
{
    ck_assert(!answer(pairs, responder, id, 0).found);
}

START_TEST(an_answer_finds_its_request_and_the_time_it_took)
{
    struct stratum_pairs pairs = {0};
    ask(&pairs, STRATUM_FROM_MINER, number(4), 812, 100);
    ck_assert(stratum_pairs_open(&pairs, &(struct stratum_id){STRATUM_ID_INTEGER, 4}));
    struct stratum_match match = answer(&pairs, STRATUM_FROM_POOL, number(4), 350);
    ck_assert(match.found && !match.lapsed);
    ck_assert_uint_eq(match.seq, 812);
    ck_assert_int_eq(match.latency_ns, 250);
    ck_assert_int_eq(match.from, STRATUM_FROM_MINER);
    ck_assert(!stratum_pairs_open(&pairs, &(struct stratum_id){STRATUM_ID_INTEGER, 4}));
    expect_nothing(&pairs, STRATUM_FROM_POOL, number(4)); /* a response pairs once */
}
END_TEST

START_TEST(one_id_for_many_requests_pairs_first_in_first_out)
{
    struct stratum_pairs pairs = {0};
    for (uint64_t i = 0; i < 100; i++)
        ask(&pairs, STRATUM_FROM_MINER, number(4), 1000 + i, 0);
    for (uint64_t i = 0; i < 100; i++)
        expect_answered(&pairs, number(4), 1000 + i);
    expect_nothing(&pairs, STRATUM_FROM_POOL, number(4));
    stratum_pairs_close(&pairs);
}
END_TEST

START_TEST(answers_out_of_order_leave_the_others_in_order)
{
    struct stratum_pairs pairs = {0};
    for (uint64_t i = 0; i < 20; i++)
        ask(&pairs, STRATUM_FROM_MINER, number(i % 10), i, 0);
    expect_answered(&pairs, number(7), 7);
    expect_answered(&pairs, number(3), 3);
    expect_answered(&pairs, number(7), 17);
    for (uint64_t i = 0; i < 20; i++) {
        if (i != 7 && i != 3 && i != 17)
            expect_answered(&pairs, number(i % 10), i);
    }
    ck_assert_uint_eq(pairs.count, 0);
    stratum_pairs_close(&pairs);
}
END_TEST

START_TEST(ids_pair_by_type_and_value)
{
    struct stratum_pairs pairs = {0};
    ask(&pairs, STRATUM_FROM_MINER, id_of("{\"id\":\"4\"}"), 1, 0);
    ask(&pairs, STRATUM_FROM_MINER, id_of("{\"id\":4}"), 2, 0);
    ask(&pairs, STRATUM_FROM_MINER, id_of("{\"id\":null}"), 3, 0);
    ask(&pairs, STRATUM_FROM_MINER, id_of("{\"id\":4.0}"), 4, 0);
    ask(&pairs, STRATUM_FROM_MINER, id_of("{\"id\":18446744073709551620}"), 5, 0);
    expect_answered(&pairs, id_of("{\"id\":null}"), 3);
    expect_answered(&pairs, id_of("{\"id\":18446744073709551620}"), 5);
    expect_answered(&pairs, id_of("{\"id\":4}"), 2);
    expect_answered(&pairs, id_of("{\"id\":4.0}"), 4);
    expect_answered(&pairs, id_of("{\"id\":\"4\"}"), 1);
    stratum_pairs_close(&pairs);
}
END_TEST

START_TEST(a_message_without_id_answers_nothing)
{
    struct stratum_pairs pairs = {0};
    ask(&pairs, STRATUM_FROM_MINER, id_of("{\"id\":null}"), 1, 0);
    ask(&pairs, STRATUM_FROM_MINER, id_of("{}"), 2, 0);
    expect_nothing(&pairs, STRATUM_FROM_POOL, id_of("{\"result\":true}"));
    ck_assert_uint_eq(pairs.count, 2);
}
END_TEST

START_TEST(each_side_answers_the_other)
{
    struct stratum_pairs pairs = {0};
    ask(&pairs, STRATUM_FROM_POOL, number(1), 10, 0);
    ask(&pairs, STRATUM_FROM_HASHSCOPE, number(1), 11, 0);
    ask(&pairs, STRATUM_FROM_MINER, number(1), 12, 0);
    ck_assert_uint_eq(answer(&pairs, STRATUM_FROM_MINER, number(1), 0).seq, 10);
    expect_nothing(&pairs, STRATUM_FROM_MINER, number(1));
    struct stratum_match match = answer(&pairs, STRATUM_FROM_POOL, number(1), 0);
    ck_assert_int_eq(match.from, STRATUM_FROM_HASHSCOPE);
    ck_assert_uint_eq(match.seq, 11);
    match = answer(&pairs, STRATUM_FROM_POOL, number(1), 0);
    ck_assert_int_eq(match.from, STRATUM_FROM_MINER);
    ck_assert_uint_eq(match.seq, 12);
    expect_nothing(&pairs, STRATUM_FROM_POOL, number(1));
    stratum_pairs_close(&pairs);
}
END_TEST

START_TEST(a_late_answer_takes_its_own_place)
{
    struct stratum_pairs pairs = {0};
    ask(&pairs, STRATUM_FROM_MINER, number(4), 1, 0);
    ask(&pairs, STRATUM_FROM_MINER, number(4), 2, 900);
    struct stratum_match match = answer(&pairs, STRATUM_FROM_POOL, number(4), TIMEOUT + 1);
    ck_assert(match.found && match.lapsed);
    ck_assert_uint_eq(match.seq, 1);
    match = answer(&pairs, STRATUM_FROM_POOL, number(4), 900 + TIMEOUT);
    ck_assert(match.found && !match.lapsed);
    ck_assert_uint_eq(match.seq, 2);
}
END_TEST

/* ---- bounds and memory ---- */

START_TEST(a_full_queue_drops_its_oldest_but_never_ours)
{
    struct stratum_pairs pairs = {0};
    ask(&pairs, STRATUM_FROM_HASHSCOPE, number(9999), 1, 0);
    for (uint64_t i = 0; i < STRATUM_PAIRS_MAX + 9; i++)
        ask(&pairs, STRATUM_FROM_MINER, number(i), 100 + i, 0);
    ck_assert_uint_eq(stratum_pairs_dropped(&pairs), 10);
    ck_assert_uint_eq(pairs.count, STRATUM_PAIRS_MAX);
    expect_nothing(&pairs, STRATUM_FROM_POOL, number(9));
    expect_answered(&pairs, number(10), 110);
    expect_answered(&pairs, number(9999), 1);
    expect_answered(&pairs, number(STRATUM_PAIRS_MAX + 8), 100 + STRATUM_PAIRS_MAX + 8);
    stratum_pairs_close(&pairs);
    ck_assert_uint_eq(pairs.count, 0);
}
END_TEST

START_TEST(a_queue_full_of_ours_drops_the_newcomer)
{
    struct stratum_pairs pairs = {0};
    for (uint64_t i = 0; i < STRATUM_PAIRS_MAX; i++)
        ask(&pairs, STRATUM_FROM_HASHSCOPE, number(i), i, 0);
    ask(&pairs, STRATUM_FROM_MINER, number(5000), 5000, 0);
    ck_assert_uint_eq(stratum_pairs_dropped(&pairs), 1);
    expect_nothing(&pairs, STRATUM_FROM_POOL, number(5000));
    expect_answered(&pairs, number(0), 0);
    stratum_pairs_close(&pairs);
}
END_TEST

/* Window `depth`: so many requests are open at a time. */
static void converse(struct stratum_pairs *pairs, uint64_t depth, uint64_t rounds)
{
    static uint64_t seq;
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t first = seq + 1;
        for (uint64_t i = 0; i < depth; i++)
            ask(pairs, STRATUM_FROM_MINER, number(4), ++seq, 0);
        for (uint64_t i = 0; i < depth; i++)
            expect_answered(pairs, number(4), first + i);
    }
}

START_TEST(two_open_requests_need_no_memory)
{
    struct stratum_pairs pairs = {0};
    ck_assert_uint_le(sizeof(pairs), 128);
    for (int i = 0; i < 100; i++) {
        converse(&pairs, 1, 1);
        converse(&pairs, 2, 1);
        ck_assert_ptr_null(pairs.ring);
    }
}
END_TEST

START_TEST(after_a_handshake_nothing_is_kept)
{
    struct stratum_pairs pairs = {0};
    for (int i = 0; i < 4; i++) {
        converse(&pairs, 20, 1);
        ck_assert_ptr_null(pairs.ring);
    }
    converse(&pairs, 20, 1); /* that is no handshake any more */
    ck_assert_ptr_nonnull(pairs.ring);
    stratum_pairs_close(&pairs);
}
END_TEST

START_TEST(a_busy_session_keeps_its_ring_and_a_quiet_one_gives_it_back)
{
    struct stratum_pairs pairs = {0};
    converse(&pairs, 16, 10);
    const struct stratum_pair_entry *ring = pairs.ring;
    ck_assert_ptr_nonnull(ring);
    converse(&pairs, 16, 1000);
    ck_assert_ptr_eq(pairs.ring, ring);
    converse(&pairs, 1, 100);
    ck_assert_ptr_eq(pairs.ring, ring);
    converse(&pairs, 1, 1000);
    ck_assert_ptr_null(pairs.ring);
}
END_TEST

/* The ring's head walks round while it is neither empty nor full. */
START_TEST(a_sliding_window_stays_in_order)
{
    struct stratum_pairs pairs = {0};
    for (uint64_t i = 0; i < 6; i++)
        ask(&pairs, STRATUM_FROM_MINER, number(4), i, 0);
    for (uint64_t i = 6; i < 1000; i++) {
        expect_answered(&pairs, number(4), i - 6);
        ask(&pairs, STRATUM_FROM_MINER, number(4), i, 0);
    }
    ck_assert_uint_eq(pairs.capacity, 8);
    stratum_pairs_close(&pairs);
}
END_TEST

/* ---- what is a request ---- */

static bool is_request(const char *line, enum stratum_from from)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, line, strlen(line));
    return stratum_is_request(&scan, from);
}

START_TEST(requests_have_a_method_and_an_id)
{
    const char *null_id = "{\"id\":null,\"method\":\"mining.subscribe\",\"params\":[]}";
    ck_assert(is_request("{\"id\":1,\"method\":\"x\"}", STRATUM_FROM_MINER));
    ck_assert(is_request("{\"id\":1,\"method\":\"x\"}", STRATUM_FROM_POOL));
    ck_assert(is_request(null_id, STRATUM_FROM_MINER));
    ck_assert(!is_request(null_id, STRATUM_FROM_POOL));
    ck_assert(!is_request("{\"method\":\"x\"}", STRATUM_FROM_MINER));
    ck_assert(!is_request("{\"id\":1,\"result\":true}", STRATUM_FROM_POOL));
    ck_assert(!is_request("[{\"id\":1,\"method\":\"x\"}]", STRATUM_FROM_MINER));
    ck_assert(!is_request("{\"id\":1,\"method\":\"x\"}}", STRATUM_FROM_MINER));
    ck_assert(is_request("{\"id\":1,\"method\":\"x\",\"params\":[\"cut", STRATUM_FROM_MINER));
}
END_TEST

int main(void)
{
    return UNIT_RUN("stratum_pair", an_answer_finds_its_request_and_the_time_it_took,
                    one_id_for_many_requests_pairs_first_in_first_out,
                    answers_out_of_order_leave_the_others_in_order, ids_pair_by_type_and_value,
                    a_message_without_id_answers_nothing, each_side_answers_the_other,
                    a_late_answer_takes_its_own_place, a_full_queue_drops_its_oldest_but_never_ours,
                    a_queue_full_of_ours_drops_the_newcomer, two_open_requests_need_no_memory,
                    after_a_handshake_nothing_is_kept,
                    a_busy_session_keeps_its_ring_and_a_quiet_one_gives_it_back,
                    a_sliding_window_stays_in_order, requests_have_a_method_and_an_id);
}
