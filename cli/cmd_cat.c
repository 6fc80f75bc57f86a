/*
 * `hashscope cat`: every line of the archive, or of the files named, in order; or, with --raw, the
 * bytes of one direction of one session as they were on the wire.
 *
 * How it can fail: a file is damaged: what is intact before the damage is printed, the rest is told
 * on stderr, the next file follows, exit 1 at the end. A closed stdout is the end, exit 0.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/view.h"
#include "lib/base/memory.h"
#include "lib/capture/segment.h"

struct cat {
    struct view view;
    const char *command;
    char session[40];    /* --raw: the one being written; "": not yet found */
    struct buffer bytes; /* --raw: decoded */
    bool whole;          /* the archive as a whole is read, not single files … */
    uint64_t newest;     /* … and this is the highest number so far */
    bool failed;         /* something was damaged or ambiguous */
    bool closed;         /* nobody reads any more */
};

/* ---- --raw ---- */

/* Only one session may match; the first one that does is it. */
static bool is_the_session(struct cat *cat, const struct segment_line *line)
{
    if (line->session.len == 0 || line->session.len >= sizeof(cat->session) ||
        !view_session_has_id(line->session, cat->view.options->session))
        return false;
    if (cat->session[0] == '\0')
        memcpy(cat->session, line->session.data, line->session.len);
    if (span_equal_text(line->session, cat->session))
        return true;
    fprintf(stderr, "%s: --session %s fits %s and %.*s: name one\n", cat->command,
            cat->view.options->session, cat->session, (int)line->session.len, line->session.data);
    cat->failed = cat->closed = true;
    return false;
}

static void write_raw(struct cat *cat, const struct segment_line *line)
{
    struct span bytes = line->msg, end = terminator_bytes(line->terminator);
    size_t len = 0;

    if (!line->is_message || line->direction != cat->view.direction || !is_the_session(cat, line))
        return;
    if (bytes.data == NULL) {
        buffer_clear(&cat->bytes);
        if (!base64_decode(buffer_reserve(&cat->bytes, line->bytes_b64.len), &len,
                           line->bytes_b64.data, line->bytes_b64.len)) {
            fprintf(stderr, "%s: line %llu: its base64 is damaged\n", cat->command,
                    (unsigned long long)line->seq);
            cat->failed = true;
            return;
        }
        bytes = span_make(cat->bytes.data, len);
    }
    if (fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len ||
        fwrite(end.data, 1, end.len, stdout) != end.len)
        cat->closed = true;
}

/* ---- files ---- */

/* After a disk error a line may stand in two files (FORMAT.md, section 1). */
static bool is_repeated(struct cat *cat, const struct segment_line *line)
{
    if (!cat->whole)
        return false;
    if (line->seq <= cat->newest)
        return true;
    if (line->numbered)
        cat->newest = line->seq;
    return false;
}

static void show(struct cat *cat, const struct segment_line *line)
{
    if (is_repeated(cat, line))
        return;
    bool wanted = view_take(&cat->view, line);

    if (cat->view.options->raw)
        write_raw(cat, line);
    else if (wanted && !view_print(&cat->view))
        cat->closed = true;
}

/* A file that is still being written may end anywhere; a finished one may not. */
static enum status check_end(const struct segment_reader *reader, const char *path,
                             struct error *err)
{
    const struct segment_place *place = segment_reader_place(reader);
    size_t len = strlen(path);

    if (!place->torn || (len > 5 && strcmp(path + len - 5, ".open") == 0))
        return STATUS_END;
    return error_set(err, STATUS_DAMAGED, "it ends within the frame that begins at byte %llu",
                     (unsigned long long)place->end);
}

/* A file may be sealed, and so renamed, between being listed and being opened. */
static enum status open_file(struct segment_reader **out, const char *path, struct error *err)
{
    enum status status = segment_reader_open(out, path, err);
    size_t len = strlen(path);

    if (status != STATUS_NOT_FOUND || len <= 5 || strcmp(path + len - 5, ".open") != 0)
        return status;
    char *sealed = memory_text_n(path, len - 5);
    status = segment_reader_open(out, sealed, err);
    free(sealed);
    return status;
}

static void cat_file(struct cat *cat, const char *path)
{
    struct segment_reader *reader = NULL;
    struct segment_line line;
    struct error err = {""};
    enum status status = open_file(&reader, path, &err);

    if (status == STATUS_OK) {
        while (!cat->closed && (status = segment_reader_next(reader, &line, &err)) == STATUS_OK)
            show(cat, &line);
        if (status == STATUS_END)
            status = check_end(reader, path, &err);
        segment_reader_close(reader);
    }
    if (status != STATUS_OK && status != STATUS_END) {
        fflush(stdout);
        fprintf(stderr, "%s: %s%s%s\n", cat->command, strstr(err.text, path) == NULL ? path : "",
                strstr(err.text, path) == NULL ? ": " : "", err.text);
        cat->failed = true;
    }
}

static void cat_archive(struct cat *cat, const char *data_dir)
{
    struct segment_path *paths = NULL;
    struct error err = {""};
    size_t count = 0;

    if (segment_list(data_dir, &paths, &count, &err) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", cat->command, err.text);
        cat->failed = true;
        return;
    }
    cat->whole = true;
    for (size_t i = 0; i < count && !cat->closed; i++)
        cat_file(cat, paths[i].path);
    segment_list_free(paths, count);
}

static const struct flag own_flags[] = {
    {"raw", 0, FLAG_SWITCH, offsetof(struct view_options, raw), 0, 0, NULL, NULL,
     "The very bytes of one direction of one session; wants --session and --dir"},
};

static const char doc[] =
    "Prints the lines of segment files, by default of all in the data directory, oldest first: "
    "rows "
    "on a terminal, NDJSON into a pipe."
    "\vExit codes: 0 all was intact, 1 a file was damaged or can't be read, 2 the command line is "
    "wrong.";

static bool options_fit(const struct view_options *options, const char *command)
{
    if (!options->raw || (options->session != NULL && options->dir != NULL))
        return true;
    fprintf(stderr, "%s: --raw wants --session and --dir\n", command);
    return false;
}

static int run(int argc, char **argv)
{
    struct view_options options = {.json = false};
    struct settings *settings =
        view_options_read(&options, argc, argv, own_flags, 1, "[FILE...]", doc);
    struct cat cat = {.command = argv[0]};
    int code = SETTINGS_EXIT_STATUS;

    if (options_fit(&options, argv[0]) && view_init(&cat.view, &options, argv[0])) {
        signal(SIGPIPE, SIG_IGN);
        for (size_t i = 0; i < options.file_count && !cat.closed; i++)
            cat_file(&cat, options.files[i]);
        if (options.file_count == 0)
            cat_archive(&cat, settings_text(settings, "DATA_DIR"));
        fflush(stdout);
        if (options.raw && cat.session[0] == '\0' && !cat.failed) {
            fprintf(stderr, "%s: no session %s (--raw takes no worker names)\n", argv[0],
                    options.session);
            cat.failed = true;
        }
        code = cat.failed ? 1 : 0;
        buffer_close(&cat.bytes);
        view_close(&cat.view);
    }
    settings_free(settings);
    view_options_close(&options);
    return code;
}

const struct command command_cat = {"cat", "print what was recorded", run};
