/*
 * repair.c - from piece to piece through the old file, writing the new one.
 *
 * The new file grows under `<to>.repairing`, gets its header last (when it is known), then its
 * footer from what it holds, is synced and linked to its name, so a `to` is always complete and
 * never takes another's place. Fails when the disk refuses or nothing can be saved.
 */
#include "lib/segment/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/record/json_slice.h"
#include "lib/record/line.h"
#include "lib/segment/bytes.h"
#include "lib/segment/footer_layout.h"
#include "lib/segment/frame.h"
#include "lib/segment/recount.h"
#include "lib/segment/walk.h"
#include "lib/segment/writer.h"

#define LEVELS 9 /* folders above a segment among which its data directory is looked for */

struct repair {
    const char *path;
    char fresh[4096]; /* the new file while it is made */
    void (*tell)(void *user, const struct segment_problem *problem);
    void *user;
    struct segment_repaired *out;
    struct segment_bytes in;
    int fd;
    struct segment_head head;
    bool head_known;
    uint64_t at, text_total;             /* of the new file */
    bool hole;                           /* lines were lost since the last frame */
    uint64_t hole_first;                 /* the first number in it, where an entry tells; 0: no */
    uint64_t damaged_begin, damaged_end; /* the last damage, in the old file */
    int64_t first_us;                    /* of the first frame */
};

static void lose(struct repair *repair, const struct segment_piece *piece, const char *part,
                 const char *why, bool lines)
{
    struct segment_problem what = {piece->offset, piece->bytes, part, why, lines};
    repair->hole |= lines;
    repair->damaged_begin = piece->offset;
    repair->damaged_end = piece->offset + piece->bytes;
    repair->out->sound = false;
    if (repair->tell)
        repair->tell(repair->user, &what);
}

/* ------------------------------------------------------------------ frames */

/* The first number that the frame accounts for: its first line may be a gap of its own. */
static uint64_t begins_with(const struct segment_index *index, struct span text)
{
    const char *newline = memchr(text.data, '\n', text.len);
    struct segment_line line;
    struct span value;
    uint64_t first = 0;
    if (!newline ||
        segment_line_parse(&line, text.data, (size_t)(newline - text.data)) != STATUS_OK ||
        !span_equal_text(line.event, "gap") || !json_member(line.text, "first_lost", &value))
        return index->first_seq;
    for (size_t i = 0; i < value.len && i < 19 && value.data[i] >= '0' && value.data[i] <= '9'; i++)
        first = first * 10 + (uint64_t)(value.data[i] - '0');
    return first && first < index->first_seq ? first : index->first_seq;
}

/* How many numbers are known to be lost in front of the frame, and the first of them. */
static uint64_t lost_before(const struct repair *repair, uint64_t begins, uint64_t *first)
{
    *first = repair->out->last_seq ? repair->out->last_seq + 1 : repair->hole_first;
    if (!repair->hole || *first == 0 || *first >= begins)
        return 0;
    return begins - *first;
}

static void add_gap(struct repair *repair, struct buffer *text, struct segment_index *index,
                    uint64_t first, uint64_t lost)
{
    struct clock_formatter clock = {0};
    struct segment_note note = {.wall_ns = clock_ns(index->lowest_us, NS_PER_US),
                                .event = SEGMENT_EVENT_GAP};
    line_begin(text, &clock, note.wall_ns, "at", index->first_seq);
    line_add_text(text, "event", "gap");
    line_add_u64(text, "lost", lost);
    line_add_u64(text, "first_lost", first);
    line_add_text(text, "reason", "they stood in damaged frames of the file");
    line_add_bool(text, "repair", true);
    line_end(text);
    segment_index_count(index, &note);
    repair->out->gaps++;
    repair->out->lost_numbers += lost;
}

static enum status write_out(struct repair *repair, const void *data, size_t len, struct error *err)
{
    enum status status = segment_write_all(repair->fd, data, len, repair->fresh, err);
    repair->at += len;
    return status;
}

