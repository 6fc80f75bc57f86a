/* What retention takes: the plan alone, then files that really go. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/upkeep/retention.h"
#include "tests/unit/record/record_support.h"
#include "tests/unit/unit.h"

#define DAY  (86400 * NS_PER_S)
#define NOW  (10000 * DAY)
#define MOST 32

/* "s" sealed, "o" open, "t" torn, "w" being written, "l" left over; the oldest first, one day each,
 * the newest one ends now. Sizes are ten times their place, from 10. */
struct rig {
    struct retention_file files[MOST];
    size_t count;
    struct retention_limits limits;
    struct retention_view view;
    enum retention_verdict verdicts[MOST];
};

static struct rig rig_of(const char *states)
{
    static const char letters[] = "ltosw";
    struct rig rig = {.count = strlen(states),
                      .view = {.now_ns = NOW, .clock_trusted = true, .free_bytes = 1000}};
    for (size_t i = 0; i < rig.count; i++) {
        const char *letter = strchr(letters, states[i]);
        rig.files[i] = (struct retention_file){
            .number = i + 1,
            .bytes = (i + 1) * 10,
            .last_ns = NOW - (int64_t)(rig.count - 1 - i) * DAY,
            .state = (enum retention_state)(letter - letters),
        };
    }
    return rig;
}

/* As text: "b" for bytes, "a" for age, "r" for room, "." for what stays. */
static const char *plan(struct rig *rig, struct retention_outcome *outcome)
{
    static char text[MOST + 1];
    struct retention_outcome unused;
    *(outcome ? outcome : &unused) =
        retention_plan(rig->files, rig->count, &rig->limits, &rig->view, rig->verdicts);
    for (size_t i = 0; i < rig->count; i++)
        text[i] = ".bar"[rig->verdicts[i]];
    text[rig->count] = '\0';
    return text;
}

START_TEST(no_limits_no_removals)
{
    struct retention_outcome outcome;
    struct rig rig = rig_of("tsososw");
    ck_assert_str_eq(plan(&rig, &outcome), ".......");
    ck_assert_uint_eq(outcome.count, 0);
    ck_assert(!outcome.age_paused && !outcome.bytes_exceeded && !outcome.room_missing);
    rig = rig_of("");
    rig.limits = (struct retention_limits){1, 1, 1};
    rig.view.free_bytes = 1;
    ck_assert_str_eq(plan(&rig, &outcome), "");
}
END_TEST

START_TEST(bytes_take_the_oldest)
{
    static const struct {
        uint64_t limit;
        const char *expected;
    } cases[] = {{150, "....."}, {149, "b...."}, {140, "b...."}, {139, "bb..."}, {120, "bb..."},
                 {90, "bbb.."},  {89, "bbbb."},  {50, "bbbb."},  {1, "bbbb."}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct retention_outcome outcome;
        struct rig rig = rig_of("ssssw");
        rig.limits.bytes = cases[i].limit;
        ck_assert_str_eq(plan(&rig, &outcome), cases[i].expected);
        ck_assert_int_eq(outcome.bytes_exceeded, cases[i].limit < 50); /* the one being written */
    }
}
END_TEST

START_TEST(what_is_being_written_stays_whatever_its_place)
{
    struct rig rig = rig_of("swtos");
    rig.limits = (struct retention_limits){.bytes = 1, .age_ns = 1, .min_free_bytes = UINT64_MAX};
    ck_assert_str_eq(plan(&rig, NULL), "a.aab"); /* the last one ended this moment */
}
END_TEST

START_TEST(open_and_damaged_files_count_and_go)
{
    struct retention_outcome outcome;
    struct rig rig = rig_of("tolsw");
    rig.limits.bytes = 90;
    ck_assert_str_eq(plan(&rig, &outcome), "bbb..");
    ck_assert_uint_eq(outcome.count, 3);
    ck_assert_uint_eq(outcome.bytes, 60);
}
END_TEST

