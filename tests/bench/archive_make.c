/*
 * archive_make.c - writes an archive of realistic traffic, as fast as the disk takes it, through
 * the project's own segment writer: to measure queries on.
 *
 *   archive_make FOLDER TEXT_BYTES SEGMENT_TEXT_BYTES [SECONDS]
 *
 * FOLDER becomes a data directory whose segments hold TEXT_BYTES of lines (before compression),
 * SEGMENT_TEXT_BYTES each, 40 lines a second of the traffic's own time. Sixteen sessions follow
 * each other for eight hours each, four for ten minutes each; one answer in a hundred is a refusal.
 * In the middle of it one client.reconnect and one submit by a worker "zanzibar.rare" are said.
 * Frames end at 1 MiB, or after SECONDS (60).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/record/line.h"
#include "lib/segment/writer.h"
#include "lib/stratum/scan.h"
#include "tests/bench/load_traffic.h"

#define SESSIONS   20
#define LONG_LIVED 16
#define LONG_NS    (8 * 3600 * NS_PER_S)
#define SHORT_NS   (600 * NS_PER_S)
#define STEP_NS    (NS_PER_S / 20) /* a submit, and its answer */
#define JOB_NS     (30 * NS_PER_S)
#define WALL_START INT64_C(1795305600000000000) /* 2026-11-22T00:00:00Z */
#define INSTANCE   UINT64_C(0x1f2e3d4c5b6a7988)

struct maker_session {
    struct session_info info;
    uint64_t next_id;
    int64_t ends;
    bool introduced; /* in this segment */
};

struct maker {
    const char *folder;
    uint64_t text_bytes, segment_bytes, total; /* wanted, wanted, written */
    int64_t frame_ns, frame_begun;
    struct segment_writer file;
    struct clock_formatter clock;
    struct traffic traffic;
    struct maker_session sessions[SESSIONS];
    uint64_t seq, number, session_number, files, frames;
    int64_t now, next_job;
    bool rare_said;
};

static void must(enum status status, const struct error *err)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "archive_make: %s\n", err->text);
    exit(1);
}

/* ------------------------------------------------------------------ lines */

static void note_line(struct maker *maker, const struct record *record, size_t begin,
                      enum segment_event event, bool numbered)
{
    struct segment_note note = {
        .wall_ns = record->wall_ns,
        .seq = numbered ? record->seq : 0,
        .direction = record->direction,
        .event = event,
        .method = record->method,
        .error = (record->flags & RECORD_ERROR) != 0,
        .paired = (record->flags & RECORD_PAIRED) != 0,
        .bytes = event ? 0 : (uint32_t)record->payload.len + 1,
        .session = record->session,
        .re = record->re,
        .line = span_make(maker->file.text.data + begin, maker->file.text.len - begin - 1),
    };
    maker->total += maker->file.text.len - begin;
    segment_writer_note(&maker->file, &note);
}

static void introduce(struct maker *maker, struct maker_session *session,
                      const struct record *record)
{
    struct buffer *text = &maker->file.text;
    size_t begin = text->len;
    const struct session_info *info = &session->info;
    if (session->introduced)
        return;
    session->introduced = true;
    line_begin(text, &maker->clock, record->wall_ns, "at", record->seq);
    line_add_session(text, &record->session);
    line_add_text(text, "event", "state");
    line_add_text(text, "route", info->route);
    line_add_u64(text, "number", info->number);
    line_add_text(text, "miner", info->miner);
    line_add_text(text, "listen", info->listen);
    line_add_bool(text, "miner_tls", false);
    line_add_text(text, "pool", info->pool);
    line_add_text(text, "address", info->address);
    line_add_text(text, "local", info->local);
    line_add_bool(text, "pool_tls", false);
    line_add_time(text, "opened", info->opened_wall_ns);
    line_add_u64(text, "bytes_up", info->bytes_up);
    line_add_u64(text, "bytes_down", info->bytes_down);
    line_end(text);
    note_line(maker, record, begin, SEGMENT_EVENT_STATE, false);
}

static uint64_t put(struct maker *maker, struct maker_session *session, struct record *record,
                    enum segment_event event)
{
    record->seq = ++maker->seq;
    record->wall_ns = WALL_START + maker->now;
    record->session = session->info.session;
    record->terminator = TERMINATOR_LF;
    if (event != SEGMENT_EVENT_OPENED)
        introduce(maker, session, record);
    session->introduced = true;
    size_t begin = maker->file.text.len;
    line_append_record(&maker->file.text, &maker->clock, record);
    note_line(maker, record, begin, event, true);
    return record->seq;
}

