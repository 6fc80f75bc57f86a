/*
 * login.h - who logs in: the one place that knows where messages name a worker and a miner's
 * software.
 *
 * The texts are as they stand between the quotes of the JSON; of lines that are no valid JSON but
 * can be read all the same (an 8-bit code page, half a surrogate pair, raw control characters) they
 * have whatever bytes were there. json_text_append makes plain text of both.
 * Pure; threads: any.
 */
#ifndef HASHSCOPE_RECORD_LOGIN_H
#define HASHSCOPE_RECORD_LOGIN_H

#include "lib/base/bytes.h"
#include "lib/stratum/scan.h"

/* The first of the params of mining.authorize and eth_submitLogin, the member `login` of login. */
bool login_worker(const struct stratum_scan *scan, struct span *name);
/* The first of the params of mining.subscribe, the member `agent` of login and mining.hello. */
bool login_agent(const struct stratum_scan *scan, struct span *name);

/* Of a line that is no valid JSON: the same text as a JSON string may hold it, without quotes; made
 * in `scratch`. */
struct span login_sound(struct span name, struct buffer *scratch);

#endif