/* The frame as it is. */
static enum status copy_frame(struct repair *repair, const struct segment_piece *piece,
                              const struct segment_index *index, struct error *err)
{
    const unsigned char *bytes;
    struct buffer entry = {0};
    enum status status =
        segment_bytes_get(&repair->in, piece->offset, (size_t)piece->bytes, &bytes, err);
    if (status == STATUS_OK)
        status = write_out(repair, bytes, (size_t)piece->bytes, err);
    segment_frame_append_index(&entry, index);
    if (status == STATUS_OK)
        status = write_out(repair, entry.data, entry.len, err);
    buffer_close(&entry);
    return status;
}

/* A frame of `front`, which repair made, and the lines behind it. */
static enum status make_frame(struct repair *repair, struct segment_index *index,
                              struct buffer *front, struct span lines, struct error *err)
{
    struct buffer bytes = {0};
    buffer_append(front, lines.data, lines.len);
    enum status status =
        segment_frame_append(&bytes, index, span_make(front->data, front->len), err);
    if (status == STATUS_OK)
        status = write_out(repair, bytes.data, bytes.len, err);
    buffer_close(&bytes);
    return status;
}

static void count_frame(struct repair *repair, const struct segment_index *index, uint64_t lines)
{
    struct segment_repaired *out = repair->out;
    repair->first_us = out->frames ? repair->first_us : index->lowest_us;
    repair->text_total += index->text_bytes;
    repair->hole = false;
    repair->hole_first = 0;
    out->frames++;
    out->lines += lines;
    out->first_seq = out->first_seq ? out->first_seq : index->first_seq;
    out->last_seq = index->last_seq;
}

static enum status take_data(struct repair *repair, const struct segment_piece *piece,
                             struct error *err)
{
    struct segment_index index = {.offset = repair->at, .text_offset = repair->text_total};
    struct buffer front = {0};
    uint64_t first;
    if (!segment_recount_text(&index, NULL, 0, piece->text)) {
        lose(repair, piece, "data frame", "a line is none of this format", true);
        repair->out->frames_lost++;
        return STATUS_OK;
    }
    uint64_t lines = index.lines;
    uint64_t lost = lost_before(repair, begins_with(&index, piece->text), &first);
    enum status status;
    index.compressed_bytes = (uint32_t)piece->bytes;
    index.text_bytes = (uint32_t)piece->text.len;
    if (lost) {
        add_gap(repair, &front, &index, first, lost);
        status = make_frame(repair, &index, &front, piece->text, err);
    } else {
        status = copy_frame(repair, piece, &index, err);
    }
    buffer_close(&front);
    count_frame(repair, &index, lines);
    return status;
}

/* The lines up to the last one that has a number, and is one of this format. */
static struct span worth_keeping(struct span text, struct segment_index *index)
{
    const char *at = text.data, *end = text.len ? text.data + text.len : at;
    struct segment_index counted = {0};
    size_t kept = 0;
    while (at < end) {
        struct segment_line line;
        struct segment_note note;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline || segment_line_parse(&line, at, (size_t)(newline - at)) != STATUS_OK)
            break;
        segment_note_of_line(&note, &line);
        segment_index_count(&counted, &note);
        at = newline + 1;
        if (!line.numbered)
            continue;
        *index = counted;
        kept = (size_t)(at - text.data);
    }
    return span_make(text.data, kept);
}

