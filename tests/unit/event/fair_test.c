/*
 * fair_test.c - whose turn it is (lib/event/fair.h).
 */
#include "lib/event/fair.h"
#include "tests/unit/unit.h"

#define MEMBERS 1000
#define VISIT   8192

static struct fair_member members[MEMBERS];

/* The first has its turn and uses so much; returns who it was. */
static struct fair_member *serve(struct fair *fair, uint64_t used)
{
    struct fair_member *first = fair_first(fair);
    fair_leave(fair, first);
    fair_begin(fair, first);
    fair_serve(fair, first);
    fair_use(first, used);
    return first;
}

static void all_wait(struct fair *fair)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        fair_join(fair, &members[i]);
        fair_wait(fair, &members[i]);
    }
}

START_TEST(who_has_used_least_is_first)
{
    struct fair fair = {0};
    unsigned seed = 3;
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i] = (struct fair_member){.used = rand_r(&seed) % 5000};
        fair_wait(&fair, &members[i]);
        fair_wait(&fair, &members[i]); /* once is enough */
    }
    for (size_t i = 0; i < MEMBERS; i += 3) {
        fair_leave(&fair, &members[i]);
        fair_leave(&fair, &members[i]);
    }
    int64_t before = -1;
    size_t count = 0;
    for (struct fair_member *first; (first = fair_first(&fair)); count++) {
        ck_assert_int_ge(first->used, before);
        ck_assert(fair_is_next(&fair, first));
        before = first->used;
        fair_leave(&fair, first);
        ck_assert_uint_eq(first->place, 0);
    }
    ck_assert_uint_eq(count, MEMBERS - (MEMBERS + 2) / 3);
    fair_free(&fair);
}
END_TEST

START_TEST(a_flood_of_a_thousand_is_shared_evenly)
{
    struct fair fair = {0};
    uint64_t shares[MEMBERS] = {0};
    all_wait(&fair);
    for (size_t i = 0; i < 20 * MEMBERS; i++) {
        uint64_t work = i % 7 == 0 ? 4 * VISIT : VISIT; /* some take more at once */
        struct fair_member *member = serve(&fair, work);
        shares[member - members] += work;
        fair_wait(&fair, member);
    }
    for (size_t i = 1; i < MEMBERS; i++) {
        ck_assert_uint_le(shares[i], shares[0] + 4 * VISIT);
        ck_assert_uint_ge(shares[i] + 4 * VISIT, shares[0]);
    }
    fair_free(&fair);
}
END_TEST

START_TEST(a_light_member_is_next_whatever_the_flood)
{
    struct fair fair = {0};
    struct fair_member light;
    fair_join(&fair, &light);
    all_wait(&fair);
    for (size_t i = 0; i < MEMBERS; i++) /* each has had a turn */
        fair_wait(&fair, serve(&fair, VISIT));
    for (size_t i = 0; i < 10 * MEMBERS; i++) {
        fair_wait(&fair, serve(&fair, VISIT));
        if (i % 100 == 0) {
            fair_begin(&fair, &light);
            ck_assert(fair_is_next(&fair, &light));
            ck_assert(fair_is_light(&fair, &light));
            fair_serve(&fair, &light);
            fair_use(&light, 500);
        }
    }
    fair_free(&fair);
}
END_TEST

START_TEST(what_was_saved_is_bounded)
{
    struct fair fair = {.now = 100 * FAIR_BURST};
    struct fair_member idle = {0};
    fair_begin(&fair, &idle);
    for (int64_t used = 0; used < FAIR_BURST; used += 1024) {
        ck_assert(fair_is_light(&fair, &idle));
        fair_use(&idle, 1024);
    }
    ck_assert(!fair_is_light(&fair, &idle));
}
END_TEST

START_TEST(a_newcomer_has_no_advantage)
{
    struct fair fair = {.now = 7777};
    struct fair_member newcomer;
    fair_join(&fair, &newcomer);
    ck_assert(!fair_is_light(&fair, &newcomer));
}
END_TEST

START_TEST(debts_end_when_nobody_waits)
{
    struct fair fair = {0};
    struct fair_member member = {.used = 10 * FAIR_BURST};
    ck_assert(!fair_is_light(&fair, &member));
    for (int i = 0; i < 11; i++)
        fair_rest(&fair);
    ck_assert(fair_is_light(&fair, &member));
}
END_TEST

int main(void)
{
    return UNIT_RUN("fair", who_has_used_least_is_first, a_flood_of_a_thousand_is_shared_evenly,
                    a_light_member_is_next_whatever_the_flood, what_was_saved_is_bounded,
                    a_newcomer_has_no_advantage, debts_end_when_nobody_waits);
}
