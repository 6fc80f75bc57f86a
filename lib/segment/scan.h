/*
 * scan.h - the message of a line of a segment, scanned as it was when it passed.
 * Pure; threads: any.
 */
#ifndef HASHSCOPE_SEGMENT_SCAN_H
#define HASHSCOPE_SEGMENT_SCAN_H

#include "lib/segment/segment.h"
#include "lib/stratum/scan.h"

/* Scans the message of a line, also one in base64, which is decoded into `scratch`; the spans lie
 * in the line or there. False: it is no message, a piece of one, of a stream that is no text, or no
 * base64; `scratch` needs no closing then, if it was empty before. */
bool segment_line_scan(struct stratum_scan *scan, const struct segment_line *line,
                       struct buffer *scratch);

#endif
