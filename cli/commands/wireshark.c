/*
 * `hashscope wireshark install|uninstall|check`: puts the dissector and the extcap program where
 * the user's Wireshark looks for them, takes them away again, and tells what Wireshark has found.
 *
 * How it works: the dissector (share/hashscope/stratum.lua beside bin/) is copied, the extcap
 * program linked to, so that it stays with its other half. What is replaced or removed must be
 * ours: a file that says so in its first lines, or a link to a hashscope-extcap.
 *
 * How it can fail: somebody else's file has the name, or a folder cannot be written to; nothing is
 * changed then, and the exit status is 1. So it is when `check` finds something missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands/command.h"
#include "cli/commands/wireshark_ask.h"
#include "lib/base/memory.h"
#include "lib/command/arguments.h"

#define DISSECTOR     "stratum.lua"
#define EXTCAP        "hashscope-extcap"
#define OURS          "author = \"HashScope\"" /* stands in our dissector */
#define DISSECTOR_MAX 1048576

struct flags {
    const char *action;
    const char *plugins, *extcap; /* folders, in place of those that Wireshark names */
};

struct place {
    const char *command;
    struct wireshark_folders folders;
    char dissector[PROGRAM_PATH_MAX + 32]; /* where it goes */
    char extcap[PROGRAM_PATH_MAX + 32];
    char source[PROGRAM_PATH_MAX]; /* our dissector */
    char program[PROGRAM_PATH_MAX];
};

static bool take_action(void *target, const char *text)
{
    struct flags *flags = target;

    if (flags->action != NULL)
        return false;
    flags->action = text;
    return true;
}

#define AT(field) offsetof(struct flags, field)
static const struct flag own_flags[] = {
    {"plugins-dir", 0, FLAG_TEXT, AT(plugins), 0, 0, NULL, "DIR",
     "Wireshark's folder of Lua plugins, in place of the user's own"},
    {"extcap-dir", 0, FLAG_TEXT, AT(extcap), 0, 0, NULL, "DIR",
     "Wireshark's folder of extcap programs, in place of the user's own"},
};

static const char doc[] =
    "Makes Wireshark understand Stratum, and shows HashScope's recordings in its list of "
    "interfaces.\n\n"
    "  install    puts " DISSECTOR " and " EXTCAP " where your Wireshark looks\n"
    "  uninstall  takes them away\n"
    "  check      tells what Wireshark has found"
    "\vExit codes: 0 done, all there; 1 not; 2 the command line is wrong. Files that are not ours "
    "are never touched. Wireshark before 4.2 has no extcap folder for a user: there, install with "
    "--extcap-dir and the folder that `check' names, as root, or start Wireshark with "
    "WIRESHARK_EXTCAP_DIR.";

/* ---- files ---- */

static int complain(const struct place *place, const char *path, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", place->command, path, why);
    return 1;
}

static bool read_file(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "re");
    size_t count;

    if (file == NULL)
        return false;
    count = fread(buffer_reserve(out, DISSECTOR_MAX), 1, DISSECTOR_MAX, file);
    out->len += count;
    return fclose(file) == 0 && count < DISSECTOR_MAX;
}

/* Ours, or nothing at all. */
static bool may_replace_dissector(const char *path)
{
    struct buffer text = {0};
    struct stat about;
    bool ours;

    if (lstat(path, &about) != 0)
        return errno == ENOENT || errno == ENOTDIR;
    ours = S_ISREG(about.st_mode) && read_file(path, &text) &&
           memmem(text.data, text.len, OURS, strlen(OURS)) != NULL;
    buffer_close(&text);
    return ours;
}

static bool may_replace_extcap(const char *path)
{
    char target[PROGRAM_PATH_MAX] = "";
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    size_t name = strlen("/" EXTCAP);

    if (len < 0)
        return errno == ENOENT || errno == ENOTDIR;
    target[len] = '\0';
    return (size_t)len > name && strcmp(target + len - name, "/" EXTCAP) == 0;
}

/* With the folders above it. */
static int make_folder(const struct place *place, const char *path)
{
    char *parts = memory_text(path);

    for (char *at = strchr(parts + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(parts, 0755) != 0 && errno != EEXIST) {
            int code = complain(place, parts, strerror(errno));
            free(parts);
            return code;
        }
        *at = '/';
    }
    free(parts);
    return 0;
}

