/*
 * segment_line_fuzz.c - two things at once. The input as a line: taking it apart reads nothing
 * outside and gives spans inside it. The input as a message: whatever it is, its line is taken
 * apart again into exactly what went in.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/record/line.h"
#include "lib/segment/layout.h"
#include "lib/stratum/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void inside(struct span part, struct span whole)
{
    require(!part.data ||
            (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

static void as_line(struct span input)
{
    struct segment_line line;
    struct segment_note note;
    if (segment_line_parse(&line, input.data, input.len) != STATUS_OK)
        return;
    inside(line.session, input);
    inside(line.event, input);
    inside(line.msg, input);
    inside(line.bytes_b64, input);
    inside(line.why, input);
    inside(line.method, input);
    segment_note_of_line(&note, &line);
    require(note.method < STRATUM_METHOD_COUNT);
}

static struct record as_record(struct span input, uint8_t choice)
{
    struct stratum_scan scan;
    struct record record = {
        .type = RECORD_MESSAGE,
        .seq = 1 + choice,
        .wall_ns = 1795355581123456789,
        .session = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}},
        .direction = (enum direction)(choice & 3),
        .terminator = (enum terminator)((choice >> 2) % 3),
        .re = choice,
        .latency_ns = 1000 * (int64_t)choice,
        .forward_ns = choice * 20000u,
        .payload = input,
    };
    stratum_scan_line(&scan, input.data, input.len);
    record.method = (uint8_t)scan.method;
    record.fault = (uint8_t)scan.fault;
    record.fault_at = scan.fault_at;
    record.flags = (choice & 0x10 ? RECORD_PAIRED : 0) | (choice & 0x20 ? RECORD_FORWARD_KNOWN : 0);
    if (choice & 0x40) {
        record.flags |= RECORD_FRAGMENT | (choice & 0x80 ? RECORD_LAST_FRAGMENT : 0);
        record.terminator = choice & 0x80 ? record.terminator : TERMINATOR_NONE;
    }
    return record;
}

static void compare_content(const struct segment_line *line, struct span input)
{
    char *bytes = malloc(line->bytes_b64.len + 4);
    size_t len = 0;
    if (line->msg.data) {
        require(span_equal(line->msg, input));
    } else {
        require(base64_decode(bytes, &len, line->bytes_b64.data, line->bytes_b64.len));
        require(span_equal(span_make(bytes, len), input));
    }
    free(bytes);
}

static void as_message(struct span input, uint8_t choice)
{
    struct record record = as_record(input, choice);
    struct clock_formatter clock = {0};
    struct buffer out = {0};
    struct segment_line line;
    line_append_record(&out, &clock, &record);
    require(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
    require(segment_line_parse(&line, out.data, out.len - 1) == STATUS_OK);
    require(line.seq == record.seq && line.numbered && line.is_message);
    require(line.direction == record.direction && line.terminator == record.terminator);
    require(line.paired == ((choice & 0x10) != 0) && (!line.paired || line.re == record.re));
    require(line.is_fragment == ((choice & 0x40) != 0));
    require(line.last_fragment == ((choice & 0xc0) == 0xc0));
    compare_content(&line, input);
    buffer_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *copy = malloc(size);
    memcpy(copy, data, size);
    as_line(span_make(copy, size));
    if (!memchr(data + 1, '\n', size - 1))
        as_message(span_make(copy + 1, size - 1), data[0]);
    free(copy);
    return 0;
}
