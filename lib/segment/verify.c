/*
 * verify.c - a walk over all pieces, each compared with what it should be; then the footer
 * with what the lines say.
 *
 * Problems never end the walk. A number is missing when the next line's is not one above the last,
 * and no gap line in between names it.
 */
#include "lib/segment/verify.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/record/json_slice.h"
#include "lib/segment/footer_private.h"
#include "lib/segment/walk.h"

struct verify {
    const char *path;
    void (*tell)(void *user, const struct segment_problem *problem);
    void *user;
    struct segment_verdict *out;
    struct segment_summaries *summaries;
    struct segment_directory directory;
    uint64_t text_total;
    bool awaits_index;   /* the last frame of the directory has no entry yet */
    bool doubtful;       /* lines were counted that did not count: the footer cannot be compared */
    bool hole;           /* damage since the last line */
    uint64_t expected;   /* the next number; 0: any */
    uint64_t damaged_at; /* offset of the last damage */
    uint64_t footer_at;
    uint64_t footer_bytes;
};

static void problem(struct verify *verify, const struct segment_problem *what)
{
    verify->out->problems++;
    if (verify->tell)
        verify->tell(verify->user, what);
}

static void problem_at(struct verify *verify, uint64_t offset, const char *part, const char *why)
{
    problem(verify, &(struct segment_problem){.offset = offset, .part = part, .why = why});
}

/* ------------------------------------------------------------------ lines */

static uint64_t number_of(struct span line, const char *key)
{
    struct span value;
    uint64_t number = 0;
    if (!json_member(line, key, &value) || value.len > 19)
        return 0;
    for (size_t i = 0; i < value.len && value.data[i] >= '0' && value.data[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    return number;
}

static void take_gap(struct verify *verify, struct span line)
{
    uint64_t first = number_of(line, "first_lost"), lost = number_of(line, "lost");
    verify->out->gaps++;
    verify->out->lost += lost;
    if (verify->expected && first > verify->expected)
        verify->out->missing += first - verify->expected;
    verify->expected = first + lost;
}

static void check_number(struct verify *verify, uint64_t offset, uint64_t seq)
{
    struct segment_verdict *out = verify->out;
    bool sparse = (out->head.flags & SEGMENT_SPARSE) != 0;
    if (verify->expected && seq > verify->expected && !sparse) {
        out->missing += seq - verify->expected;
        if (!verify->hole)
            problem_at(verify, offset, "sequence", "numbers are missing in front of a line");
    } else if (verify->expected && seq < verify->expected) {
        problem_at(verify, offset, "sequence", "a number is not above the one before");
    }
    verify->hole = false;
    verify->expected = seq + 1;
    out->first_seq = out->first_seq ? out->first_seq : seq;
    out->last_seq = seq;
}

/* False: the line is none of this format. */
static bool take_line(struct verify *verify, uint64_t offset, struct segment_index *index,
                      struct span text)
{
    struct segment_line line;
    struct segment_note note;
    if (text.len > SEGMENT_LINE_MAX || segment_line_parse(&line, text.data, text.len) != STATUS_OK)
        return false;
    segment_note_of_line(&note, &line);
    segment_index_count(index, &note);
    segment_summaries_add(verify->summaries, (uint32_t)verify->directory.count, &note);
    if (note.event == SEGMENT_EVENT_GAP)
        take_gap(verify, text);
    if (line.numbered)
        check_number(verify, offset, line.seq);
    return true;
}

static bool take_lines(struct verify *verify, uint64_t offset, struct segment_index *index,
                       struct span text)
{
    const char *at = text.data, *end = text.data + text.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline || !take_line(verify, offset, index, span_make(at, (size_t)(newline - at))))
            return false;
        at = newline + 1;
    }
    return index->first_seq != 0;
}

/* ------------------------------------------------------------------ pieces */

static void end_index(struct verify *verify, uint64_t offset)
{
    if (verify->awaits_index)
        problem_at(verify, offset, "index entry", "there is none behind a data frame");
    verify->awaits_index = false;
}

