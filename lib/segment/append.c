/* append.c - a line is appended to the file's text, then noted with what its record says. */
#include "lib/segment/append.h"

#include "lib/record/line.h"
#include "lib/record/piece.h"
#include "lib/stratum/scan.h"

/* The line that was put behind the first `begin` bytes of the text. */
static struct span line_from(const struct segment_writer *file, size_t begin)
{
    return span_make(file->text.data + begin, file->text.len - begin - 1);
}

static enum segment_event event_of(enum record_type type)
{
    switch (type) {
    case RECORD_MESSAGE:
        return 0;
    case RECORD_OPENED:
        return SEGMENT_EVENT_OPENED;
    case RECORD_POOL_CONNECTED:
        return SEGMENT_EVENT_POOL_CONNECTED;
    case RECORD_CLOSED:
        return SEGMENT_EVENT_CLOSED;
    case RECORD_CLOCK_STEP:
        return SEGMENT_EVENT_CLOCK_STEP;
    case RECORD_GAP:
        return SEGMENT_EVENT_GAP;
    }
    return SEGMENT_EVENT_OTHER;
}

static struct segment_note note_of(const struct record *record)
{
    bool piece = (record->flags & RECORD_FRAGMENT) != 0;
    bool named = record->method > STRATUM_METHOD_UNKNOWN;
    return (struct segment_note){
        .wall_ns = record->wall_ns,
        .seq = record->seq,
        .direction = record->direction,
        .event = event_of(record->type),
        .method = piece && !named ? STRATUM_METHOD_NONE : record->method,
        .error = record->type == RECORD_MESSAGE && (record->flags & RECORD_ERROR) && !piece,
        .paired = (record->flags & RECORD_PAIRED) && !piece,
        .unasked = record_is_unasked(record),
        .bytes = record_wire_bytes(record),
        .session = record->session,
        .re = record->re,
    };
}

void segment_append_record(struct segment_writer *file, struct clock_formatter *clock,
                           const struct record *record)
{
    struct segment_note note = note_of(record);
    size_t begin = file->text.len;
    line_append_record(&file->text, clock, record);
    note.line = line_from(file, begin);
    segment_writer_note(file, &note);
}

void segment_append_state(struct segment_writer *file, struct clock_formatter *clock,
                          const struct state_entry *entry, const struct record *record,
                          const struct session_info *info)
{
    size_t begin = file->text.len;
    state_table_append_state(&file->text, clock, entry, record, info);
    struct segment_note note = {.wall_ns = record->wall_ns,
                                .event = SEGMENT_EVENT_STATE,
                                .session = entry->session,
                                .line = line_from(file, begin)};
    segment_writer_note(file, &note);
}