static enum status take_torn(struct repair *repair, const struct segment_piece *piece,
                             struct error *err)
{
    struct segment_index index = {0};
    struct buffer front = {0};
    struct span lines = worth_keeping(piece->text, &index);
    uint64_t first, count = index.lines;
    lose(repair, piece, piece->data ? "data frame" : "frame", piece->why, piece->data && !count);
    repair->out->frames_lost += piece->data && !count;
    if (!count)
        return STATUS_OK;
    struct segment_note mark = {.wall_ns = clock_ns(index.lowest_us, NS_PER_US),
                                .event = SEGMENT_EVENT_RECOVERED};
    uint64_t lost = lost_before(repair, begins_with(&index, lines), &first);
    line_append_recovered(&front, mark.wall_ns, index.first_seq, count + (lost != 0),
                          "kept from a damaged end, no checksum covered it");
    if (lost)
        add_gap(repair, &front, &index, first, lost);
    segment_index_count(&index, &mark);
    index.offset = repair->at;
    index.text_offset = repair->text_total;
    enum status status = make_frame(repair, &index, &front, lines, err);
    buffer_close(&front);
    repair->out->recovered_lines = count;
    count_frame(repair, &index, count);
    return status;
}

/* ------------------------------------------------------------------ pieces */

static void take_index(struct repair *repair, const struct segment_piece *piece)
{
    bool of_damaged =
        piece->index.offset >= repair->damaged_begin && piece->index.offset < repair->damaged_end;
    if (repair->hole && of_damaged && !repair->hole_first)
        repair->hole_first = piece->index.first_seq;
}

/* The header's double. */
static enum status take_footer(struct repair *repair, const struct segment_piece *piece,
                               struct error *err)
{
    const unsigned char *frame;
    struct segment_footer_head foot;
    if (repair->head_known || piece->bytes < SEGMENT_FOOTER_HEAD)
        return STATUS_OK;
    enum status status =
        segment_bytes_get(&repair->in, piece->offset, SEGMENT_FOOTER_HEAD, &frame, err);
    if (status == STATUS_OK && segment_footer_head_decode(&foot, frame)) {
        repair->head = foot.head;
        repair->head_known = true;
    }
    return status;
}

static void take_damage(struct repair *repair, const struct segment_piece *piece)
{
    bool header = piece->offset == 0, index = piece->bytes == SEGMENT_INDEX_BYTES && !piece->data;
    const char *part = header          ? "header"
                       : piece->data   ? "data frame"
                       : piece->footer ? "footer"
                       : index         ? "index entry"
                                       : "frame";
    repair->out->frames_lost += piece->data;
    lose(repair, piece, part, piece->why,
         piece->data || (piece->bytes > SEGMENT_INDEX_BYTES && !piece->footer));
}

