/* odd_archive.c - from a tape to files. */
#include "tests/fuzz/odd_archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/archive/series_writer.h"
#include "lib/base/clock.h"
#include "lib/record/piece.h"
#include "lib/segment/layout.h"

#define WALL_NS   INT64_C(1763800000000000000)
#define READS_MAX 48
#define LINE_LONG 700u /* longer ones come in pieces, so that these are met often */
#define PIECE_MAX 256u
#define ASKED_MAX 64u

void odd_require(int truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* ---- recording ---- */

struct odd_recording {
    struct odd_archive *archive;
    struct series_writer writer;
    struct stratum_limits limits;
    size_t budget;
    struct odd_session {
        struct session_info info;
        struct stratum_framer framers[2];
        struct stratum_pairs pairs;
        uint64_t recorded[2];
        char asked[ASKED_MAX]; /* the id of the last request */
        size_t asked_len;
        bool opened, closed;
    } sessions[ODD_SESSIONS];
    int64_t wall_ns;
    uint64_t seq;
    unsigned session, side; /* whose pieces come */
};

static void write_record(struct odd_recording *recording, const struct record *record,
                         const struct session_info *info)
{
    struct error err;
    odd_require(series_writer_put(&recording->writer, record, info, &err) == STATUS_OK, err.text);
}

static struct record next_record(struct odd_recording *recording, struct odd_session *session)
{
    return (struct record){.type = RECORD_MESSAGE,
                           .seq = ++recording->seq,
                           .wall_ns = recording->wall_ns,
                           .mono_ns = recording->wall_ns,
                           .session = session->info.session,
                           .slot = UINT32_MAX,
                           .offset_up = session->recorded[0],
                           .offset_down = session->recorded[1]};
}

static void on_piece(void *user, const struct stratum_piece *piece)
{
    struct odd_recording *recording = user;
    struct odd_session *session = &recording->sessions[recording->session];
    struct record record = next_record(recording, session);
    const struct record_pairing pairing = {&session->pairs,
                                           recording->side ? STRATUM_FROM_POOL : STRATUM_FROM_MINER,
                                           record.seq, 60 * NS_PER_S};
    record.direction = recording->side ? DIRECTION_POOL_TO_MINER : DIRECTION_MINER_TO_POOL;
    struct stratum_match match = record_take_piece(&record, piece, &pairing);
    record_take_match(&record, &match);
    write_record(recording, &record, &session->info);
    session->recorded[recording->side] += record_wire_bytes(&record);
    recording->archive->messages[recording->session]++;
}

static void tell_event(struct odd_recording *recording, struct odd_session *session,
                       enum record_type type)
{
    struct record record = next_record(recording, session);
    record.type = type;
    record.payload = span_make((const char *)&session->info, sizeof session->info);
    write_record(recording, &record, &session->info);
}

/* A UUID of version 7 with the time in it, and nothing by chance. */
static void name_session(struct odd_recording *recording, unsigned number)
{
    struct uuid *session = &recording->sessions[number].info.session;
    *session = uuid_new(recording->wall_ns);
    memset(session->bytes + 9, (int)number, 7);
    session->bytes[6] = 0x70;
    session->bytes[7] = 0;
    session->bytes[8] = 0x80;
    recording->archive->sessions[number] = *session;
}

static void open_session(struct odd_recording *recording, unsigned number)
{
    struct odd_session *session = &recording->sessions[number];
    if (session->opened)
        return;
    session->opened = true;
    name_session(recording, number);
    session->info.opened_wall_ns = session->info.opened_mono_ns = recording->wall_ns;
    tell_event(recording, session, RECORD_OPENED);
    session->info.state = SESSION_OPEN;
    snprintf(session->info.pool, sizeof session->info.pool, "pool.example:3333");
    snprintf(session->info.address, sizeof session->info.address, "203.0.113.9:3333");
    snprintf(session->info.local, sizeof session->info.local, "192.0.2.1:40000");
    tell_event(recording, session, RECORD_POOL_CONNECTED);
}

static void close_session(struct odd_recording *recording, unsigned number)
{
    struct odd_session *session = &recording->sessions[number];
    if (!session->opened || session->closed)
        return;
    recording->session = number;
    for (unsigned side = 0; side < 2; side++) {
        recording->side = side;
        stratum_framer_finish(&session->framers[side], &recording->limits, on_piece, recording);
    }
    session->closed = true;
    session->info.state = SESSION_CLOSED;
    session->info.bytes_up = session->recorded[0];
    session->info.bytes_down = session->recorded[1];
    snprintf(session->info.closed_by, sizeof session->info.closed_by, "pool");
    snprintf(session->info.reason, sizeof session->info.reason, "refused: \"x\"\x01");
    tell_event(recording, session, RECORD_CLOSED);
}

static void note_request(struct odd_session *session, const struct buffer *bytes)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, bytes->data ? bytes->data : "", bytes->len);
    if (scan.kind != STRATUM_REQUEST || scan.id_text.len > ASKED_MAX)
        return;
    session->asked_len = scan.id_text.len;
    memcpy(session->asked, scan.id_text.data, scan.id_text.len);
}

