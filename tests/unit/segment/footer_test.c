/* Footers: what they say, that they can be made anew from the frames, that hostile ones do no harm,
 * and that a file whose sealing was interrupted gets its footer at the next start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/segment/footer_private.h"
#include "lib/segment/repair.h"
#include "lib/segment/row.h"
#include "lib/segment/verify.h"
#include "tests/unit/archive/archive_support.h"
#include "tests/unit/unit.h"

#define NS_PER_MINUTE (60 * NS_PER_S)

#define AGENT "cgminer/4.12.1 \\\"quoted\\\""

static struct error err;

/* Two sessions that do what miners do, in one sealed segment; the second began before it. */
static void record_traffic(struct rig *rig)
{
    archive_rig_begin(rig);
    archive_rig_start(rig);
    archive_rig_connect(rig, 0);
    uint64_t seq =
        archive_rig_say(rig, 0, DIRECTION_MINER_TO_POOL,
                        "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"" AGENT "\"]}");
    archive_rig_answer(rig, 0, seq, "{\"id\":1,\"result\":[[],\"ab\",4],\"error\":null}");
    uint64_t bad =
        archive_rig_say(rig, 0, DIRECTION_MINER_TO_POOL,
                        "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"no\"]}");
    uint64_t good =
        archive_rig_say(rig, 0, DIRECTION_MINER_TO_POOL,
                        "{\"id\":3,\"method\":\"mining.authorize\",\"params\":[\"farm.1\",\"x\"]}");
    archive_rig_answer(rig, 0, good, "{\"id\":3,\"result\":true,\"error\":null}");
    struct rig_session *from = &rig->sessions[0];
    struct record refusal = support_message(1, 0, "{\"id\":2,\"result\":false,\"error\":null}");
    refusal.direction = DIRECTION_POOL_TO_MINER;
    refusal.flags |= RECORD_PAIRED;
    refusal.re = bad;
    refusal.session = from->info.session;
    refusal.slot = from->slot;
    refusal.offset_up = from->up;
    refusal.offset_down = from->down;
    refusal.wall_ns = clock_wall_ns();
    ring_writer_append(rig->ring, &refusal);
    ring_writer_publish(rig->ring, 0);
    from->down += refusal.payload.len + 1;
    for (int i = 0; i < 5; i++) {
        seq = archive_rig_say(rig, 0, DIRECTION_MINER_TO_POOL,
                              "{\"id\":9,\"method\":\"mining.submit\",\"params\":[\"farm.1\"]}");
        archive_rig_answer(rig, 0, seq, "{\"id\":9,\"result\":true,\"error\":null}");
    }
    archive_rig_close(rig, 0);
    archive_rig_stop(rig);
}

static struct segment_footer *open_footer(const char *path)
{
    struct segment_footer *footer;
    enum status status = segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    return footer;
}

static void check_session(const struct segment_footer *footer)
{
    struct segment_summary summary;
    struct segment_runs runs;
    uint32_t first, count;
    ck_assert_uint_eq(segment_footer_sessions(footer), 1);
    segment_footer_session(footer, 0, &summary);
    ck_assert(span_equal_text(summary.miner, "10.0.0.7:53122"));
    ck_assert(span_equal_text(summary.route, "main"));
    ck_assert(span_equal_text(summary.pool, "pool.example.com:3333"));
    ck_assert(span_equal_text(summary.user_agent, AGENT));
    ck_assert_uint_eq(summary.worker_count, 1);
    ck_assert(span_equal_text(summary.workers[0], "farm.1"));
    ck_assert(span_equal_text(summary.closed_by, "miner"));
    ck_assert(summary.opened && summary.connected && summary.closed);
    ck_assert_uint_eq(summary.submits, 5);
    ck_assert_uint_eq(summary.accepted, 5);
    ck_assert_uint_eq(summary.rejected, 0);
    ck_assert_uint_eq(summary.other_errors, 1);
    ck_assert_uint_eq(summary.messages[DIRECTION_MINER_TO_POOL], 8);
    ck_assert_uint_eq(summary.messages[DIRECTION_POOL_TO_MINER], 8);
    ck_assert_int_eq(summary.opened_us, summary.first_us);
    ck_assert_int_ge(summary.lasted_us, 0);
    ck_assert_int_lt(summary.lasted_us, NS_PER_MINUTE / NS_PER_US);
    segment_footer_session_frames(footer, 0, &runs);
    ck_assert(segment_runs_next(&runs, &first, &count));
    ck_assert_uint_eq(first, 0);
    ck_assert(!segment_runs_next(&runs, &first, &count));
}

