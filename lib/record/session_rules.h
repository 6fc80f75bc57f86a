/*
 * session_rules.h - what a message says about its session: what counts as a submit, which answers
 * accept and reject shares, and how names of workers are kept. lib/segment/FORMAT.md, section 11,
 * specifies the rules; here they are for everybody who gathers facts of sessions, whatever they
 * keep them in: state lines (state_table.h), footers (lib/segment/summary.h), lists (lib/query) and
 * the API (api/session/view.h). Who logs in, and as what, is in login.h.
 *
 * Pure; threads: any.
 */
#ifndef HASHSCOPE_RECORD_SESSION_RULES_H
#define HASHSCOPE_RECORD_SESSION_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/record/record.h"
#include "lib/stratum/scan.h"

/* ---- submits and answers ---- */

/* A share that the miner offers; one of ours that was injected is none. */
bool session_is_submit(enum direction direction, enum stratum_method method);

/* An answer of the pool that pairs with nothing. The message was recorded as JSON. */
bool session_is_unasked(enum direction direction, enum stratum_kind kind, bool paired);

enum session_answer {
    SESSION_ANSWER_OTHER,  /* counts nowhere */
    SESSION_ANSWER_ACCEPT, /* of a share */
    SESSION_ANSWER_REJECT, /* of a share */
    SESSION_ANSWER_ERROR,  /* a refusal of anything else */
};
/* What a message counts as. `request`: what is known of the one that it answers. */
enum session_request {
    SESSION_REQUEST_NONE,   /* it answers nothing */
    SESSION_REQUEST_SUBMIT, /* a submit */
    SESSION_REQUEST_OTHER,
    SESSION_REQUEST_EARLIER, /* in front of all that was seen: most of those are submits */
};
enum session_answer session_judge(enum direction direction, enum session_request request,
                                  bool refuses);

/* ---- names ---- */

#define SESSION_WORKERS_MAX 32  /* names of one session that were asked for and not refused */
#define SESSION_REFUSED_MAX 8   /* and that were */
#define SESSION_NAME_MAX    510 /* bytes of JSON between the quotes; longer names are passed over */

/* A name is put to the end of a list of `count`, where it stands at `same` already (or nowhere:
 * `count`), and of which `most` are kept. Returns which one leaves the list before that: itself,
 * since the newest stand last, or the oldest; `count`: none. */
size_t session_name_that_leaves(size_t count, size_t same, size_t most);

#endif
