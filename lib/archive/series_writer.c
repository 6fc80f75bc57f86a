/*
 * series_writer.c - happy path: open a file with its first record, put lines, end frames as they
 * fill, seal at its end. Whatever fails is the end of it; nothing is tried again.
 */
#include "lib/archive/series_writer.h"

#include "lib/base/clock.h"
#include "lib/record/line.h"
#include "lib/segment/append.h"

#define OUT_PUSH     (256u << 10) /* compressed bytes that are worth a write */
#define FILE_AGE_NS  (24 * 3600 * NS_PER_S)
#define TIME_BACK_NS (1800 * NS_PER_S)

void series_writer_init(struct series_writer *writer, const struct series_settings *settings)
{
    *writer = (struct series_writer){.settings = *settings, .next_number = 1};
    segment_writer_init(&writer->file, NULL, (gid_t)-1);
    state_table_init(&writer->states);
}

void series_writer_close(struct series_writer *writer)
{
    segment_writer_free(&writer->file);
    state_table_close(&writer->states);
}

static enum status open_file(struct series_writer *writer, const struct record *record,
                             struct error *err)
{
    struct segment_head head = {
        .version = SEGMENT_VERSION,
        .instance = writer->settings.instance,
        .number = writer->next_number++,
        .start_wall_ns = record->wall_ns,
        .start_mono_ns = record->mono_ns,
        .flags = writer->settings.flags,
    };
    writer->highest_ns = record->wall_ns;
    state_table_new_segment(&writer->states);
    return segment_writer_create_in(&writer->file, writer->settings.folder, &head, writer->last_seq,
                                    err);
}

static enum status end_frame(struct series_writer *writer, struct error *err)
{
    segment_writer_end_frame(&writer->file);
    return segment_writer_write(&writer->file, err);
}

static enum status seal(struct series_writer *writer, struct error *err)
{
    segment_writer_end_frame(&writer->file);
    segment_writer_add_footer(&writer->file);
    enum status status = segment_writer_write(&writer->file, err);
    if (status == STATUS_OK)
        status = segment_writer_sync(&writer->file, err);
    if (status != STATUS_OK)
        return status;
    writer->bytes += segment_writer_size(&writer->file);
    writer->files++;
    return segment_writer_seal(&writer->file, err);
}

static bool file_ends(const struct series_writer *writer, const struct record *record)
{
    const struct segment_writer *file = &writer->file;
    return segment_writer_size(file) >= writer->settings.segment_max_bytes ||
           clock_between(file->head.start_wall_ns, record->wall_ns) > FILE_AGE_NS ||
           clock_between(record->wall_ns, writer->highest_ns) > TIME_BACK_NS;
}

static enum status ready_file(struct series_writer *writer, const struct record *record,
                              struct error *err)
{
    enum status status = STATUS_OK;
    if (writer->file.fd >= 0 && file_ends(writer, record))
        status = seal(writer, err);
    if (status == STATUS_OK && writer->file.fd < 0)
        status = open_file(writer, record, err);
    return status;
}

enum status series_writer_put(struct series_writer *writer, const struct record *record,
                              const struct session_info *info, struct error *err)
{
    enum status status = ready_file(writer, record, err);
    if (status != STATUS_OK)
        return status;
    struct state_entry *entry = state_table_of(&writer->states, record);
    if (entry && state_table_introduce(&writer->states, entry, record))
        segment_append_state(&writer->file, &writer->clock, entry, record, info);
    segment_append_record(&writer->file, &writer->clock, record);
    writer->last_seq = record->seq;
    *(record->type == RECORD_MESSAGE ? &writer->messages : &writer->events) += 1;
    if (record->wall_ns > writer->highest_ns)
        writer->highest_ns = record->wall_ns;
    if (entry)
        state_table_learn(&writer->states, entry, record);
    if (record->type == RECORD_GAP)
        state_table_doubt(&writer->states, record->seq);
    if (segment_writer_frame_full(&writer->file))
        return end_frame(writer, err);
    return writer->file.out.len >= OUT_PUSH ? segment_writer_write(&writer->file, err) : STATUS_OK;
}

enum status series_writer_gap(struct series_writer *writer, const struct record *following,
                              const struct gap_info *gap, struct error *err)
{
    struct segment_note note = {.wall_ns = following->wall_ns, .event = SEGMENT_EVENT_GAP};
    enum status status = ready_file(writer, following, err);
    if (status != STATUS_OK)
        return status;
    line_append_gap(&writer->file.text, &writer->clock, following, gap);
    segment_writer_note(&writer->file, &note);
    state_table_doubt(&writer->states, writer->last_seq);
    return STATUS_OK;
}

void series_writer_lost(struct series_writer *writer, const struct uuid *session)
{
    state_table_doubt_session(&writer->states, session, writer->last_seq);
}

enum status series_writer_end(struct series_writer *writer, struct error *err)
{
    return writer->file.fd >= 0 ? seal(writer, err) : STATUS_OK;
}