static void speak(struct odd_recording *recording, struct odd_tape *tape, uint8_t how)
{
    struct buffer bytes = {0};
    unsigned number = how & 1, side = how >> 1 & 1;
    struct odd_session *session = &recording->sessions[number];
    if (session->closed)
        return;
    open_session(recording, number);
    odd_message(&bytes, tape, side, span_make(session->asked, session->asked_len));
    if (side == 0)
        note_request(session, &bytes);
    buffer_append(&recording->archive->streams[number][side], bytes.data, bytes.len);
    recording->session = number;
    recording->side = side;
    stratum_framer_push(&session->framers[side], &recording->limits, bytes.data, bytes.len,
                        on_piece, recording);
    buffer_close(&bytes);
}

static void step_clock(struct odd_recording *recording, int64_t by_ns)
{
    struct record record = {.type = RECORD_CLOCK_STEP,
                            .seq = ++recording->seq,
                            .wall_ns = recording->wall_ns + by_ns,
                            .slot = UINT32_MAX,
                            .payload = span_make((const char *)&by_ns, sizeof by_ns)};
    recording->wall_ns += by_ns;
    write_record(recording, &record, NULL);
}

static void happen(struct odd_recording *recording, struct odd_tape *tape)
{
    uint8_t how = odd_byte(tape);
    recording->wall_ns += (int64_t)(how & 15) * 7 * NS_PER_MS;
    if (how < 220)
        speak(recording, tape, how);
    else if (how < 232)
        close_session(recording, how & 1);
    else if (how < 240)
        step_clock(recording, how & 1 ? -3600 * NS_PER_S : 90 * NS_PER_S);
    else if (how < 248)
        recording->wall_ns += 90000 * NS_PER_S; /* a new file */
    else
        recording->writer.settings.segment_max_bytes =
            1; /* likewise, with every line from now on */
}

static void begin_session(struct odd_recording *recording, unsigned number)
{
    struct session_info *info = &recording->sessions[number].info;
    *info = (struct session_info){.number = number + 1, .state = SESSION_CONNECTING};
    snprintf(info->route, sizeof info->route, "main");
    snprintf(info->miner, sizeof info->miner, "192.0.2.%u:50000", number + 10);
    snprintf(info->listen, sizeof info->listen, "192.0.2.1:3333");
    name_session(recording, number);
}

