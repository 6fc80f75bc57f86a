/*
 * dispatch.c - whose a connection is: anybody's, or one that HashScope exported with comments; each
 * kind has its own way to records (conversation.c, commented.c).
 */
#include "exporter/import/writer_private.h"

enum status import_writer_event(void *user, struct import_flow *flow,
                                const struct import_event *event, struct error *err)
{
    struct import_writer *writer = user;
    switch (import_detect_verdict(writer->detect, flow->ordinal)) {
    case IMPORT_VERDICT_NONE:
        return STATUS_OK;
    case IMPORT_VERDICT_FIRST:
        return import_conversation_event(writer, flow, 0, event, err);
    case IMPORT_VERDICT_SECOND:
        return import_conversation_event(writer, flow, 1, event, err);
    case IMPORT_VERDICT_COMMENTS:
        return import_commented_event(writer, flow, event, err);
    }
    return STATUS_OK;
}

enum status import_writer_begin(struct import_writer *writer, const struct import_early *early,
                                size_t count, struct error *err)
{
    return import_commented_begin(writer, early, count, err);
}

enum status import_writer_end(struct import_writer *writer, struct error *err)
{
    enum status status = import_commented_end(writer, err);
    writer->counts.renumbered = writer->renumber;
    return status;
}
