/* What state lines say: learned from messages, shared between sessions, honest after a gap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/record/state_table.h"
#include "lib/stratum/scan.h"
#include "tests/unit/record/record_support.h"
#include "tests/unit/unit.h"

#define NOTIFY                                                                                     \
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1\",\"00\",\"01\",\"02\",[],\"20\","  \
    "\"17\",\"67\",true]}"

static struct state_table states;
static uint64_t seq;

static struct record next(unsigned session, enum direction direction, const char *text)
{
    struct record record = support_message(++seq, session, text);
    record.direction = direction;
    return record;
}

static void learn(const struct record *record)
{
    struct state_entry *entry = state_table_of(&states, record);
    ck_assert_ptr_nonnull(entry);
    state_table_learn(&states, entry, record);
}

static uint64_t miner(unsigned session, const char *text)
{
    struct record record = next(session, DIRECTION_MINER_TO_POOL, text);
    learn(&record);
    return record.seq;
}

static void pool(unsigned session, const char *text)
{
    struct record record = next(session, DIRECTION_POOL_TO_MINER, text);
    learn(&record);
}

static void answer(unsigned session, uint64_t re, const char *text)
{
    struct record record = next(session, DIRECTION_POOL_TO_MINER, text);
    record.flags |= RECORD_PAIRED;
    record.re = re;
    learn(&record);
}

static void event(unsigned session, enum record_type type)
{
    struct session_info info = support_info(session);
    struct record record = next(session, 0, "");
    record.type = type;
    record.fault = 0;
    record.payload = span_make((const char *)&info, sizeof info);
    learn(&record);
}

/* The state as it would be written now. */
static const char *state(unsigned session, const struct session_info *info)
{
    static struct buffer out;
    struct clock_formatter clock = {0};
    struct record record = next(session, 0, "{}");
    seq--;
    record.offset_up = 11;
    record.offset_down = 22;
    buffer_clear(&out);
    state_table_append_state(&out, &clock, state_table_of(&states, &record), &record, info);
    buffer_append_char(&out, '\0');
    return out.data;
}

static void expect_has(unsigned session, const char *text)
{
    const char *line = state(session, NULL);
    ck_assert_msg(strstr(line, text) != NULL, "%s is not in %s", text, line);
}

static void expect_not(unsigned session, const char *text)
{
    const char *line = state(session, NULL);
    ck_assert_msg(strstr(line, text) == NULL, "%s is in %s", text, line);
}

static void begin(void)
{
    seq = 0;
    state_table_init(&states);
}

static void shake_hands(unsigned session)
{
    char text[200];
    event(session, RECORD_OPENED);
    uint64_t configure = miner(
        session, "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"],"
                 "{}]}");
    uint64_t subscribe =
        miner(session, "{\"id\":2,\"method\":\"mining.subscribe\",\"params\":[\"cg/1\"]}");
    pool(session, NOTIFY); /* before the answer, as some pools do */
    answer(
        session, configure,
        "{\"id\":1,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"}}");
    snprintf(text, sizeof text, "{\"id\":2,\"result\":[[[\"mining.notify\",\"x\"]],\"08%06x\",8]}",
             session);
    answer(session, subscribe, text);
    snprintf(text, sizeof text,
             "{\"id\":3,\"method\":\"mining.authorize\",\"params\":[\"farm.%u\",\"secret\"]}",
             session);
    answer(session, miner(session, text), "{\"id\":3,\"result\":true,\"error\":null}");
    pool(session, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[ 0.00379447 ]}");
}

START_TEST(a_whole_handshake)
{
    struct session_info info = support_info(1);
    strcpy(info.pool, "pool:3333");
    begin();
    shake_hands(1);
    ck_assert_str_eq(
        state(1, &info),
        "{\"ts\":\"2026-11-22T13:53:01.133456Z\",\"at\":10,\"session\":\"01933b4e-9a7c-7025-8000-"
        "000000000001\",\"event\":\"state\",\"route\":\"main\",\"number\":0,\"miner\":\"10.0.0.7:"
        "53122\",\"listen\":\"10.0.0.2:3333\",\"miner_tls\":false,\"pool\":\"pool:3333\","
        "\"opened\":\"2026-11-22T13:53:01.123456Z\",\"bytes_up\":11,\"bytes_down\":22,"
        "\"extranonce1\":\"08000001\",\"extranonce2_size\":8,\"difficulty\":0.00379447,"
        "\"version_mask\":\"1fffe000\",\"subscribe\":{\"id\":2,\"method\":\"mining.subscribe\","
        "\"params\":[\"cg/1\"]},\"authorize\":[\"farm.1\"],\"notify\":" NOTIFY "}\n");
    state_table_close(&states);
}
END_TEST