static enum status take(struct repair *repair, const struct segment_piece *piece, struct error *err)
{
    switch (piece->kind) {
    case SEGMENT_PIECE_HEADER:
        repair->head = piece->head;
        repair->head_known = true;
        return STATUS_OK;
    case SEGMENT_PIECE_DATA:
        return take_data(repair, piece, err);
    case SEGMENT_PIECE_INDEX:
        take_index(repair, piece);
        return STATUS_OK;
    case SEGMENT_PIECE_FOOTER:
        return take_footer(repair, piece, err);
    case SEGMENT_PIECE_SEEK:
    case SEGMENT_PIECE_OTHER:
        return STATUS_OK;
    case SEGMENT_PIECE_DAMAGE:
        take_damage(repair, piece);
        return STATUS_OK;
    case SEGMENT_PIECE_TORN:
        return take_torn(repair, piece, err);
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ the new file */

/* What the name says: 20261122T135301Z-00000042.ndjson.zst */
static void make_head(struct repair *repair)
{
    const char *slash = strrchr(repair->path, '/');
    const char *name = slash ? slash + 1 : repair->path, *dash = strchr(name, '-');
    repair->out->header_made = true;
    repair->out->sound = false;
    if (repair->head_known)
        return;
    repair->head = (struct segment_head){.version = SEGMENT_VERSION,
                                         .start_wall_ns = clock_ns(repair->first_us, NS_PER_US)};
    repair->head.number = dash ? strtoull(dash + 1, NULL, 10) : 0;
}

static enum status write_head(const struct repair *repair, struct error *err)
{
    unsigned char head[SEGMENT_HEADER_BYTES];
    segment_header_encode(head, &repair->head);
    if (pwrite(repair->fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return error_errno(err, errno ? errno : EIO, "writing %s", repair->fresh);
    return STATUS_OK;
}

static enum status walk_through(struct repair *repair, struct error *err)
{
    struct segment_walk *walk;
    struct segment_piece piece;
    unsigned char room[SEGMENT_HEADER_BYTES] = {0};
    bool headless = true;
    enum status status = segment_walk_open(&walk, repair->path, true, err);
    if (status != STATUS_OK)
        return status;
    status = write_out(repair, room, sizeof room, err);
    while (status == STATUS_OK && (status = segment_walk_next(walk, &piece, err)) == STATUS_OK) {
        headless &= piece.kind != SEGMENT_PIECE_HEADER;
        status = take(repair, &piece, err);
    }
    segment_walk_close(walk);
    if (status != STATUS_END)
        return status;
    if (!repair->out->frames)
        return error_set(err, STATUS_NOT_FOUND, "%s: no line could be saved", repair->path);
    if (headless)
        make_head(repair);
    return STATUS_OK;
}

static enum status fill(struct repair *repair, struct error *err)
{
    enum status status = walk_through(repair, err);
    repair->head.generation += !repair->out->sound; /* offsets are others */
    if (status == STATUS_OK)
        status = write_head(repair, err);
    if (status == STATUS_OK)
        status = segment_footer_complete(repair->fd, repair->fresh, err);
    if (status == STATUS_OK && fsync(repair->fd) != 0)
        status = error_errno(err, errno, "syncing %s", repair->fresh);
    return status;
}

static enum status make(struct repair *repair, const char *to, struct error *err)
{
    if (access(to, F_OK) == 0)
        return error_set(err, STATUS_EXISTS, "%s is there already", to);
    if (snprintf(repair->fresh, sizeof repair->fresh, "%s.repairing", to) >=
        (int)sizeof repair->fresh)
        return error_set(err, STATUS_INVALID, "%s: the path is too long", to);
    repair->fd = open(repair->fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (repair->fd < 0)
        return error_errno(err, errno, "making %s", repair->fresh);
    enum status status = fill(repair, err);
    close(repair->fd);
    if (status == STATUS_OK && link(repair->fresh, to) != 0)
        status = error_errno(err, errno, "naming %s", to);
    (void)unlink(repair->fresh);
    return status == STATUS_OK ? file_sync_folder(to, err) : status;
}

/* ------------------------------------------------------------------ the recorder's lock */

/* Takes the lock of the data directory that holds the file; *lock is -1 where there is none. */
static enum status take_lock(const char *path, int *lock, struct error *err)
{
    char folder[4096], name[4200];
    char *real = realpath(path, NULL);
    *lock = -1;
    if (!real)
        return error_errno(err, errno, "opening %s", path);
    snprintf(folder, sizeof folder, "%s", real);
    free(real);
    for (int i = 0; i < LEVELS && *lock < 0 && strcmp(folder, "/") != 0; i++) {
        (void)dirname(folder);
        snprintf(name, sizeof name, "%s/live/lock", folder);
        *lock = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (*lock < 0 && errno != ENOENT && errno != ENOTDIR)
            return error_errno(err, errno, "opening %s", name);
    }
    if (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    close(*lock);
    return error_set(err, STATUS_BUSY, "a recorder is running on %s", folder);
}

enum status segment_repair(const char *path, const char *to,
                           void (*tell)(void *user, const struct segment_problem *problem),
                           void *user, struct segment_repaired *out, struct error *err)
{
    struct repair repair = {.path = path, .tell = tell, .user = user, .out = out};
    int lock;
    *out = (struct segment_repaired){.sound = true};
    enum status status = take_lock(path, &lock, err);
    if (status != STATUS_OK)
        return status;
    status = segment_bytes_open(&repair.in, path, err);
    if (status == STATUS_OK) {
        status = make(&repair, to, err);
        segment_bytes_close(&repair.in);
    }
    if (lock >= 0)
        close(lock);
    return status;
}
