/* The housekeeper's threads on archives made up by chance: what goes, what is written again, and
 * that the two never cross each other. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/segment/footer.h"
#include "lib/upkeep/claim.h"
#include "lib/upkeep/housekeeper.h"
#include "lib/upkeep/recompress.h"
#include "tests/unit/query/query_support.h"
#include "tests/unit/unit.h"

#define PATIENCE_NS (40 * NS_PER_S)

static struct error err;

/* ------------------------------------------------------------------ the claim */

START_TEST(what_was_revoked_is_not_replaced)
{
    struct housekeeper_claim claim = {0};
    ck_assert_uint_eq(housekeeper_claim_number(&claim), 0);
    ck_assert(!housekeeper_claim_revoke(&claim, 5));
    housekeeper_claim_begin(&claim, 5);
    ck_assert_uint_eq(housekeeper_claim_number(&claim), 5);
    ck_assert(!housekeeper_claim_revoked(&claim));
    ck_assert(!housekeeper_claim_revoke(&claim, 4));
    ck_assert(housekeeper_claim_remove(&claim, 4));
    housekeeper_claim_removed(&claim);
    ck_assert(!housekeeper_claim_revoked(&claim));
    ck_assert(housekeeper_claim_remove(&claim, 5));
    housekeeper_claim_removed(&claim);
    ck_assert(housekeeper_claim_revoked(&claim));
    ck_assert(!housekeeper_claim_replace(&claim));
    housekeeper_claim_end(&claim);
    ck_assert_uint_eq(housekeeper_claim_number(&claim), 0);
}
END_TEST

START_TEST(what_is_being_replaced_is_not_removed)
{
    struct housekeeper_claim claim = {0};
    housekeeper_claim_begin(&claim, 5);
    ck_assert(housekeeper_claim_replace(&claim));
    ck_assert(!housekeeper_claim_revoke(&claim, 5));
    ck_assert(!housekeeper_claim_remove(&claim, 5));
    ck_assert(housekeeper_claim_remove(&claim, 6));
    housekeeper_claim_removed(&claim);
    housekeeper_claim_end(&claim);
    ck_assert(housekeeper_claim_remove(&claim, 5));
    housekeeper_claim_begin(&claim, 5); /* from a list that is a little old */
    ck_assert(!housekeeper_claim_replace(&claim));
    housekeeper_claim_removed(&claim);
}
END_TEST

struct meeting {
    struct housekeeper_claim claim;
    _Atomic bool replacing, over;
    uint64_t replaced;
};

static void *rewrite(void *user)
{
    struct meeting *meeting = user;
    while (!meeting->over) {
        housekeeper_claim_begin(&meeting->claim, 5);
        if (!housekeeper_claim_revoked(&meeting->claim) &&
            housekeeper_claim_replace(&meeting->claim)) {
            meeting->replacing = true;
            meeting->replaced++;
            meeting->replacing = false;
        }
        housekeeper_claim_end(&meeting->claim);
    }
    return NULL;
}

START_TEST(never_at_the_same_time)
{
    struct meeting meeting = {0};
    pthread_t thread;
    uint64_t removed = 0, crossed = 0;
    int64_t until = clock_mono_ns() + NS_PER_S;
    ck_assert_int_eq(pthread_create(&thread, NULL, rewrite, &meeting), 0);
    while (clock_mono_ns() < until) {
        if (!housekeeper_claim_remove(&meeting.claim, 5))
            continue;
        for (int i = 0; i < 20; i++)
            crossed += meeting.replacing;
        removed++;
        housekeeper_claim_removed(&meeting.claim);
    }
    meeting.over = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(crossed, 0);
    ck_assert_uint_gt(removed, 0);
    ck_assert_uint_gt(meeting.replaced, 0);
}
END_TEST

/* ------------------------------------------------------------------ the threads */

static struct housekeeper *start(const struct made *made, uint64_t bytes, int level)
{
    struct housekeeper *housekeeper;
    const struct housekeeper_settings settings = {
        .data_dir = made->folder, .limits = {.bytes = bytes}, .recompress_level = level};
    ck_assert_int_eq(housekeeper_start(&housekeeper, &settings, &err), STATUS_OK);
    return housekeeper;
}

typedef bool condition(const struct housekeeper_status *status, uint64_t value);

static struct housekeeper_status wait_for(struct housekeeper *housekeeper, condition *met,
                                          uint64_t value)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    struct housekeeper_status status;
    do {
        const struct timespec moment = {.tv_nsec = 2 * NS_PER_MS};
        (void)nanosleep(&moment, NULL);
        housekeeper_status_get(housekeeper, &status);
    } while (!met(&status, value) && clock_mono_ns() < until);
    ck_assert_msg(met(&status, value),
                  "files %" PRIu64 ", bytes %" PRIu64 ", removed %" PRIu64 ", recompressed %" PRIu64
                  ", footers %" PRIu64,
                  status.files, status.bytes, status.removed_files, status.recompressed_files,
                  status.footers_added);
    return status;
}

static bool has_removed(const struct housekeeper_status *status, uint64_t files)
{
    return status->removed_files >= files;
}

static bool has_footed(const struct housekeeper_status *status, uint64_t files)
{
    return status->footers_added >= files && status->footers_missing == 0;
}

static bool misses_footers(const struct housekeeper_status *status, uint64_t files)
{
    return status->footers_missing == files;
}

