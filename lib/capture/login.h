/*
 * login.h - who logs in: the one place that knows where messages name a worker and a miner's
 * software.
 *
 * The texts are as they stand between the quotes of the JSON; of lines that are no valid JSON but
 * can be read all the same (an 8-bit code page, half a surrogate pair, raw control characters) they
 * have whatever bytes were there. json_text_append makes plain text of both.
 * Pure; threads: any.
 */
#ifndef HASHSCOPE_CAPTURE_LOGIN_H
#define HASHSCOPE_CAPTURE_LOGIN_H

#include "lib/capture/segment.h"
#include "lib/stratum/scan.h"

/* The first of the params of mining.authorize and eth_submitLogin, the member `login` of login. */
bool login_worker(const struct stratum_scan *scan, struct span *name);
/* The first of the params of mining.subscribe, the member `agent` of login and mining.hello. */
bool login_agent(const struct stratum_scan *scan, struct span *name);

/* Scans the message of a line, also one in base64, which is decoded into `scratch`; the spans lie
 * in the line or there. False: it is no message, a piece of one, of a stream that is no text, or no
 * base64; `scratch` needs no closing then, if it was empty before. */
bool login_scan(struct stratum_scan *scan, const struct segment_line *line, struct buffer *scratch);

/* Of a line that is no valid JSON: the same text as a JSON string may hold it, without quotes; made
 * in `scratch`. */
struct span login_sound(struct span name, struct buffer *scratch);

#endif
