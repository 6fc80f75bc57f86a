/*
 * pages.h - the files of the web UI, and what stands in their place when they are not built.
 *
 * What is no file falls back to index.html, since the UI has paths of its own; below /assets/ and
 * /api/ it is a 404. Nothing outside ui_dir is ever opened, and no directory is listed.
 * Threads: any.
 */
#ifndef HASHSCOPE_API_REST_PAGES_H
#define HASHSCOPE_API_REST_PAGES_H

#include "api/request/rest.h"

void pages_serve(struct request *request);
/* A file of rest->share_dir or rest->ui_dir, with the type that its name says; 404 without it. */
void pages_file(struct request *request, const char *dir, const char *name);

#endif