static bool has_recompressed(const struct housekeeper_status *status, uint64_t files)
{
    return status->recompressed_files + status->recompress_failures >= files &&
           status->backlog_files == 0;
}

static void sealed_files(struct made *made, unsigned files, unsigned lines)
{
    for (unsigned i = 0; i < files; i++) {
        made_file_begin(made);
        made_frame(made, lines);
        made_frame(made, lines);
        made_file_seal(made);
    }
}

static struct buffer all_lines(const struct made *made)
{
    const struct query_filter everything = {.what = 0};
    return made_expected(made, &everything, QUERY_OLDEST_FIRST);
}

START_TEST(the_oldest_go_and_the_open_one_stays)
{
    struct made made;
    made_begin(&made, 1);
    sealed_files(&made, 6, 50);
    made_file_begin(&made);
    made_file_leave(&made, 20);
    struct housekeeper *housekeeper = start(&made, 1, 0);
    struct housekeeper_status status = wait_for(housekeeper, has_removed, 6);
    housekeeper_stop(housekeeper);
    ck_assert_uint_eq(status.removed_files, 6);
    ck_assert_uint_eq(support_count(made.folder, SEGMENT_OPEN), 1);
    ck_assert_uint_eq(support_count(made.folder, SEGMENT_SUFFIX), 0);
    made_end(&made);
}
END_TEST

START_TEST(missing_footers_are_added)
{
    struct made made;
    made_begin(&made, 2);
    made.footers = false;
    sealed_files(&made, 4, 50);
    made.footers = true;
    sealed_files(&made, 2, 50);
    struct buffer before = all_lines(&made);
    struct housekeeper *housekeeper = start(&made, 0, 0);
    housekeeper_observe(housekeeper, 1u << 30); /* it would be in the archive's way */
    (void)wait_for(housekeeper, misses_footers, 4);
    housekeeper_observe(housekeeper, 0);
    struct housekeeper_status status = wait_for(housekeeper, has_footed, 4);
    housekeeper_stop(housekeeper);
    ck_assert_uint_eq(status.footers_added, 4);
    struct buffer after = all_lines(&made);
    made_compare(&after, &before);
    buffer_close(&before);
    buffer_close(&after);
    ck_assert_uint_eq(support_count(made.folder, RECOMPRESS_SUFFIX), 0);
    made_end(&made);
}
END_TEST

START_TEST(recompression_brings_footers)
{
    struct made made;
    made_begin(&made, 3);
    made.footers = false;
    sealed_files(&made, 3, 400);
    struct buffer before = all_lines(&made);
    struct housekeeper *housekeeper = start(&made, 0, 6);
    struct housekeeper_status status = wait_for(housekeeper, has_recompressed, 3);
    status = wait_for(housekeeper, misses_footers, 0);
    housekeeper_stop(housekeeper);
    ck_assert_uint_eq(status.recompress_failures, 0);
    ck_assert_uint_eq(status.recompressed_files + status.footers_added, 3);
    struct buffer after = all_lines(&made);
    made_compare(&after, &before);
    buffer_close(&before);
    buffer_close(&after);
    made_end(&made);
}
END_TEST

/* Retention takes files while they are being rewritten: what is left is whole, what went is gone.
 */
START_TEST(both_at_once)
{
    struct made made;
    made_begin(&made, 4);
    sealed_files(&made, 3, 400);
    struct housekeeper *housekeeper = start(&made, 90000, 6);
    for (unsigned i = 0; i < 30; i++) {
        made.footers = i % 3 != 0;
        sealed_files(&made, 1, 300);
        const struct timespec moment = {.tv_nsec = 30 * NS_PER_MS};
        (void)nanosleep(&moment, NULL);
    }
    (void)wait_for(housekeeper, has_recompressed, 0);
    struct housekeeper_status status = wait_for(housekeeper, has_removed, 1);
    housekeeper_stop(housekeeper);
    ck_assert_uint_gt(status.removed_files, 0);
    ck_assert_uint_eq(status.recompress_failures, 0);
    ck_assert_uint_eq(support_count(made.folder, RECOMPRESS_SUFFIX), 0);
    ck_assert_uint_le(support_count(made.folder, SEGMENT_SUFFIX), 33 - 1);
    struct buffer lines = all_lines(&made);
    ck_assert_uint_gt(lines.len, 0);
    buffer_close(&lines);
    made_end(&made);
}
END_TEST

START_TEST(stopped_at_any_time)
{
    struct made made;
    made_begin(&made, 5);
    made.footers = false;
    sealed_files(&made, 3, 2000);
    struct buffer before = all_lines(&made);
    for (int i = 0; i < 25; i++) {
        struct housekeeper *housekeeper = start(&made, 0, i % 2 ? 19 : 0);
        const struct timespec moment = {.tv_nsec = i * NS_PER_MS};
        (void)nanosleep(&moment, NULL);
        int64_t begun = clock_mono_ns();
        housekeeper_stop(housekeeper);
        ck_assert_int_lt(clock_mono_ns() - begun, NS_PER_S);
    }
    struct buffer after = all_lines(&made);
    made_compare(&after, &before);
    buffer_close(&before);
    buffer_close(&after);
    made_end(&made);
}
END_TEST

int main(void)
{
    return UNIT_RUN("housekeeper", what_was_revoked_is_not_replaced,
                    what_is_being_replaced_is_not_removed, never_at_the_same_time,
                    the_oldest_go_and_the_open_one_stays, missing_footers_are_added,
                    recompression_brings_footers, both_at_once, stopped_at_any_time);
}