START_TEST(what_a_footer_says)
{
    struct rig rig;
    size_t i;
    record_traffic(&rig);
    char path[4096], command[8400];
    snprintf(path, sizeof path, "%s", support_only(rig.folder, ".zst"));
    struct segment_footer *footer = open_footer(path), *again;
    ck_assert(!segment_footer_rebuilt(footer));
    check_session(footer);
    ck_assert(segment_footer_find(footer, &rig.sessions[0].info.session, &i));
    ck_assert(!segment_footer_find(footer, &(struct uuid){{1}}, &i));
    ck_assert_uint_eq(segment_footer_totals(footer)->first_seq, 1);
    ck_assert_int_eq(segment_footer_rebuild(&again, path, SEGMENT_FOOTER_ALL, NULL, &err),
                     STATUS_OK);
    ck_assert(segment_footer_rebuilt(again));
    check_session(again);
    ck_assert_int_eq(memcmp(segment_footer_totals(footer), segment_footer_totals(again),
                            sizeof(struct segment_totals)),
                     0);
    segment_footer_close(again);
    segment_footer_close(footer);
    ck_assert(support_check(rig.folder));
    snprintf(command, sizeof command, "zstd -tq '%s' && zstd -l '%s' >/dev/null", path, path);
    ck_assert_int_eq(system(command), 0);
    archive_rig_end(&rig);
}
END_TEST

/* A session that goes on in the next segment keeps its name there. */
START_TEST(the_next_segment_knows_who_it_is)
{
    struct rig rig;
    struct segment_summary summary;
    struct segment_path *paths;
    size_t count;
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    archive_rig_connect(&rig, 0);
    archive_rig_say(&rig, 0, DIRECTION_MINER_TO_POOL,
                    "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"miner/1\"]}");
    archive_rig_say(&rig, 0, DIRECTION_MINER_TO_POOL,
                    "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"farm.1\"]}");
    uint64_t seq = archive_rig_say(&rig, 0, DIRECTION_MINER_TO_POOL,
                                   "{\"id\":3,\"method\":\"mining.submit\",\"params\":[]}");
    archive_rig_wait(&rig, archive_rig_archived, seq);
    archive_rotate(rig.archive);
    uint64_t until = (uint64_t)clock_mono_ns() + 5000000000u;
    while (support_count(rig.folder, ".open") && (uint64_t)clock_mono_ns() < until)
        archive_rig_wait(&rig, archive_rig_archived, seq);
    archive_rig_answer(&rig, 0, seq, "{\"id\":3,\"result\":true,\"error\":null}");
    archive_rig_stop(&rig);
    ck_assert_int_eq(segment_list(rig.folder, &paths, &count, &err), STATUS_OK);
    ck_assert_uint_eq(count, 2);
    struct segment_footer *footer = open_footer(paths[1].path);
    ck_assert_uint_eq(segment_footer_sessions(footer), 1);
    segment_footer_session(footer, 0, &summary);
    ck_assert(span_equal_text(summary.user_agent, "miner/1"));
    ck_assert_uint_eq(summary.worker_count, 1);
    ck_assert(span_equal_text(summary.workers[0], "farm.1"));
    ck_assert(span_equal_text(summary.miner, "10.0.0.7:53122"));
    ck_assert(!summary.opened && summary.connected && !summary.closed);
    ck_assert_uint_eq(summary.earlier_accepted, 1);
    ck_assert_uint_eq(summary.bytes_up, rig.sessions[0].up);
    ck_assert_uint_eq(summary.bytes_down, rig.sessions[0].down);
    segment_footer_close(footer);
    segment_list_free(paths, count);
    ck_assert(support_check(rig.folder));
    archive_rig_end(&rig);
}
END_TEST

