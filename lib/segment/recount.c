/* See recount.h. What can fail is told there. */
#include "lib/segment/recount.h"

#include <string.h>

bool segment_recount_text(struct segment_index *index, struct segment_summaries *summaries,
                          uint32_t frame, struct span text)
{
    const char *at = text.data, *end = text.data + text.len;
    while (at < end) {
        struct segment_line line;
        struct segment_note note;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        if (len > SEGMENT_LINE_MAX || segment_line_parse(&line, at, len) != STATUS_OK)
            return false;
        segment_note_of_line(&note, &line);
        segment_index_count(index, &note);
        if (summaries)
            segment_summaries_add(summaries, frame, &note);
        at += len + 1;
    }
    return index->first_seq != 0;
}