START_TEST(later_messages_replace_earlier_ones)
{
    begin();
    shake_hands(1);
    pool(1, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[512]}");
    pool(1, "{\"id\":null,\"method\":\"mining.set_extranonce\",\"params\":[\"aabb\",4]}");
    pool(1, "{\"id\":null,\"method\":\"mining.set_version_mask\",\"params\":[\"00c00000\"]}");
    pool(1, "{\"id\":null,\"method\":\"mining.set_target\",\"params\":[\"00ff\"]}");
    expect_has(1, "\"extranonce1\":\"aabb\",\"extranonce2_size\":4,\"difficulty\":512,\"target\":"
                  "\"00ff\",\"version_mask\":\"00c00000\"");
    state_table_close(&states);
}
END_TEST

START_TEST(workers)
{
    char text[128];
    begin();
    shake_hands(1);
    uint64_t asked =
        miner(1, "{\"id\":5,\"method\":\"mining.authorize\",\"params\":[\"other\",\"x\"]}");
    expect_has(1, "\"authorize\":[\"farm.1\",\"other\"]");
    struct record refusal = next(1, DIRECTION_POOL_TO_MINER, "{\"id\":5,\"result\":false}");
    refusal.flags |= RECORD_PAIRED;
    refusal.re = asked;
    ck_assert(refusal.flags & RECORD_ERROR);
    learn(&refusal);
    expect_has(1, "\"authorize\":[\"farm.1\"]");
    expect_not(1, "secret");
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text,
                 "{\"id\":6,\"method\":\"mining.authorize\",\"params\":[\"w%d\",\"x\"]}", i);
        miner(1, text);
        miner(1, text); /* asked twice, kept once */
    }
    expect_has(1, "\"authorize\":[\"w18\",\"w19\",");
    expect_has(1, "\"w48\",\"w49\"]");
    state_table_close(&states);
}
END_TEST

/* Nothing of these has the shape that it should have; nothing is learned, nothing breaks. */
START_TEST(hostile_messages)
{
    static const char *const from_pool[] = {
        "{\"method\":\"mining.set_difficulty\"}",
        "{\"method\":\"mining.set_difficulty\",\"params\":[]}",
        "{\"method\":\"mining.set_difficulty\",\"params\":{\"a\":1}}",
        "{\"method\":\"mining.set_difficulty\",\"params\":[[1]]}",
        "{\"method\":\"mining.set_difficulty\",\"params\":[null]}",
        "{\"method\":\"mining.set_extranonce\",\"params\":7}",
        "{\"method\":\"mining.set_version_mask\",\"params\":[{}]}",
    };
    begin();
    event(1, RECORD_OPENED);
    for (size_t i = 0; i < sizeof from_pool / sizeof from_pool[0]; i++)
        pool(1, from_pool[i]);
    miner(1, "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[1]}");
    miner(1, "{\"id\":1,\"method\":\"mining.authorize\"}");
    answer(1, miner(1, "{\"id\":1,\"method\":\"mining.subscribe\"}"), "{\"id\":1,\"result\":null}");
    answer(1, miner(1, "{\"id\":1,\"method\":\"mining.configure\"}"),
           "{\"id\":1,\"result\":[\"version-rolling.mask\"]}");
    const char *line = state(1, NULL);
    ck_assert_ptr_nonnull(strstr(line, "\"bytes_down\":22,\"subscribe\":{\"id\":1,\"method\":"
                                       "\"mining.subscribe\"}}\n"));
    struct record bad = next(1, DIRECTION_POOL_TO_MINER, NOTIFY);
    bad.fault = STRATUM_FAULT_NUMBER; /* could not stand in a line */
    learn(&bad);
    expect_not(1, "notify");
    state_table_close(&states);
}
END_TEST

START_TEST(injected_lines_teach_nothing)
{
    begin();
    shake_hands(1);
    struct record record = next(1, DIRECTION_HASHSCOPE_TO_POOL,
                                "{\"id\":9,\"method\":\"mining.subscribe\",\"params\":[\"ours\"]}");
    learn(&record);
    expect_has(1, "cg/1");
    state_table_close(&states);
}
END_TEST

