/* pages.c - reading a file and sending it, with the headers that caches need. */
#include "api/rest/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_BYTES_MAX (16u << 20)

static const char no_ui[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>HashScope</title>"
    "<h1>HashScope</h1><p>The API is running. Its pages are not built: install npm and run "
    "<code>make</code>.</p><p>What it offers: <a href=\"/docs\">/docs</a>, "
    "<a href=\"/openapi.yaml\">/openapi.yaml</a>, <a href=\"/health\">/health</a>.</p></html>";

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".json", "application/json"},
        {".yaml", "application/yaml; charset=utf-8"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
        {".webmanifest", "application/manifest+json"},
    };
    const char *end = strrchr(name, '.');
    for (size_t i = 0; end && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(end, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}

/* A file below `dir`: no way leads out of it, by .. or by a link. -1 with errno. */
static int open_below(const char *dir, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
    int why = errno;
    close(folder);
    errno = why;
    return fd;
}

static bool read_file(const char *dir, const char *name, struct buffer *out)
{
    struct stat facts;
    int fd = dir && *name ? open_below(dir, name) : -1;
    if (fd < 0)
        return false;
    bool good = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size < PAGE_BYTES_MAX;
    while (good && out->len < (size_t)facts.st_size) {
        size_t left = (size_t)facts.st_size - out->len;
        ssize_t got = read(fd, buffer_reserve(out, left), left);
        good = got > 0;
        out->len += good ? (size_t)got : 0;
    }
    close(fd);
    return good;
}

static bool send_file(struct request *request, const char *dir, const char *name)
{
    static const struct route page = {"GET", "", NULL, NULL, 0, ROUTE_PAGE | ROUTE_OPEN};
    struct buffer text = {0};
    bool found = read_file(dir, name, &text);
    if (found) {
        /* Names below assets/ hold a hash of what is in them. */
        buffer_append_text(&request->headers,
                           strncmp(name, "assets/", 7) == 0
                               ? "Cache-Control: public, max-age=31536000, immutable\r\n"
                               : "Cache-Control: no-cache\r\n");
        request->route = &page;
        reply_bytes(request, 200, type_of(name), span_make(text.data, text.len));
    }
    buffer_close(&text);
    return found;
}

void pages_file(struct request *request, const char *dir, const char *name)
{
    if (!send_file(request, dir, name))
        reply_error(request, 404, "%s is not there", name);
}

void pages_serve(struct request *request)
{
    const char *path = request->path, *ui = request->rest->ui_dir;
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        reply_error(request, 404, "there is no endpoint %s %s", request->method, path);
        return;
    }
    if (strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0) {
        reply_error(request, 404, "there is no endpoint %s", path);
        return;
    }
    if (path[0] == '/' && path[1] && send_file(request, ui, path + 1))
        return;
    if (strncmp(path, "/assets/", 8) == 0) {
        reply_error(request, 404, "there is no file %s", path);
        return;
    }
    if (!send_file(request, ui, "index.html"))
        reply_bytes(request, 200, "text/html; charset=utf-8", span_text(no_ui));
}
