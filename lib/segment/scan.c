/* scan.c - see scan.h. Nothing fails but base64 that is none. */
#include "lib/segment/scan.h"

bool segment_line_scan(struct stratum_scan *scan, const struct segment_line *line,
                       struct buffer *scratch)
{
    struct span bytes = line->msg;
    if (!line->is_message || line->is_fragment ||
        span_equal_text(line->why, stratum_fault_text(STRATUM_FAULT_OPAQUE)))
        return false;
    if (!bytes.data) {
        size_t len;
        buffer_clear(scratch);
        char *room = buffer_reserve(scratch, line->bytes_b64.len + 4);
        if (!base64_decode(room, &len, line->bytes_b64.data, line->bytes_b64.len)) {
            buffer_close(scratch);
            return false;
        }
        scratch->len = len;
        bytes = span_make(room, len);
    }
    stratum_scan_line(scan, bytes.data, bytes.len);
    return true;
}
