/* Log lines: form, escapes, the cut, levels, the limit; and JSON strings and UTF-8, which they use.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "tests/unit/unit.h"

/* Between log_catch and log_caught stderr goes into a file; each test has a process of its own. */
static FILE *caught_file;
static int real_stderr;

static void log_catch(void)
{
    caught_file = tmpfile();
    ck_assert_ptr_nonnull(caught_file);
    real_stderr = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(caught_file), STDERR_FILENO), 0);
}

static struct buffer log_caught(void)
{
    struct buffer text = {0};
    ssize_t got;

    ck_assert_int_ge(dup2(real_stderr, STDERR_FILENO), 0);
    close(real_stderr);
    while ((got = pread(fileno(caught_file), buffer_reserve(&text, 4096), 4096, (off_t)text.len)) >
           0)
        text.len += (size_t)got;
    fclose(caught_file);
    *buffer_reserve(&text, 1) = '\0';
    return text;
}

START_TEST(text_line_has_time_level_program_and_message)
{
    struct buffer text;
    int64_t ns;

    log_setup("recorder", LOG_INFO, false);
    log_catch();
    log_info("listening on %s:%d", "0.0.0.0", 3333);
    text = log_caught();
    ck_assert(clock_parse(text.data, CLOCK_TEXT_LEN, &ns));
    ck_assert_str_eq(text.data + CLOCK_TEXT_LEN, " info  recorder: listening on 0.0.0.0:3333\n");
    buffer_close(&text);
}
END_TEST

START_TEST(levels_below_the_wanted_are_silent)
{
    struct buffer text;

    log_setup("x", LOG_WARN, false);
    log_catch();
    log_debug("d");
    log_info("i");
    log_warn("w");
    log_error("e");
    text = log_caught();
    ck_assert_ptr_null(strstr(text.data, "info"));
    ck_assert_ptr_null(strstr(text.data, "debug"));
    ck_assert_ptr_nonnull(strstr(text.data, " warn  x: w\n"));
    ck_assert_ptr_nonnull(strstr(text.data, " error x: e\n"));
    ck_assert(log_enabled(LOG_ERROR) && !log_enabled(LOG_INFO));
    buffer_close(&text);
}
END_TEST

START_TEST(hostile_bytes_can_neither_forge_a_line_nor_steer_a_terminal)
{
    struct buffer text;

    log_setup("x", LOG_INFO, false);
    log_catch();
    log_info("a\nb\r\t\x1b[2J\x7f \xff\xc0\xaf \xc2\x9b"
             "31m \xe2\x80\xae \xd8\x9c \xe2\x80\x8b\xc2\xad é 中 😀");
    text = log_caught();
    ck_assert_str_eq(text.data + CLOCK_TEXT_LEN,
                     " info  x: a\\x0ab\\x0d\\x09\\x1b[2J\\x7f \\xff\\xc0\\xaf \\xc2\\x9b"
                     "31m \\xe2\\x80\\xae \\xd8\\x9c \\xe2\\x80\\x8b\\xc2\\xad é "
                     "中 😀\n");
    buffer_close(&text);
}
END_TEST

START_TEST(json_line_is_json)
{
    struct buffer text;
    json_t *line;

    log_setup("api", LOG_INFO, true);
    log_catch();
    log_warn("say \"hi\" \\ \n \xff é");
    text = log_caught();
    line = json_loads(text.data, 0, NULL);
    ck_assert_ptr_nonnull(line);
    ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "warn");
    ck_assert_str_eq(json_string_value(json_object_get(line, "program")), "api");
    ck_assert_str_eq(json_string_value(json_object_get(line, "message")),
                     "say \"hi\" \\ \\x0a \\xff é");
    ck_assert_uint_eq(json_string_length(json_object_get(line, "ts")), CLOCK_TEXT_LEN);
    json_decref(line);
    buffer_close(&text);
}
END_TEST

/* Units of one, two and six bytes, so that the cut falls into each of them. */
static void check_cut(bool json, const char *unit)
{
    char message[4000] = "";
    struct buffer text;

    while (strlen(message) + strlen(unit) < sizeof message)
        strcat(message, unit);
    log_setup("x", LOG_INFO, json);
    log_catch();
    log_info("%s", message);
    text = log_caught();
    ck_assert_uint_le(text.len, 2048);
    ck_assert_uint_ge(text.len, 2030);
    ck_assert_uint_eq(utf8_valid_prefix(text.data, text.len), text.len);
    ck_assert_str_eq(text.data + text.len - (json ? 6 : 4), json ? "...\"}\n" : "...\n");
    if (json) {
        json_t *line = json_loads(text.data, 0, NULL);

        ck_assert_ptr_nonnull(line);
        json_decref(line);
    }
    buffer_close(&text);
}

