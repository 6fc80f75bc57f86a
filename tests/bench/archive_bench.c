/*
 * archive_bench.c - what the archive costs: CPU time per message for formatting and compressing,
 * and bytes per message on the disk, everything included, flushed once a second of the traffic's
 * own time.
 *
 *   archive_bench                        100 sessions at 4,000 messages/s, 3 sessions at 10
 *   archive_bench FILE [SPEED]           messages from a file, SPEED times as fast as they were;
 *                                        each is ts_ns (8 bytes) session (4) direction (1; 0 is the
 *                                        miner's) length (4), little-endian, and the line with LF
 *
 * The built-in traffic is the load generator's: submits at random times of random sessions, answers
 * 0.1 to 5 ms later, a new job for all after every ten submits per session.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/record/line.h"
#include "lib/record/state_table.h"
#include "lib/segment/writer.h"
#include "lib/stratum/scan.h"
#include "tests/bench/load_traffic.h"

#define SESSIONS_MAX    1000
#define OPEN_MAX        256 /* requests of a session without answer */
#define WALL_START      INT64_C(1795355581000000000)
#define FRAME_NS        (60 * NS_PER_S)
#define QUIET_FRAME_NS  (16 * NS_PER_S)
#define SUBMITS_PER_JOB 10

struct open_request {
    struct stratum_id id;
    uint64_t seq;
    int64_t at;
};

struct bench_session {
    struct uuid uuid;
    struct open_request open[OPEN_MAX];
    unsigned open_count;
};

/* Records wait until there are enough of them to time their writing as one. */
#define BATCH 1000

struct bench {
    struct record batch[BATCH];
    struct buffer lines; /* their payloads, one behind the other */
    unsigned batch_count;
    struct segment_writer file;
    struct state_table states;
    struct clock_formatter clock;
    struct bench_session *sessions;
    int64_t flushed, frame_begun;
    uint64_t seq, frames, flushes;
    double cpu_ns;
    int64_t first, last;
};

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void must(enum status status, const struct error *err)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "archive_bench: %s\n", err->text);
    exit(1);
}

/* ------------------------------------------------------------------ what the relay does */

static void pair(struct bench_session *session, struct record *record,
                 const struct stratum_scan *scan)
{
    if (scan->id.type == STRATUM_ID_ABSENT || scan->id.type == STRATUM_ID_NULL)
        return;
    if (record->direction == DIRECTION_MINER_TO_POOL) {
        if (session->open_count < OPEN_MAX)
            session->open[session->open_count++] =
                (struct open_request){scan->id, record->seq, record->mono_ns};
        return;
    }
    for (unsigned i = 0; i < session->open_count; i++) {
        if (!stratum_id_equal(&session->open[i].id, &scan->id))
            continue;
        record->flags |= RECORD_PAIRED;
        record->re = session->open[i].seq;
        record->latency_ns = record->mono_ns - session->open[i].at;
        session->open_count--;
        memmove(&session->open[i], &session->open[i + 1],
                (session->open_count - i) * sizeof session->open[0]);
        return;
    }
}

static struct record make_record(struct bench *bench, int64_t at, unsigned session,
                                 enum direction direction, struct span line)
{
    struct stratum_scan scan;
    struct record record = {
        .type = RECORD_MESSAGE,
        .seq = ++bench->seq,
        .wall_ns = WALL_START + at,
        .mono_ns = at,
        .session = bench->sessions[session].uuid,
        .slot = session,
        .direction = direction,
        .terminator = TERMINATOR_LF,
        .payload = line,
    };
    stratum_scan_line(&scan, line.data, line.len);
    record.kind = (uint8_t)scan.kind;
    record.method = (uint8_t)scan.method;
    record.fault = (uint8_t)scan.fault;
    pair(&bench->sessions[session], &record, &scan);
    return record;
}

/* ------------------------------------------------------------------ what the archive does */

static void write_record(struct bench *bench, const struct record *record)
{
    struct state_entry *entry = state_table_of(&bench->states, record);
    struct buffer *text = &bench->file.text;
    struct segment_note note = {
        .wall_ns = record->wall_ns,
        .seq = record->seq,
        .direction = record->direction,
        .method = record->method,
        .paired = (record->flags & RECORD_PAIRED) != 0,
        .bytes = (uint32_t)record->payload.len + 1,
        .session = record->session,
        .re = record->re,
    };
    size_t begin = text->len;
    if (state_table_introduce(&bench->states, entry, record)) {
        struct segment_note state = {
            .wall_ns = record->wall_ns, .event = SEGMENT_EVENT_STATE, .session = record->session};
        state_table_append_state(text, &bench->clock, entry, record, NULL);
        state.line = span_make(text->data + begin, text->len - begin - 1);
        segment_writer_note(&bench->file, &state);
        begin = text->len;
    }
    line_append_record(text, &bench->clock, record);
    note.line = span_make(text->data + begin, text->len - begin - 1);
    segment_writer_note(&bench->file, &note);
    state_table_learn(&bench->states, entry, record);
}

