/*
 * pcapng_test.c - blocks to the byte, and whole exports through the library: a sink that
 * fails, options that contradict each other, an empty place.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/export/export.h"
#include "lib/export/pcapng.h"
#include "tests/unit/unit.h"

static void check(struct buffer *out, const char *expected, size_t len)
{
    ck_assert_uint_eq(out->len, len);
    ck_assert_mem_eq(out->data, expected, len);
    buffer_close(out);
}
#define CHECK(out, literal) check(out, literal, sizeof(literal) - 1)

START_TEST(a_section)
{
    const struct pcapng_section section = {.application = "HashS", .comment = "abcd"};
    struct buffer out = {NULL, 0, 0};

    pcapng_append_section(&out, &section);
    CHECK(&out,
          "\x0a\x0d\x0d\x0a\x34\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"
          "\x01\0\x04\0abcd\x04\0\x05\0HashS\0\0\0\0\0\0\0\x34\0\0\0");
}
END_TEST

START_TEST(an_interface)
{
    const struct pcapng_interface interface = {.link = 101, .name = "pool", .filter = "tcp"};
    struct buffer out = {NULL, 0, 0};

    pcapng_append_interface(&out, &interface);
    CHECK(&out, "\x01\0\0\0\x30\0\0\0\x65\0\0\0\0\0\x04\0\x02\0\x04\0pool\x09\0\x01\0\x09\0\0\0"
                "\x0b\0\x04\0\0tcp\0\0\0\0\x30\0\0\0");
}
END_TEST

START_TEST(a_name)
{
    const struct packet_address address = {.ip = {203, 0, 113, 9}};
    struct buffer out = {NULL, 0, 0};

    pcapng_append_name(&out, &address, span_text("a.bc"));
    CHECK(&out, "\x04\0\0\0\x24\0\0\0\x01\0\x09\0\xcb\0\x71\x09"
                "a.bc\0\0\0\0\0\0\0\0\0\0\0\0\x24\0\0\0");
}
END_TEST

START_TEST(a_packet)
{
    const struct pcapng_packet packet = {.interface = 1,
                                         .time_ns = 0x1122334455667788,
                                         .len = 5,
                                         .flags = PCAPNG_OUTBOUND,
                                         .dropped = 3,
                                         .id = 7,
                                         .comments = {{"abc", 3}, {NULL, 0}}};
    struct buffer out = {NULL, 0, 0};

    memcpy(pcapng_packet_begin(&out, 5, 3), "hello", 5);
    pcapng_packet_end(&out, &packet);
    CHECK(&out, "\x06\0\0\0\x54\0\0\0\x01\0\0\0\x44\x33\x22\x11\x88\x77\x66\x55\x05\0\0\0\x05\0\0\0"
                "hello\0\0\0\x01\0\x03\0"
                "abc\0\x02\0\x04\0\x02\0\0\0\x04\0\x08\0\x03\0\0\0\0\0\0\0\x05\0\x08\0\x07\0\0\0"
                "\0\0\0\0\0\0\0\0\x54\0\0\0");
}
END_TEST

START_TEST(a_packet_of_pcap)
{
    struct buffer out = {NULL, 0, 0};

    memcpy(pcap_packet_begin(&out, 3), "abc", 3);
    pcap_packet_end(&out, 5000000007, 3);
    CHECK(&out, "\x05\0\0\0\x07\0\0\0\x03\0\0\0\x03\0\0\0abc");
}
END_TEST

START_TEST(statistics)
{
    const struct pcapng_statistics what = {.interface = 1, .received = 9, .dropped = 2};
    struct buffer out = {NULL, 0, 0};

    pcapng_append_statistics(&out, &what);
    CHECK(&out, "\x05\0\0\0\x34\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x04\0\x08\0\x09\0\0\0\0\0\0\0"
                "\x05\0\x08\0\x02\0\0\0\0\0\0\0\0\0\0\0\x34\0\0\0");
}
END_TEST

/* ---- the whole ---- */

static enum status keep(void *user, const void *data, size_t len, struct error *err)
{
    (void)err;
    buffer_append(user, data, len);
    return STATUS_OK;
}

static enum status refuse(void *user, const void *data, size_t len, struct error *err)
{
    (void)user;
    (void)data;
    (void)len;
    return error_set(err, STATUS_FULL, "no room");
}

static void make_folder(char path[64])
{
    strcpy(path, "/tmp/hashscope-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
}

START_TEST(an_empty_place_gives_an_empty_file)
{
    char folder[64];
    struct buffer out = {NULL, 0, 0};
    const struct export_sink sink = {keep, &out};
    struct export_options options = {.reproducible = true, .packet_filter = "tcp"};
    struct export *job = NULL;
    struct error err = {""};

    make_folder(folder);
    options.place.data_dir = folder;
    ck_assert_msg(export_open(&job, &options, &sink, &err) == STATUS_OK, "%s", err.text);
    ck_assert_int_eq(export_step(job, &err), STATUS_END);
    ck_assert_int_eq(export_finish(job, &err), STATUS_OK);
    ck_assert_uint_eq(export_progress(job).packets, 0);
    ck_assert_uint_eq(export_progress(job).bytes, out.len);
    ck_assert_mem_eq(out.data, "\x0a\x0d\x0d\x0a", 4);
    export_close(job);
    buffer_close(&out);
    rmdir(folder);
}
END_TEST

START_TEST(a_sink_that_fails_ends_it)
{
    char folder[64];
    const struct export_sink sink = {refuse, NULL};
    struct export_options options = {.reproducible = true};
    struct export *job = NULL;
    struct error err = {""};

    make_folder(folder);
    options.place.data_dir = folder;
    ck_assert_int_eq(export_open(&job, &options, &sink, &err), STATUS_OK);
    ck_assert_int_eq(export_step(job, &err), STATUS_FULL);
    ck_assert_str_eq(err.text, "no room");
    export_close(job);
    rmdir(folder);
}
END_TEST

static void check_refused(const struct export_options *options)
{
    const struct export_sink sink = {refuse, NULL};
    struct export *job = NULL;
    struct error err = {""};

    ck_assert_int_eq(export_open(&job, options, &sink, &err), STATUS_INVALID);
    ck_assert_ptr_null(job);
    ck_assert_str_ne(err.text, "");
}

START_TEST(options_that_make_no_sense)
{
    char folder[64];

    make_folder(folder);
    check_refused(&(struct export_options){.place = {folder, NULL, 0}, .mtu = 100});
    check_refused(
        &(struct export_options){.place = {folder, NULL, 0}, .packet_filter = "host and"});
    check_refused(&(struct export_options){
        .place = {folder, NULL, 0}, .format = EXPORT_CSV, .packet_filter = "tcp"});
    check_refused(
        &(struct export_options){.place = {folder, NULL, 0}, .filter.what = QUERY_MESSAGES});
    rmdir(folder);
}
END_TEST

int main(void)
{
    return UNIT_RUN("export_pcapng", a_section, an_interface, a_name, a_packet, a_packet_of_pcap,
                    statistics, an_empty_place_gives_an_empty_file, a_sink_that_fails_ends_it,
                    options_that_make_no_sense);
}