START_TEST(age_is_that_of_the_newest_line)
{
    struct rig rig = rig_of("sssss");
    rig.limits.age_ns = 2 * DAY;
    ck_assert_str_eq(plan(&rig, NULL), "aa..."); /* exactly two days are not too many */
    rig.view.now_ns++;
    ck_assert_str_eq(plan(&rig, NULL), "aaa..");
    rig.view.now_ns += 1000 * DAY;
    ck_assert_str_eq(plan(&rig, NULL), "aaaaa");
    rig.view.now_ns = 0; /* long before all of them */
    ck_assert_str_eq(plan(&rig, NULL), ".....");
}
END_TEST

START_TEST(an_old_file_between_young_ones_goes)
{
    struct rig rig = rig_of("sssss");
    rig.limits.age_ns = 7 * DAY;
    rig.files[2].last_ns = NOW - 30 * DAY; /* the clock was wrong then */
    ck_assert_str_eq(plan(&rig, NULL), "..a..");
}
END_TEST

START_TEST(age_waits_for_the_clock)
{
    struct retention_outcome outcome;
    struct rig rig = rig_of("ssssw");
    rig.limits.age_ns = 2 * DAY;
    rig.view.clock_trusted = false;
    rig.view.now_ns += 365 * DAY;
    ck_assert_str_eq(plan(&rig, &outcome), ".....");
    ck_assert(outcome.age_paused);
    rig.limits.bytes = 140; /* the other limits need no clock */
    ck_assert_str_eq(plan(&rig, &outcome), "b....");
    rig.limits.age_ns = 0;
    (void)plan(&rig, &outcome);
    ck_assert(!outcome.age_paused);
}
END_TEST

START_TEST(room_takes_the_oldest)
{
    struct retention_outcome outcome;
    struct rig rig = rig_of("ssssw");
    rig.limits.min_free_bytes = 1000;
    ck_assert_str_eq(plan(&rig, &outcome), ".....");
    rig.view.free_bytes = 999;
    ck_assert_str_eq(plan(&rig, &outcome), "r....");
    rig.view.free_bytes = 970;
    ck_assert_str_eq(plan(&rig, &outcome), "rr...");
    rig.view.free_bytes = 0;
    ck_assert_str_eq(plan(&rig, &outcome), "rrrr.");
    ck_assert(outcome.room_missing);
}
END_TEST

/* What one limit takes counts for the others too. */
START_TEST(limits_together)
{
    struct rig rig = rig_of("sssssw");
    rig.limits =
        (struct retention_limits){.bytes = 180, .age_ns = 4 * DAY + 1, .min_free_bytes = 1040};
    ck_assert_str_eq(plan(&rig, NULL), "abr...");
    rig.limits.min_free_bytes = 1030; /* age and bytes make that room */
    ck_assert_str_eq(plan(&rig, NULL), "ab....");
    rig.limits.bytes = 200; /* and age alone that */
    rig.limits.min_free_bytes = 0;
    ck_assert_str_eq(plan(&rig, NULL), "a.....");
}
END_TEST

START_TEST(looking_ahead)
{
    struct rig rig = rig_of("ssssw");
    rig.limits.bytes = 160;
    rig.view.growth_bytes = 10;
    ck_assert_str_eq(plan(&rig, NULL), ".....");
    rig.view.growth_bytes = 30;
    ck_assert_str_eq(plan(&rig, NULL), "bb...");
    rig.limits = (struct retention_limits){.min_free_bytes = 980};
    ck_assert_str_eq(plan(&rig, NULL), "r....");
    rig.view.growth_bytes = UINT64_MAX;
    ck_assert_str_eq(plan(&rig, NULL), "rrrr.");
}
END_TEST

START_TEST(sizes_that_overflow)
{
    struct rig rig = rig_of("sss");
    for (size_t i = 0; i < 3; i++)
        rig.files[i].bytes = UINT64_MAX / 2 + 1;
    rig.limits.bytes = UINT64_MAX;
    ck_assert_str_eq(plan(&rig, NULL), "...");
    rig.limits.bytes = UINT64_MAX - 1;
    ck_assert_str_eq(plan(&rig, NULL), "b..");
}
END_TEST