static void take_data(struct verify *verify, const struct segment_piece *piece)
{
    struct segment_index index = {.offset = piece->offset,
                                  .text_offset = verify->text_total,
                                  .compressed_bytes = (uint32_t)piece->bytes,
                                  .text_bytes = (uint32_t)piece->text.len};
    struct segment_verdict *out = verify->out;
    if (!take_lines(verify, piece->offset, &index, piece->text)) {
        verify->doubtful = verify->hole = true;
        out->frames_damaged++;
        problem(verify, &(struct segment_problem){piece->offset, piece->bytes, "data frame",
                                                  "a line is none of this format", true});
        return;
    }
    segment_directory_add(&verify->directory, &index);
    verify->text_total += index.text_bytes;
    verify->awaits_index = true;
    out->frames++;
    out->lines += index.lines;
    for (int i = 0; i < DIRECTION_COUNT; i++)
        out->messages += index.directions[i];
}

static void take_index(struct verify *verify, const struct segment_piece *piece)
{
    unsigned char said[SEGMENT_INDEX_CORE], is[SEGMENT_INDEX_CORE];
    if (!verify->awaits_index && verify->damaged_at == piece->index.offset)
        return; /* its frame has been told of */
    if (!verify->awaits_index) {
        problem_at(verify, piece->offset, "index entry", "no whole data frame is in front of it");
        return;
    }
    verify->awaits_index = false;
    segment_index_encode_core(said, &piece->index);
    segment_index_encode_core(is, &verify->directory.frames[verify->directory.count - 1]);
    if (memcmp(said, is, sizeof is) != 0)
        problem_at(verify, piece->offset, "index entry", "it does not say what its frame holds");
}

static void take_damage(struct verify *verify, const struct segment_piece *piece)
{
    bool index = verify->awaits_index && !piece->data && piece->bytes == SEGMENT_INDEX_BYTES;
    struct segment_problem what = {piece->offset, piece->bytes, "data frame", piece->why, true};
    if (piece->offset == 0)
        what.part = "header";
    else if (verify->footer_at)
        what.part = "seek table";
    else if (index)
        what.part = "index entry";
    else if (piece->footer)
        what.part = "footer";
    else if (!piece->data)
        what.part = "frame";
    what.lines_lost = strstr("data frame", what.part) != NULL;
    verify->damaged_at = piece->offset;
    verify->hole |= what.lines_lost;
    verify->out->frames_damaged += piece->data;
    verify->awaits_index = false;
    problem(verify, &what);
}

static void take_torn(struct verify *verify, const struct segment_piece *piece)
{
    const char *at = piece->text.data, *end = piece->text.len ? at + piece->text.len : at;
    verify->out->torn = true;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
        verify->out->torn_lines++;
    }
    size_t len = strlen(verify->path);
    bool open = len > 5 && strcmp(verify->path + len - 5, ".open") == 0;
    if (!open)
        problem(verify, &(struct segment_problem){piece->offset, piece->bytes,
                                                  piece->data ? "data frame" : "frame", piece->why,
                                                  piece->data});
}

static void take(struct verify *verify, const struct segment_piece *piece)
{
    if (piece->kind != SEGMENT_PIECE_INDEX && piece->kind != SEGMENT_PIECE_DAMAGE &&
        piece->kind != SEGMENT_PIECE_TORN)
        end_index(verify, piece->offset);
    switch (piece->kind) {
    case SEGMENT_PIECE_HEADER:
        verify->out->head = piece->head;
        return;
    case SEGMENT_PIECE_DATA:
        take_data(verify, piece);
        return;
    case SEGMENT_PIECE_INDEX:
        take_index(verify, piece);
        return;
    case SEGMENT_PIECE_FOOTER:
        verify->footer_at = piece->offset;
        verify->footer_bytes = piece->bytes;
        return;
    case SEGMENT_PIECE_SEEK:
        if (!verify->footer_at)
            problem_at(verify, piece->offset, "footer", "a seek table without a footer");
        return;
    case SEGMENT_PIECE_OTHER:
        return;
    case SEGMENT_PIECE_DAMAGE:
        take_damage(verify, piece);
        return;
    case SEGMENT_PIECE_TORN:
        take_torn(verify, piece);
        return;
    }
}

/* ------------------------------------------------------------------ the footer */

static bool same_runs(struct segment_runs a, struct segment_runs b)
{
    uint32_t first[2], count[2];
    for (;;) {
        bool more = segment_runs_next(&a, &first[0], &count[0]);
        if (more != segment_runs_next(&b, &first[1], &count[1]))
            return false;
        if (!more)
            return true;
        if (first[0] != first[1] || count[0] != count[1])
            return false;
    }
}