static void record_tape(struct odd_recording *recording, struct odd_tape *tape)
{
    struct error err;
    char folder[96];
    const struct series_settings settings = {
        .folder = folder, .instance = ODD_INSTANCE, .segment_max_bytes = 1 << 20};
    snprintf(folder, sizeof folder, "%s/segments", recording->archive->folder);
    recording->budget = 1 << 20;
    recording->limits = (struct stratum_limits){LINE_LONG, PIECE_MAX, &recording->budget};
    series_writer_init(&recording->writer, &settings);
    for (unsigned i = 0; i < READS_MAX && tape->left > 0; i++)
        happen(recording, tape);
    for (unsigned i = 0; i < ODD_SESSIONS; i++)
        close_session(recording, i);
    odd_require(series_writer_end(&recording->writer, &err) == STATUS_OK, err.text);
    series_writer_close(&recording->writer);
}

static void free_sessions(struct odd_recording *recording)
{
    for (unsigned i = 0; i < ODD_SESSIONS; i++) {
        struct odd_session *session = &recording->sessions[i];
        stratum_framer_close(&session->framers[0], &recording->limits);
        stratum_framer_close(&session->framers[1], &recording->limits);
        stratum_pairs_close(&session->pairs);
    }
}

/* ---- what a disk or an enemy may do ---- */

static struct buffer read_file(const char *path)
{
    struct buffer bytes = {0};
    struct stat about;
    int fd = open(path, O_RDONLY);
    odd_require(fd >= 0 && fstat(fd, &about) == 0, "a file can be read");
    ssize_t got = read(fd, buffer_reserve(&bytes, (size_t)about.st_size), (size_t)about.st_size);
    odd_require(got == about.st_size, "all of a file can be read");
    bytes.len = (size_t)got;
    close(fd);
    return bytes;
}

static void write_file(const char *path, const struct buffer *bytes)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    odd_require(fd >= 0 && write(fd, bytes->data, bytes->len) == (ssize_t)bytes->len,
                "a file can be written");
    close(fd);
}

static void change(struct buffer *bytes, struct odd_tape *tape)
{
    for (size_t i = 1 + odd_below(tape, 6); i > 0 && bytes->len > 0; i--) {
        size_t at = (odd_below(tape, 65536) << 8 | odd_byte(tape)) % bytes->len;
        uint8_t how = odd_byte(tape);
        if (how < 200)
            bytes->data[at] = (char)odd_byte(tape);
        else if (how < 230)
            bytes->data[at] = (char)(bytes->data[at] ^ (1 << (how & 7)));
        else
            bytes->len = at;
    }
}

/* Like change(), but numbers grow, and quotes and newlines come and go: what passes for a line. */
static void change_text(struct buffer *text, struct odd_tape *tape)
{
    for (size_t i = 1 + odd_below(tape, 6); i > 0 && text->len > 0; i--) {
        size_t at = (odd_below(tape, 65536) << 8 | odd_byte(tape)) % text->len;
        text->data[at] = "0123456789\",:{}[]-\n\\ae\0\xff"[odd_below(tape, 24)];
    }
}

static void put_lines(struct segment_writer *file, struct span text)
{
    while (text.len > 0) {
        const char *newline = memchr(text.data, '\n', text.len);
        size_t len = newline ? (size_t)(newline - text.data) + 1 : text.len;
        struct segment_line line;
        struct segment_note note = {.event = SEGMENT_EVENT_OTHER};
        buffer_append(&file->text, text.data, len);
        if (segment_line_parse(&line, text.data, len - 1) == STATUS_OK)
            segment_note_of_line(&note, &line);
        segment_writer_note(file, &note);
        text = span_make(text.data + len, text.len - len);
    }
}

