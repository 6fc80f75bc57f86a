/*
 * note.c - what the index says of a line, found again from the line: events by their name,
 * messages by scanning their bytes as the relay did. Bytes of a stream that is no text say nothing,
 * and so does base64 that does not decode.
 */
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/record/session_rules.h"
#include "lib/segment/layout.h"
#include "lib/stratum/scan.h"

static enum segment_event event_of(struct span name)
{
    static const struct {
        const char *name;
        enum segment_event event;
    } events[] = {
        {"opened", SEGMENT_EVENT_OPENED},
        {"pool_connected", SEGMENT_EVENT_POOL_CONNECTED},
        {"closed", SEGMENT_EVENT_CLOSED},
        {"clock_step", SEGMENT_EVENT_CLOCK_STEP},
        {"gap", SEGMENT_EVENT_GAP},
        {"state", SEGMENT_EVENT_STATE},
        {"recovered", SEGMENT_EVENT_RECOVERED},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (span_equal_text(name, events[i].name))
            return events[i].event;
    }
    return SEGMENT_EVENT_OTHER;
}

static void note_bytes(struct segment_note *out, struct span bytes)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, bytes.data, bytes.len);
    out->method = (uint8_t)scan.method;
    out->error = scan.error;
    out->unasked = session_is_unasked(out->direction, scan.kind, out->paired);
}

static void note_base64(struct segment_note *out, struct span text)
{
    char *bytes = memory_new(text.len + 4);
    size_t len;
    if (base64_decode(bytes, &len, text.data, text.len))
        note_bytes(out, span_make(bytes, len));
    out->unasked = false; /* what is no JSON was no answer to the recorder */
    free(bytes);
}

/* Size of what padded base64 stands for. */
static size_t decoded_size(struct span text)
{
    size_t size = text.len / 4 * 3;
    for (size_t i = text.len; size > 0 && i > 0 && i + 2 > text.len && text.data[i - 1] == '='; i--)
        size--;
    return size;
}

static uint32_t wire_bytes(const struct segment_line *line)
{
    size_t size = line->msg.data ? line->msg.len : decoded_size(line->bytes_b64);
    size -= line->before < size ? line->before : size;
    return (uint32_t)(size + terminator_bytes(line->terminator).len);
}

void segment_note_of_line(struct segment_note *out, const struct segment_line *line)
{
    *out = (struct segment_note){
        .wall_ns = line->wall_ns,
        .seq = line->numbered ? line->seq : 0,
        .direction = line->direction,
        .line = line->text,
    };
    if (line->session.len && !uuid_parse(&out->session, line->session.data, line->session.len))
        out->session = (struct uuid){{0}};
    if (!line->is_message) {
        out->event = event_of(line->event);
        return;
    }
    out->bytes = wire_bytes(line);
    out->paired = line->paired && !line->is_fragment;
    out->re = line->re;
    if (line->is_fragment)
        out->method =
            (uint8_t)(line->method.data ? stratum_method_find(line->method.data, line->method.len)
                                        : STRATUM_METHOD_NONE);
    else if (line->msg.data)
        note_bytes(out, line->msg);
    else if (!span_equal_text(line->why, stratum_fault_text(STRATUM_FAULT_OPAQUE)))
        note_base64(out, line->bytes_b64);
}
