/* What people switched on (api/session/operator_state.h): kept over restarts, whole or not at all;
 * and percentiles (api/session/latency.h) against sorted numbers. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/session/latency.h"
#include "api/session/operator_state.h"
#include "tests/unit/unit.h"

static struct error err;
static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/api-state-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void path_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", folder, name);
}

static void remove_folder(void)
{
    static const char *const names[] = {"api-state.json", "api-state.json.new",
                                        "api-state.json.bad"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(names[i], path);
        (void)unlink(path);
        (void)rmdir(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static struct operator_state *open_state(void)
{
    struct operator_state *state;
    ck_assert_msg(operator_state_open(&state, folder, &err) == STATUS_OK, "%s", err.text);
    return state;
}

static void write_file(const char *text)
{
    char path[128];
    path_of("api-state.json", path);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static bool is_there(const char *name)
{
    char path[128];
    path_of(name, path);
    return access(path, F_OK) == 0;
}

static void broadcast(struct operator_choice *choice, uint32_t value)
{
    choice->broadcast = value != 0;
}

static void replay(struct operator_choice *choice, uint32_t value)
{
    choice->auto_replay = value > 0;
    choice->auto_replay_count = value > 0 ? value : 1;
}

static struct operator_choice get(struct operator_state *state, const char *key)
{
    struct operator_choice choice;
    operator_state_get(state, key, &choice);
    return choice;
}

START_TEST(choices_survive)
{
    struct operator_choice choice;
    make_folder();
    struct operator_state *state = open_state();
    ck_assert(!operator_state_repeats(state));
    ck_assert_int_eq(
        operator_state_change(state, "worker:a\"\n\xc3\xa9", replay, 900000, &choice, &err),
        STATUS_OK);
    ck_assert(choice.auto_replay && operator_state_repeats(state));
    ck_assert_int_eq(operator_state_change(state, "peer:::1", broadcast, 1, &choice, &err),
                     STATUS_OK);
    operator_state_close(state);
    state = open_state();
    ck_assert(operator_state_repeats(state));
    choice = get(state, "worker:a\"\n\xc3\xa9");
    ck_assert(choice.auto_replay && !choice.broadcast);
    ck_assert_uint_eq(choice.auto_replay_count, 900000);
    ck_assert_uint_eq(choice.repeat_count, 1);
    ck_assert(get(state, "peer:::1").broadcast);
    ck_assert(!get(state, "peer:::2").broadcast);
    ck_assert_int_eq(operator_state_change(state, "worker:a\"\n\xc3\xa9", replay, 0, &choice, &err),
                     STATUS_OK);
    ck_assert(!operator_state_repeats(state));
    operator_state_close(state);
    ck_assert(!is_there("api-state.json.new"));
    remove_folder();
}
END_TEST

START_TEST(what_cannot_be_written_has_not_changed)
{
    struct operator_choice choice;
    char path[128];
    make_folder();
    struct operator_state *state = open_state();
    ck_assert_int_eq(operator_state_change(state, "worker:a", broadcast, 1, &choice, &err),
                     STATUS_OK);
    path_of("api-state.json.new", path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_ne(operator_state_change(state, "worker:a", broadcast, 0, &choice, &err),
                     STATUS_OK);
    ck_assert(choice.broadcast && get(state, "worker:a").broadcast);
    ck_assert_int_ne(operator_state_change(state, "worker:b", replay, 3, &choice, &err), STATUS_OK);
    ck_assert(!get(state, "worker:b").auto_replay && !operator_state_repeats(state));
    /* nothing to be written */
    ck_assert_int_eq(operator_state_change(state, "worker:a", broadcast, 1, &choice, &err),
                     STATUS_OK);
    operator_state_close(state);
    remove_folder();
}
END_TEST

START_TEST(files_that_are_none)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "17",
        "{\"version\":2,\"entries\":{}}",
        "{\"entries\":{\"worker:a\":{\"broadcast\":true}}}",
        "{\"version\":1,\"version\":1,\"entries\":{}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        make_folder();
        write_file(texts[i]);
        struct operator_state *state = open_state();
        ck_assert(is_there("api-state.json.bad") && !is_there("api-state.json"));
        ck_assert(!get(state, "worker:a").broadcast);
        operator_state_close(state);
        remove_folder();
    }
}
END_TEST