START_TEST(what_many_were_told_is_kept_once)
{
    size_t one;
    begin();
    for (unsigned i = 0; i < 1000; i++)
        shake_hands(i);
    ck_assert_uint_eq(states.count, 1000);
    /* of each session its own extranonce and worker; subscribe, size, difficulty, mask, job: shared
     */
    ck_assert_uint_eq(states.texts.count, 2 * 1000 + 5);
    one = sizeof(struct state_entry) + sizeof(struct state_worker) + 2 * sizeof(void *);
    ck_assert_uint_lt(one + 2 * (sizeof(struct shared_text) + 16), 400);
    for (unsigned i = 0; i < 1000; i += 2)
        event(i, RECORD_CLOSED);
    ck_assert_uint_eq(states.count, 500);
    for (unsigned i = 1; i < 1000; i += 2) {
        expect_has(i, "farm.");
        event(i, RECORD_CLOSED);
    }
    ck_assert_uint_eq(states.count, 0);
    ck_assert_uint_eq(states.texts.count, 0);
    ck_assert_uint_eq(states.texts.bytes, 0);
    state_table_close(&states);
}
END_TEST

START_TEST(texts_are_bounded)
{
    struct shared_texts texts;
    struct shared_text *held[SHARED_TEXT_TOTAL / SHARED_TEXT_MAX];
    char *big = calloc(1, SHARED_TEXT_MAX + 1);
    shared_texts_init(&texts);
    ck_assert_ptr_null(shared_text_get(&texts, span_make(big, SHARED_TEXT_MAX + 1)));
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        big[0] = (char)i;
        held[i] = shared_text_get(&texts, span_make(big, SHARED_TEXT_MAX));
        ck_assert_ptr_nonnull(held[i]);
    }
    ck_assert_ptr_null(shared_text_get(&texts, span_text("no room")));
    ck_assert_ptr_eq(shared_text_get(&texts, span_make(big, SHARED_TEXT_MAX)),
                     held[sizeof held / sizeof held[0] - 1]);
    shared_text_release(&texts, held[sizeof held / sizeof held[0] - 1]);
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        shared_text_release(&texts, held[i]);
    ck_assert_uint_eq(texts.count, 0);
    shared_texts_close(&texts);
    free(big);
}
END_TEST

START_TEST(sessions_are_introduced_once_a_segment)
{
    begin();
    shake_hands(1);
    struct record record = next(1, 0, "{}");
    struct record opened = record;
    opened.type = RECORD_OPENED;
    struct state_entry *entry = state_table_of(&states, &record);
    ck_assert(!state_table_introduce(&states, entry, &opened));
    ck_assert(!state_table_introduce(&states, entry, &record));
    state_table_new_segment(&states);
    ck_assert(state_table_introduce(&states, entry, &record));
    ck_assert(!state_table_introduce(&states, entry, &record));
    expect_not(1, "as_of");
    state_table_close(&states);
}
END_TEST

START_TEST(doubt_after_a_gap)
{
    begin();
    shake_hands(1);
    state_table_doubt(&states, 9);
    state_table_doubt(&states, 20); /* the first doubt holds */
    expect_has(1, "\"as_of\":9,\"extranonce1\"");
    event(2, RECORD_OPENED);
    expect_not(2, "as_of");
    pool(3, NOTIFY); /* its beginning was never seen */
    expect_has(3, "\"as_of\":0,\"notify\"");
    state_table_close(&states);
}
END_TEST

static bool is_even(void *user, const struct state_entry *entry)
{
    ++*(unsigned *)user;
    return entry->session.bytes[15] % 2 == 0;
}

START_TEST(sweeping)
{
    unsigned asked = 0;
    begin();
    for (unsigned i = 0; i < 200; i++)
        event(i, RECORD_OPENED);
    state_table_sweep(&states, is_even, &asked);
    ck_assert_uint_ge(asked, 200);
    ck_assert_uint_eq(states.count, 100);
    struct record record = next(0, 0, "{}");
    record.session = (struct uuid){{0}};
    ck_assert_ptr_null(state_table_of(&states, &record));
    for (unsigned i = 1; i < 200; i += 2)
        expect_not(i, "as_of"); /* those that are left are found, and are the old ones */
    state_table_close(&states);
}
END_TEST

int main(void)
{
    return UNIT_RUN("state lines", a_whole_handshake, later_messages_replace_earlier_ones, workers,
                    hostile_messages, injected_lines_teach_nothing,
                    what_many_were_told_is_kept_once, texts_are_bounded,
                    sessions_are_introduced_once_a_segment, doubt_after_a_gap, sweeping);
}