static bool write_file(const char *path, const struct buffer *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool done;

    if (fd < 0)
        return false;
    done = write(fd, text->data, text->len) == (ssize_t)text->len;
    return close(fd) == 0 && done;
}

/* Beside it first, so that Wireshark never sees half of it. */
static int copy_dissector(const struct place *place)
{
    struct buffer text = {0}, part = {0};
    int code = 0;

    buffer_append_format(&part, "%s.part-%ld", place->dissector, (long)getpid());
    buffer_append_char(&part, '\0');
    if (!read_file(place->source, &text))
        code = complain(place, place->source, strerror(errno));
    else if (!write_file(part.data, &text) || rename(part.data, place->dissector) != 0)
        code = complain(place, place->dissector, strerror(errno));
    if (code != 0)
        unlink(part.data);
    buffer_close(&part);
    buffer_close(&text);
    return code;
}

static int link_extcap(const struct place *place)
{
    if (unlink(place->extcap) != 0 && errno != ENOENT)
        return complain(place, place->extcap, strerror(errno));
    if (symlink(place->program, place->extcap) != 0)
        return complain(place, place->extcap, strerror(errno));
    return 0;
}

static int check_ours(const struct place *place)
{
    const char *theirs = "is not HashScope's; it stays as it is";
    int code = 0;

    if (!may_replace_dissector(place->dissector))
        code = complain(place, place->dissector, theirs);
    if (!may_replace_extcap(place->extcap))
        code = complain(place, place->extcap, theirs);
    return code;
}

/* ---- actions ---- */

static void advise_extcap(const struct place *place, const struct flags *flags)
{
    const struct wireshark_folders *folders = &place->folders;

    if (folders->asked == NULL || folders->extcap_is_read || flags->extcap != NULL)
        return;
    printf(
        "This Wireshark has no extcap folder of yours (4.2 and later have). To see HashScope in\n"
        "its list of interfaces, install for all users:\n"
        "  sudo %s install --extcap-dir %s\n"
        "or start Wireshark with WIRESHARK_EXTCAP_DIR=%s\n",
        place->command, folders->extcap_system, folders->extcap);
}

static int install(const struct place *place, const struct flags *flags)
{
    int code = check_ours(place);

    if (code == 0)
        code = make_folder(place, place->dissector);
    if (code == 0)
        code = make_folder(place, place->extcap);
    if (code == 0)
        code = copy_dissector(place);
    if (code == 0)
        code = link_extcap(place);
    if (code != 0)
        return code;
    printf("dissector  %s\nextcap     %s -> %s\n", place->dissector, place->extcap, place->program);
    advise_extcap(place, flags);
    return 0;
}

static int remove_one(const struct place *place, const char *path)
{
    if (unlink(path) == 0)
        printf("removed    %s\n", path);
    else if (errno != ENOENT && errno != ENOTDIR)
        return complain(place, path, strerror(errno));
    return 0;
}

static int uninstall(const struct place *place)
{
    int code = check_ours(place);

    if (code == 0)
        code = remove_one(place, place->dissector);
    if (code == 0)
        code = remove_one(place, place->extcap);
    return code;
}

/* The last column of the line of `tshark -G plugins` that begins with `name`; "": none. */
static void find_plugin(const struct buffer *list, const char *name, char out[PROGRAM_PATH_MAX])
{
    const char *line = list->data;
    const char *end = list->data + list->len;

    out[0] = '\0';
    while (line != NULL && line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline == NULL ? end : newline;
        const char *tab = memrchr(line, '\t', (size_t)(stop - line));

        if (tab != NULL && (size_t)(stop - line) > strlen(name) &&
            memcmp(line, name, strlen(name)) == 0)
            snprintf(out, PROGRAM_PATH_MAX, "%.*s", (int)(stop - tab - 1), tab + 1);
        line = stop + 1;
    }
}