START_TEST(long_lines_are_cut_between_characters)
{
    check_cut(false, "a");
    check_cut(false, "é");
    check_cut(false, "\x1b");
    check_cut(true, "\"");
    check_cut(true, "é");
    check_cut(true, "\xff");
}
END_TEST

START_TEST(what_cannot_be_written_is_counted_and_errno_kept)
{
    int null = open("/dev/full", O_WRONLY);
    int saved = dup(STDERR_FILENO);
    uint64_t before = log_dropped();

    ck_assert_int_ge(null, 0);
    ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
    errno = EDOM;
    log_error("lost");
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    ck_assert_uint_eq(log_dropped(), before + 1);
    close(null);
    close(saved);
}
END_TEST

#define THREADS 4
#define LINES   500

static void *write_lines(void *name)
{
    for (int i = 0; i < LINES; i++)
        log_info("%s%s%s%s", (char *)name, (char *)name, (char *)name, (char *)name);
    return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
    static char names[THREADS][9] = {"aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"};
    pthread_t threads[THREADS];
    struct buffer text;
    size_t lines = 0;

    log_setup("x", LOG_INFO, false);
    log_catch();
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    text = log_caught();
    for (char *line = text.data; *line != '\0'; line = strchr(line, '\n') + 1, lines++) {
        const char *message = line + CLOCK_TEXT_LEN + strlen(" info  x: ");

        ck_assert_uint_eq(strspn(message, (char[]){*message, '\0'}), 32);
        ck_assert_int_eq(message[32], '\n');
    }
    ck_assert_uint_eq(lines, THREADS * LINES);
    buffer_close(&text);
}
END_TEST

START_TEST(limit_lets_a_burst_through_and_tells_what_it_left_out)
{
    struct log_limit limit = {0};
    struct buffer text;
    int passed = 0;

    for (int i = 0; i < 10; i++)
        passed += log_limit_pass(&limit, 3);
    ck_assert_int_eq(passed, 3);
    ck_assert_uint_eq(limit.suppressed, 7);
    limit.window_start_ns -= 61 * NS_PER_S;
    log_setup("x", LOG_INFO, false);
    log_catch();
    ck_assert(log_limit_pass(&limit, 3));
    text = log_caught();
    ck_assert_ptr_nonnull(strstr(text.data, "7 more lines"));
    ck_assert_uint_eq(limit.suppressed, 0);
    buffer_close(&text);
}
END_TEST

static void expect_json(const char *in, size_t len, const char *out)
{
    struct buffer text = {0};

    json_append_string(&text, in, len);
    ck_assert_uint_eq(text.len, strlen(out));
    ck_assert_mem_eq(text.data, out, text.len);
    buffer_close(&text);
}

START_TEST(json_strings)
{
    expect_json("", 0, "\"\"");
    expect_json("plain é 😀 /", 15, "\"plain é 😀 /\"");
    expect_json("\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    expect_json("\0\x01\x0b\x1f\x7f", 5, "\"\\u0000\\u0001\\u000b\\u001f\x7f\"");
    expect_json("a\xff", 2, "\"a\xef\xbf\xbd\"");
    expect_json("\xe4\xb8", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}
END_TEST

START_TEST(every_pair_of_bytes_becomes_valid_json)
{
    for (unsigned value = 0; value < 65536; value++) {
        char in[2] = {(char)(value >> 8), (char)value};
        struct buffer text = {0};
        json_t *parsed;

        json_append_string(&text, in, 2);
        parsed = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ck_assert_msg(parsed != NULL, "bytes %04x", value);
        json_decref(parsed);
        buffer_close(&text);
    }
}
END_TEST

static size_t prefix(const char *text)
{
    return utf8_valid_prefix(text, strlen(text));
}

START_TEST(utf8_well_formed)
{
    ck_assert_uint_eq(prefix("0123456789abcdef é"), 19);
    ck_assert_uint_eq(
        prefix("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), 17);
    ck_assert_uint_eq(prefix("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 8);
    ck_assert_uint_eq(utf8_valid_prefix("a\0b", 3), 3);
}
END_TEST

START_TEST(utf8_ill_formed)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x20",
        "\xe0\x9f\xbf",
        "\xe0\xa0",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe1\x80\xc0",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xf0\x90\x80\x20",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[32] = "12345678";

        ck_assert_msg(prefix(bad[i]) == 0, "accepted case %zu", i);
        strcat(text, bad[i]);
        ck_assert_uint_eq(prefix(text), 8);
    }
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "log", text_line_has_time_level_program_and_message, levels_below_the_wanted_are_silent,
        hostile_bytes_can_neither_forge_a_line_nor_steer_a_terminal, json_line_is_json,
        long_lines_are_cut_between_characters, what_cannot_be_written_is_counted_and_errno_kept,
        lines_of_threads_do_not_mix, limit_lets_a_burst_through_and_tells_what_it_left_out,
        json_strings, every_pair_of_bytes_becomes_valid_json, utf8_well_formed, utf8_ill_formed);
}
