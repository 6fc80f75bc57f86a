/*
 * token.h - the secret that opens the API: as set, as made at the first start, or none.
 *
 * API_TOKEN counts when it is set. Else, when API_HOST is reachable from elsewhere, a token is made
 * and kept in DATA_DIR/api-token (mode 0600), where later starts find it. On loopback none is
 * needed; a file that is there is used all the same, so that links go on to work.
 *
 * Ownership: plain value; token_clear wipes it. Threads: one.
 */
#ifndef HASHSCOPE_API_ACCESS_TOKEN_H
#define HASHSCOPE_API_ACCESS_TOKEN_H

#include <stdbool.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/options.h"

#define TOKEN_MAX 512
#define TOKEN_MIN 16 /* shorter ones are warned about */

enum token_source { TOKEN_NONE, TOKEN_SET, TOKEN_FOUND, TOKEN_MADE };

struct token {
    enum token_source source;
    char text[TOKEN_MAX + 1]; /* "" when there is none */
    char path[4096];          /* of the file */
};

/* STATUS_INVALID: longer than TOKEN_MAX, or white space and control characters in it; STATUS_IO,
 * STATUS_DENIED: the file. With `make` false nothing is written: the source tells what would be. */
enum status token_load(struct token *out, const struct settings *settings, bool make,
                       struct error *err) MUST_CHECK;
void token_clear(struct token *token);

/* Appends "http://127.0.0.1:8000/?token=…", for the terminal; never for the log. */
void token_link(const struct token *token, const struct settings *settings, uint16_t port,
                struct buffer *out);

#endif