static bool same_texts(const struct segment_summary *a, const struct segment_summary *b)
{
    bool same = a->worker_count == b->worker_count && span_equal(a->route, b->route) &&
                span_equal(a->miner, b->miner) && span_equal(a->via, b->via) &&
                span_equal(a->listen, b->listen) && span_equal(a->user_agent, b->user_agent) &&
                span_equal(a->pool, b->pool) && span_equal(a->address, b->address) &&
                span_equal(a->closed_by, b->closed_by) && span_equal(a->reason, b->reason);
    for (uint32_t i = 0; same && i < a->worker_count; i++)
        same = span_equal(a->workers[i], b->workers[i]);
    return same;
}

static bool same_session(const struct segment_footer *a, const struct segment_footer *b, size_t i)
{
    static const size_t numbers = offsetof(struct segment_summary, opened);
    struct segment_summary left, right;
    struct segment_runs left_runs, right_runs;
    segment_footer_session(a, i, &left);
    segment_footer_session(b, i, &right);
    if (left.unasked == 0) /* so say footers from before these were counted */
        right.unasked = 0;
    if (left.lasted_us == SEGMENT_TIME_UNKNOWN) /* likewise */
        right.lasted_us = SEGMENT_TIME_UNKNOWN;
    segment_footer_session_frames(a, i, &left_runs);
    segment_footer_session_frames(b, i, &right_runs);
    return memcmp(&left, &right, numbers) == 0 && left.opened == right.opened &&
           left.connected == right.connected && left.closed == right.closed &&
           same_texts(&left, &right) && same_runs(left_runs, right_runs);
}

/* What is wrong with it; NULL: nothing. */
static const char *compare(struct verify *verify, const struct segment_footer *footer)
{
    struct segment_footer is = {.session_count = segment_summaries_count(verify->summaries)};
    const char *why = NULL;
    size_t frames = verify->directory.count;
    is.totals.frames = (uint32_t)frames;
    segment_summaries_encode(verify->summaries, &is.sessions);
    if (footer->directory.count != frames)
        why = "it has not as many frames as the file";
    for (size_t i = 0; i < frames && !why; i++) {
        if (memcmp(&footer->directory.frames[i], &verify->directory.frames[i],
                   sizeof verify->directory.frames[i]) != 0)
            why = "it does not say what a frame holds";
    }
    if (!why && footer->session_count != is.session_count)
        why = "it has not as many sessions as the file";
    for (size_t i = 0; i < is.session_count && !why; i++) {
        if (!same_session(footer, &is, i))
            why = "it does not say of a session what its lines say";
    }
    buffer_close(&is.sessions);
    return why;
}

static enum status check_footer(struct verify *verify, struct error *err)
{
    struct segment_footer *footer;
    struct error found = {""};
    enum status status = STATUS_OK;
    if (!verify->footer_at)
        return STATUS_OK;
    status = segment_footer_open(&footer, verify->path, SEGMENT_FOOTER_ALL, &found);
    if (status == STATUS_NOT_FOUND || status == STATUS_DAMAGED || status == STATUS_UNSUPPORTED) {
        const char *why = strncmp(found.text, verify->path, strlen(verify->path)) == 0
                              ? found.text + strlen(verify->path) + 2
                              : found.text;
        problem(verify, &(struct segment_problem){verify->footer_at, verify->footer_bytes, "footer",
                                                  why, false});
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return error_set(err, status, "%s", found.text);
    const char *why = verify->doubtful ? NULL : compare(verify, footer);
    verify->out->footer = !why && !verify->doubtful;
    if (why)
        problem(verify, &(struct segment_problem){verify->footer_at, verify->footer_bytes, "footer",
                                                  why, false});
    segment_footer_close(footer);
    return STATUS_OK;
}

enum status segment_verify(const char *path,
                           void (*tell)(void *user, const struct segment_problem *problem),
                           void *user, struct segment_verdict *out, struct error *err)
{
    struct verify verify = {.path = path, .tell = tell, .user = user, .out = out};
    struct segment_walk *walk;
    struct segment_piece piece;
    *out = (struct segment_verdict){0};
    enum status status = segment_walk_open(&walk, path, true, err);
    if (status != STATUS_OK)
        return status;
    verify.summaries = segment_summaries_new();
    out->file_bytes = segment_walk_size(walk);
    while ((status = segment_walk_next(walk, &piece, err)) == STATUS_OK)
        take(&verify, &piece);
    if (status == STATUS_END) {
        if (!out->torn)
            end_index(&verify, out->file_bytes);
        status = check_footer(&verify, err);
    }
    segment_walk_close(walk);
    segment_summaries_free(verify.summaries);
    segment_directory_close(&verify.directory);
    return status;
}
