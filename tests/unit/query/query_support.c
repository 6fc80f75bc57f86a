/* See query_support.h. */
#include "tests/unit/query/query_support.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/record/line.h"
#include "lib/segment/layout.h"
#include "lib/stratum/scan.h"

static struct error err;

uint64_t made_random(struct made *made, uint64_t below)
{
    uint64_t z = made->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

void made_begin(struct made *made, uint64_t seed)
{
    *made = (struct made){.random = seed, .wall_ns = SUPPORT_WALL, .footers = true};
    snprintf(made->folder, sizeof made->folder, "%s", support_folder());
    segment_writer_init(&made->file, NULL, (gid_t)-1);
}

void made_end(struct made *made)
{
    segment_writer_free(&made->file);
    support_remove(made->folder);
}

/* ------------------------------------------------------------------ making */

void made_file_begin(struct made *made)
{
    struct segment_head head = {.version = SEGMENT_VERSION,
                                .instance = MADE_INSTANCE,
                                .number = ++made->number,
                                .start_wall_ns = made->wall_ns};
    ck_assert_msg(segment_writer_create(&made->file, made->folder, &head, made->seq, &err) ==
                      STATUS_OK,
                  "%s", err.text);
}

void made_line(struct made *made, const char *text, size_t len)
{
    struct segment_line line;
    struct segment_note note;
    size_t begin = made->file.text.len;
    buffer_append(&made->file.text, text, len);
    ck_assert_int_eq(segment_line_parse(&line, made->file.text.data + begin, len - 1), STATUS_OK);
    segment_note_of_line(&note, &line);
    segment_writer_note(&made->file, &note);
}

static void put_record(struct made *made, const struct record *record)
{
    struct clock_formatter clock = {0};
    struct buffer line = {0};
    line_append_record(&line, &clock, record);
    made_line(made, line.data, line.len);
    buffer_close(&line);
}

/* Time goes on, and now and then back. */
static void tick(struct made *made)
{
    made->wall_ns += (int64_t)made_random(made, 200) * NS_PER_MS;
    if (made_random(made, 50) == 0)
        made->wall_ns -= 3 * NS_PER_S;
    made->seq++;
}

static struct record next_record(struct made *made, unsigned session, const char *text)
{
    tick(made);
    struct record record = support_message(made->seq, session, text);
    record.wall_ns = made->wall_ns;
    return record;
}

void made_message(struct made *made, unsigned session, enum direction direction, const char *text)
{
    struct record record = next_record(made, session, text);
    record.direction = direction;
    put_record(made, &record);
}

static void put_random_message(struct made *made, unsigned session)
{
    static const char *const texts[] = {
        "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"farm.Rig7\",\"1\",\"ab\"]}",
        "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"farm.rig8\",\"1\",\"cd\"]}",
        "{\"id\":4,\"result\":true,\"error\":null}",
        "{\"id\":4,\"result\":null,\"error\":[21,\"Job not found\",null]}",
        "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"NEEDLE\"]}",
        "{\"id\":9,\"method\":\"vendor.special\",\"params\":[]}",
        "{\"id\":9,\"method\":\"vendor.other\",\"params\":[\"needle\"]}",
        "{\"id\":1,\"method\": \"mining.subscribe\" , \"params\":[\"cgminer/4\"]}",
        "\xff needle is here, but no JSON",
        "{\"method\":\"mining.submit\",\"params\":[\"\xff\"]}",
        "",
    };
    size_t choice = made_random(made, sizeof texts / sizeof texts[0]);
    struct record record = next_record(made, session, texts[choice]);
    record.direction = (enum direction)made_random(made, DIRECTION_COUNT);
    if (record.direction == DIRECTION_POOL_TO_MINER && made->seq > 3 && made_random(made, 2)) {
        record.flags |= RECORD_PAIRED;
        record.re = made->seq - 1 - made_random(made, 3);
        record.latency_ns = (int64_t)made_random(made, 1000000000);
    }
    if (made_random(made, 20) == 0) {
        record.flags |= RECORD_FRAGMENT;
        record.fragment = (uint32_t)made_random(made, 2);
    }
    if (made_random(made, 20) == 0)
        record.terminator = TERMINATOR_CRLF;
    put_record(made, &record);
}

static void put_random_event(struct made *made, unsigned session)
{
    static const enum record_type types[] = {RECORD_OPENED, RECORD_POOL_CONNECTED, RECORD_CLOSED,
                                             RECORD_CLOCK_STEP};
    struct session_info info = support_info(session);
    int64_t step = 5;
    struct record record = next_record(made, session, "");
    record.type = types[made_random(made, 4)];
    record.payload = span_make((const char *)&info, sizeof info);
    if (record.type == RECORD_CLOCK_STEP) {
        record.session = (struct uuid){{0}};
        record.payload = span_make((const char *)&step, sizeof step);
    }
    put_record(made, &record);
}

/* One to three lines that name the number of the line behind them. */
static void put_unnumbered(struct made *made)
{
    struct clock_formatter clock = {0};
    unsigned count = 1 + (unsigned)made_random(made, 3);
    for (unsigned i = 0; i < count; i++) {
        struct buffer line = {0};
        struct uuid session = support_session((unsigned)made_random(made, MADE_SESSIONS));
        struct record next = {.seq = made->seq + 1, .wall_ns = made->wall_ns};
        if (made_random(made, 4) == 0) {
            line_append_gap(&line, &clock, &next, &(struct gap_info){1, 1, 0, "needle"});
        } else {
            line_begin(&line, &clock, made->wall_ns, "at", made->seq + 1);
            line_add_session(&line, &session);
            line_add_text(&line, "event", "state");
            line_end(&line);
        }
        made_line(made, line.data, line.len);
        buffer_close(&line);
    }
}

void made_frame_end(struct made *made)
{
    segment_writer_end_frame(&made->file);
    ck_assert_int_eq(segment_writer_write(&made->file, &err), STATUS_OK);
}

static void put_lines(struct made *made, unsigned lines)
{
    for (unsigned i = 0; i < lines; i++) {
        unsigned session = (unsigned)made_random(made, MADE_SESSIONS);
        if (made_random(made, 12) == 0)
            put_unnumbered(made);
        if (made_random(made, 10) == 0)
            put_random_event(made, session);
        else
            put_random_message(made, session);
    }
}

void made_frame(struct made *made, unsigned lines)
{
    put_lines(made, lines);
    made_frame_end(made);
}

void made_file_seal(struct made *made)
{
    if (made->footers)
        segment_writer_add_footer(&made->file);
    ck_assert_int_eq(segment_writer_write(&made->file, &err), STATUS_OK);
    ck_assert_int_eq(segment_writer_seal(&made->file, &err), STATUS_OK);
}

void made_file_leave(struct made *made, unsigned lines)
{
    put_lines(made, lines);
    segment_writer_flush(&made->file);
    ck_assert_int_eq(segment_writer_write(&made->file, &err), STATUS_OK);
    close(made->file.fd);
    made->file.fd = -1;
}

void made_archive(struct made *made, unsigned files)
{
    for (unsigned i = 0; i <= files; i++) {
        unsigned frames = 1 + (unsigned)made_random(made, 6);
        made->footers = made_random(made, 3) > 0;
        made_file_begin(made);
        for (unsigned k = 0; k < frames; k++)
            made_frame(made, 1 + (unsigned)made_random(made, 40));
        if (i == files)
            made_file_leave(made, (unsigned)made_random(made, 30));
        else
            made_file_seal(made);
        made->wall_ns += (int64_t)made_random(made, 5) * 1800 * NS_PER_S;
    }
}

/* ------------------------------------------------------------------ asking in the plainest way */

static bool text_occurs(struct span in, const struct query_filter *filter)
{
    for (size_t at = 0; at + filter->text_len <= in.len; at++) {
        size_t i = 0;
        while (i < filter->text_len &&
               (filter->ignore_case ? tolower((unsigned char)in.data[at + i]) ==
                                          tolower((unsigned char)filter->text[i])
                                    : in.data[at + i] == filter->text[i]))
            i++;
        if (i == filter->text_len)
            return true;
    }
    return false;
}

static bool text_fits(const struct segment_line *line, const struct query_filter *filter)
{
    struct query_row row = {.line = *line};
    struct buffer scratch = {0};
    struct span bytes = line->text;
    if (line->is_message && query_row_bytes(&row, &scratch, &bytes) != STATUS_OK)
        bytes = span_make("", 0);
    bool fits = text_occurs(bytes, filter);
    buffer_close(&scratch);
    return fits;
}

static bool is_one_of(const struct segment_line *line, const struct query_filter *filter)
{
    struct uuid session;
    if (!uuid_parse(&session, line->session.data, line->session.len))
        return false;
    for (size_t i = 0; i < filter->session_count; i++) {
        if (uuid_equal(&session, &filter->sessions[i]))
            return true;
    }
    return false;
}

static bool method_fits(const struct segment_line *line, const struct segment_note *note,
                        const struct query_filter *filter)
{
    char key[80];
    if (!line->is_message)
        return false;
    if (filter->methods & (UINT64_C(1) << note->method))
        return true;
    for (size_t i = 0; i < filter->method_count; i++) {
        snprintf(key, sizeof key, "\"method\":\"%s\"", filter->method_names[i]);
        if (line->msg.data && memmem(line->msg.data, line->msg.len, key, strlen(key)))
            return true;
    }
    return false;
}

static bool number_and_time_fit(const struct segment_line *line, const struct query_filter *filter)
{
    return (!filter->from_ns || line->wall_ns >= filter->from_ns) &&
           (!filter->to_ns || line->wall_ns < filter->to_ns) && line->seq >= filter->first_seq &&
           (!filter->last_seq || line->seq <= filter->last_seq);
}

static bool fits(const struct segment_line *line, const struct query_filter *filter)
{
    struct segment_note note;
    segment_note_of_line(&note, line);
    unsigned what = line->is_message                    ? QUERY_MESSAGES
                    : note.event == SEGMENT_EVENT_STATE ? QUERY_STATES
                                                        : QUERY_EVENTS;
    if (!number_and_time_fit(line, filter) || (filter->what && !(filter->what & what)))
        return false;
    if (filter->session_count && !is_one_of(line, filter))
        return false;
    if (filter->directions &&
        (!line->is_message || !(filter->directions & (1u << line->direction))))
        return false;
    if ((filter->methods || filter->method_count) && !method_fits(line, &note, filter))
        return false;
    bool timed = filter->latency_min_us || filter->latency_max_us;
    if (timed && !(line->is_message && line->paired && line->latency_us >= filter->latency_min_us &&
                   (!filter->latency_max_us || line->latency_us <= filter->latency_max_us)))
        return false;
    if (filter->errors && !(line->is_message && note.error))
        return false;
    if (filter->answers_to && !(line->paired && line->re == filter->answers_to))
        return false;
    return filter->text_len == 0 || text_fits(line, filter);
}

static void read_fitting(const char *path, const struct query_filter *filter, struct buffer *out,
                         uint64_t *newest)
{
    struct segment_reader *reader;
    struct segment_line line;
    enum status status = segment_reader_open(&reader, path, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    while ((status = segment_reader_next(reader, &line, &err)) == STATUS_OK) {
        if (line.seq <= *newest)
            continue;
        if (line.numbered)
            *newest = line.seq;
        if (!fits(&line, filter))
            continue;
        buffer_append(out, line.text.data, line.text.len);
        buffer_append_char(out, '\n');
    }
    ck_assert_msg(status == STATUS_END, "%s", err.text);
    segment_reader_close(reader);
}

static struct buffer reversed(struct buffer *lines)
{
    struct buffer out = {0};
    for (size_t end = lines->len; end > 0;) {
        const char *newline = end > 1 ? memrchr(lines->data, '\n', end - 1) : NULL;
        size_t begin = newline ? (size_t)(newline - lines->data) + 1 : 0;
        buffer_append(&out, lines->data + begin, end - begin);
        end = begin;
    }
    buffer_close(lines);
    return out;
}

struct buffer made_expected(const struct made *made, const struct query_filter *filter,
                            enum query_order order)
{
    struct buffer out = {0};
    struct segment_path *paths;
    size_t count;
    uint64_t newest = 0;
    ck_assert_int_eq(segment_list(made->folder, &paths, &count, &err), STATUS_OK);
    for (size_t i = 0; i < count; i++)
        read_fitting(paths[i].path, filter, &out, &newest);
    segment_list_free(paths, count);
    return order == QUERY_OLDEST_FIRST ? out : reversed(&out);
}

/* ------------------------------------------------------------------ querying */

static bool same(struct span a, struct span b)
{
    return a.data == b.data && a.len == b.len;
}

/* The row says of its line what the segment reader would say. */
static void check_row(const struct query_row *row)
{
    const struct segment_line *got = &row->line;
    struct segment_line line;
    ck_assert_int_eq(segment_line_parse(&line, got->text.data, got->text.len), STATUS_OK);
    ck_assert_int_eq(got->wall_ns, line.wall_ns);
    ck_assert(got->seq == line.seq && got->numbered == line.numbered &&
              got->is_message == line.is_message && got->direction == line.direction &&
              got->terminator == line.terminator && got->is_fragment == line.is_fragment &&
              got->last_fragment == line.last_fragment && got->fragment == line.fragment &&
              got->paired == line.paired && got->re == line.re &&
              got->latency_us == line.latency_us);
    ck_assert(same(got->text, line.text) && same(got->session, line.session) &&
              same(got->event, line.event) && same(got->msg, line.msg) &&
              same(got->bytes_b64, line.bytes_b64) && same(got->why, line.why) &&
              same(got->method, line.method));
}

/* One page; false: the last one. */
static bool query_page(const struct query_options *options, unsigned page, struct buffer *out,
                       char cursor[QUERY_CURSOR_BYTES])
{
    struct query *query;
    struct query_row row;
    enum status status = query_open(&query, options, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    for (unsigned i = 0; page == 0 || i < page; i++) {
        status = query_next(query, &row, &err);
        if (status != STATUS_OK)
            break;
        if (!options->bare)
            check_row(&row);
        buffer_append(out, row.line.text.data, row.line.text.len);
        buffer_append_char(out, '\n');
    }
    ck_assert_msg(status == STATUS_OK || status == STATUS_END, "%s", err.text);
    ck_assert_uint_eq(query_statistics(query)->damaged, 0);
    query_cursor(query, cursor);
    query_close(query);
    return status == STATUS_OK;
}

struct buffer made_queried(const struct query_options *options, unsigned page)
{
    struct query_options again = *options;
    char cursor[QUERY_CURSOR_BYTES];
    struct buffer out = {0};
    while (query_page(&again, page, &out, cursor))
        again.cursor = cursor;
    return out;
}

void made_filter_choose(struct made *made, struct made_filter *out)
{
    static const char *const texts[] = {"needle",        "NEEDLE", "Rig7",    "rig",
                                        "Job not found", "\xff",   "nowhere", "e"};
    struct query_filter *filter = &out->filter;
    *out = (struct made_filter){.names = {"vendor.special"}};
    if (made_random(made, 4) == 0) {
        filter->from_ns = SUPPORT_WALL + (int64_t)made_random(made, 6000) * NS_PER_S;
        filter->to_ns = filter->from_ns + 1 + (int64_t)made_random(made, 3000) * NS_PER_S;
    }
    if (made_random(made, 4) == 0)
        filter->first_seq = made_random(made, made->seq);
    if (made_random(made, 4) == 0)
        filter->last_seq = filter->first_seq + 1 + made_random(made, 200);
    if (made_random(made, 3) == 0) {
        filter->session_count = 1 + made_random(made, 3);
        for (size_t i = 0; i < filter->session_count; i++)
            out->sessions[i] = support_session((unsigned)made_random(made, MADE_SESSIONS + 1));
        filter->sessions = out->sessions;
    }
    if (made_random(made, 4) == 0)
        filter->directions = 1 + (unsigned)made_random(made, 15);
    if (made_random(made, 4) == 0)
        filter->methods = made_random(made, 64);
    if (made_random(made, 8) == 0) {
        filter->method_names = out->names;
        filter->method_count = 1;
    }
    filter->errors = made_random(made, 8) == 0;
    if (made_random(made, 8) == 0)
        filter->latency_min_us = (int64_t)made_random(made, 2000);
    if (made_random(made, 8) == 0)
        filter->latency_max_us = filter->latency_min_us + 1 + (int64_t)made_random(made, 2000);
    if (made_random(made, 12) == 0)
        filter->answers_to = made_random(made, made->seq);
    if (made_random(made, 3) == 0) {
        filter->text = texts[made_random(made, sizeof texts / sizeof texts[0])];
        filter->text_len = strlen(filter->text);
        filter->ignore_case = made_random(made, 2);
    }
    if (made_random(made, 3) == 0)
        filter->what = (unsigned)made_random(made, 8);
}

void made_compare(const struct buffer *got, const struct buffer *expected)
{
    size_t at = 0;
    while (at < got->len && at < expected->len && got->data[at] == expected->data[at])
        at++;
    if (at == got->len && at == expected->len)
        return;
    while (at > 0 && at <= got->len && got->data[at - 1] != '\n')
        at--;
    ck_abort_msg("%zu bytes, expected %zu; from byte %zu on\n%.400s\nexpected\n%.400s", got->len,
                 expected->len, at, at < got->len ? got->data + at : "(end)",
                 at < expected->len ? expected->data + at : "(end)");
}
