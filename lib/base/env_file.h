/*
 * env_file.h - reading `.env` text line by line.
 *
 * A line is blank, a comment (#), or [export] KEY=VALUE with blanks allowed around each part.
 *   unquoted   to the end of the line, or to a # that has a blank before it; trailing blanks go
 *   'single'   every character as it stands
 *   "double"   \n \r \t \" \\ \$ are escapes, any other backslash stands for itself
 * Behind a closing quote only blanks and a comment may follow. A quoted value ends on its line.
 * LF or CRLF end a line; a byte order mark at the start is skipped. There is no substitution of
 * variables.
 *
 * Ownership: the text is borrowed and must outlive the reader; env_reader_close frees the rest.
 * Threads: one at a time per reader.
 */
#ifndef HASHSCOPE_BASE_ENV_FILE_H
#define HASHSCOPE_BASE_ENV_FILE_H

#include "lib/base/bytes.h"
#include "lib/base/error.h"

struct env_reader {
    struct span rest;    /* what was not read yet */
    unsigned line;       /* number of the line read last, from 1 */
    struct span key;     /* points into the text */
    struct buffer value; /* unquoted; NUL-terminated behind its len; reused by the next line */
    const char *fault;   /* after STATUS_INVALID: what is wrong with the line */
};

void env_reader_init(struct env_reader *reader, struct span text);
void env_reader_close(struct env_reader *reader);

/* The next setting. STATUS_INVALID: this line is malformed, see `fault`; the one after it can be
 * read all the same. STATUS_END: no more lines. */
enum status env_reader_next(struct env_reader *reader) MUST_CHECK;

#endif
