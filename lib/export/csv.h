/*
 * csv.h - lines as CSV (RFC 4180, with LF between records).
 *
 * Columns: ts, seq, session, dir, event, method, re, latency_us, end, why, msg, bytes_b64, line.
 * A message has dir, and its bytes as text in `msg`, or in base64 in `bytes_b64` where the archive
 * has them so; `method` is its own. `end` is as in the archive: empty for LF, `\r\n` (those four
 * characters), or `none`. What is no message has its name in `event`, and the whole line of JSON in
 * `line`; where it has no number of its own, seq is that of the line behind it.
 * A cell that begins with one of = + - @ ' or a tab or CR has a ' in front: spreadsheets would run
 * it.
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_EXPORT_CSV_H
#define HASHSCOPE_EXPORT_CSV_H

#include "lib/segment/segment.h"

void csv_append_head(struct buffer *out);
void csv_append_line(struct buffer *out, const struct segment_line *line);

#endif
