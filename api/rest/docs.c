/*
 * docs.c - /docs: the page that shows openapi.yaml and lets one try every request.
 *
 * It is files of api/docs, without anything of another host and without inline scripts, and reads
 * /openapi.yaml in the browser. Open to all, as the files of the web UI are; what it tries needs
 * the token as ever.
 */
#include <stdio.h>

#include "api/request/rest.h"
#include "api/rest/pages.h"

static void docs(struct request *request)
{
    pages_file(request, request->rest->share_dir, "docs/index.html");
}

static void docs_file(struct request *request)
{
    char name[REQUEST_ID_MAX + sizeof "docs/"];
    (void)snprintf(name, sizeof name, "docs/%s", request->id);
    pages_file(request, request->rest->share_dir, name);
}

static const struct route routes[] = {
    {"GET", "/docs", docs, NULL, 0, ROUTE_OPEN | ROUTE_PAGE},
    {"GET", "/docs/{id}", docs_file, NULL, 0, ROUTE_OPEN | ROUTE_PAGE},
};
const struct route_table rest_docs = {routes, sizeof routes / sizeof routes[0]};