/* Killed at any byte of footer and seek table: the next start completes the file where it is. */
START_TEST(sealing_can_be_interrupted)
{
    struct rig rig;
    record_traffic(&rig);
    char path[4096], open_path[4200];
    snprintf(path, sizeof path, "%s", support_only(rig.folder, ".zst"));
    snprintf(open_path, sizeof open_path, "%s.open", path);
    struct buffer bytes = support_read(path), again;
    struct segment_footer *footer = open_footer(path);
    size_t end = segment_footer_totals(footer)->end;
    segment_footer_close(footer);
    for (size_t len = end; len <= bytes.len; len++) {
        struct archive_recovered found;
        ck_assert_int_eq(unlink(path), 0);
        support_write(open_path, bytes.data, len);
        ck_assert_int_eq(archive_recover(&rig.settings, NULL, &found, &err), STATUS_OK);
        ck_assert_uint_eq(found.segments, 1);
        ck_assert_uint_eq(found.torn, 0);
        again = support_read(path);
        ck_assert_uint_eq(again.len, bytes.len);
        ck_assert_int_eq(memcmp(again.data, bytes.data, bytes.len), 0);
        buffer_close(&again);
    }
    buffer_close(&bytes);
    archive_rig_end(&rig);
}
END_TEST

/* A sealed file without a footer gets the same one later; one that has it is left alone. */
START_TEST(a_footer_can_be_added_later)
{
    struct rig rig;
    record_traffic(&rig);
    char path[4096];
    snprintf(path, sizeof path, "%s", support_only(rig.folder, ".zst"));
    struct buffer bytes = support_read(path);
    struct segment_footer *footer = open_footer(path);
    size_t end = segment_footer_totals(footer)->end;
    segment_footer_close(footer);
    ck_assert_int_eq(segment_footer_add(path, &err), STATUS_EXISTS);
    for (size_t cut = end; cut < bytes.len; cut += 11) {
        ck_assert_int_eq(truncate(path, (off_t)cut), 0);
        ck_assert_int_eq(segment_footer_add(path, &err), STATUS_OK);
        struct buffer again = support_read(path);
        ck_assert_uint_eq(again.len, bytes.len);
        ck_assert_int_eq(memcmp(again.data, bytes.data, bytes.len), 0);
        buffer_close(&again);
    }
    buffer_close(&bytes);
    archive_rig_end(&rig);
}
END_TEST

/* As earlier writers wrote it: the lines say how long the session lasted, the footer does not. */
START_TEST(a_footer_of_an_earlier_writer)
{
    struct rig rig;
    struct segment_footer *footer;
    struct segment_summary summary;
    struct segment_row row;
    struct segment_verdict verdict;
    record_traffic(&rig);
    char path[4096];
    snprintf(path, sizeof path, "%s", support_only(rig.folder, ".zst"));
    struct buffer bytes = support_read(path);
    footer = open_footer(path);
    unsigned char *table = (unsigned char *)footer->sessions.data;
    segment_row_load(&row, table, 1, 0);
    ck_assert_uint_ne(row.flags & SEGMENT_ROW_LASTED, 0);
    row.flags &= ~(uint32_t)SEGMENT_ROW_LASTED;
    segment_row_store(table, 1, 0, &row);
    bytes.len = segment_footer_totals(footer)->end;
    ck_assert(segment_footer_append(&bytes, &footer->head, &footer->directory,
                                    span_make(footer->sessions.data, footer->sessions.len), 1));
    segment_footer_close(footer);
    support_write(path, bytes.data, bytes.len);
    footer = open_footer(path);
    segment_footer_session(footer, 0, &summary);
    ck_assert(summary.closed && summary.lasted_us == SEGMENT_TIME_UNKNOWN);
    segment_footer_close(footer);
    ck_assert_int_eq(segment_verify(path, NULL, NULL, &verdict, &err), STATUS_OK);
    ck_assert(verdict.footer);
    buffer_close(&bytes);
    archive_rig_end(&rig);
}
END_TEST