/* `line` with its LF. */
static uint64_t say(struct maker *maker, struct maker_session *session, enum direction direction,
                    const char *line, size_t len, uint64_t re)
{
    struct stratum_scan scan;
    struct record record = {
        .type = RECORD_MESSAGE, .direction = direction, .payload = span_make(line, len - 1)};
    stratum_scan_line(&scan, line, len - 1);
    record.method = (uint8_t)scan.method;
    record.kind = (uint8_t)scan.kind;
    if (scan.error)
        record.flags |= RECORD_ERROR;
    if (re) {
        record.flags |= RECORD_PAIRED;
        record.re = re;
        record.latency_ns =
            100000 + (int64_t)(traffic_random_next(&maker->traffic.random) % 4900000);
    }
    uint64_t seq = put(maker, session, &record, 0);
    if (direction == DIRECTION_MINER_TO_POOL)
        session->info.bytes_up += len;
    else
        session->info.bytes_down += len;
    return seq;
}

static void tell(struct maker *maker, struct maker_session *session, enum record_type type,
                 enum segment_event event)
{
    struct record record = {.type = type};
    record.payload = span_make((const char *)&session->info, sizeof session->info);
    put(maker, session, &record, event);
}

/* ------------------------------------------------------------------ sessions */

static void connect_session(struct maker *maker, unsigned i)
{
    struct maker_session *session = &maker->sessions[i];
    struct session_info *info = &session->info;
    char line[TRAFFIC_LINE_MAX];
    int64_t life = i < LONG_LIVED ? LONG_NS : SHORT_NS;
    *session = (struct maker_session){.next_id = 3};
    session->ends = maker->now + life / 2 +
                    (int64_t)(traffic_random_unit(&maker->traffic.random) * (double)life);
    info->session = uuid_new(WALL_START + maker->now);
    info->number = ++maker->session_number;
    info->opened_wall_ns = WALL_START + maker->now;
    snprintf(info->route, sizeof info->route, "main");
    snprintf(info->miner, sizeof info->miner, "10.0.%u.%u:%u", i, (unsigned)(info->number % 250),
             40000 + (unsigned)(info->number % 20000));
    snprintf(info->listen, sizeof info->listen, "10.0.0.2:3333");
    tell(maker, session, RECORD_OPENED, SEGMENT_EVENT_OPENED);
    snprintf(info->pool, sizeof info->pool, "pool.example.com:3333");
    snprintf(info->address, sizeof info->address, "203.0.113.9:3333");
    snprintf(info->local, sizeof info->local, "10.0.0.2:40112");
    tell(maker, session, RECORD_POOL_CONNECTED, SEGMENT_EVENT_POOL_CONNECTED);
    uint64_t asked = say(maker, session, DIRECTION_MINER_TO_POOL, line, traffic_subscribe(line), 0);
    say(maker, session, DIRECTION_POOL_TO_MINER, line,
        traffic_subscribe_reply(line, (uint32_t)info->number * 2654435761u), asked);
    asked = say(maker, session, DIRECTION_MINER_TO_POOL, line, traffic_authorize(line, i), 0);
    say(maker, session, DIRECTION_POOL_TO_MINER, line, traffic_true_reply(line, "2", 1), asked);
    say(maker, session, DIRECTION_POOL_TO_MINER, line, traffic_set_difficulty(line), 0);
    say(maker, session, DIRECTION_POOL_TO_MINER, maker->traffic.notify, maker->traffic.notify_len,
        0);
}

static void end_session(struct maker *maker, unsigned i)
{
    struct maker_session *session = &maker->sessions[i];
    snprintf(session->info.closed_by, sizeof session->info.closed_by, "miner");
    snprintf(session->info.reason, sizeof session->info.reason, "end");
    tell(maker, session, RECORD_CLOSED, SEGMENT_EVENT_CLOSED);
}

static void submit(struct maker *maker, unsigned i)
{
    struct maker_session *session = &maker->sessions[i];
    char line[TRAFFIC_LINE_MAX], id[24];
    uint64_t number = session->next_id++;
    size_t id_len = (size_t)(format_u64(id, number) - id);
    size_t len = traffic_submit(&maker->traffic, line, i, number, maker->traffic.job);
    uint64_t asked = say(maker, session, DIRECTION_MINER_TO_POOL, line, len, 0);
    if (traffic_random_next(&maker->traffic.random) % 100 == 0)
        len = (size_t)snprintf(
            line, sizeof line,
            "{\"id\":%.*s,\"result\":null,\"error\":[21,\"Job not found\",null]}\n", (int)id_len,
            id);
    else
        len = traffic_true_reply(line, id, id_len);
    say(maker, session, DIRECTION_POOL_TO_MINER, line, len, asked);
}

