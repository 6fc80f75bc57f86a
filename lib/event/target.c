/*
 * target.c - reading where to connect to, as people write it: a scheme or none, a name, an IPv4
 * address or an IPv6 address in brackets, a port or none. What is not plainly one of these is
 * refused with a message that says what was wrong; nothing is guessed.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/bytes.h"
#include "lib/event/connect.h"

#define NAME_MAX_LEN  253 /* RFC 1035, section 2.3.4, as text and without the final dot */
#define LABEL_MAX_LEN 63
#define SHOWN_MAX     100 /* characters of a bad target that are repeated in a message */

static enum status refuse(struct error *err, const char *text, const char *why)
{
    return error_set(err, STATUS_INVALID, "\"%.*s\": %s", SHOWN_MAX, text, why);
}

static bool read_scheme(struct span *rest, bool *tls)
{
    static const struct {
        const char *text;
        bool tls;
    } schemes[] = {{"stratum+tcp://", false}, {"stratum+ssl://", true}, {"stratum+tls://", true},
                   {"tcp://", false},         {"ssl://", true},         {"tls://", true}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].text);
        if (rest->len < len || strncasecmp(rest->data, schemes[i].text, len) != 0)
            continue;
        *rest = span_make(rest->data + len, rest->len - len);
        *tls = schemes[i].tls;
        return true;
    }
    return memmem(rest->data, rest->len, "://", 3) == NULL;
}

static bool read_port(struct span text, uint16_t *port)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!isdigit((unsigned char)text.data[i]))
            return false;
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    *port = (uint16_t)value;
    return value >= 1 && value <= UINT16_MAX;
}

static bool is_label(const char *label, size_t len)
{
    if (len == 0 || len > LABEL_MAX_LEN || label[0] == '-' || label[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        /* The underscore is in no host name of RFC 952, but in names that container networks give.
         */
        if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
            return false;
    }
    return true;
}

static bool is_name(struct span host)
{
    if (host.len > 0 && host.data[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > NAME_MAX_LEN)
        return false;
    size_t start = 0;
    for (size_t i = 0; i <= host.len; i++) {
        if (i < host.len && host.data[i] != '.')
            continue;
        if (!is_label(host.data + start, i - start))
            return false;
        start = i + 1;
    }
    return true;
}

/* "10.0.0", "3333", "0x7f.1": resolvers read old ways of writing IPv4 addresses into these. */
static bool is_odd_ipv4(const char *host)
{
    unsigned char address[sizeof(struct in_addr)];
    struct in_addr old_style;
    return inet_aton(host, &old_style) != 0 && inet_pton(AF_INET, host, address) != 1;
}

/* An address, and behind a % the name or number of an interface. */
static bool is_ipv6(const char *host)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t len = strcspn(host, "%");
    if (len >= sizeof address || strpbrk(host + len, "/?#@[] ") != NULL)
        return false;
    if (host[len] == '%' && host[len + 1] == '\0')
        return false;
    memcpy(address, host, len);
    address[len] = '\0';
    return inet_pton(AF_INET6, address, bytes) == 1;
}

static enum status set_host(struct connect_target *out, struct span host)
{
    if (host.len >= sizeof out->host)
        return STATUS_INVALID;
    memcpy(out->host, host.data, host.len);
    out->host[host.len] = '\0';
    return STATUS_OK;
}

static enum status parse_bracketed(struct connect_target *out, const char *text, struct span rest,
                                   struct error *err)
{
    const char *end = memchr(rest.data, ']', rest.len);
    if (end == NULL)
        return refuse(err, text, "the bracket of the IPv6 address is not closed");
    struct span host = span_make(rest.data + 1, (size_t)(end - rest.data) - 1);
    if (set_host(out, host) != STATUS_OK || !is_ipv6(out->host))
        return refuse(err, text, "what stands in brackets is not an IPv6 address");
    struct span tail = span_make(end + 1, rest.len - host.len - 2);
    if (tail.len == 0)
        return STATUS_OK;
    if (tail.data[0] != ':')
        return refuse(err, text, "after the address only a port (\":3333\") may follow");
    if (!read_port(span_make(tail.data + 1, tail.len - 1), &out->port))
        return refuse(err, text, "the port must be a number from 1 to 65535");
    return STATUS_OK;
}

static enum status parse_plain(struct connect_target *out, const char *text, struct span rest,
                               struct error *err)
{
    const char *colon = memchr(rest.data, ':', rest.len);
    struct span host = rest;
    if (colon != NULL) {
        host.len = (size_t)(colon - rest.data);
        struct span port = span_make(colon + 1, rest.len - host.len - 1);
        if (memchr(port.data, ':', port.len) != NULL)
            return refuse(err, text, "an IPv6 address stands in brackets: [2001:db8::1]:3333");
        if (!read_port(port, &out->port))
            return refuse(err, text, "the port must be a number from 1 to 65535");
    }
    if (host.len == 0)
        return refuse(err, text, "the host is missing");
    if (set_host(out, host) != STATUS_OK || !is_name(host))
        return refuse(err, text, "this is not a host name or address");
    if (is_odd_ipv4(out->host))
        return refuse(err, text, "an IPv4 address has four decimal numbers: 192.0.2.1");
    return STATUS_OK;
}

enum status connect_target_parse(struct connect_target *out, const char *text,
                                 uint16_t default_port, struct error *err)
{
    struct span rest = span_text(text);
    memset(out, 0, sizeof *out);
    out->port = default_port;
    if (!read_scheme(&rest, &out->tls))
        return refuse(err, text,
                      "unknown scheme, expected stratum+tcp, stratum+ssl, stratum+tls, tcp, ssl "
                      "or tls");
    if (rest.len == 0)
        return refuse(err, text, "the host is missing");
    const char *at = memrchr(rest.data, '@', rest.len);
    if (at != NULL) /* the message must not repeat a password */
        return refuse(err, at + 1, "user and password do not belong in front of this");
    if (strpbrk(rest.data, " \t\r\n") != NULL)
        return refuse(err, text, "there is a blank in it: expected a host, then a port or none");
    if (strpbrk(rest.data, "/?#") != NULL)
        return refuse(err, text, "a path does not belong here, remove what follows the port");
    if (rest.data[0] == '[')
        return parse_bracketed(out, text, rest, err);
    return parse_plain(out, text, rest, err);
}
