/*
 * ring_test.c - the live ring: order, wrapping, overruns counted exactly, recovery after a
 * crash at every point of an append, the session table.
 */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ring/layout.h"

static char folder[] = "/tmp/hashscope-ring-XXXXXX";
static char path[64];

static struct ring_settings settings_make(void)
{
    return (struct ring_settings){.path = path,
                                  .bytes = RING_BYTES_MIN,
                                  .slots = 8,
                                  .instance = 77,
                                  .first_seq = 1,
                                  .file_mode = 0640};
}

static struct ring_writer *writer_open(struct ring_recovered *recovered)
{
    struct ring_settings settings = settings_make();
    struct ring_recovered unused;
    struct ring_writer *writer = NULL;
    struct error err = {""};
    enum status status =
        ring_writer_open(&writer, &settings, recovered ? recovered : &unused, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    return writer;
}

static void setup(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ring", folder);
}

static void teardown(void)
{
    char other[80];
    unlink(path);
    snprintf(other, sizeof other, "%s.new", path);
    unlink(other);
    rmdir(folder);
}

static uint64_t append(struct ring_writer *writer, const char *data, size_t len)
{
    struct record record = {.type = RECORD_MESSAGE,
                            .wall_ns = 5,
                            .mono_ns = 7,
                            .slot = 3,
                            .direction = DIRECTION_POOL_TO_MINER,
                            .terminator = TERMINATOR_CRLF,
                            .kind = 2,
                            .method = 9,
                            .fault = 4,
                            .fault_at = 99,
                            .flags = RECORD_PAIRED | RECORD_ERROR,
                            .offset_up = 1,
                            .offset_down = 2,
                            .re = 42,
                            .latency_ns = 43,
                            .payload = {data, len}};
    memset(record.session.bytes, 0xab, sizeof record.session.bytes);
    return ring_writer_append(writer, &record);
}

START_TEST(every_field_comes_back)
{
    struct ring_writer *writer = writer_open(NULL);
    struct ring_reader *reader = ring_reader_attach(writer);
    struct record out;
    uint64_t missed = 9;
    ck_assert_uint_eq(append(writer, "hello", 5), 1);
    ck_assert_int_eq(ring_reader_next(reader, &out, &missed), STATUS_END);
    ring_writer_publish(writer, 1007);
    ck_assert_int_eq(ring_reader_next(reader, &out, &missed), STATUS_OK);
    ck_assert_uint_eq(missed, 0);
    ck_assert_uint_eq(out.seq, 1);
    ck_assert_int_eq(out.wall_ns, 5);
    ck_assert_int_eq(out.mono_ns, 7);
    ck_assert_uint_eq(out.slot, 3);
    ck_assert_int_eq(out.direction, DIRECTION_POOL_TO_MINER);
    ck_assert_int_eq(out.terminator, TERMINATOR_CRLF);
    ck_assert_uint_eq(out.kind, 2);
    ck_assert_uint_eq(out.method, 9);
    ck_assert_uint_eq(out.fault, 4);
    ck_assert_uint_eq(out.fault_at, 99);
    ck_assert_uint_eq(out.flags, RECORD_PAIRED | RECORD_ERROR | RECORD_FORWARD_KNOWN);
    ck_assert_uint_eq(out.forward_ns, 1000);
    ck_assert_uint_eq(out.offset_up, 1);
    ck_assert_uint_eq(out.offset_down, 2);
    ck_assert_uint_eq(out.re, 42);
    ck_assert_int_eq(out.latency_ns, 43);
    ck_assert_uint_eq(out.session.bytes[15], 0xab);
    ck_assert_uint_eq(out.payload.len, 5);
    ck_assert_mem_eq(out.payload.data, "hello", 5);
    ck_assert_int_eq(ring_reader_next(reader, &out, &missed), STATUS_END);
    ring_reader_close(reader);
    ring_writer_close(writer);
}
END_TEST

START_TEST(queued_records_have_no_delay)
{
    struct ring_writer *writer = writer_open(NULL);
    struct ring_reader *reader = ring_reader_attach(writer);
    struct record out;
    append(writer, "", 0);
    ring_writer_publish(writer, 0);
    ck_assert_int_eq(ring_reader_next(reader, &out, NULL), STATUS_OK);
    ck_assert_uint_eq(out.flags & RECORD_FORWARD_KNOWN, 0);
    ring_reader_close(reader);
    ring_writer_close(writer);
}
END_TEST

static char *pattern(size_t len, unsigned seed)
{
    char *data = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)((i * 31 + seed) % 251);
    return data;
}

