/* When wall time may be believed: steps, restarts, reboots, and what is kept of it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/upkeep/clock_trust.h"
#include "tests/unit/record/record_support.h"
#include "tests/unit/unit.h"

#define HOUR (3600 * NS_PER_S)
#define DAY  (24 * HOUR)
#define YEAR (365 * DAY)

static struct clock_trust trust;
static struct clock_moment now;

/* Both clocks go on. */
static void pass(int64_t ns)
{
    now.wall_ns += ns;
    now.steady_ns += ns;
}

static void hold(int64_t ns)
{
    for (; ns > 0; ns -= HOUR / 4) {
        pass(HOUR / 4);
        ck_assert(!clock_trust_look(&trust, &now));
    }
}

static void begin(void)
{
    now = (struct clock_moment){.wall_ns = SUPPORT_WALL, .steady_ns = 5 * HOUR, .boot = "one"};
    trust = (struct clock_trust){0};
    clock_trust_begin(&trust, &now);
}

static void begin_trusted(void)
{
    begin();
    hold(DAY);
    ck_assert(clock_trust_holds(&trust));
}

START_TEST(the_first_time_takes_a_day)
{
    begin();
    ck_assert(!clock_trust_holds(&trust));
    hold(DAY - HOUR);
    ck_assert(!clock_trust_holds(&trust));
    hold(HOUR);
    ck_assert(clock_trust_holds(&trust));
    hold(10 * DAY);
    ck_assert(clock_trust_holds(&trust));
}
END_TEST

START_TEST(a_jump_costs_a_day)
{
    static const int64_t steps[] = {YEAR, -YEAR, HOUR + 1, -HOUR - 1, -SUPPORT_WALL, INT64_MAX / 2};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        begin_trusted();
        now.wall_ns += steps[i];
        ck_assert(clock_trust_look(&trust, &now));
        ck_assert(!clock_trust_holds(&trust));
        hold(DAY - HOUR);
        ck_assert(!clock_trust_holds(&trust));
        hold(HOUR);
        ck_assert(clock_trust_holds(&trust));
    }
}
END_TEST

START_TEST(a_jump_back_to_right_is_a_jump_too)
{
    begin_trusted();
    now.wall_ns += YEAR;
    ck_assert(clock_trust_look(&trust, &now));
    hold(HOUR);
    now.wall_ns -= YEAR;
    ck_assert(clock_trust_look(&trust, &now));
    hold(DAY - HOUR);
    ck_assert(!clock_trust_holds(&trust));
}
END_TEST

START_TEST(small_steps_pass_until_they_add_up)
{
    begin_trusted();
    for (int i = 0; i < 4; i++) {
        now.wall_ns += HOUR / 4;
        ck_assert(!clock_trust_look(&trust, &now));
    }
    now.wall_ns += HOUR / 4;
    ck_assert(clock_trust_look(&trust, &now));
}
END_TEST

START_TEST(a_restart_goes_on)
{
    begin_trusted();
    pass(100 * DAY); /* not running, the machine is up */
    clock_trust_begin(&trust, &now);
    ck_assert(clock_trust_holds(&trust));
    begin();
    hold(DAY / 2);
    pass(DAY / 2);
    clock_trust_begin(&trust, &now);
    ck_assert(clock_trust_holds(&trust));
}
END_TEST

START_TEST(a_restart_with_a_wrong_clock)
{
    begin_trusted();
    pass(HOUR / 2);
    now.wall_ns += YEAR;
    clock_trust_begin(&trust, &now);
    ck_assert(!clock_trust_holds(&trust));
    hold(DAY);
    ck_assert(clock_trust_holds(&trust));
}
END_TEST