static void say_rare(struct maker *maker)
{
    static const char reconnect[] = "{\"id\":null,\"method\":\"client.reconnect\",\"params\":[]}\n";
    static const char rare[] =
        "{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"zanzibar.rare\"]}\n";
    maker->rare_said = true;
    say(maker, &maker->sessions[0], DIRECTION_POOL_TO_MINER, reconnect, sizeof reconnect - 1, 0);
    say(maker, &maker->sessions[0], DIRECTION_MINER_TO_POOL, rare, sizeof rare - 1, 0);
}

/* ------------------------------------------------------------------ files */

static void begin_file(struct maker *maker)
{
    struct segment_head head = {.version = SEGMENT_VERSION,
                                .instance = INSTANCE,
                                .number = ++maker->number,
                                .start_wall_ns = WALL_START + maker->now};
    struct error err;
    must(segment_writer_create(&maker->file, maker->folder, &head, maker->seq, &err), &err);
    for (unsigned i = 0; i < SESSIONS; i++)
        maker->sessions[i].introduced = false;
    maker->frame_begun = maker->now;
}

static void end_frame(struct maker *maker)
{
    struct error err;
    segment_writer_end_frame(&maker->file);
    must(segment_writer_write(&maker->file, &err), &err);
    maker->frame_begun = maker->now;
    maker->frames++;
}

static void end_file(struct maker *maker)
{
    struct error err;
    end_frame(maker);
    segment_writer_add_footer(&maker->file);
    must(segment_writer_write(&maker->file, &err), &err);
    must(segment_writer_seal(&maker->file, &err), &err);
    maker->files++;
}

static void run(struct maker *maker)
{
    uint64_t file_began = 0;
    begin_file(maker);
    for (unsigned i = 0; i < SESSIONS; i++)
        connect_session(maker, i);
    while (maker->total < maker->text_bytes) {
        maker->now += STEP_NS;
        unsigned i = (unsigned)(traffic_random_next(&maker->traffic.random) % SESSIONS);
        if (maker->now >= maker->sessions[i].ends) {
            end_session(maker, i);
            connect_session(maker, i);
        }
        submit(maker, i);
        if (!maker->rare_said && maker->total > maker->text_bytes / 2)
            say_rare(maker);
        if (maker->now >= maker->next_job) {
            maker->next_job = maker->now + JOB_NS;
            traffic_next_job(&maker->traffic);
            for (unsigned k = 0; k < SESSIONS; k++)
                say(maker, &maker->sessions[k], DIRECTION_POOL_TO_MINER, maker->traffic.notify,
                    maker->traffic.notify_len, 0);
        }
        if (segment_writer_frame_full(&maker->file) ||
            maker->now - maker->frame_begun >= maker->frame_ns)
            end_frame(maker);
        if (maker->total - file_began >= maker->segment_bytes) {
            end_file(maker);
            begin_file(maker);
            file_began = maker->total;
        }
    }
    end_file(maker);
}

int main(int argc, char **argv)
{
    static struct maker maker;
    if (argc < 4) {
        fprintf(stderr, "usage: archive_make FOLDER TEXT_BYTES SEGMENT_TEXT_BYTES [SECONDS]\n");
        return 2;
    }
    maker.folder = argv[1];
    maker.text_bytes = strtoull(argv[2], NULL, 10);
    maker.segment_bytes = strtoull(argv[3], NULL, 10);
    maker.frame_ns = (argc > 4 ? atoll(argv[4]) : 60) * NS_PER_S;
    traffic_init(&maker.traffic, 1);
    segment_writer_init(&maker.file, NULL, (gid_t)-1);
    run(&maker);
    printf("%" PRIu64 " lines, %" PRIu64 " bytes of text, %" PRIu64 " files, %" PRIu64
           " frames, %" PRIu64 " sessions, %.1f hours\n",
           maker.seq, maker.total, maker.files, maker.frames, maker.session_number,
           (double)maker.now / 3600e9);
    segment_writer_free(&maker.file);
    return 0;
}