/* Sizes around every border: empty, words, one record, chains; several laps of the ring. */
START_TEST(sizes_and_laps)
{
    static const size_t sizes[] = {0,       1,       7,       8,       9,       1000,
                                   1048432, 1048440, 1048441, 3000000, 8388608, 4096};
    struct ring_writer *writer = writer_open(NULL);
    struct ring_reader *reader = ring_reader_attach(writer);
    struct record out;
    uint64_t missed;
    for (unsigned lap = 0; lap < 5; lap++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char *data = pattern(sizes[i], lap + (unsigned)i);
            uint64_t seq = append(writer, data, sizes[i]);
            ring_writer_publish(writer, 0);
            ck_assert_int_eq(ring_reader_next(reader, &out, &missed), STATUS_OK);
            ck_assert_uint_eq(missed, 0);
            ck_assert_uint_eq(out.seq, seq);
            ck_assert_uint_eq(out.payload.len, sizes[i]);
            ck_assert_int_eq(memcmp(out.payload.data, data, sizes[i]), 0);
            free(data);
        }
    }
    ring_reader_close(reader);
    ring_writer_close(writer);
}
END_TEST

START_TEST(an_overrun_reader_counts_what_it_missed)
{
    struct ring_writer *writer = writer_open(NULL);
    struct ring_reader *reader = ring_reader_attach(writer);
    struct record out;
    uint64_t missed, seen = 0, lost = 0, last = 0;
    char *data = pattern(3000, 1);
    for (unsigned i = 0; i < 30000; i++) {
        last = append(writer, data, i % 3000);
        ring_writer_publish(writer, 0);
        if (i == 10)
            while (ring_reader_next(reader, &out, &missed) == STATUS_OK)
                seen++;
    }
    ck_assert_uint_eq(seen, 11);
    while (ring_reader_next(reader, &out, &missed) == STATUS_OK) {
        seen++;
        lost += missed;
        ck_assert_uint_eq(out.seq, seen + lost);
    }
    ck_assert_uint_gt(lost, 10000);
    ck_assert_uint_eq(seen + lost, last);
    free(data);
    ring_reader_close(reader);
    ring_writer_close(writer);
}
END_TEST

START_TEST(seeking_and_walking_back)
{
    struct ring_writer *writer = writer_open(NULL);
    struct record out;
    char *big = pattern(3000000, 5);
    for (unsigned i = 1; i <= 100; i++)
        append(writer, big, i == 50 ? 3000000 : i);
    ring_writer_publish(writer, 0);
    struct ring_reader *reader = ring_reader_attach(writer);
    ring_reader_seek_end(reader);
    for (uint64_t seq = 100; seq > 0; seq--) {
        ck_assert_int_eq(ring_reader_previous(reader, &out), STATUS_OK);
        ck_assert_uint_eq(out.seq, seq);
        ck_assert_uint_eq(out.payload.len, seq == 50 ? 3000000 : seq);
    }
    ck_assert_int_eq(ring_reader_previous(reader, &out), STATUS_END);
    ck_assert(ring_reader_seek_seq(reader, 51));
    ck_assert_int_eq(ring_reader_next(reader, &out, NULL), STATUS_OK);
    ck_assert_uint_eq(out.seq, 51);
    ck_assert(ring_reader_seek_seq(reader, 1));
    ck_assert(ring_reader_seek_seq(reader, 200));
    ck_assert_int_eq(ring_reader_next(reader, &out, NULL), STATUS_END);
    for (unsigned i = 0; i < 10; i++)
        append(writer, big, 3000000);
    ring_writer_publish(writer, 0);
    ck_assert(!ring_reader_seek_seq(reader, 1));
    free(big);
    ring_reader_close(reader);
    ring_writer_close(writer);
}
END_TEST

/* ------------------------------------------------------------------ crashes */

/* Appends in a process of its own that dies without closing: `published` and then `unpublished`. */
static void crash_after(unsigned published, unsigned unpublished, size_t size)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct ring_writer *writer = writer_open(NULL);
        char *data = pattern(size, 3);
        for (unsigned i = 0; i < published; i++)
            append(writer, data, size);
        ring_writer_publish(writer, 0);
        for (unsigned i = 0; i < unpublished; i++)
            append(writer, data, size);
        _exit(0);
    }
    int wait_status;
    ck_assert_int_eq(waitpid(child, &wait_status, 0), child);
    ck_assert_int_eq(wait_status, 0);
}