/* "TShark (Wireshark) 4.0.17", and whether it can run Lua. */
static bool check_version(const char *program)
{
    struct buffer text = {0};
    size_t first_line;
    bool lua;

    (void)wireshark_ask(program, "-v", NULL, &text);
    buffer_append_char(&text, '\0');
    first_line = strcspn(text.data, "\n");
    lua = memmem(text.data, text.len, "with Lua", strlen("with Lua")) != NULL;
    printf("Wireshark  %.*s\n", (int)first_line, text.data);
    printf("Lua        %s\n",
           lua ? "yes" : "no: this build of Wireshark runs no dissectors in Lua");
    buffer_close(&text);
    return lua;
}

static bool check_plugin(const struct buffer *list, const char *title, const char *name,
                         const char *expected)
{
    char found[PROGRAM_PATH_MAX];
    bool there = access(expected, F_OK) == 0;

    find_plugin(list, name, found);
    if (found[0] != '\0')
        printf("%s  loaded from %s\n", title, found);
    else if (there)
        printf("%s  not loaded, though there is %s\n", title, expected);
    else
        printf("%s  not installed\n", title);
    return found[0] != '\0';
}

static int check(const struct place *place, const struct flags *flags)
{
    const char *program = place->folders.asked;
    struct buffer list = {0};
    bool good;

    if (program == NULL) {
        puts("Wireshark  not found: neither tshark nor wireshark is in PATH");
        return 1;
    }
    good = check_version(program);
    (void)wireshark_ask(program, "-G", "plugins", &list);
    good = check_plugin(&list, "dissector", DISSECTOR, place->dissector) && good;
    good = check_plugin(&list, "extcap   ", EXTCAP, place->extcap) && good;
    if (!good)
        advise_extcap(place, flags);
    buffer_close(&list);
    return good ? 0 : 1;
}

/* ---- the command ---- */

/* bin/hashscope, share/hashscope/stratum.lua: so it is in a build directory and below PREFIX. */
static bool find_ours(struct place *place)
{
    struct error err = {""};
    char bin[PROGRAM_PATH_MAX];
    char *slash;

    if (program_beside(place->program, EXTCAP, &err) != STATUS_OK ||
        program_self(bin, &err) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", place->command, err.text);
        return false;
    }
    slash = strrchr(bin, '/');
    if (slash != NULL)
        *slash = '\0';
    snprintf(place->source, sizeof(place->source), "%.4000s/../share/hashscope/" DISSECTOR, bin);
    if (access(place->source, R_OK) == 0)
        return true;
    complain(place, place->source, strerror(errno));
    return false;
}

static bool find_folders(struct place *place, const struct flags *flags)
{
    const char *plugins, *extcap;

    wireshark_folders_read(&place->folders);
    plugins = flags->plugins == NULL ? place->folders.plugins : flags->plugins;
    extcap = flags->extcap == NULL ? place->folders.extcap : flags->extcap;
    if (plugins[0] == '\0' || extcap[0] == '\0') {
        fprintf(stderr, "%s: HOME is not set: --plugins-dir and --extcap-dir\n", place->command);
        return false;
    }
    snprintf(place->dissector, sizeof(place->dissector), "%s/" DISSECTOR, plugins);
    snprintf(place->extcap, sizeof(place->extcap), "%s/" EXTCAP, extcap);
    return true;
}

static int act(struct place *place, const struct flags *flags)
{
    if (flags->action == NULL) {
        fprintf(stderr, "%s: install, uninstall or check?\n", place->command);
        return 2;
    }
    if (strcmp(flags->action, "install") != 0 && strcmp(flags->action, "uninstall") != 0 &&
        strcmp(flags->action, "check") != 0) {
        fprintf(stderr, "%s: there are only install, uninstall and check\n", place->command);
        return 2;
    }
    if (!find_folders(place, flags))
        return 1;
    if (flags->action[0] == 'u')
        return uninstall(place);
    if (flags->action[0] == 'c')
        return check(place, flags);
    return find_ours(place) ? install(place, flags) : 1;
}

static int run(int argc, char **argv)
{
    static const struct flag_table tables[] = {FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 1, take_action, "install|uninstall|check", doc};
    struct flags flags = {NULL, NULL, NULL};
    struct place *place = memory_new(sizeof(*place));
    struct settings *settings = arguments_read(&arguments, &flags, argc, argv);
    int code;

    place->command = argv[0];
    code = act(place, &flags);
    settings_free(settings);
    free(place);
    return code;
}

const struct command command_wireshark = {
    "wireshark", "install the Stratum dissector and live capture in Wireshark", run};