/* After a reboot only the wall clock can be compared. */
START_TEST(a_reboot)
{
    static const struct {
        int64_t away;
        bool trusted;
    } cases[] = {{HOUR / 10, true}, {0, true},      {HOUR, true},  {HOUR + 1, false},
                 {YEAR, false},     {-1000, false}, {-YEAR, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_trusted();
        now.wall_ns += cases[i].away;
        now.steady_ns = 60 * NS_PER_S;
        snprintf(now.boot, sizeof now.boot, "two");
        clock_trust_begin(&trust, &now);
        ck_assert_int_eq(clock_trust_holds(&trust), cases[i].trusted);
        hold(HOUR); /* and it is held from there */
        ck_assert_int_eq(clock_trust_holds(&trust), cases[i].trusted);
    }
}
END_TEST

/* A boot without a name is never the same one. */
START_TEST(a_boot_without_a_name)
{
    begin();
    now.boot[0] = '\0';
    clock_trust_begin(&trust, &now);
    hold(DAY);
    pass(2 * HOUR);
    clock_trust_begin(&trust, &now);
    ck_assert(!clock_trust_holds(&trust));
}
END_TEST

START_TEST(what_is_kept)
{
    const char *folder = support_folder();
    struct clock_trust back;
    struct error err;
    char path[4096];
    begin_trusted();
    snprintf(path, sizeof path, "%s/live", folder);
    ck_assert_int_eq(clock_trust_save(&trust, folder, &err), STATUS_NOT_FOUND);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    clock_trust_load(&back, folder);
    ck_assert(!back.known);
    ck_assert_int_eq(clock_trust_save(&trust, folder, &err), STATUS_OK);
    clock_trust_load(&back, folder);
    ck_assert(back.known && clock_trust_holds(&back));
    ck_assert_int_eq(back.seen.wall_ns, trust.seen.wall_ns);
    ck_assert_int_eq(back.seen.steady_ns, trust.seen.steady_ns);
    ck_assert_int_eq(back.difference_ns, trust.difference_ns);
    ck_assert_str_eq(back.seen.boot, "one");
    ck_assert_uint_eq(support_count(folder, ".new"), 0);
    support_remove(folder);
}
END_TEST

START_TEST(garbage_is_nothing_known)
{
    static const char boot_too_long[] =
        "{\"wall_ns\":1,\"steady_ns\":1,\"boot\":\"0123456789012345678901234567890123456789\","
        "\"difference_ns\":0,\"held_ns\":1}";
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"wall_ns\":1}",
        "{\"wall_ns\":-1,\"steady_ns\":1,\"boot\":\"x\",\"difference_ns\":0,\"held_ns\":1}",
        boot_too_long,
        "{\"wall_ns\":1,\"steady_ns\":1,\"boot\":7,\"difference_ns\":0,\"held_ns\":1}",
        "{\"wall_ns\":1,\"steady_ns\":1,\"boot\":\"x\",\"difference_ns\":0,\"held_ns\":-1}",
    };
    const char *folder = support_folder();
    char path[4096];
    snprintf(path, sizeof path, "%s/live", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/live/clock", folder);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        support_write(path, texts[i], strlen(texts[i]));
        clock_trust_load(&trust, folder);
        ck_assert(!trust.known && !clock_trust_holds(&trust));
    }
    support_remove(folder);
}
END_TEST

START_TEST(the_machine_has_clocks)
{
    struct clock_moment first = clock_moment_now(), second = clock_moment_now();
    ck_assert_int_gt(first.wall_ns, 0);
    ck_assert_int_ge(second.steady_ns, first.steady_ns);
    ck_assert_str_eq(first.boot, second.boot);
}
END_TEST

int main(void)
{
    return UNIT_RUN("clock trust", the_first_time_takes_a_day, a_jump_costs_a_day,
                    a_jump_back_to_right_is_a_jump_too, small_steps_pass_until_they_add_up,
                    a_restart_goes_on, a_restart_with_a_wrong_clock, a_reboot,
                    a_boot_without_a_name, what_is_kept, garbage_is_nothing_known,
                    the_machine_has_clocks);
}
