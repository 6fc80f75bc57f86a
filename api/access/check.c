/* check.c - each row of the list is one question, answered with "ok" or "RISK"; see check.h.
 */
#include "api/access/check.h"

#include <string.h>
#include <sys/stat.h>

#include "api/access/auth.h"
#include "api/access/token.h"
#include "api/http/hosts.h"

struct access_check {
    const struct settings *settings;
    FILE *out;
    struct token token;
    bool loopback, tls;
    unsigned risks;
};

static void say(struct access_check *access_check, bool fine, const char *what, const char *detail)
{
    access_check->risks += !fine;
    fprintf(access_check->out, "%-5s %-10s %s\n", fine ? "ok" : "RISK", what, detail);
}

static void check_address(struct access_check *access_check)
{
    const char *host = settings_text(access_check->settings, "API_HOST");
    char line[512];

    snprintf(line, sizeof line, "%s, ports %lld and %lld: %s", host,
             (long long)settings_integer(access_check->settings, "API_PORT"),
             (long long)settings_integer(access_check->settings, "UI_PORT"),
             access_check->loopback ? "only this machine reaches it"
                                    : "whoever reaches this machine reaches it");
    say(access_check, true, "address", line);
}

static void check_token(struct access_check *access_check)
{
    const char *text = access_check->token.text;
    struct stat file;

    switch (access_check->token.source) {
    case TOKEN_NONE:
        say(access_check, true, "token",
            "none is needed on loopback; every user of this machine may "
            "read and act (set API_TOKEN to change that)");
        return;
    case TOKEN_MADE:
        say(access_check, true, "token", "will be made at the first start and kept in api-token");
        return;
    case TOKEN_FOUND:
        say(access_check, stat(access_check->token.path, &file) == 0 && (file.st_mode & 077) == 0,
            "token",
            "kept in api-token in the data directory, which only its owner should read (mode "
            "0600)");
        break;
    case TOKEN_SET:
        say(access_check, true, "token", "set by API_TOKEN");
        break;
    }
    if (strlen(text) < TOKEN_MIN)
        say(access_check, false, "token", "shorter than 16 characters: it can be guessed");
}

static void check_tls(struct access_check *access_check)
{
    if (access_check->tls)
        say(access_check, true, "TLS", "on");
    else
        say(access_check, access_check->loopback, "TLS",
            access_check->loopback
                ? "off, and not needed on loopback"
                : "off: token and recordings cross the network readable; set API_TLS_CERT and "
                  "API_TLS_KEY, or put a proxy in front and API_HOST=127.0.0.1");
}

static bool has_star(const char *list)
{
    struct span rest = span_text(list == NULL ? "" : list), part;

    while (list_next(&rest, &part)) {
        if (span_equal_text(part, "*"))
            return true;
    }
    return false;
}

static void check_names(struct access_check *access_check)
{
    const char *hosts = settings_text(access_check->settings, "ALLOWED_HOSTS");
    const char *origins = settings_text(access_check->settings, "CORS_ORIGINS");
    bool open = access_check->token.source == TOKEN_NONE;

    if (has_star(hosts))
        say(access_check, !open, "hosts",
            "any host name is taken: no protection against DNS rebinding but the token");
    else
        say(access_check, true, "hosts",
            hosts == NULL ? "addresses, localhost and the own name" : hosts);
    if (has_star(origins))
        say(access_check, !open, "origins", "pages of any origin may read, if they know the token");
    else
        say(access_check, true, "origins", origins == NULL ? "only our own pages" : origins);
}

int access_check_print(const struct settings *settings, FILE *out)
{
    struct access_check access_check = {.settings = settings, .out = out};
    const struct auth_options options = {.allowed_hosts = settings_text(settings, "ALLOWED_HOSTS"),
                                         .cors_origins = settings_text(settings, "CORS_ORIGINS")};
    struct auth *auth = NULL;
    struct error err = {""};

    access_check.loopback = host_is_loopback(settings_text(settings, "API_HOST"));
    access_check.tls = settings_text(settings, "API_TLS_CERT") != NULL;
    if (token_load(&access_check.token, settings, false, &err) != STATUS_OK ||
        auth_new(&auth, &options, &err) != STATUS_OK) {
        fprintf(out, "wrong %s\n", err.text);
        return SETTINGS_EXIT_STATUS;
    }
    check_address(&access_check);
    check_token(&access_check);
    check_tls(&access_check);
    check_names(&access_check);
    auth_free(auth);
    token_clear(&access_check.token);
    return access_check.risks > 0 ? 1 : 0;
}