static void keep_time(struct bench *bench, int64_t now)
{
    struct error err;
    if (segment_writer_frame_full(&bench->file) || now - bench->frame_begun >= FRAME_NS) {
        segment_writer_tune(&bench->file, now - bench->frame_begun >= QUIET_FRAME_NS
                                              ? SEGMENT_THOROUGH
                                              : SEGMENT_QUICK);
        segment_writer_end_frame(&bench->file);
        bench->frame_begun = now;
        bench->frames++;
    } else if (now - bench->flushed >= NS_PER_S) {
        segment_writer_flush(&bench->file);
        bench->flushes++;
    } else {
        return;
    }
    bench->flushed = now;
    must(segment_writer_write(&bench->file, &err), &err);
}

static void write_batch(struct bench *bench)
{
    const char *line = bench->lines.data;
    double begin = cpu_now();
    for (unsigned i = 0; i < bench->batch_count; i++) {
        struct record *record = &bench->batch[i];
        record->payload.data = line;
        line += record->payload.len;
        write_record(bench, record);
        keep_time(bench, record->mono_ns);
    }
    bench->cpu_ns += cpu_now() - begin;
    bench->batch_count = 0;
    buffer_clear(&bench->lines);
}

static void take(struct bench *bench, int64_t at, unsigned session, enum direction direction,
                 struct span line)
{
    bench->batch[bench->batch_count++] = make_record(bench, at, session, direction, line);
    buffer_append(&bench->lines, line.data, line.len);
    if (bench->batch_count == BATCH)
        write_batch(bench);
    if (bench->seq == 1)
        bench->first = at;
    bench->last = at;
}

static void bench_begin(struct bench *bench, const char *folder)
{
    struct segment_head head = {
        .version = SEGMENT_VERSION, .number = 1, .start_wall_ns = WALL_START};
    struct error err;
    memset(bench, 0, sizeof *bench);
    bench->sessions = memory_new(SESSIONS_MAX * sizeof *bench->sessions);
    for (int i = 0; i < SESSIONS_MAX; i++)
        bench->sessions[i].uuid = uuid_new(WALL_START + i * INT64_C(1234567));
    segment_writer_init(&bench->file, NULL, (gid_t)-1);
    segment_writer_tune(&bench->file, SEGMENT_THOROUGH);
    state_table_init(&bench->states);
    must(segment_writer_create(&bench->file, folder, &head, 0, &err), &err);
}

static void bench_end(struct bench *bench, const char *name)
{
    struct error err;
    write_batch(bench);
    segment_writer_end_frame(&bench->file);
    segment_writer_add_footer(&bench->file);
    must(segment_writer_write(&bench->file, &err), &err);
    double count = (double)bench->seq, bytes = (double)bench->file.written;
    double seconds = (double)(bench->last - bench->first) / (double)NS_PER_S;
    printf("%-28s %8.0f messages at %6.0f/s  %6.1f bytes/message  %5.2f times smaller  "
           "%5.0f ns/message  %llu frames, %llu flushes\n",
           name, count, count / seconds, bytes / count, (double)bench->file.text_total / bytes,
           bench->cpu_ns / count, (unsigned long long)bench->frames + 1,
           (unsigned long long)bench->flushes);
    (void)unlink(bench->file.path);
    segment_writer_free(&bench->file);
    buffer_close(&bench->lines);
    state_table_close(&bench->states);
    free(bench->sessions);
}

/* ------------------------------------------------------------------ traffic */

#define WAITING_MAX 4096

struct answer {
    int64_t at;
    unsigned session;
    uint64_t id;
};

struct source {
    struct bench *bench;
    struct traffic traffic;
    unsigned sessions;
    uint64_t ids[SESSIONS_MAX];
    struct answer waiting[WAITING_MAX]; /* by time */
    unsigned waiting_count;
};

static void say(struct source *source, int64_t at, unsigned session, enum direction direction,
                const char *line, size_t len)
{
    take(source->bench, at, session, direction, span_make(line, len - 1));
}

static void answer_until(struct source *source, int64_t now)
{
    char line[TRAFFIC_LINE_MAX], id[24];
    unsigned done = 0;
    for (; done < source->waiting_count && source->waiting[done].at <= now; done++) {
        const struct answer *answer = &source->waiting[done];
        size_t len = (size_t)(format_u64(id, answer->id) - id);
        say(source, answer->at, answer->session, DIRECTION_POOL_TO_MINER, line,
            traffic_true_reply(line, id, len));
    }
    source->waiting_count -= done;
    memmove(source->waiting, source->waiting + done,
            source->waiting_count * sizeof source->waiting[0]);
}

