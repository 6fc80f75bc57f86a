/* hosts.c - names in headers; see hosts.h. Nothing here looks anything up. */
#include "api/http/hosts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NAME_MAX_LEN 253 /* RFC 1035 */

bool names_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

void hosts_own_name(char out[256])
{
    if (gethostname(out, 256) != 0)
        out[0] = '\0';
    out[255] = '\0';
}

bool list_next(struct span *rest, struct span *out)
{
    while (rest->len > 0) {
        const char *comma = memchr(rest->data, ',', rest->len);
        size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->data);

        *out = span_make(rest->data, len);
        *rest = comma == NULL ? span_make(rest->data + len, 0)
                              : span_make(comma + 1, rest->len - len - 1);
        while (out->len > 0 && (*out->data == ' ' || *out->data == '\t'))
            *out = span_make(out->data + 1, out->len - 1);
        while (out->len > 0 && (out->data[out->len - 1] == ' ' || out->data[out->len - 1] == '\t'))
            out->len--;
        if (out->len > 0)
            return true;
    }
    return false;
}

static bool parse_port(uint16_t *out, struct span text)
{
    unsigned long port = 0;

    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        port = port * 10 + (unsigned long)(text.data[i] - '0');
    }
    *out = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '.' || c == '_'))
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static bool is_ipv6(struct span name)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];

    if (name.len >= sizeof text)
        return false;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool parse_bracketed(struct host *out, struct span text)
{
    const char *end = memchr(text.data, ']', text.len);
    size_t used;

    if (end == NULL)
        return false;
    out->bracketed = true;
    out->name = span_make(text.data + 1, (size_t)(end - text.data) - 1);
    used = out->name.len + 2;
    if (!is_ipv6(out->name))
        return false;
    return used == text.len ||
           (end[1] == ':' &&
            parse_port(&out->port, span_make(text.data + used + 1, text.len - used - 1)));
}

bool host_parse(struct host *out, struct span text)
{
    const char *colon;

    *out = (struct host){.port = 0};
    if (text.len == 0)
        return false;
    if (text.data[0] == '[')
        return parse_bracketed(out, text);
    colon = memchr(text.data, ':', text.len);
    out->name = span_make(text.data, colon == NULL ? text.len : (size_t)(colon - text.data));
    if (colon != NULL &&
        !parse_port(&out->port, span_make(colon + 1, text.len - out->name.len - 1)))
        return false;
    if (out->name.len > 1 && out->name.data[out->name.len - 1] == '.')
        out->name.len--;
    return is_name(out->name);
}

bool host_is_address(const struct host *host)
{
    struct in_addr address;
    char text[INET_ADDRSTRLEN];

    if (host->bracketed)
        return true;
    if (host->name.len >= sizeof text)
        return false;
    memcpy(text, host->name.data, host->name.len);
    text[host->name.len] = '\0';
    return inet_pton(AF_INET, text, &address) == 1;
}

bool host_is_localhost(const struct host *host)
{
    static const char name[] = "localhost", below[] = ".localhost";
    size_t len = sizeof(below) - 1;

    return names_equal(host->name, span_make(name, sizeof(name) - 1)) ||
           (host->name.len > len &&
            names_equal(span_make(host->name.data + host->name.len - len, len),
                        span_make(below, len)));
}

bool host_is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool origin_parse(struct origin *out, struct span text)
{
    static const char plain[] = "http://", secure[] = "https://";
    size_t skip;

    *out = (struct origin){.https = false};
    if (text.len > sizeof(secure) - 1 && strncasecmp(text.data, secure, sizeof(secure) - 1) == 0)
        out->https = true;
    else if (text.len <= sizeof(plain) - 1 || strncasecmp(text.data, plain, sizeof(plain) - 1) != 0)
        return false;
    skip = out->https ? sizeof(secure) - 1 : sizeof(plain) - 1;
    return host_parse(&out->host, span_make(text.data + skip, text.len - skip));
}

static uint16_t port_of(const struct origin *origin)
{
    if (origin->host.port != 0)
        return origin->host.port;
    return origin->https ? 443 : 80;
}

bool origin_equal(const struct origin *a, const struct origin *b)
{
    return a->https == b->https && port_of(a) == port_of(b) &&
           names_equal(a->host.name, b->host.name);
}