START_TEST(order_of_removal)
{
    struct retention_file files[] = {{.number = 3, .state = RETENTION_WRITING},
                                     {.number = 2, .state = RETENTION_SEALED},
                                     {.number = 2, .state = RETENTION_TORN},
                                     {.number = 1, .state = RETENTION_SEALED},
                                     {.number = 2, .state = RETENTION_LEFTOVER}};
    retention_sort(files, 5);
    static const enum retention_state expected[] = {
        RETENTION_SEALED, RETENTION_LEFTOVER, RETENTION_TORN, RETENTION_SEALED, RETENTION_WRITING};
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(files[i].state, expected[i]);
}
END_TEST

/* ------------------------------------------------------------------ files */

static const char *folder;
static struct error err;

static void put_file(const char *name, size_t bytes, int64_t changed_ns)
{
    char path[4096];
    char *data = calloc(1, bytes + 1);
    snprintf(path, sizeof path, "%s/segments/%s", folder, name);
    ck_assert_int_eq(segment_make_folders(path, (gid_t)-1, &err), STATUS_OK);
    support_write(path, data, bytes);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = changed_ns / NS_PER_S}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    free(data);
}

static bool exists(const char *below)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/segments/%s", folder, below);
    return access(path, F_OK) == 0;
}

START_TEST(what_is_listed)
{
    struct retention_listing listing;
    folder = support_folder();
    put_file("2026/11/22/20261122T000000Z-00000003.ndjson.zst.open", 30, SUPPORT_WALL);
    put_file("2026/11/22/20261122T000000Z-00000002.ndjson.zst.open", 20, SUPPORT_WALL);
    put_file("2026/11/21/20261121T000000Z-00000001.ndjson.zst", 10, SUPPORT_WALL - DAY);
    put_file("2026/11/21/20261121T000000Z-00000001.ndjson.zst.torn", 11, SUPPORT_WALL - DAY);
    put_file("2026/11/21/20261121T000000Z-00000001.ndjson.zst.torn.2", 12, 5 * NS_PER_S);
    put_file("2026/11/21/20261121T000000Z-00000001.ndjson.zst.recovering", 13, SUPPORT_WALL);
    put_file("2026/11/21/20261121T000000Z-00000001.ndjson.zst.mine", 100, SUPPORT_WALL);
    put_file("2026/11/21/notes.txt", 100, SUPPORT_WALL);
    put_file("2026/11/20261121T000000Z-00000009.ndjson.zst", 100, SUPPORT_WALL);
    put_file("imported/0123456789abcdef/20261121T000000Z-00000009.ndjson.zst", 100, 0);
    ck_assert_int_eq(retention_list(&listing, folder, SUPPORT_WALL, &err), STATUS_OK);
    static const uint64_t sizes[] = {13, 11, 12, 10, 20, 30};
    ck_assert_uint_eq(listing.count, 6);
    ck_assert_uint_eq(listing.bytes, 96);
    for (size_t i = 0; i < 6; i++)
        ck_assert_uint_eq(listing.files[i].bytes, sizes[i]);
    ck_assert_int_eq(listing.files[4].state, RETENTION_OPEN);
    ck_assert_int_eq(listing.files[5].state, RETENTION_WRITING);
    ck_assert_int_eq(listing.files[2].first_ns, listing.files[2].last_ns); /* not older than that */
    ck_assert_int_eq(listing.files[3].last_ns / NS_PER_S, (SUPPORT_WALL - DAY) / NS_PER_S);
    retention_listing_free(&listing);
    support_remove(folder);
}
END_TEST