/* The file with other text, whole in every other respect. */
static void rewrite(const struct odd_archive *archive, const char *path, struct odd_tape *tape)
{
    struct segment_reader *reader;
    struct segment_line line;
    struct segment_writer file;
    struct buffer text = {0};
    struct error err;
    struct segment_head head;
    odd_require(segment_reader_open(&reader, path, &err) == STATUS_OK, err.text);
    head = *segment_reader_head(reader);
    while (segment_reader_next(reader, &line, &err) == STATUS_OK)
        buffer_append(&text, line.text.data, line.text.len + 1);
    segment_reader_close(reader);
    change_text(&text, tape);
    (void)unlink(path);
    segment_writer_init(&file, NULL, (gid_t)-1);
    odd_require(segment_writer_create(&file, archive->folder, &head, 0, &err) == STATUS_OK,
                err.text);
    put_lines(&file, span_make(text.data, text.len));
    segment_writer_end_frame(&file);
    if (odd_byte(tape) & 1)
        segment_writer_add_footer(&file);
    odd_require(segment_writer_write(&file, &err) == STATUS_OK, err.text);
    odd_require(segment_writer_seal(&file, &err) == STATUS_OK, err.text);
    segment_writer_free(&file);
    buffer_close(&text);
}

static void for_each_file(const struct odd_archive *archive, struct odd_tape *tape,
                          void (*work)(const struct odd_archive *, const char *, struct odd_tape *))
{
    struct segment_path *paths;
    size_t count;
    struct error err;
    odd_require(segment_list(archive->folder, &paths, &count, &err) == STATUS_OK, err.text);
    for (size_t i = 0; i < count; i++)
        work(archive, paths[i].path, tape);
    segment_list_free(paths, count);
}

static void harm(const struct odd_archive *archive, const char *path, struct odd_tape *tape)
{
    uint8_t how = odd_byte(tape);
    if (how & 1) {
        rewrite(archive, path, tape);
        return;
    }
    struct buffer bytes = read_file(path);
    if (how & 2)
        odd_forge(&bytes, path, tape);
    else
        change(&bytes, tape);
    write_file(path, &bytes);
    buffer_close(&bytes);
}

static void take_away(const struct odd_archive *archive, const char *path, struct odd_tape *tape)
{
    (void)archive;
    (void)tape;
    (void)unlink(path);
}

/* ---- an archive ---- */

void odd_archive_make(struct odd_archive *archive, struct odd_tape *tape)
{
    struct odd_recording recording = {.archive = archive, .wall_ns = WALL_NS};
    uint8_t kind = odd_byte(tape);
    struct odd_tape harmful = {tape->at, 0};
    for_each_file(archive, NULL, take_away);
    archive->hostile = kind % 4 == 3;
    if (archive->hostile) { /* a third of the tape says how */
        harmful.left = tape->left / 3;
        tape->at += harmful.left;
        tape->left -= harmful.left;
    }
    for (unsigned i = 0; i < ODD_SESSIONS; i++) {
        begin_session(&recording, i);
        archive->messages[i] = 0;
        buffer_clear(&archive->streams[i][0]);
        buffer_clear(&archive->streams[i][1]);
    }
    record_tape(&recording, tape);
    free_sessions(&recording);
    if (archive->hostile)
        for_each_file(archive, &harmful, harm);
}

void odd_archive_begin(struct odd_archive *archive)
{
    char path[96];
    *archive = (struct odd_archive){.hostile = false};
    snprintf(archive->folder, sizeof archive->folder, "/dev/shm/hashscope-fuzz-XXXXXX");
    if (!mkdtemp(archive->folder)) {
        snprintf(archive->folder, sizeof archive->folder, "/tmp/hashscope-fuzz-XXXXXX");
        odd_require(mkdtemp(archive->folder) != NULL, "a folder can be made");
    }
    snprintf(path, sizeof path, "%s/segments", archive->folder);
    odd_require(mkdir(path, 0700) == 0, "a folder can be made in it");
}

void odd_archive_end(struct odd_archive *archive)
{
    char command[128];
    for (unsigned i = 0; i < ODD_SESSIONS; i++) {
        buffer_close(&archive->streams[i][0]);
        buffer_close(&archive->streams[i][1]);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", archive->folder);
    odd_require(system(command) == 0, "the folder can be removed");
}