static void await(struct source *source, struct answer answer)
{
    unsigned at = source->waiting_count;
    if (at == WAITING_MAX)
        return;
    for (; at > 0 && source->waiting[at - 1].at > answer.at; at--)
        source->waiting[at] = source->waiting[at - 1];
    source->waiting[at] = answer;
    source->waiting_count++;
}

static void shake_hands(struct source *source, int64_t at, unsigned session)
{
    char line[TRAFFIC_LINE_MAX];
    const struct traffic *traffic = &source->traffic;
    say(source, at, session, DIRECTION_MINER_TO_POOL, line, traffic_subscribe(line));
    say(source, at + 100000, session, DIRECTION_POOL_TO_MINER, line,
        traffic_subscribe_reply(line, (session + 1) * 2654435761u));
    say(source, at + 200000, session, DIRECTION_MINER_TO_POOL, line,
        traffic_authorize(line, session));
    say(source, at + 300000, session, DIRECTION_POOL_TO_MINER, line,
        traffic_true_reply(line, "2", 1));
    say(source, at + 310000, session, DIRECTION_POOL_TO_MINER, line, traffic_set_difficulty(line));
    say(source, at + 320000, session, DIRECTION_POOL_TO_MINER, traffic->notify,
        traffic->notify_len);
    source->ids[session] = 3;
}

static void submit(struct source *source, int64_t at)
{
    char line[TRAFFIC_LINE_MAX];
    struct traffic *traffic = &source->traffic;
    unsigned session = (unsigned)(traffic_random_next(&traffic->random) % source->sessions);
    uint64_t id = source->ids[session]++;
    say(source, at, session, DIRECTION_MINER_TO_POOL, line,
        traffic_submit(traffic, line, session, id, traffic->job));
    int64_t delay = 100000 + (int64_t)(traffic_random_next(&traffic->random) % 4900000);
    await(source, (struct answer){at + delay, session, id});
}

static void tell_job(struct source *source, int64_t at)
{
    struct traffic *traffic = &source->traffic;
    traffic_next_job(traffic);
    for (unsigned i = 0; i < source->sessions; i++)
        say(source, at + (int64_t)i * 5000, i, DIRECTION_POOL_TO_MINER, traffic->notify,
            traffic->notify_len);
}

static void run_traffic(const char *name, const char *folder, unsigned sessions, double rate,
                        uint64_t messages)
{
    static struct bench bench;
    struct source *source = memory_new(sizeof *source);
    int64_t now = 0;
    bench_begin(&bench, folder);
    source->bench = &bench;
    source->sessions = sessions;
    traffic_init(&source->traffic, 1);
    for (unsigned i = 0; i < sessions; i++)
        shake_hands(source, now += NS_PER_MS, i);
    for (uint64_t submits = 1; bench.seq < messages; submits++) {
        double wait = traffic_random_unit(&source->traffic.random) * 4 / rate;
        now += (int64_t)(wait * (double)NS_PER_S);
        answer_until(source, now);
        submit(source, now);
        if (submits % ((uint64_t)SUBMITS_PER_JOB * sessions) == 0)
            tell_job(source, now + 1000);
    }
    bench_end(&bench, name);
    free(source);
}

static int run_file(const char *path, const char *folder, double speed)
{
    static struct bench bench;
    unsigned char head[17];
    static char line[1 << 20];
    int64_t first = -1;
    FILE *in = fopen(path, "rb");
    if (!in) {
        perror(path);
        return 1;
    }
    bench_begin(&bench, folder);
    while (fread(head, sizeof head, 1, in) == 1) {
        int64_t at = (int64_t)load_le64(head);
        uint32_t session = load_le32(head + 8), len = load_le32(head + 13);
        if (len == 0 || len > sizeof line || fread(line, len, 1, in) != 1)
            break;
        first = first < 0 ? at : first;
        take(&bench, (int64_t)((double)(at - first) / speed), session % SESSIONS_MAX,
             head[12] ? DIRECTION_POOL_TO_MINER : DIRECTION_MINER_TO_POOL,
             span_make(line, len - 1));
    }
    fclose(in);
    bench_end(&bench, path);
    return 0;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/archive-bench-XXXXXX";
    int status = 0;
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    if (argc > 1) {
        status = run_file(argv[1], folder, argc > 2 ? atof(argv[2]) : 1);
    } else {
        run_traffic("100 sessions", folder, 100, 4000, 400000);
        run_traffic("3 sessions", folder, 3, 10, 20000);
    }
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : 1;
}