/* Every field of the footer's head, every section, made to lie under a CRC that fits. */
START_TEST(hostile_footers)
{
    static const uint32_t lies[] = {0, 1, 0x7fffffff, 0xffffffff, 65536, 1u << 20};
    struct rig rig;
    struct segment_footer *footer;
    struct segment_summary summary;
    struct segment_runs runs;
    uint32_t first, count;
    record_traffic(&rig);
    char path[4096];
    snprintf(path, sizeof path, "%s", support_only(rig.folder, ".zst"));
    struct buffer bytes = support_read(path);
    footer = open_footer(path);
    size_t end = segment_footer_totals(footer)->end, opened = 0;
    segment_footer_close(footer);
    unsigned char *head = (unsigned char *)bytes.data + end, saved[200];
    memcpy(saved, head, sizeof saved);
    for (size_t at = 16; at < 196; at += 2) {
        for (size_t lie = 0; lie < sizeof lies / sizeof lies[0]; lie++) {
            store_le32(head + (at > 192 ? 192 : at), lies[lie]);
            store_le32(head + 196, crc32c(0, head + 8, 188));
            support_write(path, bytes.data, bytes.len);
            memcpy(head, saved, sizeof saved);
            if (segment_footer_open(&footer, path, SEGMENT_FOOTER_SESSIONS, &err) != STATUS_OK)
                continue;
            opened++;
            for (size_t i = 0; i < segment_footer_sessions(footer); i++) {
                segment_footer_session(footer, i, &summary);
                segment_footer_session_frames(footer, i, &runs);
                while (segment_runs_next(&runs, &first, &count))
                    continue;
            }
            segment_footer_close(footer);
        }
    }
    ck_assert_uint_gt(opened, 0); /* some fields are only compared when frames are asked for */
    buffer_close(&bytes);
    archive_rig_end(&rig);
}
END_TEST

/* 100,000 sessions in one file. */
START_TEST(very_many_sessions)
{
    enum { SESSIONS = 100000 };
    struct segment_head head = {.version = SEGMENT_VERSION, .instance = 5, .number = 1};
    const char *folder = support_folder();
    struct segment_writer file;
    struct segment_verdict verdict;
    size_t i;
    head.start_wall_ns = SUPPORT_WALL;
    segment_writer_init(&file, NULL, (gid_t)-1);
    ck_assert_int_eq(segment_writer_create(&file, folder, &head, 0, &err), STATUS_OK);
    for (uint64_t seq = 1; seq <= 2 * SESSIONS; seq++) {
        char text[100];
        snprintf(text, sizeof text,
                 "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"farm.%d\"]}",
                 (int)(seq % SESSIONS));
        struct record record = support_message(seq, 1, text);
        store_le32(record.session.bytes + 10, (uint32_t)(seq % SESSIONS));
        support_put(&file, &record);
        if (segment_writer_frame_full(&file))
            segment_writer_end_frame(&file);
    }
    segment_writer_end_frame(&file);
    int64_t begin = clock_mono_ns();
    segment_writer_add_footer(&file);
    ck_assert_int_lt(clock_mono_ns() - begin, 3 * NS_PER_S);
    ck_assert_int_eq(segment_writer_write(&file, &err), STATUS_OK);
    struct segment_footer *footer = open_footer(file.path);
    ck_assert_uint_eq(segment_footer_sessions(footer), SESSIONS);
    struct record last = support_message(1, 1, "");
    store_le32(last.session.bytes + 10, 77777);
    ck_assert(segment_footer_find(footer, &last.session, &i));
    ck_assert_uint_eq(i, 77776);
    struct segment_summary summary;
    segment_footer_session(footer, i, &summary);
    ck_assert(span_equal_text(summary.workers[0], "farm.77777"));
    ck_assert_uint_eq(summary.messages[DIRECTION_MINER_TO_POOL], 2);
    segment_footer_close(footer);
    ck_assert_int_eq(segment_verify(file.path, NULL, NULL, &verdict, &err), STATUS_OK);
    ck_assert_uint_eq(verdict.problems, 0);
    ck_assert(verdict.footer);
    segment_writer_free(&file);
    support_remove(folder);
}
END_TEST

int main(void)
{
    return UNIT_RUN("segment footer", what_a_footer_says, the_next_segment_knows_who_it_is,
                    sealing_can_be_interrupted, a_footer_can_be_added_later,
                    a_footer_of_an_earlier_writer, hostile_footers, very_many_sessions);
}
