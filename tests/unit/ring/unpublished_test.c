/* Records that are put into the ring faster than they are published. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ring/ring.h"
#include "tests/unit/unit.h"

#define PAYLOAD ((size_t)7 << 20)
#define COUNT   9 /* nearly four times the ring */

static char folder[] = "/tmp/hashscope-ring-XXXXXX";
static char path[64];

static void folder_make(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ring", folder);
}

static void folder_remove(void)
{
    unlink(path);
    rmdir(folder);
}

static struct ring_writer *writer_open(struct ring_recovered *recovered)
{
    const struct ring_settings settings = {.path = path,
                                           .bytes = RING_BYTES_MIN,
                                           .slots = 8,
                                           .instance = 77,
                                           .first_seq = 1,
                                           .file_mode = 0640};
    struct ring_writer *writer = NULL;
    struct error err = {""};
    enum status status = ring_writer_open(&writer, &settings, recovered, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    return writer;
}

/* Lines of many sessions that end in the same turn of the loop. */
static void append_all(struct ring_writer *writer)
{
    char *payload = malloc(PAYLOAD);
    ck_assert_ptr_nonnull(payload);
    memset(payload, 0xff, PAYLOAD); /* as a length this leads far away */
    const struct record record = {.type = RECORD_MESSAGE, .slot = 3, .payload = {payload, PAYLOAD}};
    for (uint64_t seq = 1; seq <= COUNT; seq++)
        ck_assert_uint_eq(ring_writer_append(writer, &record), seq);
    free(payload);
}

START_TEST(what_waits_is_not_overwritten)
{
    struct ring_recovered recovered;
    folder_make();
    struct ring_writer *writer = writer_open(&recovered);
    struct ring_reader *reader = ring_reader_attach(writer);
    struct record out;
    append_all(writer);
    ring_writer_publish(writer, 1007);
    ck_assert_uint_eq(ring_reader_last_seq(reader), COUNT);
    ck_assert_int_eq(ring_reader_next(reader, &out, NULL), STATUS_OK);
    while (out.seq < COUNT)
        ck_assert_int_eq(ring_reader_next(reader, &out, NULL), STATUS_OK);
    ck_assert_uint_eq(out.payload.len, PAYLOAD);
    ck_assert_int_eq(ring_reader_next(reader, &out, NULL), STATUS_END);
    ring_reader_close(reader);
    ring_writer_close(writer);
    folder_remove();
}
END_TEST

START_TEST(a_crash_before_they_are_published_leaves_a_ring)
{
    struct ring_recovered recovered;
    folder_make();
    struct ring_writer *writer = writer_open(&recovered);
    append_all(writer);
    struct ring_writer *later = writer_open(&recovered); /* the file as a crash leaves it */
    ck_assert(recovered.existed);
    ck_assert_uint_eq(recovered.last_seq, COUNT);
    ring_writer_close(later);
    ring_writer_close(writer);
    folder_remove();
}
END_TEST

int main(void)
{
    return UNIT_RUN("ring_unpublished", what_waits_is_not_overwritten,
                    a_crash_before_they_are_published_leaves_a_ring);
}
