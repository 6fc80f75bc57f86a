/*
 * packet_test.c - synthesised packets: addresses, headers, checksums, numbers.
 */
#include <string.h>

#include "lib/export/packet.h"
#include "tests/unit/unit.h"

#define MTU_MAX 65535

static struct packet_address address(const char *text)
{
    struct packet_address out;

    ck_assert_msg(packet_address_parse(&out, span_text(text)), "%s is an address", text);
    return out;
}

/* The checksum as RFC 1071 says it, byte by byte; 0 when `data` holds the right one. */
static unsigned plain_sum(unsigned long sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? data[i] : (unsigned long)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (unsigned)(~sum & 0xffff);
}

static unsigned tcp_sum(const uint8_t *addresses, size_t addresses_len, const uint8_t *tcp,
                        size_t len)
{
    unsigned long sum = (~plain_sum(0, addresses, addresses_len) & 0xffff) + 6 + len;

    return plain_sum(sum, tcp, len);
}

static struct packet_flow flow_of(const char *from, const char *to, unsigned mtu)
{
    const struct packet_address one = address(from), two = address(to);
    struct packet_flow flow;

    packet_flow_init(&flow, &one, &two, 1795312800000000, mtu, false);
    return flow;
}

START_TEST(addresses_are_read)
{
    struct packet_address four = address("203.0.113.9:3333"), six = address("[2001:db8::1%eth0]:1");

    ck_assert(!four.v6);
    ck_assert_mem_eq(four.ip, "\xcb\x00\x71\x09", 4);
    ck_assert_uint_eq(four.port, 3333);
    ck_assert(six.v6);
    ck_assert_mem_eq(six.ip, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    ck_assert_uint_eq(six.port, 1);
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
    static const char *const wrong[] = {
        "",           ":1",    "1.2.3.4", "1.2.3.4:", "1.2.3:1", "1.2.3.4:70000",
        "1.2.3.4:1x", "[::1]", "[:1",     "::1:3333", "[]:1",    "a.b:1"};
    struct packet_address out;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!packet_address_parse(&out, span_text(wrong[i])), "%s", wrong[i]);
}
END_TEST

START_TEST(ipv4_sums_are_right)
{
    uint8_t data[PACKET_HEADERS_MAX + 3000];

    for (size_t len = 0; len < 2000; len += len < 20 ? 1 : 97) {
        struct packet_flow flow = flow_of("10.0.0.7:50001", "203.0.113.9:3333", MTU_MAX);
        const size_t header = packet_header_len(&flow, TCP_ACK);

        memset(data + header, (int)(len | 0x80), len);
        packet_write(&flow, data, (int)(len % 2), TCP_ACK | TCP_PSH, len);
        ck_assert_uint_eq(header, 40);
        ck_assert_uint_eq(plain_sum(0, data, 20), 0);
        ck_assert_uint_eq(tcp_sum(data + 12, 8, data + 20, 20 + len), 0);
        data[header + len - 1] ^= 1;
        ck_assert_uint_ne(tcp_sum(data + 12, 8, data + 20, 20 + len), 0);
    }
}
END_TEST

START_TEST(ipv6_sums_are_right)
{
    uint8_t data[PACKET_HEADERS_MAX + 3000];

    for (size_t len = 0; len < 2000; len += len < 20 ? 1 : 97) {
        struct packet_flow flow = flow_of("[2001:db8::7]:50001", "203.0.113.9:3333", MTU_MAX);
        const size_t header = packet_header_len(&flow, TCP_SYN);

        memset(data + header, (int)(len | 0x80), len);
        packet_write(&flow, data, 0, TCP_SYN, len);
        ck_assert_uint_eq(header, 68);
        ck_assert_mem_eq(data + 24, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\x00\x71\x09", 16);
        ck_assert_uint_eq(tcp_sum(data + 8, 32, data + 40, 28 + len), 0);
    }
}
END_TEST

START_TEST(numbers_go_on)
{
    struct packet_flow flow = flow_of("10.0.0.7:50001", "203.0.113.9:3333", MTU_MAX);
    const uint32_t first[2] = {flow.next[0], flow.next[1]};
    uint8_t data[PACKET_HEADERS_MAX + 100] = {0};

    packet_write(&flow, data, 0, TCP_SYN, 0);
    packet_write(&flow, data, 1, TCP_SYN | TCP_ACK, 0);
    packet_write(&flow, data, 0, TCP_ACK | TCP_PSH, 100);
    ck_assert_uint_eq(flow.next[0], first[0] + 101);
    ck_assert_uint_eq(flow.next[1], first[1] + 1);
    ck_assert_uint_eq(flow.seen[0], first[0] + 1);
    packet_write(&flow, data, 1, TCP_ACK | TCP_FIN, 0);
    ck_assert_uint_eq(flow.seen[0], flow.next[0]);
    ck_assert_uint_eq(flow.next[1], first[1] + 2);
}
END_TEST

START_TEST(first_numbers_come_of_addresses_and_time)
{
    const struct packet_address one = address("10.0.0.7:50001"), two = address("10.0.0.8:3333");
    struct packet_flow flow = flow_of("10.0.0.7:50001", "10.0.0.8:3333", MTU_MAX), other = flow;

    packet_flow_init(&other, &one, &two, 1795312800000000, MTU_MAX, true);
    ck_assert_mem_eq(flow.next, other.next, sizeof(flow.next));
    ck_assert_uint_ne(flow.next[0], flow.next[1]);
    packet_flow_init(&other, &one, &two, 1795312800000001, MTU_MAX, false);
    ck_assert_uint_ne(flow.next[0], other.next[0]);
    other = flow_of("10.0.0.7:50002", "10.0.0.8:3333", MTU_MAX);
    ck_assert_uint_ne(flow.next[0], other.next[0]);
}
END_TEST

START_TEST(segments_fit_the_mtu)
{
    ck_assert_uint_eq(flow_of("1.2.3.4:1", "1.2.3.5:2", MTU_MAX).payload_max, 65495);
    ck_assert_uint_eq(flow_of("[::1]:1", "[::2]:2", MTU_MAX).payload_max, 65495);
    ck_assert_uint_eq(flow_of("1.2.3.4:1", "1.2.3.5:2", 1500).payload_max, 1460);
    ck_assert_uint_eq(flow_of("[::1]:1", "1.2.3.5:2", 1500).payload_max, 1440);
}
END_TEST

START_TEST(ethernet_is_in_front)
{
    const struct packet_address one = address("10.0.0.7:50001"), two = address("10.0.0.8:3333");
    uint8_t data[PACKET_HEADERS_MAX];
    struct packet_flow flow;

    packet_flow_init(&flow, &one, &two, 0, 1500, true);
    packet_write(&flow, data, 0, TCP_ACK, 0);
    ck_assert_mem_eq(data, "\x02\x04\x0a\x00\x00\x08\x02\x04\x0a\x00\x00\x07\x08\x00\x45", 15);
    ck_assert_uint_eq(packet_header_len(&flow, TCP_ACK), 54);
}
END_TEST

int main(void)
{
    return UNIT_RUN("export_packet", addresses_are_read, what_is_no_address_is_refused,
                    ipv4_sums_are_right, ipv6_sums_are_right, numbers_go_on,
                    first_numbers_come_of_addresses_and_time, segments_fit_the_mtu,
                    ethernet_is_in_front);
}
