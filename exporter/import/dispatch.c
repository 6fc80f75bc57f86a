/*
 * dispatch.c - whose a connection is: anybody's, or one that HashScope exported with comments; each
 * kind has its own way to records (conversation.c, commented.c).
 */
#include "exporter/import/writer_private.h"

enum status import_scribe_event(void *user, struct import_flow *flow,
                                const struct import_event *event, struct error *err)
{
    struct import_scribe *scribe = user;
    switch (import_detect_verdict(scribe->detect, flow->ordinal)) {
    case IMPORT_VERDICT_NONE:
        return STATUS_OK;
    case IMPORT_VERDICT_FIRST:
        return import_speech_event(scribe, flow, 0, event, err);
    case IMPORT_VERDICT_SECOND:
        return import_speech_event(scribe, flow, 1, event, err);
    case IMPORT_VERDICT_COMMENTS:
        return import_recall_event(scribe, flow, event, err);
    }
    return STATUS_OK;
}

enum status import_scribe_begin(struct import_scribe *scribe, const struct import_early *early,
                                size_t count, struct error *err)
{
    return import_recall_begin(scribe, early, count, err);
}

enum status import_scribe_end(struct import_scribe *scribe, struct error *err)
{
    enum status status = import_recall_end(scribe, err);
    scribe->counts.renumbered = scribe->renumber;
    return status;
}