START_TEST(a_crash_loses_no_complete_record)
{
    struct ring_recovered recovered;
    crash_after(5, 3, 1500000);
    struct ring_writer *writer = writer_open(&recovered);
    ck_assert(recovered.existed);
    ck_assert(!recovered.clean);
    ck_assert(!recovered.rebooted);
    ck_assert_uint_eq(recovered.past_tail, 3);
    ck_assert_uint_eq(recovered.last_seq, 8);
    ck_assert_uint_eq(recovered.oldest_seq, 1);
    ck_assert_uint_eq(append(writer, "x", 1), 9);
    ring_writer_publish(writer, 0);
    struct ring_reader *reader = ring_reader_attach(writer);
    struct record out;
    uint64_t missed;
    for (uint64_t seq = 1; seq <= 9; seq++) {
        ck_assert_int_eq(ring_reader_next(reader, &out, &missed), STATUS_OK);
        ck_assert_uint_eq(out.seq, seq);
    }
    ring_reader_close(reader);
    ring_writer_close(writer);
    writer = writer_open(&recovered);
    ck_assert(recovered.clean);
    ck_assert_uint_eq(recovered.last_seq, 9);
    ring_writer_close(writer);
}
END_TEST

/* A record whose bytes are not all what they should be is where recovery ends. */
START_TEST(recovery_stops_at_a_broken_record)
{
    struct ring_recovered recovered;
    crash_after(2, 3, 100);
    int fd = open(path, O_RDWR);
    struct ring_header header;
    ck_assert_int_eq(pread(fd, &header, sizeof header, 0), sizeof header);
    uint32_t length = ring_record_length(100);
    off_t fourth = (off_t)(header.data_offset + header.tail + length);
    char byte;
    off_t at = fourth + (off_t)(_i * 5);
    if (_i * 5 >= (int)RING_HEAD_BYTES + 100)
        at = fourth + RING_HEAD_BYTES + 99;
    if (at - fourth >= 20 && at - fourth < 24)
        at = fourth + 24; /* the delay and the spare word are outside the checksum */
    if (at - fourth >= 16 && at - fourth < 24)
        at = fourth + 8;
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    struct ring_writer *writer = writer_open(&recovered);
    ck_assert_uint_eq(recovered.past_tail, 1);
    ck_assert_uint_eq(recovered.last_seq, 3);
    ck_assert_uint_eq(append(writer, "x", 1), 4);
    ring_writer_close(writer);
}
END_TEST