START_TEST(entries_that_are_none)
{
    struct operator_choice choice;
    make_folder();
    write_file("{\"version\":1,\"entries\":{\"a\":17,\"b\":[],\"c\":{\"repeat_count\":1001},"
               "\"d\":{\"repeat_count\":-1,\"broadcast\":\"yes\"},\"e\":{\"auto_replay\":true,"
               "\"auto_replay_count\":900001},\"f\":{\"repeat_count\":1000}}}");
    struct operator_state *state = open_state();
    for (const char *key = "abcd"; *key; key++) {
        const char name[] = {*key, '\0'};
        choice = get(state, name);
        ck_assert(!choice.broadcast && !choice.auto_replay);
        ck_assert_uint_eq(choice.repeat_count, 1);
    }
    choice = get(state, "e");
    ck_assert(choice.auto_replay);
    ck_assert_uint_eq(choice.auto_replay_count, 1);
    ck_assert_uint_eq(get(state, "f").repeat_count, 1000);
    operator_state_close(state);
    remove_folder();
}
END_TEST

START_TEST(there_is_a_bound)
{
    struct operator_choice choice;
    struct buffer text = {0};
    make_folder();
    buffer_append_text(&text, "{\"version\":1,\"entries\":{\"first\":{\"broadcast\":true}");
    for (unsigned i = 1; i < OPERATOR_STATE_MAX; i++)
        buffer_append_format(&text, ",\"w%u\":{\"broadcast\":true}", i);
    buffer_append(&text, "}}", 3);
    write_file(text.data);
    buffer_close(&text);
    struct operator_state *state = open_state();
    ck_assert_int_eq(operator_state_change(state, "one more", broadcast, 1, &choice, &err),
                     STATUS_FULL);
    ck_assert_int_eq(operator_state_change(state, "first", broadcast, 0, &choice, &err), STATUS_OK);
    ck_assert_int_eq(operator_state_change(state, "one more", broadcast, 1, &choice, &err),
                     STATUS_OK);
    operator_state_close(state);
    remove_folder();
}
END_TEST

START_TEST(keys)
{
    static const struct {
        const char *worker, *peer, *key;
    } cases[] = {
        {"farm.1", "127.0.0.1:3333", "worker:farm.1"},
        {"", "127.0.0.1:3333", "peer:127.0.0.1"},
        {"", "[::1]:3333", "peer:[::1]"},
        {"", "", "peer:"},
        {"", "nowhere", "peer:nowhere"},
    };
    char key[OPERATOR_KEY_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        operator_key(key, span_text(cases[i].worker), span_text(cases[i].peer));
        ck_assert_str_eq(key, cases[i].key);
    }
}
END_TEST

START_TEST(percentiles)
{
    static struct latency latency, halves[2], merged;
    static int64_t sorted[20000];
    const size_t count = sizeof sorted / sizeof sorted[0];
    ck_assert(latency_percentile(&latency, 0.5) < 0 && latency_max(&latency) < 0);
    for (size_t i = 0; i < count; i++) /* from 1 us to 100 s, evenly by size */
        sorted[i] = (int64_t)pow(10, 8.0 * (double)i / (double)count);
    for (size_t i = 0; i < count; i++) {
        latency_add(&latency, sorted[i * 7919 % count]);
        latency_add(&halves[i % 2], sorted[i]);
    }
    static const double shares[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double wanted = (double)sorted[(size_t)(shares[i] * (double)count)] / 1000;
        double found = latency_percentile(&latency, shares[i]);
        ck_assert_msg(fabs(found - wanted) <= 0.1 * wanted + 0.001, "%g: %g, not %g", shares[i],
                      found, wanted);
    }
    latency_merge(&merged, &halves[0]);
    latency_merge(&merged, &halves[1]);
    ck_assert_int_eq(memcmp(&merged, &latency, sizeof merged), 0);
    ck_assert(latency_percentile(&latency, 1) <= latency_max(&latency));
    latency_add(&latency, INT64_MAX / 2);
    latency_add(&latency, -5);
    ck_assert_uint_eq(latency.count, count + 2);
}
END_TEST

int main(void)
{
    return UNIT_RUN("api operator state", choices_survive, what_cannot_be_written_has_not_changed,
                    files_that_are_none, entries_that_are_none, there_is_a_bound, keys,
                    percentiles);
}
