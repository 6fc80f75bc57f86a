/*
 * message.h - the full view of one line for people and tools: a JSON tree in which every known
 * field has a name. Best effort: what is not known is passed on as it came. The hot path does
 * without (scan.h).
 *
 * The view is an object with these members, each only if there is something to say:
 *   kind      "request", "notification", "response", "other"
 *   id        as sent; id_type "null", "integer", "string", "other"; id_text the raw JSON of an
 *             "other" id, since a large integer loses digits in a tree
 *   method    as sent
 *   params, result, error   as sent
 *   fields    params of a known method, or the result of the method that is answered, by name
 *   refused   of a response that refuses: code and text in one form, whatever form the error had
 *   batch     of an array of messages, or of several in one line: the view of each
 *   value     of any other JSON: the value itself
 *   fault     why the line is not embedded in the archive although it can be read
 *
 * Numbers keep every digit that they had.
 * Ownership: functions that return a tree return a new reference (or NULL); parts of it are shared
 * with what was passed in, so treat both as read-only. Threads: any, one at a time per tree.
 */
#ifndef HASHSCOPE_STRATUM_MESSAGE_H
#define HASHSCOPE_STRATUM_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/stratum/scan.h"

/* Appends the view of a line without its terminator, as JSON. `answered` is the method of the
 * request that a response answers, STRATUM_METHOD_NONE when not known. False when it is no JSON,
 * nor messages one behind the other, not even for a lenient reader (strict.h): then *err says what
 * is wrong and at which byte, counted from 0 ("invalid JSON at byte 17"). */
bool stratum_message_write(struct buffer *out, struct span line, enum stratum_method answered,
                           struct error *err);

/* The params of a method by name, as an object; NULL when the method has no known form. Of the
 * forms that dialects give to one method (Bitcoin, Zcash, Ethereum) the one that fits is taken.
 * Positions without a name are in the array "more". Params that are an object are that object. */
json_t *stratum_message_params(enum stratum_method method, json_t *params);

/* The same for the result that answers a request of that method. */
json_t *stratum_message_result(enum stratum_method method, json_t *result);

/* Why a response refuses: from an error that is [code, text, ...], {code, message}, a text or a
 * number, else from the member reject-reason. That it refuses is what the scan says. */
struct stratum_reason {
    const json_t *code; /* an integer, or an exact number (strict.h); NULL: none; borrowed */
    struct span text;   /* {NULL, 0} without one; borrowed from the message */
};
void stratum_message_reason(struct stratum_reason *reason, const json_t *message);

#endif