START_TEST(files_that_are_no_ring)
{
    struct ring_settings settings = settings_make();
    struct ring_recovered recovered;
    struct ring_writer *writer;
    struct error err;
    ring_writer_close(writer_open(NULL));
    settings.instance = 78;
    ck_assert_int_eq(ring_writer_open(&writer, &settings, &recovered, &err), STATUS_UNSUPPORTED);
    settings = settings_make();
    settings.slots = 9;
    ck_assert_int_eq(ring_writer_open(&writer, &settings, &recovered, &err), STATUS_OK);
    ck_assert(recovered.other_size);
    ring_writer_close(writer);
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pwrite(fd, "XX", 2, 0), 2);
    ck_assert_int_eq(ring_writer_open(&writer, &settings, &recovered, &err), STATUS_DAMAGED);
    ck_assert_int_eq(pwrite(fd, "HS", 2, 0), 2);
    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
    ck_assert_int_eq(ring_writer_open(&writer, &settings, &recovered, &err), STATUS_DAMAGED);
    ck_assert_int_eq(ftruncate(fd, 10), 0);
    ck_assert_int_eq(ring_writer_open(&writer, &settings, &recovered, &err), STATUS_DAMAGED);
    close(fd);
    unlink(path);
    struct ring_reader *reader;
    ck_assert_int_eq(ring_reader_open(&reader, path, &err), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(a_reader_notices_a_new_ring)
{
    struct ring_writer *writer = writer_open(NULL);
    struct ring_reader *reader;
    struct error err;
    bool restarted;
    ck_assert_int_eq(ring_reader_open(&reader, path, &err), STATUS_OK);
    ck_assert(!ring_reader_replaced(reader, path, &restarted));
    ck_assert(!restarted);
    ring_writer_close(writer);
    writer = writer_open(NULL);
    ck_assert(!ring_reader_replaced(reader, path, &restarted));
    ck_assert(restarted);
    ring_writer_close(writer);
    unlink(path);
    writer = writer_open(NULL);
    ck_assert(ring_reader_replaced(reader, path, NULL));
    ring_reader_close(reader);
    ring_writer_close(writer);
}
END_TEST

/* ------------------------------------------------------------------ sessions */

static uint32_t session_new(struct ring_writer *writer, const char *name)
{
    struct session_info info = {.state = SESSION_OPEN};
    snprintf(info.route, sizeof info.route, "%s", name);
    return ring_session_open(writer, &info);
}

static void session_end(struct ring_writer *writer, uint32_t slot)
{
    struct session_info info;
    ring_session_get(writer, slot, &info);
    info.state = SESSION_CLOSED;
    ring_session_update(writer, slot, &info);
}

static void count_open(void *user, uint32_t slot, struct session_info *info)
{
    unsigned *bits = user;
    ck_assert_int_eq(info->state, SESSION_OPEN);
    *bits |= 1u << slot;
}

START_TEST(the_session_table)
{
    struct ring_writer *writer = writer_open(NULL);
    struct ring_reader *reader = ring_reader_attach(writer);
    struct session_info info;
    unsigned open_bits = 0;
    ck_assert_int_eq(ring_reader_session(reader, 0, &info), STATUS_NOT_FOUND);
    ck_assert_int_eq(ring_reader_session(reader, 8, &info), STATUS_END);
    for (uint32_t i = 0; i < 8; i++)
        ck_assert_uint_eq(session_new(writer, "first"), i);
    ring_session_bytes(writer, 5, 123, 456);
    ck_assert_int_eq(ring_reader_session(reader, 5, &info), STATUS_OK);
    ck_assert_uint_eq(info.number, 6);
    ck_assert_uint_eq(info.bytes_up, 123);
    ck_assert_uint_eq(info.bytes_down, 456);
    ck_assert_uint_eq(session_new(writer, "none left"), RING_NO_SLOT);
    session_end(writer, 4);
    session_end(writer, 2);
    ck_assert_uint_eq(session_new(writer, "second"), 4);
    ck_assert_uint_eq(session_new(writer, "second"), 2);
    session_end(writer, 7);
    ring_reader_close(reader);
    ring_writer_close(writer);
    writer = writer_open(NULL);
    ring_session_each_open(writer, count_open, &open_bits);
    ck_assert_uint_eq(open_bits, 0x7f);
    ck_assert_uint_eq(session_new(writer, "third"), 7);
    ring_session_get(writer, 7, &info);
    ck_assert_uint_eq(info.number, 12);
    ring_writer_close(writer);
}
END_TEST

/* ------------------------------------------------------------------ threads */

struct follow {
    struct ring_reader *reader;
    _Atomic bool stop;
    _Atomic uint64_t seen, lost, wrong;
};

static void *follow_thread(void *user)
{
    struct follow *follow = user;
    struct record out;
    uint64_t missed;
    bool stop = false;
    for (;;) {
        if (ring_reader_next(follow->reader, &out, &missed) != STATUS_OK) {
            if (stop)
                return NULL;
            stop = follow->stop;
            continue;
        }
        follow->seen++;
        follow->lost += missed;
        if (out.seq != follow->seen + follow->lost)
            follow->wrong++;
        for (size_t i = 0; i < out.payload.len; i++)
            if ((unsigned char)out.payload.data[i] != (out.seq & 0xff))
                follow->wrong++;
    }
}

/* A writer at full speed and two readers: nothing torn is ever seen, what is missed is counted. */
START_TEST(readers_beside_a_fast_writer)
{
    struct ring_writer *writer = writer_open(NULL);
    struct follow follow[2] = {{0}};
    pthread_t threads[2];
    struct error err;
    static char data[20000];
    follow[0].reader = ring_reader_attach(writer);
    ck_assert_int_eq(ring_reader_open(&follow[1].reader, path, &err), STATUS_OK);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, follow_thread, &follow[i]);
    uint64_t last = 0;
    for (unsigned i = 0; i < 6000; i++) {
        while (i == 1 && (follow[0].seen == 0 || follow[1].seen == 0))
            sched_yield(); /* what is missed counts from the first record that a reader saw */
        memset(data, (int)(ring_writer_next_seq(writer) & 0xff), sizeof data);
        last = append(writer, data, i * 7919 % sizeof data);
        ring_writer_publish(writer, 0);
    }
    for (int i = 0; i < 2; i++) {
        follow[i].stop = true;
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(follow[i].wrong, 0);
        ck_assert_uint_eq(follow[i].seen + follow[i].lost, last);
        ring_reader_close(follow[i].reader);
    }
    ring_writer_close(writer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ring");
    TCase *tcase = tcase_create("ring");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_field_comes_back);
    tcase_add_test(tcase, queued_records_have_no_delay);
    tcase_add_test(tcase, sizes_and_laps);
    tcase_add_test(tcase, an_overrun_reader_counts_what_it_missed);
    tcase_add_test(tcase, seeking_and_walking_back);
    tcase_add_test(tcase, a_crash_loses_no_complete_record);
    tcase_add_loop_test(tcase, recovery_stops_at_a_broken_record, 0, 46);
    tcase_add_test(tcase, files_that_are_no_ring);
    tcase_add_test(tcase, a_reader_notices_a_new_ring);
    tcase_add_test(tcase, the_session_table);
    tcase_add_test(tcase, readers_beside_a_fast_writer);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
