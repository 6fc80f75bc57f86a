/*
 * export_stream.h - an export (lib/export) as the answer to a request: a download in chunks, made
 * as fast as the client takes it and no faster, in constant memory.
 *
 * It ends early when the client goes away. What fails after the first byte cannot be said in the
 * answer any more: then its last chunk is missing, and clients report that it is incomplete.
 *
 * Threads: the request's.
 */
#ifndef HASHSCOPE_API_REST_EXPORT_STREAM_H
#define HASHSCOPE_API_REST_EXPORT_STREAM_H

#include "api/request/request.h"
#include "lib/export/export.h"

/* Answers the request. Of the options, stop and user are set here. */
void export_stream(struct request *request, const struct export_options *options);

#endif
