/* check.c - each row of the list is one question, answered with "ok" or "RISK"; see check.h.
 */
#include "api/access/check.h"

#include <string.h>
#include <sys/stat.h>

#include "api/access/auth.h"
#include "api/access/token.h"
#include "api/http/hosts.h"

struct exposure {
    const struct settings *settings;
    FILE *out;
    struct token token;
    bool loopback, tls;
    unsigned risks;
};

static void say(struct exposure *exposure, bool fine, const char *what, const char *detail)
{
    exposure->risks += !fine;
    fprintf(exposure->out, "%-5s %-10s %s\n", fine ? "ok" : "RISK", what, detail);
}

static void check_address(struct exposure *exposure)
{
    const char *host = settings_text(exposure->settings, "API_HOST");
    char line[512];

    snprintf(line, sizeof line, "%s, ports %lld and %lld: %s", host,
             (long long)settings_integer(exposure->settings, "API_PORT"),
             (long long)settings_integer(exposure->settings, "UI_PORT"),
             exposure->loopback ? "only this machine reaches it"
                                : "whoever reaches this machine reaches it");
    say(exposure, true, "address", line);
}

static void check_token(struct exposure *exposure)
{
    const char *text = exposure->token.text;
    struct stat file;

    switch (exposure->token.source) {
    case TOKEN_NONE:
        say(exposure, true, "token",
            "none is needed on loopback; every user of this machine may "
            "read and act (set API_TOKEN to change that)");
        return;
    case TOKEN_MADE:
        say(exposure, true, "token", "will be made at the first start and kept in api-token");
        return;
    case TOKEN_FOUND:
        say(exposure, stat(exposure->token.path, &file) == 0 && (file.st_mode & 077) == 0, "token",
            "kept in api-token in the data directory, which only its owner should read (mode "
            "0600)");
        break;
    case TOKEN_SET:
        say(exposure, true, "token", "set by API_TOKEN");
        break;
    }
    if (strlen(text) < TOKEN_MIN)
        say(exposure, false, "token", "shorter than 16 characters: it can be guessed");
}

static void check_tls(struct exposure *exposure)
{
    if (exposure->tls)
        say(exposure, true, "TLS", "on");
    else
        say(exposure, exposure->loopback, "TLS",
            exposure->loopback
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

static void check_names(struct exposure *exposure)
{
    const char *hosts = settings_text(exposure->settings, "ALLOWED_HOSTS");
    const char *origins = settings_text(exposure->settings, "CORS_ORIGINS");
    bool open = exposure->token.source == TOKEN_NONE;

    if (has_star(hosts))
        say(exposure, !open, "hosts",
            "any host name is taken: no protection against DNS rebinding but the token");
    else
        say(exposure, true, "hosts",
            hosts == NULL ? "addresses, localhost and the own name" : hosts);
    if (has_star(origins))
        say(exposure, !open, "origins", "pages of any origin may read, if they know the token");
    else
        say(exposure, true, "origins", origins == NULL ? "only our own pages" : origins);
}

int exposure_print(const struct settings *settings, FILE *out)
{
    struct exposure exposure = {.settings = settings, .out = out};
    const struct auth_options options = {.allowed_hosts = settings_text(settings, "ALLOWED_HOSTS"),
                                         .cors_origins = settings_text(settings, "CORS_ORIGINS")};
    struct auth *auth = NULL;
    struct error err = {""};

    exposure.loopback = host_is_loopback(settings_text(settings, "API_HOST"));
    exposure.tls = settings_text(settings, "API_TLS_CERT") != NULL;
    if (token_load(&exposure.token, settings, false, &err) != STATUS_OK ||
        auth_new(&auth, &options, &err) != STATUS_OK) {
        fprintf(out, "wrong %s\n", err.text);
        return SETTINGS_EXIT_STATUS;
    }
    check_address(&exposure);
    check_token(&exposure);
    check_tls(&exposure);
    check_names(&exposure);
    auth_free(auth);
    token_clear(&exposure.token);
    return exposure.risks > 0 ? 1 : 0;
}