/* The calendar of a disk goes on where ours ends (2262); in both directions. */
START_TEST(times_of_files_that_cannot_be)
{
    struct retention_listing listing;
    folder = support_folder();
    put_file("2026/11/21/20261121T000000Z-00000001.ndjson.zst", 10, 0);
    put_file("2026/11/21/20261121T000000Z-00000002.ndjson.zst", 10, 0);
    for (int i = 1; i <= 2; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/segments/2026/11/21/20261121T000000Z-0000000%d.ndjson.zst",
                 folder, i);
        const struct timespec when = {.tv_sec = i == 1 ? INT64_C(15000000000) : -2000000000};
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, when};
        ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    ck_assert_int_eq(retention_list(&listing, folder, SUPPORT_WALL, &err), STATUS_OK);
    ck_assert_uint_eq(listing.count, 2);
    ck_assert_int_gt(listing.files[0].last_ns, SUPPORT_WALL); /* some disks end in 2038 */
    ck_assert_int_eq(listing.files[1].last_ns, listing.files[1].first_ns);
    retention_listing_free(&listing);
    support_remove(folder);
}
END_TEST

START_TEST(an_empty_data_directory)
{
    struct retention_listing listing;
    folder = support_folder();
    ck_assert_int_eq(retention_list(&listing, folder, SUPPORT_WALL, &err), STATUS_OK);
    ck_assert_uint_eq(listing.count, 0);
    support_remove(folder);
}
END_TEST

START_TEST(folders_go_with_their_last_file)
{
    struct retention_listing listing;
    folder = support_folder();
    put_file("2025/12/31/20251231T000000Z-00000001.ndjson.zst", 1, 0);
    put_file("2026/01/01/20260101T000000Z-00000002.ndjson.zst", 1, 0);
    put_file("2026/01/01/20260101T000000Z-00000003.ndjson.zst", 1, 0);
    put_file("2026/11/22/20261122T000000Z-00000004.ndjson.zst", 1, 0);
    ck_assert_int_eq(retention_list(&listing, folder, SUPPORT_WALL, &err), STATUS_OK);
    static const char *const gone[] = {"2025", "2026/01/01/20260101T000000Z-00000002.ndjson.zst",
                                       "2026/01",
                                       "2026/11/22/20261122T000000Z-00000004.ndjson.zst"};
    static const char *const there[] = {"2026/01/01", "2026/01/01", "2026/11/22", "2026/11/22"};
    for (size_t i = 0; i < 4; i++) {
        ck_assert(exists(gone[i]));
        ck_assert_int_eq(retention_remove(folder, &listing.files[i], SUPPORT_WALL, &err),
                         STATUS_OK);
        ck_assert(!exists(gone[i]));
        ck_assert(exists(there[i])); /* the last is today's */
        ck_assert_int_eq(retention_remove(folder, &listing.files[i], SUPPORT_WALL, &err),
                         STATUS_NOT_FOUND);
    }
    retention_listing_free(&listing);
    support_remove(folder);
}
END_TEST

START_TEST(empty_folders_are_found)
{
    struct retention_listing listing;
    char path[4096];
    folder = support_folder();
    snprintf(path, sizeof path, "%s/segments/2026/11/20/x", folder);
    ck_assert_int_eq(segment_make_folders(path, (gid_t)-1, &err), STATUS_OK);
    snprintf(path, sizeof path, "%s/segments/2026/11/22/x", folder);
    ck_assert_int_eq(segment_make_folders(path, (gid_t)-1, &err), STATUS_OK);
    ck_assert_int_eq(retention_list(&listing, folder, SUPPORT_WALL, &err), STATUS_OK);
    ck_assert(!exists("2026/11/20"));
    ck_assert(exists("2026/11/22")); /* today's: about to be used */
    support_remove(folder);
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "retention", no_limits_no_removals, bytes_take_the_oldest,
        what_is_being_written_stays_whatever_its_place, open_and_damaged_files_count_and_go,
        age_is_that_of_the_newest_line, an_old_file_between_young_ones_goes,
        age_waits_for_the_clock, room_takes_the_oldest, limits_together, looking_ahead,
        sizes_that_overflow, order_of_removal, what_is_listed, times_of_files_that_cannot_be,
        an_empty_data_directory, folders_go_with_their_last_file, empty_folders_are_found);
}
